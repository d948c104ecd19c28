#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stops under load, each at a moment that a seed chooses: nothing is lost, nothing crashes.

SOAK_STOPS says how many (20), SOAK_SEED begins elsewhere; both are printed. SOAK_JIT=off runs the rules without the JIT.
Every fifth stop has too little time for its orders, every seventh gets a second signal.
"""
import os
import random
import signal
import threading
import time
import unittest

from harness import Engine, main
from stop_load import emitted, Load, RULES

STOPS = int(os.environ.get("SOAK_STOPS", "20"))
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(1 << 30))))
SETTINGS = {
    "rules.jit": os.environ.get("SOAK_JIT", "on") == "on",
    "sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}],
    "log.level": "warn",
    "http.batch_window": 100,
}


class Soak(unittest.TestCase):
    def one(self, seed, settings, second=None):
        """One engine, loaded and stopped: its exit code, its log, the load, when the signal was sent, and the ids that
        the sink took."""
        chance = random.Random(seed)
        settings = {**SETTINGS, "http.threads": chance.choice((1, 2)), "workers.count": chance.choice((1, 2, 4)),
                    "queue.medium": chance.choice((30, 10000)), **settings}
        with Engine(rules=RULES, settings=settings) as engine:
            load = Load(engine, seed, sleep_ms=chance.choice((10, 200)))
            try:
                threading.Event().wait(chance.random() * 0.8)
                at = time.monotonic()
                engine.send_signal(signal.SIGTERM)
                if second:
                    threading.Event().wait(chance.random() * 0.05)
                code, log = engine.stop(second)
            finally:
                load.end()
            return code, log, load, at, emitted(os.path.join(engine.folder, "decisions.ndjson"))

    def check(self, number, seed):
        if number % 7 == 6:
            code, log, load, _, _ = self.one(seed, {}, second=signal.SIGTERM)
            self.assertIn(code, (0, 143), log)
            return load
        short = number % 5 == 4
        code, log, load, at, taken = self.one(seed, {"stop.grace": "1ms" if short else "60s"})
        self.assertIn(code, (0, 1) if short else (0,), log)
        self.assertEqual(load.lost(at), [], log)
        self.assertEqual(load.short(), [], log)
        self.assertEqual(load.decided() - taken, set(), log)
        if not short:
            self.assertEqual(load.refused(at), [], log)
        return load

    def test_stops_under_load(self):
        print(f"SOAK_SEED={SEED} SOAK_STOPS={STOPS}", flush=True)
        for number in range(STOPS):
            with self.subTest(stop=number, seed=SEED + number):
                load = self.check(number, SEED + number)
                inside = [entry for entry in load.requests if entry[2] is not None]
                print(f"stop {number}: {len(load.requests)} requests, {len(inside)} answered", flush=True)


if __name__ == "__main__":
    main()
