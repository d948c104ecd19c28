#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What operators look at: statistics, metrics, health, events, the contract, rules and their reload."""
import os
import re
import shutil
import subprocess
import unittest

from harness import ROOT, main
from http_cases import an_order, Events, HttpTest


# Where ./dev packages unpacks it: the package is not installed, since it would start a server.
PROMTOOL = shutil.which("promtool", path=f"{os.environ['PATH']}:{ROOT}/.packages/prometheus/usr/bin")


class Observing(HttpTest):
    @unittest.skipIf(PROMTOOL is None, "promtool is not there; ./dev packages unpacks Debian's prometheus")
    def test_promtool_finds_nothing_wrong_with_the_metrics(self):
        self.post(an_order("prom-1"))
        self.request("GET", "/profile/cpu?duration=1s")
        text = self.request("GET", "/metrics").body
        checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=60)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))

    def test_statistics(self):
        before = self.engine.stats()
        self.post(an_order("stat-1"))
        self.post(an_order("stat-1"))
        self.post(an_order("stat-2", verdict="rejected"))
        self.post(an_order("stat-3", verdict="held"))
        self.post({"id": "stat-4"})
        after = self.engine.stats()
        grown = {name: after[name] - before[name] for name in
                 ("processed", "success", "rejected", "held", "invalid", "replayed", "errors", "received")}
        self.assertEqual(grown, {"processed": 4, "success": 1, "rejected": 1, "held": 1, "invalid": 1, "replayed": 1,
                                 "errors": 1, "received": 5})
        for name in ("processing_us", "queue_wait_us", "blocked_us", "total_us"):
            self.assertEqual(set(after[name]), {"count", "mean", "p50", "p90", "p99", "max"})
            self.assertLessEqual(after[name]["p50"], after[name]["max"])
        for name in ("high", "medium", "low"):
            self.assertEqual(set(after["queue"][name]), {"depth", "capacity", "taken", "refused", "overdue", "oldest_us"})
        for name in ("workers", "workers_busy", "in_flight", "waiting", "uptime_s", "generation", "lua_bytes",
                     "orders_per_second", "store", "connections"):
            self.assertIn(name, after)

    def test_metrics_are_well_formed(self):
        self.post(an_order("metric-1"))
        answer = self.request("GET", "/metrics")
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        typed, samples = set(), set()
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                name = line.split()[2]
                self.assertNotIn(name, typed, "TYPE twice")
                typed.add(name)
            elif not line.startswith("#"):
                self.assertRegex(line, r'^[a-z_]+(\{[^{}]*\})? [0-9.e+-]+(Inf)?$')
                sample = line.rsplit(" ", 1)[0]
                self.assertNotIn(sample, samples, "sample twice")
                samples.add(sample)
                base = re.sub(r"_(bucket|sum|count)$", "", sample.split("{")[0])
                self.assertTrue(base in typed or sample.split("{")[0] in typed, line)
        self.assertGreater(self.engine.metric('ordo_orders_total{outcome="accepted"}'), 0)
        self.assertEqual(self.engine.metric('ordo_queue_depth{class="high"}'), 0)
        self.assertGreater(self.engine.metric("ordo_uptime_seconds"), 0)

    def test_responses_are_counted_by_class(self):
        name = 'ordo_http_responses_total{{class="{}"}}'
        before = [self.engine.metric(name.format(one)) for one in ("2xx", "4xx", "5xx")]
        self.request("GET", "/nothing")
        self.request("GET", "/nothing")
        self.request("GET", "/livez")
        after = [self.engine.metric(name.format(one)) for one in ("2xx", "4xx", "5xx")]
        self.assertEqual(after[1] - before[1], 2)
        self.assertEqual(after[2] - before[2], 0)
        self.assertGreaterEqual(after[0] - before[0], 2)

    def test_health(self):
        for path in ("/healthz", "/health"):
            answer = self.request("GET", path)
            self.assertEqual((answer.status, answer.json["status"]), (200, "ok"))
            self.assertEqual(answer.json["checks"], {"queue": "ok", "rules": "ok", "store": "ok", "accepting": "ok"})
        self.assertEqual(self.request("GET", "/livez").body, b"ok\n")
        self.assertEqual(self.request("GET", "/readyz").body, b"ready\n")

    def test_the_index_lists_what_openapi_describes(self):
        index = self.request("GET", "/").body.decode()
        document = self.request("GET", "/openapi.json").json
        listed = {(method, path) for method, path in re.findall(r"^  (GET|POST|PUT|DELETE) +(/\S*)", index, re.M)}
        described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
        self.assertEqual(listed, described)
        for method, path in described - {("GET", "/events")}: # which has no end
            # Profiles that take time are told a wrong one, so that they take none.
            query = "?seconds=0" if "seconds" in str(document["paths"][path][method.lower()].get("parameters")) else ""
            answer = self.request(method, path.replace("{id}", "nobody") + query, b"" if method == "POST" else None)
            self.assertNotEqual(answer.status, 405, (method, path))

    def test_the_document_names_every_route_and_every_problem(self):
        with open(os.path.join(ROOT, "docs", "http.md"), encoding="utf-8") as file:
            text = file.read()
        document = self.request("GET", "/openapi.json").json
        described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
        self.assertEqual({(method, path) for method, path in re.findall(r"^\| `(GET|POST|PUT|DELETE) (/\S*)` \|", text, re.M)},
                         described)
        self.assertEqual(set(re.findall(r"^\| \d{3} \| `(\w+)` \|", text, re.M)),
                         set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]))

    def test_rules_and_their_reload(self):
        rules = self.request("GET", "/rules").json
        self.assertGreaterEqual(rules["generation"], 1)
        answer = self.request("POST", "/rules/reload")
        self.assertEqual((answer.status, answer.json["changed"]), (200, False))
        self.assertEqual(answer.json["identity"], rules["identity"])


