#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Why an order was decided so, and what would come of it otherwise: over HTTP and from the command line."""
import json
import os
import re
import tempfile
import threading
import unittest

from harness import Engine, main, order, ordo

RULE = """-- SPDX-License-Identifier: MIT
return {
  name = "try",
  apply = function(order, decide, ctx)
    if order.discount then decide:discount("given", order.discount) end
    if order.clock then decide:note(("%%.0f %%.17g"):format(ctx.now(), ctx.random())) end
    if order.wait then ctx.sleep(order.wait) end
    if order.verdict == "held" then decide:hold("look at it") end
    if order.verdict == "rejected" then decide:reject("no", "because") end
    if order.verdict == "dead" then decide:retry(1, "the warehouse is away") end
    if order.verdict == "later" then decide:retry(3600000, "not yet") end
    if order.verdict == "broken" then error("boom") end
    if order.verdict == "endless" then while true do pcall(function() while true do end end) end end
    %s
  end,
}
"""
RULES = {
    "validation/10_form.lua": 'return { name = "form", check = function(order, problems) '
                              'if order.bad then problems:add("bad", "must not be there") end end }',
    "rules/10_try.lua": RULE % "",
    "rules/20_quiet.lua": 'return { name = "quiet", apply = function() end }',
}
SETTINGS = {"store.plugin": "store_memory", "workers.count": 1, "rules.max_attempts": 2, "rules.retry_max": "1ms"}
TEXT = {"Accept": "text/plain"}


def names(answer, kind="rule", ran=True, operations=None):
    """Of the rules that an explanation lists."""
    return [rule[kind] for rule in answer.json["again"]["rules"]
            if kind in rule and rule["ran"] == ran and operations in (None, rule.get("operations"))]


class WithEngine(unittest.TestCase):
    """One engine for all."""

    @classmethod
    def setUpClass(cls):
        cls.engine = cls.enterClassContext(Engine(rules=RULES, settings=SETTINGS))

    def send(self, order_id, status=200, **fields):
        answer = self.engine.post(order(order_id, **fields))
        self.assertEqual(answer.status, status, answer)
        return answer

    def explain(self, order_id, **headers):
        return self.engine.request("GET", f"/orders/{order_id}/explain", headers=headers)

    def sentences(self, order_id):
        answer = self.explain(order_id, **TEXT)
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/plain; charset=utf-8"), answer)
        return answer.body.decode().splitlines()

    def what_if(self, order_id, body, **headers):
        return self.engine.request("POST", f"/orders/{order_id}/what-if", body, headers)

    def wait_for_status(self, order_id, status):
        self.engine.wait_until(
            lambda: self.engine.request("GET", f"/orders/{order_id}").json["status"] == status, f"{order_id} {status}")


