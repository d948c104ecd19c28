#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The timeline of an engine at work: valid for Perfetto, and true."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
sys.path.insert(0, HERE)
from check_trace import Trace  # noqa: E402
from harness import BUILD, Engine, main, order, ORDO  # noqa: E402
import unittest  # noqa: E402

SECONDS = float(os.environ.get("TRACE_SECONDS", "3"))
SLEEPER = """return { name = "%s", about = "Waits, if it is asked to.", apply = function(order, decide, ctx)
  if order.nap then ctx.sleep(order.nap); decide:fee("nap", 1) end
end }
"""
SLEEPY = {"rules/10_first.lua": SLEEPER % "first", "rules/20_second.lua": SLEEPER % "second"}
BROKEN = {"rules/10_broken.lua": 'return { name = "broken", about = "Breaks.", apply = function() error("no") end }\n'}
GARBAGE = {"rules/10_garbage.lua": """local last
return { name = "garbage", about = "Leaves garbage.", apply = function() for i = 1, 1000 do last = {i, {i}} end end }
"""}
STAGES = ["received", "queued", "running", "waiting", "recording", "answering"]


class Traced(Engine):
    """An engine that can be asked for its timeline."""

    def __init__(self, settings=None, rules=None):
        self.socket_folder = tempfile.TemporaryDirectory(prefix="ordo-trace-")
        plugins = os.path.join(BUILD, "tests", "profile", "plugins")  # they are looked for beside the program
        if not os.path.islink(plugins):
            os.symlink(os.path.join(BUILD, "plugins"), plugins)
        self.socket_path = os.path.join(self.socket_folder.name, "socket")
        super().__init__(settings={"log.level": "warn", "store.plugin": "store_memory", **(settings or {})}, rules=rules,
                         program=[os.path.join(BUILD, "tests", "profile", "serve_traced")],
                         environment={"TRACE_SOCKET": self.socket_path})

    def clean(self):
        super().clean()
        self.socket_folder.cleanup()

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket_path)
            client.sendall(line.encode() + b"\n")
            parts = []
            while part := client.recv(1 << 20):
                parts.append(part)
            return b"".join(parts)

    def load(self, *arguments):
        done = subprocess.run([ORDO, "load", "--quiet", *arguments, f"http://127.0.0.1:{self.port}/orders"], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)


class TraceTest(unittest.TestCase):
    def trace(self, engine, line="past 60"):
        """The trace, which the checker has passed."""
        text = engine.ask(line)
        trace = Trace()
        findings = trace.check(text)
        if findings:
            with open(os.path.join(tempfile.gettempdir(), "bad-trace.json"), "wb") as file:
                file.write(text)
        self.assertEqual(findings, [])
        return trace

    def spans(self, trace, name, **args):
        return [event for events in trace.spans.values() for _, event in events
                if event["name"] == name and all(event["args"].get(key) == value for key, value in args.items())]

    def names(self, trace, thread):
        return [event["name"] for key, events in trace.spans.items() if trace.threads[key] == thread for _, event in events]

    def stages(self, trace, order_id):
        return [event["name"] for key, events in trace.asyncs.items() if key[2] == order_id for _, event in events
                if event["ph"] == "b" and event["name"] != "order"]

    def asyncs_by_id(self, trace):
        return {key[2]: [event for _, event in events] for key, events in trace.asyncs.items()}


