#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`ordo orders`: list, show, retry, resolve and export against a running engine."""
import csv
import http.server
import io
import json
import os
import resource
import tempfile
import threading
import unittest

from harness import Engine, main, ordo
from http_cases import an_order

RULES = {
    "rules/10_try.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "try",
  apply = function(order, decide, ctx)
    if order.verdict == "held" then decide:hold("look at it") end
    if order.verdict == "rejected" then decide:reject("no", "because") end
    if order.verdict == "dead" then decide:retry(1, "the warehouse is away") end
    if order.verdict == "later" then decide:retry(3600000, "not yet") end
    if order.discount then
      decide:cap("discount", 100, "enough")
      decide:discount("coupon", order.discount)
    end
    decide:set("kind", { 1, "two" })
  end,
}
"""
}
COLUMNS = ("id,status,decision,code,priority,customer,received_at,updated_at,attempt,revision,generation,currency,"
           "subtotal,discount,fee,tax,total,paid,due,route").split(",")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers in turn with what the server has: (status, body), bytes or JSON."""

    def do_GET(self):
        status, body = self.server.answers.pop(0)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class OtherServers(unittest.TestCase):
    """What an engine rarely answers, and what no engine does."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def orders(self, *words, answers, code):
        """Runs the command against a server with these answers, all of which it has to ask for."""
        server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        server.answers = list(answers)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = ordo("orders", *words, "--url", f"http://127.0.0.1:{server.server_port}", cwd=self.folder)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        self.assertEqual((done.returncode, server.answers), (code, []), done.stderr)
        return done

    def test_an_engine_that_fails_between_pages_leaves_no_file(self):
        failed = {"title": "The engine failed", "code": "internal", "detail": "the store failed to list"}
        done = self.orders("export", "--output", "out", code=1, answers=[
            (200, {"orders": [{"id": "x", "status": "done"}], "next": "0-1"}), (500, failed)])
        self.assertEqual(done.stderr, "ordo orders export: The engine failed: the store failed to list\n")
        self.assertEqual(os.listdir(self.folder), [])

    def test_pages_that_are_empty_are_no_end(self):
        done = self.orders("list", "--json", code=0, answers=[
            (200, {"orders": [], "next": "0-9"}), (200, {"orders": [{"id": "x"}], "next": "0-1"}),
            (200, {"orders": [], "next": None})])
        self.assertEqual(done.stdout, '{"id": "x"}\n')

    def test_what_is_no_engine_is_told(self):
        for answer, said in ((b"<html>", "something that is no JSON: is it an ordo engine?"),
                             (b"", "something that is no JSON: is it an ordo engine?"),
                             ({"next": 1}, "gives no list of orders: is it an ordo engine?"),
                             ({"orders": [1], "next": None}, "gives no list of orders")):
            self.assertIn(said, self.orders("list", code=1, answers=[(200, answer)]).stderr)

    def test_a_full_queue_is_waited_for(self):
        full = (503, {"title": "The queue is full", "code": "queue_full", "detail": "try again later"})
        done = self.orders("retry", "x", code=0, answers=[full, (202, {"id": "x", "status": "queued"})])
        self.assertEqual((done.stdout, done.stderr), ("x: queued\n", ""))

    def test_an_engine_that_stops_is_not_asked_for_the_others(self):
        stopping = (503, {"title": "The engine is stopping", "code": "stopping", "detail": "it goes down"})
        done = self.orders("retry", "x", "y", code=1, answers=[stopping])
        self.assertEqual(done.stderr, "ordo orders retry: x: The engine is stopping: it goes down\n")


class OrdersTest(unittest.TestCase):
    """One engine for all tests of a class."""

    settings = {"rules.max_attempts": 2}
    memory = {"store.plugin": "store_memory"}

    @classmethod
    def setUpClass(cls):
        cls.engine = Engine(rules=RULES, settings={**cls.settings, **cls.memory})
        cls.engine.__enter__()
        cls.addClassCleanup(cls.engine.__exit__, None, None, None)

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def orders(self, *arguments, code=0, **more):
        done = ordo("orders", *arguments, "--url", self.engine.url(), cwd=self.folder, **more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def send(self, order_id, customer="c-1", **fields):
        return self.engine.post({**an_order(order_id), "customer": {"id": customer}, **fields})

    def send_dead(self, order_id, **fields):
        self.send(order_id, verdict="dead", **fields)
        self.engine.wait_until(lambda: self.status_of(order_id) == "dead", f"the end of {order_id}")

    def send_invalid(self, order_id, customer="c-1", **fields):
        """An invalid order is recorded when it was promised to be looked at."""
        self.engine.post({**an_order(order_id), "customer": {"id": customer}, "items": [], **fields}, prefer="respond-async")
        self.engine.wait_until(lambda: self.status_of(order_id) == "invalid", f"the end of {order_id}")

    def status_of(self, order_id):
        return self.engine.request("GET", f"/orders/{order_id}").json["status"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()


class Many(OrdersTest):
    """More than two pages; in store_rocksdb, which is the default."""

    memory = {}
    COUNT = 2500

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sent = {}
        for number in range(cls.COUNT):
            order = {**an_order(f"m-{number:04}"), "customer": {"id": f"c-{number % 10}"},
                     "priority": ("high", "medium", "low")[number % 3]}
            if number % 500 == 0:
                order["verdict"] = "held"
            cls.sent[order["id"]] = order
        answer = cls.engine.batch(list(cls.sent.values()))
        assert len(answer.lines) == cls.COUNT, answer

    def test_export_has_every_order_whole_and_once(self):
        done = self.orders("export", "--output", "all.ndjson")
        self.assertEqual(done.stdout, "2500 orders are in all.ndjson\n")
        lines = [json.loads(line) for line in self.read("all.ndjson").splitlines()]
        self.assertEqual({line["id"]: line["order"] for line in lines}, self.sent)
        self.assertEqual(len(lines), self.COUNT)
        received = [line["received_at"] for line in lines]
        self.assertEqual(received, sorted(received, reverse=True))
        for line in lines[::500]:
            self.assertEqual(line, self.engine.request("GET", f"/orders/{line['id']}").json)
        self.assertEqual(os.listdir(self.folder), ["all.ndjson"])

    def test_csv_has_the_documented_columns(self):
        rows = list(csv.reader(io.StringIO(self.orders("export", "--format", "csv").stdout, newline="")))
        self.assertEqual(rows[0], COLUMNS)
        self.assertEqual(len(rows), self.COUNT + 1)
        self.assertEqual({row[0] for row in rows[1:]}, set(self.sent))
        for row in rows[1::700]:
            record = self.engine.request("GET", f"/orders/{row[0]}").json
            decision = record["decision"]
            wanted = {**decision, **{key: value for key, value in record.items() if key in COLUMNS and key != "decision"}}
            self.assertEqual(row, [str("" if wanted.get(name) is None else wanted[name]) for name in COLUMNS])

    def test_filters_reach_the_engine(self):
        held = [json.loads(line) for line in self.orders("list", "--status", "held", "--json").stdout.splitlines()]
        self.assertEqual(sorted(line["id"] for line in held), [f"m-{number:04}" for number in range(0, 2500, 500)])
        listed = self.orders("list", "--customer", "c-3", "--priority", "low", "--all", "--json").stdout.splitlines()
        self.assertEqual({json.loads(line)["id"] for line in listed},
                         {f"m-{number:04}" for number in range(self.COUNT) if number % 10 == 3 and number % 3 == 2})
        some = held[2]["received_at"]
        since = self.orders("list", "--since", some, "--all", "--json").stdout.count("\n")
        until = self.orders("list", "--until", some, "--all", "--json").stdout.count("\n")
        self.assertEqual(since + until, self.COUNT)
        self.assertGreater(since, 0)
        exported = self.orders("export", "--status", "held", "--format", "csv").stdout
        self.assertEqual(exported.count("\n"), 6)

    def test_limit_and_all(self):
        done = self.orders("list")
        self.assertEqual(len(done.stdout.splitlines()), 51)
        self.assertEqual(done.stderr, "these are the newest 50; --limit N or --all shows more\n")
        self.assertEqual(len(self.orders("list", "--limit", "1700", "--json").stdout.splitlines()), 1700)
        done = self.orders("list", "--all")
        self.assertEqual(len(done.stdout.splitlines()), self.COUNT + 1)
        self.assertEqual(done.stderr, "")

    def test_json_lines_are_as_the_api_gives_them(self):
        page = self.engine.request("GET", "/orders?limit=3").body.decode()
        for line in self.orders("list", "--limit", "3", "--json").stdout.splitlines():
            self.assertIn(line, page)


class One(OrdersTest):
    def test_the_table_is_aligned_and_clean(self):
        self.send("t-1", customer="Jörg")
        self.send("t-2-longer", customer="\x1b[31m\u009bred", verdict="rejected")
        self.send_invalid("t-3", customer="t")
        lines = self.orders("list").stdout.splitlines()
        at = {word: lines[0].index(word) for word in lines[0].split()}
        self.assertEqual(list(at), ["ID", "STATUS", "DECISION", "PRIORITY", "CUSTOMER", "RECEIVED", "TOTAL"])
        rows = {line.split()[0]: line for line in lines}
        self.assertEqual(rows["t-1"][at["CUSTOMER"]:at["RECEIVED"]].strip(), "Jörg")
        self.assertEqual(rows["t-2-longer"][at["CUSTOMER"]:at["RECEIVED"]].strip(), "?[31m?red")
        self.assertEqual(rows["t-1"][at["DECISION"]:at["PRIORITY"]].strip(), "accepted")
        self.assertEqual(rows["t-3"][at["STATUS"]:at["DECISION"]].strip(), "invalid")
        self.assertTrue(rows["t-1"].endswith(" 3998 EUR"), rows["t-1"])
        self.assertEqual(len(rows["t-1"]), len(rows["t-2-longer"]))

    def test_nothing_found_is_told(self):
        done = self.orders("list", "--customer", "nobody & co")
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (1, "no order matches\n"))
        self.assertEqual(self.orders("list", "--customer", "nobody", "--json").stdout, "")

    def test_show_explains_the_decision(self):
        self.send("s-1", discount=250)
        shown = self.orders("show", "s-1").stdout
        self.assertTrue(shown.startswith("order s-1: accepted\n  status done, priority medium, customer c-1, attempt 1, "
                                         "revision 1, rule set 1\n"), shown)
        self.assertRegex(shown, r"\n  discount +100  coupon \(asked for 250\) +try +rules/10_try.lua:11\n")
        self.assertRegex(shown, r'\n  set +kind = \[1,"two"\] +try +rules/10_try.lua:13\n')
        self.assertRegex(shown, r"\n  cap +100  discount: enough ")
        self.assertRegex(shown, r"\n  discount +-100\n")
        self.assertRegex(shown, r"\n  total +3898\n")

    def test_show_of_what_is_rejected_or_invalid(self):
        self.send("s-2", verdict="rejected")
        self.assertTrue(self.orders("show", "s-2").stdout.startswith("order s-2: rejected (no): because\n"))
        self.send_invalid("s-3", currency="eur")
        shown = self.orders("show", "s-3").stdout
        self.assertTrue(shown.startswith("order s-3: invalid (invalid_order)\n"), shown)
        self.assertIn("\n  currency: must be three capital letters (ISO 4217)  [engine]\n", shown)

    def test_show_of_what_waits(self):
        self.send("s-4", verdict="later")
        shown = self.orders("show", "s-4").stdout
        self.assertTrue(shown.startswith("order s-4: queued\n"), shown)
        self.assertIn(", next attempt 2", shown)
        self.assertRegex(shown, r"\n +1  \S+ +1  not yet\n")

    def test_show_json_is_the_answer(self):
        self.send("s-5")
        self.assertEqual(self.orders("show", "s-5", "--json").stdout,
                         self.engine.request("GET", "/orders/s-5").body.decode() + "\n")

    def test_dead_and_retried(self):
        self.send_dead("d-1")
        shown = self.orders("show", "d-1").stdout
        self.assertTrue(shown.startswith("order d-1: dead (order_dead): the warehouse is away\n"), shown)
        self.assertEqual(shown.count("  the warehouse is away\n"), 2)
        self.assertIn("ordo orders retry d-1\n", shown)
        self.assertEqual(self.orders("retry", "d-1").stdout, "d-1: queued\n")
        self.engine.wait_until(lambda: self.engine.request("GET", "/orders/d-1").json["attempt"] == 3 and
                               self.status_of("d-1") == "dead", "the third attempt")

    def test_retry_goes_on_behind_what_cannot_be_retried(self):
        self.send("d-2")
        self.send_dead("d-3")
        done = self.orders("retry", "d-2", "not-there", "d-3", code=1)
        self.assertEqual(done.stdout, "d-3: queued\n1 of 3 queued\n")
        self.assertEqual(done.stderr.splitlines(), [
            "ordo orders retry: d-2: The order is not dead: only an order whose attempts are used up can be tried once "
            "more; `ordo orders show` says where it stands",
            "ordo orders retry: not-there: There is nothing here: no order has this id"])

    def test_retry_all_takes_each_dead_one_once(self):
        for number in range(3):
            self.send_dead(f"all-{number}", customer="c-all")
        done = self.orders("retry", "--status", "dead", "--customer", "c-all", "--all")
        self.assertEqual(done.stdout, "all-2: queued\nall-1: queued\nall-0: queued\n3 of 3 queued\n")
        self.assertEqual(self.orders("retry", "--status", "dead", "--customer", "no", "--all").stdout, "no order matches\n")

    def test_held_and_resolved(self):
        self.send("h-1", verdict="held")
        self.assertIn("ordo orders resolve h-1 --accept|--reject", self.orders("show", "h-1").stdout)
        done = self.orders("resolve", "h-1", "--accept", "--reason", 'known "customer"', "--by", "ann")
        self.assertEqual(done.stdout, "h-1: accepted by ann, revision 2\n")
        shown = self.orders("show", "h-1").stdout
        self.assertTrue(shown.startswith('order h-1: accepted: known "customer"\n  decided by hand by ann at 2'), shown)
        done = self.orders("resolve", "h-1", "--reject", "--reason", "no", "--by", "ann", code=1)
        self.assertEqual(done.stderr, "ordo orders resolve: h-1: The order is not held: only a held order is decided by "
                                      "hand; `ordo orders show` says where it stands\n")

    def test_rejected_by_the_user_of_the_environment(self):
        self.send("h-2", verdict="held")
        done = self.orders("resolve", "h-2", "--reject", "--reason", "fraud", environment={"USER": "bob"})
        self.assertEqual(done.stdout, "h-2: rejected by bob, revision 2\n")
        decision = self.engine.request("GET", "/orders/h-2").json["decision"]
        self.assertEqual((decision["reason"], decision["resolved"]["by"], decision["code"]), ("fraud", "bob", "resolved"))

    def test_a_resolution_that_the_engine_refuses_names_the_field(self):
        self.send("h-3", verdict="held")
        done = self.orders("resolve", "h-3", "--reject", "--reason", "x" * 1001, "--by", "ann", code=1)
        self.assertIn("; reason must be a text of 1 to 1000 bytes\n", done.stderr)
        self.assertEqual(self.status_of("h-3"), "held")


class Export(OrdersTest):
    def test_an_order_of_many_lines_is_one_line_with_its_bytes(self):
        sent = json.dumps({**an_order("e-1"), "customer": {"id": "c-e"}, "note": 'a "quoted"\n} ] \\'}, indent=2)
        sent = sent.replace("1999", "1999.00")
        self.assertEqual(self.engine.post(sent).status, 200)
        text = self.orders("export", "--customer", "c-e").stdout
        self.assertEqual(text.count("\n"), 1)
        self.assertIn(sent.replace("\n", " "), text)
        self.assertEqual(json.loads(text), self.engine.request("GET", "/orders/e-1").json)

    def test_csv_fields_are_quoted(self):
        customer = 'a,"b"\r\nc'
        self.send("e-2", customer=customer)
        self.send_invalid("e-3", customer=customer)
        self.send_dead("e-4", customer=customer)
        rows = list(csv.DictReader(io.StringIO(self.read_csv(customer), newline="")))
        self.assertEqual([(row["id"], row["customer"], row["status"], row["decision"], row["code"], row["total"])
                          for row in rows],
                         [("e-4", customer, "dead", "", "order_dead", ""),
                          ("e-3", customer, "invalid", "", "invalid_order", ""),
                          ("e-2", customer, "done", "accepted", "", "3998")])

    def read_csv(self, customer):
        self.orders("export", "--customer", customer, "--format", "csv", "--output", "out.csv")
        return self.read("out.csv")

    def test_a_full_disk_leaves_what_was_there(self):
        self.send("e-5")
        with open(self.path("out"), "w", encoding="utf-8") as file:
            file.write("old")
        os.symlink("/dev/full", self.path("out.partial"))
        done = self.orders("export", "--output", "out", code=1)
        self.assertEqual(done.stderr, "ordo orders export: cannot write out: No space left on device; the export is not "
                                      "complete\n")
        self.assertEqual((self.read("out"), os.listdir(self.folder)), ("old", ["out"]))

    def test_outputs_that_cannot_be_written(self):
        self.send("e-6")
        done = self.orders("export", "--output", "no/out", code=1)
        self.assertEqual(done.stderr, "ordo orders export: cannot write no/out.partial: No such file or directory\n")
        done = self.orders("export", "--output", "/dev/full", code=1)
        self.assertIn("cannot write /dev/full: No space left on device", done.stderr)
        self.assertTrue(os.path.exists("/dev/full"))

    def test_the_memory_of_an_export_is_that_of_a_page(self):
        for number in range(40):
            self.send(f"big-{number}", customer="big", note="x" * 1000000)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        text = self.orders("export", "--customer", "big", "--output", "big")
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertIn("40 orders", text.stdout)
        self.assertLess(max(after - before, 0), 35 * 1024)  # of 40 MB that were written


class Access(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def token(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_tokens_and_the_admin_listener(self):
        wanted, admin = self.token("wanted", "s3cret\n"), self.token("admin", "adm1n")
        settings = {"admin.listen": "127.0.0.1:0", "admin.token_file": admin, "http.token_file": wanted,
                    **OrdersTest.memory}
        with Engine(rules=RULES, settings=settings) as engine:
            sent = engine.post({**an_order("a-1"), "verdict": "held"}, authorization="Bearer s3cret")
            self.assertEqual(sent.status, 200)
            url, admin_url = engine.url(), engine.url(admin=True)
            done = ordo("orders", "list", "--url", url)
            self.assertEqual((done.returncode, done.stderr),
                             (1, f"ordo orders list: {url} wants a token; name the file that has it with --token-file\n"))
            done = ordo("orders", "show", "a-1", "--url", url, "--token-file", admin)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"a-1: {url} does not take the token of {admin}; ", done.stderr)
            resolve = ("orders", "resolve", "a-1", "--accept", "--reason", "fine", "--by", "ann")
            done = ordo(*resolve, "--url", url, "--token-file", wanted)
            self.assertEqual(done.returncode, 1)
            self.assertIn("this is offered on the admin listener; name its address (admin.listen) with --url", done.stderr)
            done = ordo("orders", "retry", "a-1", "a-2", "--url", url, "--token-file", wanted)
            self.assertEqual((done.returncode, done.stderr.count("admin listener")), (1, 1))  # said once
            for words in (("orders", "show", "a-1"), ("orders", "list"), resolve):  # all of it with one address
                done = ordo(*words, "--url", admin_url + "/", "--token-file", admin)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_nobody_there(self):
        engine = Engine(rules=RULES, settings=OrdersTest.memory)
        with engine:
            url = engine.url()
        for words in (("list",), ("show", "x"), ("retry", "x", "y"), ("export",)):
            done = ordo("orders", *words, "--url", url)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"cannot reach {url}: Connection refused; is the engine running there?", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_proxies_of_the_environment_are_not_used(self):
        with Engine(rules=RULES, settings=OrdersTest.memory) as engine:
            done = ordo("orders", "list", "--url", engine.url(), environment={"http_proxy": "http://127.0.0.1:1"})
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_wrong_filter_is_2(self):
        with Engine(rules=RULES, settings=OrdersTest.memory) as engine:
            for words, said in ((("--status", "deed"), "status: one or more of queued"),
                                (("--since", "yesterday"), "since: a time like 2026-")):
                done = ordo("orders", "list", *words, "--url", engine.url())
                self.assertEqual(done.returncode, 2)
                self.assertIn(said, done.stderr)

    def test_wrong_command_lines_are_2(self):
        for words, said in (
            ((), "list, show, retry, resolve or export?"),
            (("lst",), 'there is no "lst"; did you mean list?'),
            (("frobnicate",), 'there is no "frobnicate"; there are list, show, retry, resolve and export'),
            (("--url", "x", "list"), "the VERB comes first: list, show"),
            (("list", "o-1"), '"o-1" is too much; `ordo orders show` shows one order'),
            (("list", "--limit", "0"), "--limit is a whole number from 1"),
            (("list", "--accept"), "there is no option --accept"),
            (("list", "--url", "ftp://x"), '--url is the engine\'s address such as http://127.0.0.1:8080, not "ftp://x"'),
            (("show",), "give the id of one order"),
            (("show", ""), "the id of an order has at least one character"),
            (("retry", "o-1", ""), "the id of an order has at least one character"),
            (("resolve", "", "--accept", "--reason", "y"), "the id of an order has at least one character"),
            (("retry",), "give ids, or --status dead --all"),
            (("retry", "--all"), "give ids, or --status dead --all"),
            (("retry", "x", "--status", "dead", "--all"), "give ids, or --status dead --all, not both"),
            (("resolve", "x", "--reason", "y"), "say --accept or --reject"),
            (("resolve", "x", "--accept", "--reject", "--reason", "y"), "say --accept or --reject"),
            (("resolve", "x", "--accept"), "say why with --reason TEXT"),
            (("resolve", "x", "--accept", "--reason", "y", "--by", ""), "say who decides with --by NAME"),
            (("export", "--format", "xml"), '--format is ndjson or csv, not "xml"'),
            (("list", "--token-file", "/not/there"), "--token-file: /not/there: cannot read the token"),
        ):
            done = ordo("orders", *words)
            self.assertEqual(done.returncode, 2, (words, done.stderr))
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    main()
