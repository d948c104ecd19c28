#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Editing rules while the engine runs: saved files are followed, broken ones change nothing, and under load no order fails
or sees two generations."""
import os
import shutil
import signal
import tempfile
import threading
import unittest

from harness import Engine, main, ORDO, order


def versioned(number):
    return f"return {number}\n"


def rule(name):
    # Both rules read the version from the same library; between them the order waits, so that edits come in between.
    return f"""local version = require "version"
return {{
  name = "{name}",
  about = "Says which version decided.",
  apply = function(order, decide, ctx)
    decide:set("{name}", version)
    if order.wait then ctx.sleep(3) end
  end,
}}
"""


def rules():
    return {"rules/10_first.lua": rule("first"), "rules/20_second.lua": rule("second"),
            "lib/version.lua": versioned(0)}


class LiveEdit(unittest.TestCase):
    def rules_of(self, engine):
        return engine.request("GET", "/rules").json

    def wait_for_generation(self, engine, number):
        engine.wait_until(lambda: self.rules_of(engine)["generation"] == number, f"generation {number}")

    def version_of(self, engine, order_id):
        return engine.post(order(order_id)).json["attributes"]["first"]

    def test_a_saved_file_is_running_soon(self):
        with Engine(rules=rules()) as engine:
            self.assertEqual(self.version_of(engine, "o-1"), 0)
            engine.write_rule("lib/version.lua", versioned(1))
            self.wait_for_generation(engine, 2)
            answer = engine.post(order("o-2")).json
            self.assertEqual((answer["attributes"]["first"], answer["generation"]), (1, 2))
            self.assertIn("generation 2 is running", engine.log)
            self.assertEqual(engine.metric('ordo_rules_reloads_total{result="ok"}'), 1)

    def test_a_new_file_in_a_new_folder_is_found(self):
        with Engine(rules=rules()) as engine:
            engine.write_rule("validation/10_refuse.lua", 'return { name = "refuse", about = "Refuses.", '
                              'check = function(_, problems) problems:add("coupon", "is refused") end }\n')
            self.wait_for_generation(engine, 2)
            answer = engine.post(order("o-1"))
            self.assertEqual(answer.status, 422)
            self.assertEqual(answer.json["problems"][0]["at"], "validation/10_refuse.lua:1")

    def test_an_edited_table_is_a_new_generation_and_a_broken_one_none(self):
        rule = ('return { name = "tax", apply = function(_, decide, ctx) decide:set("rate", ctx.lookup("tax", "DE").rate) '
                "end }\n")
        with Engine(rules={"rules/10_tax.lua": rule, "data/tax.csv": "country,rate:number\nDE,1900\n"}) as engine:
            self.assertEqual(engine.post(order("o-1")).json["attributes"], {"rate": 1900})
            engine.write_rule("data/tax.csv", "country,rate:number\nDE,1600\n")
            self.wait_for_generation(engine, 2)
            self.assertEqual(engine.post(order("o-2")).json["attributes"], {"rate": 1600})
            engine.write_rule("data/tax.csv", "country,rate:number\nDE,16 %\n")
            engine.wait_until(lambda: self.rules_of(engine)["refused"], "the refusal")
            self.assertIn("data/tax.csv:2: rate: 16 % is no number", self.rules_of(engine)["refused"]["errors"][0])
            self.assertEqual(engine.post(order("o-3")).json["attributes"], {"rate": 1600})
            self.assertIn("data/tax.csv", self.rules_of(engine)["files"])

    def test_another_folder_in_the_place_of_the_scripts_is_followed(self):
        with Engine(rules=rules()) as engine:
            other = shutil.copytree(engine.scripts, engine.scripts + ".next")
            with open(os.path.join(other, "lib", "version.lua"), "w", encoding="utf-8") as file:
                file.write(versioned(1))
            os.rename(engine.scripts, engine.scripts + ".before")
            engine.wait_until(lambda: self.rules_of(engine)["refused"], "the refusal")
            self.assertIn("cannot open the scripts folder", self.rules_of(engine)["refused"]["errors"][0])
            self.assertEqual(self.version_of(engine, "o-1"), 0)
            os.rename(other, engine.scripts)
            self.wait_for_generation(engine, 2)
            self.assertEqual(self.version_of(engine, "o-2"), 1)
            engine.write_rule("lib/version.lua", versioned(2))  # and it is watched
            self.wait_for_generation(engine, 3)
            self.assertEqual(self.version_of(engine, "o-3"), 2)

    def test_another_target_of_a_link_to_the_scripts_is_followed(self):
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as folder:
            for number in (1, 2):
                for name, text in {**rules(), "lib/version.lua": versioned(number)}.items():
                    path = os.path.join(folder, str(number), name)
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
            link = os.path.join(folder, "current")
            os.symlink("1", link)
            with Engine(rules=rules(), settings={"scripts": link + "/"}) as engine:
                self.assertEqual(self.version_of(engine, "o-1"), 1)
                os.symlink("2", link + ".new")  # as a deployment does: all of it at once
                os.replace(link + ".new", link)
                self.wait_for_generation(engine, 2)
                self.assertEqual(self.version_of(engine, "o-2"), 2)
                engine.scripts = os.path.join(folder, "2")
                engine.write_rule("lib/version.lua", versioned(3))
                self.wait_for_generation(engine, 3)

    def test_a_broken_edit_changes_nothing_and_says_where(self):
        with Engine(rules=rules()) as engine:
            engine.write_rule("rules/10_first.lua", "return {\n  name = \n}\n")
            engine.wait_until(lambda: self.rules_of(engine)["refused"], "the refusal")
            refused = self.rules_of(engine)
            self.assertEqual(refused["generation"], 1)
            self.assertIn("rules/10_first.lua:3:", refused["refused"]["errors"][0])
            self.assertEqual(self.version_of(engine, "o-1"), 0)
            self.assertIn("rules/10_first.lua:3:", engine.log)
            self.assertIn("the edit was refused; generation 1 goes on", engine.log)
            self.assertEqual(engine.metric('ordo_rules_reloads_total{result="refused"}'), 1)
            engine.write_rule("rules/10_first.lua", rule("first"))
            engine.wait_until(lambda: not self.rules_of(engine)["refused"], "the end of the refusal")
            self.assertEqual(self.rules_of(engine)["generation"], 1)  # it is what runs already

    def test_the_working_directory_as_scripts_folder(self):
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as folder:
            for name, text in {"scripts/rules/10_first.lua": rule("first"), "scripts/lib/version.lua": versioned(0)}.items():
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path))
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            scripts = os.path.join(folder, "scripts")
            with Engine(rules=rules(), settings={"scripts": "."},
                        program=["env", "-C", scripts, ORDO]) as engine:
                engine.scripts = scripts
                os.mkdir(os.path.join(folder, "validation"))
                with open(os.path.join(folder, "validation", "10_no.lua"), "w", encoding="utf-8") as file:
                    file.write("return {\n")
                os.rename(os.path.join(folder, "validation"), os.path.join(scripts, "validation"))
                engine.wait_until(lambda: self.rules_of(engine)["refused"], "the refusal")
                self.assertIn("validation/10_no.lua:2:", self.rules_of(engine)["refused"]["errors"][0])

    def test_a_failing_test_refuses_the_edit(self):
        with Engine(rules=rules()) as engine:
            engine.write_rule("tests/first.lua", """return {
  { name = "the version is 7",
    order = { currency = "EUR", items = { { sku = "A", qty = 1, price = 1 } } },
    expect = { attributes = { first = 7 } } },
}
""")
            engine.wait_until(lambda: self.rules_of(engine)["refused"], "the refusal")
            error = self.rules_of(engine)["refused"]["errors"][0]
            self.assertIn("the version is 7", error)
            self.assertEqual(self.rules_of(engine)["generation"], 1)

    def test_sighup_and_post_reload_do_the_same(self):
        with Engine(rules=rules()) as engine:
            answer = engine.request("POST", "/rules/reload")
            self.assertEqual((answer.status, answer.json["changed"], answer.json["generation"]), (200, False, 1))
            engine.write_rule("lib/version.lua", versioned(1))
            engine.send_signal(signal.SIGHUP)
            self.wait_for_generation(engine, 2)
            engine.write_rule("lib/version.lua", "return (\n")
            answer = engine.request("POST", "/rules/reload")
            self.assertEqual((answer.status, answer.json["code"]), (422, "rules_refused"))
            self.assertIn("lib/version.lua:2:", answer.json["detail"])

    def test_200_edits_under_load(self):
        edits, clients = 200, 4
        with Engine(rules=rules(), settings={"log.level": "info"}) as engine:
            done, failures, seen = threading.Event(), [], {}

            def load(client):
                connection, number = engine.connection(), 0
                while not done.is_set():
                    number += 1
                    answer = engine.request("POST", "/orders", order(f"o-{client}-{number}", wait=number % 3 == 0),
                                            connection=connection)
                    if answer.status != 200 or answer.json["decision"] != "accepted":
                        failures.append(f"order {client}-{number}: {answer}")
                        continue
                    body = answer.json
                    first, second = body["attributes"]["first"], body["attributes"]["second"]
                    if first != second or seen.setdefault(body["generation"], first) != first:
                        failures.append(f"order {client}-{number} mixes {first} and {second}: {body}")

            threads = [threading.Thread(target=load, args=(client,)) for client in range(clients)]
            for thread in threads:
                thread.start()
            try:
                generation = refused = 0
                for edit in range(1, edits + 1):
                    if edit % 5 == 0:
                        refused += 1
                        engine.write_rule("lib/version.lua", f"return {edit} +\n")
                        engine.wait_until(lambda count=refused: engine.metric(
                            'ordo_rules_reloads_total{result="refused"}') == count, f"refusal {refused}")
                    else:
                        generation += 1
                        engine.write_rule("lib/version.lua", versioned(edit))
                        self.wait_for_generation(engine, generation + 1)
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])
            self.assertGreater(len(seen), edits // 2)  # orders were decided by most generations
            self.assertEqual(engine.metric('ordo_rules_reloads_total{result="ok"}'), edits * 4 // 5)
            self.assertEqual(engine.metric("ordo_rule_errors_total"), 0)


if __name__ == "__main__":
    main()