class Quiet(TraceTest):
    """Few orders: all is there."""

    def test_an_order_has_its_stages_and_its_rules_by_name(self):
        with Traced() as engine:
            engine.request("POST", "/orders", order("t-1"))
            trace = self.trace(engine)
        self.assertEqual(self.stages(trace, "t-1"), ["received", "queued", "running", "recording", "answering"])
        events = self.asyncs_by_id(trace)["t-1"]
        self.assertEqual([event["name"] for event in events if event["ph"] == "n"], ["answered"])
        self.assertNotIn("unfinished", events[0]["args"])
        for name in ("order", "parse", "rules", "customer", "tier", "coupon", "vat", "route"):
            self.assertEqual(len(self.spans(trace, name, order="t-1")), 1, name)
        whole, rules = self.spans(trace, "order", order="t-1")[0], self.spans(trace, "rules", order="t-1")[0]
        for name in ("customer", "tier", "coupon", "vat", "route"):
            rule = self.spans(trace, name, order="t-1")[0]
            self.assertEqual(rule["tid"], whole["tid"])
            self.assertTrue(rules["ts"] <= rule["ts"] and rule["ts"] + rule["dur"] <= rules["ts"] + rules["dur"])
        self.assertTrue(whole["ts"] <= rules["ts"])
        self.assertEqual((trace.other["orders_begun"], trace.other["orders_recorded"], trace.other["orders_cut"]), (1, 1, 0))
        self.assertEqual(trace.other["complete_from_us"], 0)
        self.assertTrue({"http-0", "worker-0", "timeline", "rules"} <= set(trace.threads.values()))
        self.assertTrue({name for _, name in trace.counters} >= {"queue high", "queue low", "orders in flight", "Lua heap bytes"})
        self.assertGreaterEqual(len(self.spans(trace, "load rules")), 1)

    def test_an_order_that_waits_is_shown_up_to_now(self):
        with Traced(rules=SLEEPY, settings={"stop.grace": "0s", "workers.count": 1}) as engine:
            engine.request("POST", "/orders", order("nap-1", nap=3600000), headers={"Prefer": "respond-async"})
            engine.wait_until(lambda: engine.stats()["waiting"] == 1, "the order to wait")
            trace = self.trace(engine)
            self.assertEqual(self.stages(trace, "nap-1"), ["received", "queued", "running", "waiting"])
            begin = self.asyncs_by_id(trace)["nap-1"][0]
            self.assertEqual(begin["args"]["unfinished"], "it goes on")
            self.assertEqual(len(self.spans(trace, "first", order="nap-1")), 1)  # until its wait
            self.assertEqual(self.spans(trace, "second", order="nap-1"), [])
            engine.stop()

    def test_a_rule_that_waits_has_a_span_before_and_one_behind(self):
        with Traced(rules=SLEEPY, settings={"workers.count": 1}) as engine:
            engine.request("POST", "/orders", order("nap-2", nap=1))
            trace = self.trace(engine)
        self.assertEqual(self.stages(trace, "nap-2"),
                         ["received", "queued", "running", "waiting", "running", "waiting", "running", "recording", "answering"])
        self.assertEqual(len(self.spans(trace, "first", order="nap-2")), 2)
        self.assertEqual(len(self.spans(trace, "second", order="nap-2")), 2)

    def test_steps_of_the_collector_are_between_orders(self):
        with Traced(rules=GARBAGE, settings={"workers.count": 1}) as engine:
            for number in range(60):
                self.assertEqual(engine.request("POST", "/orders", order(f"g-{number}")).status, 200)
            engine.request("GET", "/profile/gc?run=1")
            trace = self.trace(engine)
            done = engine.request("GET", "/profile/gc").json["workers"][0]["steps"]["count"]
        steps, orders = self.spans(trace, "Lua GC step"), self.spans(trace, "order")
        turns = self.spans(trace, "turn") + self.spans(trace, "short turns")
        self.assertTrue(5 <= len(steps) <= done, (len(steps), done))
        phases = "pause|mark|atomic|sweep strings|sweep"
        for step in steps:
            self.assertEqual(trace.threads[(step["pid"], step["tid"])], "worker-0")
            self.assertRegex(step["args"]["what"], f"^({phases})( to ({phases}))?$")
            end = step["ts"] + step["dur"]
            self.assertFalse([one for one in orders if one["ts"] < end and step["ts"] < one["ts"] + one["dur"]], step)
            self.assertTrue([one for one in turns if one["ts"] <= step["ts"] and end <= one["ts"] + one["dur"]], step)
        self.assertEqual(len(self.spans(trace, "full Lua GC")), 1)

    def test_a_rule_that_breaks_ends_its_span(self):
        with Traced(rules=BROKEN) as engine:
            answer = engine.request("POST", "/orders", order("broken-1"))
            self.assertEqual(answer.json["decision"], "held")
            trace = self.trace(engine)
        self.assertEqual(len(self.spans(trace, "broken", order="broken-1")), 1)

    def test_each_second_order_has_its_rules_until_they_are_compiled_and_then_all_have(self):
        with Traced(settings={"workers.count": 1}) as engine:
            engine.batch([order(f"cold-{number}") for number in range(10)])
            trace = self.trace(engine)
            self.assertEqual(len(self.spans(trace, "rules")), 10)
            self.assertEqual(len(self.spans(trace, "vat")), 5)
            engine.batch([order(f"warm-{number}") for number in range(2000)])
            hot, sent = [], 0
            while not hot and sent < 20000:  # behind so many, each order has a small chance to be recorded
                engine.batch([order(f"hot-{sent + number}") for number in range(500)])
                sent += 500
                trace = self.trace(engine)
                hot = [event for event in self.spans(trace, "rules") if event["args"]["order"].startswith("hot")]
            rules = [event for event in self.spans(trace, "vat") if event["args"]["order"].startswith("hot")]
            self.assertEqual(len(hot), len(rules))
            self.assertGreater(len(hot), 0)

    def test_an_id_that_comes_again_has_a_track_of_its_own(self):
        with Traced() as engine:
            for _ in range(3):
                engine.request("POST", "/orders", order("again"))
            trace = self.trace(engine)
        self.assertEqual({key[2] for key in trace.asyncs}, {"again", "again (2)", "again (3)"})

    def test_lines_of_a_batch_and_later_attempts(self):
        rule = ('local left = 2\nreturn { name = "retry", about = "Once more.", apply = function(order, decide) '
                'if order.again and left > 0 then left = left - 1; decide:retry(1, "later") end end }\n')
        with Traced(rules={"rules/10_retry.lua": rule}, settings={"workers.count": 1}) as engine:
            engine.batch([order("line-1"), order("line-2", again=True), {"id": "line-3"}])
            engine.wait_until(lambda: engine.request("GET", "/orders/line-2").json["status"] == "done", "the third attempt")
            trace = self.trace(engine)
        self.assertEqual({key[2] for key in trace.asyncs}, {"line-1", "line-2", "line-3"})
        self.assertEqual(len(self.spans(trace, "rules", order="line-2")), 3)
        self.assertEqual(self.stages(trace, "line-2").count("running"), 3)

    def test_the_compiler_says_what_it_compiled_and_what_it_gave_up(self):
        with Traced(settings={"workers.count": 1}) as engine:
            engine.batch([order(f"hot-{number}") for number in range(3000)])
            trace = self.trace(engine)
        compiled = [event["args"]["what"] for event in self.spans(trace, "JIT compile")]
        self.assertTrue(any(what.startswith("rules/") for what in compiled), compiled)
        self.assertTrue(all(", then " in what for what in compiled), compiled)
        aborted = [event["args"]["what"] for event in self.spans(trace, "JIT abort")]
        self.assertTrue(all(": " in what for what in aborted), aborted)

    def test_the_store_shows_its_commits(self):
        with Traced(settings={"store.plugin": "store_rocksdb"}) as engine:
            engine.request("POST", "/orders", order("t-1"))
            engine.wait_until(lambda: self.names(self.trace(engine), "store")[:2] == ["commit", "write and fsync"], "the commit's end")

    def test_nothing_is_recorded_without_memory(self):
        with Traced(settings={"trace.memory": 0}) as engine:
            engine.request("POST", "/orders", order("t-1"))
            text = json.loads(engine.ask("past 60"))
            self.assertEqual([event["name"] for event in text["traceEvents"]], ["process_name"])