class Explanations(WithEngine):
    def test_a_decision(self):
        decision = self.send("e-1", discount=895, clock=True, wait=1).json
        answer = self.explain("e-1")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/json"))
        for name in ("subtotal", "discount", "total", "due", "decided_at", "ctx", "generation", "attempt"):
            self.assertEqual(answer.json[name], decision[name])
        self.assertEqual([(one["op"], one.get("of"), one.get("before"), one.get("after"))
                          for one in answer.json["operations"]],
                         [("discount", "order", 8948, 8053), ("note", None, None, None)])
        self.assertEqual([one["call"] for one in answer.json["ctx"]], ["now", "random", "sleep"])
        self.assertEqual(answer.json["ctx"][2], {"call": "sleep", "answer": 1, "rule": "try", "at": "rules/10_try.lua:7"})
        self.assertEqual(names(answer, "check"), ["form"])
        self.assertEqual(names(answer, operations=0), ["quiet"])
        self.assertTrue(answer.json["again"]["same"])
        self.assertGreater(answer.json["again"]["measured"], 0)
        self.assertTrue(all(rule["ns"] > 0 and rule["bytes"] >= 0 for rule in answer.json["again"]["rules"]))
        self.assertIn("try (rules/10_try.lua:5) took 8.95 off: given (89.48 to 80.53).", self.sentences("e-1"))
        self.assertIn("1 rule ran and did nothing: quiet.", self.sentences("e-1"))
        self.assertEqual(self.sentences("e-1")[-1], "The total is 80.53 EUR.")

    def test_what_is_asked_for(self):
        self.send("e-2")
        for accept, kind in ((None, "application/json"), ("*/*", "application/json"), ("text/html", "application/json"),
                             ("text/plain", "text/plain"), ("text/plain, application/json;q=0.5", "text/plain"),
                             ("application/json, text/plain", "application/json")):
            answer = self.explain("e-2", **({"Accept": accept} if accept else {}))
            self.assertEqual(answer.headers["content-type"].split(";")[0], kind, accept)
            self.assertEqual(answer.headers["vary"], "accept")

    def test_rejected_held_and_decided_by_a_person(self):
        self.send("e-3", verdict="rejected")
        self.assertEqual(names(self.explain("e-3"), ran=False), ["quiet"])
        self.assertEqual(self.sentences("e-3")[0], "Order e-3 was rejected (no): because.")
        self.assertIn("1 rule did not run any more: quiet.", self.sentences("e-3"))
        self.send("e-4", verdict="held")
        self.assertEqual(self.sentences("e-4")[0], "Order e-4 is held until a person decides it: look at it.")
        resolved = self.engine.request("POST", "/orders/e-4/resolve",
                                       {"decision": "accepted", "by": "ann", "reason": "known"})
        self.assertEqual(resolved.status, 200)
        self.assertRegex(self.sentences("e-4")[0],
                         r"^Order e-4 was accepted by a person, ann, at \S+Z \(revision 2\): known\.$")
        self.assertIn("try (rules/10_try.lua:8) held it: look at it.", self.sentences("e-4"))
        self.assertTrue(self.explain("e-4").json["again"]["same"])

    def test_a_broken_rule(self):
        self.send("e-5", verdict="broken")
        self.assertIn("try (rules/10_try.lua:12) broke: boom; so the order was held, as rules.on_error wants.",
                      self.sentences("e-5"))
        self.assertEqual(names(self.explain("e-5"), ran=False), ["quiet"])

    def test_invalid(self):
        self.send("e-6", 422, bad=1)  # whoever waited was told: nothing is kept
        self.assertEqual(self.explain("e-6").status, 404)
        self.engine.request("POST", "/orders", order("e-6", bad=1), {"Prefer": "respond-async"})
        self.wait_for_status("e-6", "invalid")
        self.assertEqual(self.sentences("e-6"),
                         ["Order e-6 is not valid, so it was not decided.",
                          "bad must not be there, says form (validation/10_form.lua:1)."])
        self.assertEqual(self.explain("e-6").json["problems"][0]["pointer"], "/bad")

    def test_dead(self):
        self.send("e-7", 202, verdict="dead")
        self.wait_for_status("e-7", "dead")
        text = self.sentences("e-7")
        self.assertEqual(text[0], "Order e-7 is dead, nobody decided it: the warehouse is away.")
        self.assertEqual(len([line for line in text if line.startswith("Attempt ")]), 2)

    def test_no_decision_yet(self):
        self.send("e-8", 202, verdict="later")
        for answer in (self.explain("e-8"), self.explain("e-8", **TEXT), self.what_if("e-8", {})):
            self.assertEqual((answer.status, answer.json["code"], answer.json["detail"]),
                             (409, "in_progress", "there is no decision yet: the order is queued"))
        for answer in (self.explain("none"), self.what_if("none", {})):
            self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"))


