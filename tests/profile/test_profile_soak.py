#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes every profile in turn, for as long as PROFILE_SOAK_SECONDS says (10), while orders come and rules are edited.

No order fails, no profile is refused, nothing crashes, and nothing grows: threads and open files are as many at the end as
they were, and so is memory once a run is long enough to tell (from two minutes on). PROFILE_SOAK_SEED gives the same order
of profiles again.
"""
import json
import os
import random
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from harness import ORDO, Engine, main  # noqa: E402

SECONDS = float(os.environ.get("PROFILE_SOAK_SECONDS", "10"))
SEED = int(os.environ.get("PROFILE_SOAK_SEED", str(random.randrange(1 << 30))))
RATE = int(os.environ.get("PROFILE_SOAK_RATE", "1000"))
WARM = 2 / 5  # of a run, before what is there is counted
LONG = 120
GROWTH = 1.2
MIB = 1 << 20

# Loops, text, tables, waits, an error now and then; the number is what an edit changes.
RULE = """-- SPDX-License-Identifier: MIT
local EDIT = {edit}
local seen = {{}}
return {{
  name = "mixed",
  apply = function(order, decide, ctx)
    local sum, words = 0, {{}}
    for i = 1, 300 do sum = (sum + i * 7) % 1000003 end
    for i = 1, 20 do words[i] = tostring(sum + i) .. order.id end
    table.sort(words)
    seen[#seen % 100 + 1] = words
    decide:set("edit", EDIT)
    decide:note(table.concat(words, " "):upper():sub(1, 40))
    if sum % 10 == 0 then ctx.sleep(5) end
    local ok = pcall(error, "not told")
    if not ok then decide:set("caught", true) end
  end,
}}
"""
SETTINGS = {
    "log.level": "warn",
    "rules.jit": os.environ.get("PROFILE_SOAK_JIT", "on") == "on",
    "sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}],
    "store": {"plugin": "store_rocksdb", "cache": "8MiB", "write_buffer": "8MiB", "keep_orders": 10000},
    "profiling.continuous": True,
    "profiling.interval": "5s",
    "profiling.leaks_interval": "5s",
    "profiling.history_bytes": "4MiB",
    "profiling.block_rate": "100us",
    "profiling.mutex_rate": "1us",
    "trace.slow_ms": 20,
}

FORMATS = ("pprof", "collapsed", "speedscope", "svg", "text")
OF_TIME = [
    *(f"/profile/cpu?duration=300ms&hz=1000&format={format}" for format in FORMATS),
    "/profile/cpu?seconds=0.5&mode=wall&hz=500", "/profile/cpu?seconds=0.3&rule=mixed&format=text",
    "/profile/cpu?seconds=0.3&priority=high", "/profile/cpu?seconds=0.3&min_ms=1",
    "/debug/pprof/profile?seconds=0.3", "/pprof/profile?seconds=0.3",
    *(f"/profile/{kind}?rate=1us&seconds=0.2&format={format}" for kind in ("block", "mutex") for format in FORMATS),
    "/debug/pprof/block?debug=1", "/debug/pprof/mutex", "/pprof/contention",
    "/profile/goroutines", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2",
    "/profile/trace?seconds=0.3", "/profile/trace?last=2s",
    "/profile/gc", "/profile/gc?run=1", "/profile/jit", "/profile/jit?format=perfmap",
    "/profile/history", "/profile/status", "/profile/", "/debug/pprof/", "/debug/pprof/cmdline", "/pprof/symbol", "/metrics",
]
OF_MEMORY = [
    *(f"/profile/memory?format={format}" for format in (*FORMATS, "raw", "symbolized")),
    "/profile/memory?gc=0", "/profile/memory?seconds=0.3", "/profile/memory?peak=1",
    "/profile/allocs", "/debug/pprof/heap", "/debug/pprof/allocs", "/pprof/heap", "/profile/leaks", "/profile/leaks?format=text",
]


class Reloader(threading.Thread):
    """Edits the rule, and has it loaded, until it is ended."""

    def __init__(self, engine):
        super().__init__()
        self.engine = engine
        self.over = threading.Event()
        self.edits = 0
        self.refused = []

    def run(self):
        while not self.over.wait(0.5):
            self.edits += 1
            self.engine.write_rule("rules/10_mixed.lua", RULE.format(edit=self.edits))
            answer = self.engine.request("POST", "/rules/reload")
            if answer.status != 200:
                self.refused.append(answer)


class Soak(unittest.TestCase):
    def counted(self, engine):
        """What must not grow, behind a collection: threads, open files, bytes."""
        process = f"/proc/{engine.process.pid}"
        gc = engine.request("GET", "/profile/gc?run=1").json
        with open(f"{process}/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {
            "threads": len(os.listdir(f"{process}/task")),
            "files": self.open_files(f"{process}/fd"),
            "lua": sum(worker["bytes"] for worker in gc["workers"]),
            "allocated": gc["jemalloc"]["allocated"] if self.has_heap else 0,
            "resident": resident,
        }

    def open_files(self, folder):
        """Without those of the store, which are as many as its orders need."""
        count = 0
        for name in os.listdir(folder):
            try:
                count += not os.readlink(os.path.join(folder, name)).endswith(".sst")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def take(self, engine, path):
        answer = engine.request("GET", path)
        self.assertEqual(answer.status, 200, f"{path}: {answer}")
        return answer

    def take_kept(self, engine, chance):
        """One from the history, unless it makes room meanwhile; and what has changed since another."""
        kept = [entry for entry in engine.request("GET", "/profile/history").json["profiles"] if entry["kind"] == "cpu"]
        if len(kept) < 2:
            return
        first, second = (entry["id"] for entry in chance.sample(kept, 2))
        for path in (f"/profile/history/{first}?format=text", f"/profile/diff?base={first}&to={second}&format=svg"):
            answer = engine.request("GET", path)
            self.assertIn(answer.status, (200, 404), f"{path}: {answer}")

    def take_all(self, engine, seconds, warm_seconds):
        """Rounds of all of them, each in another order; what there was behind the warm-up, and the number of profiles."""
        chance = random.Random(SEED)
        begun = time.monotonic()
        taken, warm = 0, None
        paths = OF_TIME + (OF_MEMORY if self.has_heap else [])
        while warm is None or time.monotonic() - begun < seconds:
            for path in chance.sample(paths, len(paths)):
                self.take(engine, path)
                taken += 1
                if taken % 20 == 0:
                    self.take_kept(engine, chance)
            if warm is None and time.monotonic() - begun >= warm_seconds:
                warm = self.counted(engine)
        return warm, taken

    def check_growth(self, warm, end):
        """Threads and files are counted while orders come, so a connection more or less is no growth."""
        self.assertLessEqual(end["threads"], warm["threads"], (warm, end))
        self.assertLessEqual(end["files"], warm["files"] + 8, (warm, end))
        if SECONDS >= LONG:
            for what in ("lua", "allocated", "resident"):
                self.assertLessEqual(end[what], warm[what] * GROWTH + 8 * MIB, (what, warm, end))

    def test_every_profile_under_load(self):
        print(f"PROFILE_SOAK_SEED={SEED} PROFILE_SOAK_SECONDS={SECONDS:g}", flush=True)
        with Engine(rules={"rules/10_mixed.lua": RULE.format(edit=0)}, settings=SETTINGS) as engine:
            # A build with a sanitizer has no jemalloc.
            self.has_heap = engine.request("GET", "/profile/status").json["heap"]["sampled"]
            load = subprocess.Popen([ORDO, "load", "-q", "-j", "-d", "10h", "-r", str(RATE), "-c", "32", engine.url()],
                                    stdout=subprocess.PIPE, text=True)
            reloader = Reloader(engine)
            reloader.start()
            try:
                warm, taken = self.take_all(engine, SECONDS, SECONDS * WARM)
                end = self.counted(engine)
            finally:
                reloader.over.set()
                reloader.join()
                load.terminate()
                summary = json.loads(load.communicate()[0])
            print(f"{taken} profiles, {summary['orders']} orders, {reloader.edits} edits\nwarm {warm}\nend  {end}", flush=True)
            self.assertEqual(reloader.refused, [])
            self.check_growth(warm, end)
            self.assertGreater(summary["orders"], 0)
            self.assertEqual(summary["outcomes"]["accepted"], summary["orders"], summary)
            self.assertEqual((summary["errors"], summary["status"]["5xx"], summary["status"]["4xx"]),
                             ({name: 0 for name in summary["errors"]}, 0, 0), summary)


if __name__ == "__main__":
    main()