class ServerSentEvents(HttpTest):
    def test_decisions_and_statistics(self):
        events = Events(self.engine)
        self.assertEqual(events.response.status, 200)
        self.assertEqual(events.response.getheader("content-type"), "text/event-stream")
        self.assertEqual(events.response.getheader("cache-control"), "no-store")
        self.post(an_order("event-1"))
        found = {}
        while len(found) < 2:
            event, data = events.next()
            found.setdefault(event, data)
        self.assertEqual(found["decision"]["id"], "event-1")
        self.assertIn("processed", found["stats"])
        events.close()

    def test_types_choose(self):
        events = Events(self.engine, "?types=decision")
        for number in range(3):
            self.post(an_order(f"choose-{number}"))
        self.assertEqual([events.next()[1]["id"] for _ in range(3)], [f"choose-{number}" for number in range(3)])
        events.close()
        events = Events(self.engine, "?types=stats")
        self.post(an_order("choose-9"))
        self.assertEqual(events.next()[0], "stats")
        events.close()
        self.assert_problem(self.request("GET", "/events?types=all"), 400, "bad_query", "decision, stats")
        self.assert_problem(self.request("GET", "/events?type=stats"), 400, "bad_query", "types")

    def test_a_slow_subscriber_loses_events_and_is_told(self):
        dropped = self.engine.metric("ordo_events_dropped_total")
        events = Events(self.engine, "?types=decision")
        total = 60000
        for at in range(0, total, 5000):
            self.engine.batch([an_order(f"slow-{number}") for number in range(at, at + 5000)])
        self.engine.wait_until(lambda: self.engine.metric("ordo_events_dropped_total") > dropped, "dropped events")
        self.post(an_order("slow-last-0"))
        got = gaps = 0
        number = 0
        while got + gaps < total + 1:
            event, data = events.next()
            if event == "gap":
                gaps += data["dropped"]
            else:
                got += 1
            if got % 200 == 0 and number < 200:  # the gap is told with the next event that finds room
                number += 1
                self.post(an_order(f"slow-more-{number}"))
                total += 1
        self.assertGreater(gaps, 0)
        events.close()

    def test_subscribers_are_counted_and_forgotten(self):
        def subscribers():
            return self.engine.metric("ordo_event_subscribers")

        self.engine.wait_until(lambda: subscribers() == 0, "those of other tests to be forgotten")
        events = [Events(self.engine) for _ in range(3)]
        self.assertEqual(subscribers(), 3)
        for one in events:
            one.close()
        self.engine.wait_until(lambda: subscribers() == 0, "them to be forgotten")

    def test_http2(self):
        out = self.engine.curl("--http2-prior-knowledge", "-N", "--max-time", "2", "URL/events?types=stats", check=False)
        self.assertIn("event: stats", out)


class BrokenRules(HttpTest):
    def test_a_refused_reload_is_422_and_the_old_rules_go_on(self):
        self.engine.write_rule("rules/20_broken.lua", "return {")
        self.assert_problem(self.request("POST", "/rules/reload"), 422, "rules_refused", "20_broken.lua")
        self.assertEqual(self.post(an_order("broken-1")).status, 200)
        os.unlink(os.path.join(self.engine.scripts, "rules/20_broken.lua"))
        self.assertEqual(self.request("POST", "/rules/reload").status, 200)


if __name__ == "__main__":
    main()
