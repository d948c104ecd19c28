#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sinks whose receiver is away, refuses, or comes back: nothing is lost, hardly anything repeated, and operators see it."""
import http.server
import json
import os
import re
import threading
import time
import unittest

from harness import Engine, main
from http_cases import an_order, TRY

SINK_REFUSES = "were not taken and come again"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes decisions once it listens: `room` requests, all of them while that is None; the others are answered 503."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.room = None
        self.refused = 0
        self.ids = []
        self.lock = threading.Lock()
        self.server_bind()  # connections are refused until listen()
        self.thread = None

    def listen(self):
        self.server_activate()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def __exit__(self, *arguments):
        if self.thread is not None:
            self.shutdown()
        super().__exit__(*arguments)

    def settings(self, **options):
        url = f"http://127.0.0.1:{self.server_address[1]}/"
        return {"plugin": "sink_webhook", "url": url, "dead_letter": "dead.ndjson", "backoff_min": "0s", **options}

    def take(self, body):
        with self.lock:
            if self.room == 0:
                self.refused += 1
                return 503
            if self.room is not None:
                self.room -= 1
            self.ids += [json.loads(line)["id"] for line in body.splitlines()]
            return 204


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        status = self.server.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass


class Sinks(unittest.TestCase):
    def assert_figures(self, engine, sink, **expected):
        """In /stats, and in /metrics."""
        metrics = {"backlog": "pending", "emitted": "emitted_total", "failed": "failed_total",
                   "dead_lettered": "dead_lettered_total"}
        found = engine.stats()["sinks"][sink]
        for name, value in expected.items():
            self.assertEqual(found[name], value, f"{sink}: {name}")
            if name in metrics:
                self.assertEqual(engine.metric(f'ordo_sink_{metrics[name]}{{sink="{sink}"}}'), value, name)

    def test_a_receiver_that_was_away_gets_all_of_it(self):
        with Receiver() as receiver:
            sinks = [receiver.settings(retries=1), {"plugin": "sink_file", "name": "file", "path": "out.ndjson"}]
            begun = time.monotonic()
            with Engine(rules=TRY, settings={"sinks": sinks}) as engine:
                ids = [f"away-{number}" for number in range(8)]
                for order_id in ids:
                    self.assertEqual(engine.post(an_order(order_id)).status, 200)
                engine.wait_until(lambda: engine.metric("ordo_sink_retries_total") >= 4, "attempts in vain")
                self.assertEqual(engine.metric("ordo_sink_backlog"), 8)
                self.assertEqual(engine.request("GET", "/readyz").status, 200)
                self.assert_figures(engine, "sink_webhook", backlog=8, emitted=0, dead_lettered=0)
                self.assert_figures(engine, "file", backlog=0, emitted=8, failed=0, dead_lettered=0, oldest_ms=0)
                waits = engine.stats()["sinks"]["sink_webhook"]
                self.assertGreaterEqual(waits["failed"], 4)
                self.assertLessEqual(waits["oldest_ms"], (time.monotonic() - begun) * 1000 + 1)
                engine.wait_until(lambda: engine.metric('ordo_sink_oldest_seconds{sink="sink_webhook"}') > 1, "an age")
                lines = [line for line in engine.log.splitlines() if SINK_REFUSES in line]
                # However slow the machine: one at once, then one for each second that passed.
                self.assertLessEqual(len(lines), 1 + int(time.monotonic() - begun), lines)
                self.assertIn("no answer at attempt 1, it goes on trying: ", lines[0])
                receiver.listen()
                engine.wait_until(lambda: engine.metric("ordo_sink_backlog") == 0, "the decisions to be taken")
                self.assertEqual(receiver.ids, ids)
                self.assertEqual(engine.metric("ordo_sink_decisions_total"), 16)
                self.assert_figures(engine, "sink_webhook", backlog=0, emitted=8, dead_lettered=0, oldest_ms=0)
                again = r"info  sink_webhook: takes decisions again, after \d+ failed attempts in \d+\.\d s\n"
                engine.wait_until(lambda: re.search(again, engine.log), "the log to say so")
                self.assertEqual(len(re.findall(again, engine.log)), 1)
                self.assertEqual(os.path.getsize(os.path.join(engine.folder, "dead.ndjson")), 0)

    def test_a_stop_inside_of_a_batch_repeats_nothing_that_was_taken(self):
        with Receiver() as receiver:
            receiver.room = 7
            receiver.listen()
            with Engine(rules=TRY, settings={"sinks": [receiver.settings(batch=10, retries=1000)]}) as engine:
                ids = [f"stop-{number}" for number in range(200)]
                self.assertEqual(engine.batch([an_order(order_id) for order_id in ids]).status, 200)
                engine.wait_until(lambda: receiver.refused > 0, "a refusal")
                self.assertEqual(engine.metric("ordo_sink_decisions_total"), len(receiver.ids))
                self.assertEqual(engine.metric("ordo_sink_backlog"), 200 - len(receiver.ids))
                self.assertEqual(engine.stop()[0], 0)
                receiver.room = None
                engine.restart()
                engine.wait_until(lambda: engine.metric("ordo_sink_backlog") == 0, "the rest to be taken")
                self.assertEqual(sorted(receiver.ids), sorted(ids))


if __name__ == "__main__":
    main()