class Slow(TraceTest):
    def test_a_slow_order_keeps_its_events(self):
        with Traced(rules=SLEEPY, settings={"trace.slow_ms": 20, "trace.slow_kept": 2}) as engine:
            engine.request("POST", "/orders", order("fast-1"))
            for name in ("slow-1", "slow-2", "slow-3"):
                engine.request("POST", "/orders", order(name, nap=30))
                engine.wait_until(lambda: name in engine.ask("slow").decode(), "the order to be saved")
            listed = json.loads(engine.ask("slow"))
            self.assertEqual(listed["slower_than_ms"], 20)
            self.assertEqual([(item["id"], item["detail"]) for item in listed["orders"]], [("slow-3", "spans"), ("slow-2", "spans")])
            self.assertGreaterEqual(listed["orders"][0]["took_ms"], 60)
            trace = self.trace(engine, "slow slow-2")
            self.assertEqual({key[2] for key in trace.asyncs}, {"slow-2"})
            self.assertEqual(len(self.spans(trace, "second", order="slow-2")), 2)
            self.assertEqual(engine.ask("slow fast-1"), b"")


class Busy(TraceTest):
    def test_two_loops_batches_sleepers_and_reloads(self):
        settings = {"http.threads": 2, "workers.count": 2, "trace.slow_ms": 50}
        with Traced(settings=settings) as engine:
            engine.write_rule("rules/95_nap.lua", SLEEPER % "nap")
            over = threading.Event()

            def change_rules():
                number = 0
                while not over.wait(0.2):
                    number += 1
                    engine.write_rule("rules/96_changing.lua",
                                      f'return {{ name = "changing", about = "Number {number}.", apply = function() end }}\n')

            def sleepers():
                number = 0
                while not over.is_set():
                    number += 1
                    engine.batch([order(f"nap-{number}-{i}", nap=i % 7) for i in range(50)])

            threads = [threading.Thread(target=change_rules), threading.Thread(target=sleepers)]
            for thread in threads:
                thread.start()
            try:
                for arguments in (("--mode", "ndjson", "--connections", "4"), ("--connections", "32"), ("--mode", "async", "--connections", "8")):
                    engine.load("--duration", f"{SECONDS}s", *arguments)
                    trace = self.trace(engine, "past 5")
                    self.assertGreater(len(trace.asyncs), 20)
                    self.assertEqual(trace.other["complete_from_us"], 0)
                    self.assert_true(trace)
            finally:
                over.set()
                for thread in threads:
                    thread.join()
            self.assertGreaterEqual(len(self.spans(trace, "load rules")), 2)
            compiled = self.spans(trace, "JIT compile") + self.spans(trace, "JIT abort")
            self.assertTrue(all(event["args"]["what"] for event in compiled))
            self.assertEqual(set(trace.threads.values()) & {"http-0", "http-1", "worker-0", "worker-1"},
                             {"http-0", "http-1", "worker-0", "worker-1"})

    def assert_true(self, trace):
        """What is shown fits together: whole orders, their spans inside of their stages, and no others."""
        by_id = self.asyncs_by_id(trace)
        for events in by_id.values():
            self.assertEqual(events[1]["name"], "received")
            stages = [event["name"] for event in events if event["ph"] == "b"][1:]
            self.assertTrue(set(stages) <= set(STAGES), stages)
            if "unfinished" not in events[0]["args"]:
                self.assertIn("running", stages)
        for events in trace.spans.values():
            for _, event in events:
                number = event["args"].get("order") if event["ph"] == "X" else None
                if number is None:
                    continue
                self.assertIn(number, by_id)
                first, last = by_id[number][0]["ts"], by_id[number][-1]["ts"]
                self.assertLessEqual(first, event["ts"])
                # The worker goes on a little with what it had to do for an order that is answered meanwhile.
                self.assertLessEqual(event["ts"], last)


if __name__ == "__main__":
    main()