class Changes(WithEngine):
    def test_the_difference(self):
        self.send("w-1", discount=895, coupon="A")
        answer = self.what_if("w-1", {"order": {"discount": 1000, "coupon": None, "verdict": "held"}})
        self.assertEqual(answer.status, 200, answer)
        self.assertFalse(answer.json["same"])
        self.assertEqual(answer.json["recorded"]["total"], 8053)
        self.assertEqual((answer.json["what_if"]["total"], answer.json["what_if"]["reason"]), (7948, "look at it"))
        fields = {one["field"]: one for one in answer.json["difference"]["fields"]}
        self.assertEqual(fields["total"], {"field": "total", "recorded": 8053, "what_if": 7948, "change": -105})
        self.assertEqual(fields["decision"], {"field": "decision", "recorded": "accepted", "what_if": "held"})
        self.assertNotIn("subtotal", fields)
        operations = answer.json["difference"]["operations"]
        self.assertEqual([one["amount"] for one in operations["only_recorded"]], [895])
        self.assertEqual([one["op"] for one in operations["only_what_if"]], ["discount", "hold"])

    def test_without_changes_nothing_differs(self):
        self.send("w-2", clock=True, wait=1)
        for body in ({}, {"order": {}}, {"generation": 1}, {"order": {"id": "w-2"}, "generation": 1}):
            answer = self.what_if("w-2", body)
            self.assertTrue(answer.json["same"], answer)
            self.assertEqual(answer.json["what_if"]["decided_at"], answer.json["recorded"]["decided_at"])

    def test_orders_without_a_decision(self):
        self.engine.request("POST", "/orders", order("w-3", bad=1), {"Prefer": "respond-async"})
        self.wait_for_status("w-3", "invalid")
        answer = self.what_if("w-3", {"order": {"bad": None}})
        self.assertEqual((answer.json["recorded"]["status"], answer.json["what_if"]["decision"]),
                         ("invalid", "accepted"))
        answer = self.what_if("w-3", {"order": {"currency": "eur"}})
        self.assertEqual([one["field"] for one in answer.json["what_if"]["problem"]["problems"]], ["currency", "bad"])
        self.send("w-4", 202, verdict="dead")
        self.wait_for_status("w-4", "dead")
        self.assertEqual(self.what_if("w-4", {"order": {"verdict": None}}).json["what_if"]["decision"], "accepted")
        answer = self.what_if("w-4", {})
        self.assertEqual((answer.json["what_if"]["status"], answer.json["what_if"]["retry_after_ms"]), ("queued", 1))

    def test_what_cannot_be_asked(self):
        self.send("w-5")
        for body, status, code, detail in (
                ("{", 400, "invalid_json", "line 1"),
                ("[]", 422, "invalid_what_if", "an object"),
                ({"order": 1}, 422, "invalid_what_if", "`order` must be an object"),
                ({"orders": {}}, 422, "invalid_what_if", "nothing else"),
                ({"generation": 0}, 422, "invalid_what_if", "the number of a rule set"),
                ({"generation": 7}, 422, "invalid_what_if", "generation 7 is not loaded"),
                ({"order": {"id": "other"}}, 422, "invalid_what_if", "the id"),
                ({"order": {str(number): 1 for number in range(1001)}}, 422, "invalid_what_if", "more than 1000"),
                ('{"order":{"x":' + "[" * 70 + "]" * 70 + "}}", 400, "too_deep", ""),
                ({"order": {"x": "y" * 1048500}}, 413, "order_too_large", "limits.order_bytes")):
            answer = self.what_if("w-5", body)
            self.assertEqual((answer.status, answer.json["code"]), (status, code), (str(body)[:80], answer))
            self.assertIn(detail, answer.json["detail"])
        answer = self.what_if("w-5", {}, **{"Content-Type": "text/plain"})
        self.assertEqual((answer.status, answer.json["code"]), (415, "unsupported_type"))

    def test_nothing_is_recorded(self):
        with Engine(rules=RULES, settings={
                **SETTINGS, "sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}]}) as engine:
            self.assertEqual(engine.post(order("w-6", discount=1)).status, 200)
            stored = engine.request("GET", "/orders/w-6").body
            counters = re.compile(r"^(ordo_(?!http|uptime|process|lua|vm|lock|jemalloc|memory|profil|trace|queue_oldest)"
                                  r"\w*(?:total|count)\S*) (\S+)$", re.M)
            engine.wait_until(lambda: re.search(r"^ordo_sink_emitted_total\S* 1$",
                                                engine.request("GET", "/metrics").body.decode(), re.M), "the sink")
            before = dict(counters.findall(engine.request("GET", "/metrics").body.decode()))
            self.assertIn('ordo_orders_total{outcome="accepted"}', before)
            for verdict in ("held", "rejected", "broken", None):
                answer = engine.request("POST", "/orders/w-6/what-if", {"order": {"verdict": verdict}})
                self.assertEqual(answer.status, 200, answer)
            self.assertEqual(engine.request("GET", "/orders/w-6/explain").status, 200)
            self.assertEqual(engine.request("GET", "/orders/w-6").body, stored)
            after = dict(counters.findall(engine.request("GET", "/metrics").body.decode()))
            self.assertEqual(after, before)
            self.assertEqual(len(engine.request("GET", "/orders").json["orders"]), 1)
            self.assertEqual(engine.stop()[0], 0)
            with open(os.path.join(engine.folder, "decisions.ndjson"), encoding="utf-8") as file:
                self.assertEqual(len(file.readlines()), 1)

    def test_rules_without_end_hold_up_no_order(self):
        self.send("w-7")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.what_if("w-7", {"order": {"verdict": "endless"}})))
                   for _ in range(24)]
        for thread in threads:
            thread.start()
        for number in range(50):  # beside them, on the only worker
            self.send(f"w-7-{number}")
        for thread in threads:
            thread.join()
        codes = sorted({(answer.status, answer.json["code"]) for answer in answers})
        self.assertEqual(codes, [(422, "trial_too_long"), (503, "trial_busy")])
        busy = [answer for answer in answers if answer.status == 503]
        self.assertTrue(all("retry-after" in answer.headers for answer in busy))
        self.assertEqual(self.what_if("w-7", {}).status, 200)


class OtherRules(unittest.TestCase):
    def test_an_edit(self):
        with Engine(rules=RULES, settings=SETTINGS) as engine:
            engine.post(order("r-1"))
            engine.write_rule("rules/10_try.lua", RULE % 'decide:fee("new", 100)')
            self.assertEqual(engine.request("POST", "/rules/reload").status, 200)
            answer = engine.request("GET", "/orders/r-1/explain")
            self.assertEqual(answer.json["again"], {"why_not": "other rules run now than those that decided it"})
            text = engine.request("GET", "/orders/r-1/explain", headers=TEXT).body.decode()
            self.assertIn("Which rules ran and did nothing is not known: other rules run now", text)
            answer = engine.request("POST", "/orders/r-1/what-if", {})
            self.assertEqual(answer.json["generation"], {"recorded": 1, "what_if": 2})
            self.assertEqual(answer.json["what_if"]["total"], 9048)
            self.assertEqual(engine.request("POST", "/orders/r-1/what-if", {"generation": 1}).status, 422)

    def test_a_restart(self):
        settings = {key: value for key, value in SETTINGS.items() if key != "store.plugin"}
        with Engine(rules=RULES, settings=settings) as engine:
            engine.post(order("r-2", discount=5))
            engine.stop()
            engine.restart()
            answer = engine.request("GET", "/orders/r-2/explain")
            self.assertTrue(answer.json["again"]["same"], answer)
            self.assertEqual(answer.json["operations"][0]["after"], 8943)
            self.assertEqual(engine.request("POST", "/orders/r-2/what-if", {}).json["same"], True)

    def test_a_rule_that_remembers(self):
        rules = {"rules/10_x.lua": 'local n = 0\nreturn { name = "x", apply = function(order, decide) '
                                   'n = n + 1 decide:note(tostring(n)) end }'}
        with Engine(rules=rules, settings=SETTINGS) as engine:
            for number in range(3):
                engine.post(order(f"r-3-{number}"))
            self.assertEqual(engine.request("GET", "/orders/r-3-2/explain").json["again"], {"same": False})

    def test_a_stop_answers_who_waits(self):
        with Engine(rules=RULES, settings=SETTINGS) as engine:
            engine.post(order("r-4"))
            answers = []

            def ask():
                answers.append(engine.request("POST", "/orders/r-4/what-if", {"order": {"verdict": "endless"}}))

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            engine.wait_until(lambda: len(answers) > 0, "the first answer")
            self.assertEqual(engine.stop()[0], 0)
            for thread in threads:
                thread.join()
            self.assertEqual(len(answers), 4)
            self.assertLessEqual({answer.json["code"] for answer in answers}, {"trial_too_long", "stopping"})

    def test_behind_a_token(self):
        with tempfile.NamedTemporaryFile("w", suffix=".token") as file:
            file.write("secret\n")
            file.flush()
            with Engine(rules=RULES, settings={**SETTINGS, "admin.listen": "127.0.0.1:0",
                                               "admin.token_file": file.name}) as engine:
                engine.post(order("r-5"))
                self.assertEqual(engine.request("GET", "/orders/r-5/explain").status, 200)
                self.assertEqual(engine.request("POST", "/orders/r-5/what-if", {}).status, 404)
                path, port = "/orders/r-5/what-if", engine.admin_port
                self.assertEqual(engine.request("POST", path, {}, port=port).status, 401)
                self.assertEqual(engine.request("POST", path, {}, {"Authorization": "Bearer secret"}, port).status, 200)


class CommandLine(WithEngine):
    def run_it(self, *words, code=0):
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as folder:
            done = ordo("what-if", *words, "--url", self.engine.url(), cwd=folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_the_engines_rules(self):
        self.send("c-1", discount=895, note={"a": 1, "b": 2})
        out = self.run_it("c-1", "--set", "discount=1000", "--set", "note.a=null", "--set", "customer.tier=old").stdout
        self.assertRegex(out, r"recorded: accepted, total 8053 EUR\n +what if: +accepted, total 7948 EUR\n")
        self.assertRegex(out, r"total +8053 +7948 +-105\n")
        self.assertRegex(out, r"only in the recorded decision\n.*\n +discount +895 +given +try +rules/10_try.lua:5\n")
        self.assertRegex(out, r"only in this one\n.*\n +discount +1000 ")
        self.assertIn("nothing differs", self.run_it("c-1").stdout)

    def test_what_is_sent(self):
        self.send("c-2", echo=1)
        shown = json.loads(self.run_it("c-2", "--json", "--set", "items=[]", "--set", "x.y=gold", "--set", "x.z=1.5",
                                       "--set", 'x.w="7"', "--set", "v=").stdout)
        self.assertEqual(shown["what_if"]["status"], "invalid")
        out = self.run_it("c-2", "--set", "items=[]").stdout
        self.assertIn("what if:  invalid", out)
        self.assertRegex(out, r"items: .*\[engine\]")

    def test_rules_of_a_folder(self):
        self.send("c-3", discount=895)
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as folder:
            os.mkdir(os.path.join(folder, "rules"))

            def write(text):
                with open(os.path.join(folder, "rules", "10_x.lua"), "w", encoding="utf-8") as file:
                    file.write(text)

            write('return { name = "x", apply = function(order, decide) decide:fee("x", order.f or 1) end }')
            shown = json.loads(self.run_it("c-3", "--rules", folder, "--json", "--set", "f=7").stdout)
            self.assertEqual(shown["generation"], {"recorded": 1, "what_if": 0})
            self.assertEqual([one["amount"] for one in shown["difference"]["operations"]["only_what_if"]], [7])
            write('return { name = "x", apply = function() while true do end end }')
            self.assertIn("took longer than", self.run_it("c-3", "--rules", folder, code=1).stderr)
            write("return {")
            self.assertIn("10_x.lua:1", self.run_it("c-3", "--rules", folder, code=78).stderr)
            self.run_it("none", "--rules", folder, code=78)

    def test_wrong_calls(self):
        self.send("c-4")
        for words, said in ((("c-4", "--set", "x"), "FIELD=VALUE"), (("c-4", "--set", "=1"), "FIELD=VALUE"),
                            (("c-4", "--set", "a..b=1"), "a name is empty"), (("c-4", "--set", "a.=1"), "a name is empty"),
                            (("c-4", "--set", "items[1].qty=2"), "replaced whole"),
                            (("c-4", "--set", "a=1", "--set", "a.b=1"), "set twice"),
                            (("c-4", "--set", "a.b=1", "--set", "a.b=1"), "set twice"),
                            ((), "the id of one order"), (("",), "at least one character")):
            self.assertIn(said, self.run_it(*words, code=2).stderr)
        self.assertIn("no order has this id", self.run_it("none", code=1).stderr)
        self.assertIn("id of the order cannot be changed", self.run_it("c-4", "--set", "id=x", code=1).stderr)


if __name__ == "__main__":
    main()
