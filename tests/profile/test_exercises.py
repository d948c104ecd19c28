#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exercises of docs/profiling.md, as they are done there: the profile, opened by the client that the guide uses, has the
planted line on top, and the fix takes it away."""
import json
import re
import subprocess
import sys
import time
import unittest
import urllib.request

from lab import PATIENCE, Lab, go_top, jeprof, missing_clients, planted, run

SAMPLES = 100  # of the planted line; with these it is on top by far


def share_of(table, place):
    """What the lines of a table with that text have themselves, and all lines."""
    return sum(flat for flat, _, name in table if place in name), sum(flat for flat, _, _ in table)


class Exercise(unittest.TestCase):
    def need_heap(self, lab):
        """A build under a sanitizer has no jemalloc, so nothing samples its heap."""
        with urllib.request.urlopen(lab.url("/profile/status"), timeout=PATIENCE) as answer:
            if not json.load(answer)["heap"]["sampled"]:
                self.skipTest("there is no jemalloc here")

    def assert_top(self, table, place, column=0):
        most = max((row[column] for row in table), default=0)
        self.assertTrue(any(place in row[2] for row in table if row[column] == most), table[:10])


class HotSpot(Exercise):
    def test_cpu_profile_names_the_line(self):
        file, line = planted("hot_spot")
        with Lab("hot_spot") as lab:
            kept = {}

            def with_go(seconds):
                kept["file"] = lab.curl(f"/profile/cpu?seconds={seconds}")
                return go_top("-lines", "-sample_index=samples", kept["file"])

            table = lab.take(with_go, lambda found: share_of(found, f"{file}:{line}")[0] >= SAMPLES)
            self.assert_top(table, f"blocked_skus.is_blocked {lab.engine.scripts}/{file}:{line}")
            source = run("go", "tool", "pprof", "-list", "is_blocked", kept["file"])
            self.assertRegex(source, rf"(?m)^ +\S+ +\S+ +{line}: .*-- planted:")

            table = lab.take(lambda seconds: jeprof(f"--seconds={seconds}", lab.url("/pprof/profile")),
                             lambda found: share_of(found, f"{file}:{line}")[0] >= SAMPLES)
            self.assert_top(table, f"blocked_skus.is_blocked {file}:{line}")

            self.check_fix(lab, file)

    def check_fix(self, lab, file):
        """Verifying, as the guide does: a profile by the old rule and one by the new, and the change between them."""
        numbers = []
        for fix in (False, True):
            if fix:
                lab.fix()
            answer = lab.take(lambda seconds: lab.engine.request("GET", f"/profile/cpu?seconds={seconds}&format=text"),
                              lambda found: b"blocked_skus.apply" in found.body and b"(rules driver)" in found.body)
            numbers.append(answer.headers["x-profile-id"])
            self.assertEqual(b"blocked_skus.is_blocked" in answer.body, not fix, answer.body.decode())
        text = lab.engine.request("GET", f"/profile/diff?base={numbers[0]}&to={numbers[1]}&format=text").body.decode()
        first = text.splitlines()[text.splitlines().index(next(row for row in text.splitlines() if "flat%" in row)) + 1]
        self.assertRegex(first, rf"^ +\S+ \S+ +0 +-.*blocked_skus\.is_blocked .*{file}")


class Churn(Exercise):
    def test_allocation_profile_names_the_line(self):
        file, line = planted("churn")
        with Lab("churn") as lab:
            self.need_heap(lab)
            table = lab.take(lambda _: go_top("-lines", "-sample_index=alloc_space", lab.url("/debug/pprof/allocs")),
                             lambda found: share_of(found, file)[0] >= SAMPLES / 2)  # MB, of 512 KiB each
            self.assert_top(table, f"search_text.search_text {lab.engine.scripts}/{file}:{line}")
            table = jeprof("--alloc_space", lab.curl("/profile/memory"))
            self.assert_top(table, f"search_text.search_text {file}:{line}")

            lab.fix()
            table = lab.take(lambda seconds: go_top("-sample_index=alloc_space",
                                                    lab.curl(f"/profile/allocs?seconds={seconds}")),
                             lambda found: sum(flat for flat, _, _ in found) >= SAMPLES / 2)
            self.assertLess(share_of(table, "search_text.search_text")[0], 0.5 * share_of(table, "")[0], table[:10])


class Leak(Exercise):
    def test_growth_is_named(self):
        file, line = planted("leak")
        with Lab("leak", settings={"profiling.leaks_interval": "1s"}, environment={"MALLOC_CONF": "lg_prof_sample:14"},
                 load=("-r", "2000")) as lab:
            self.need_heap(lab)
            base = lab.curl("/profile/memory")
            table = lab.take(lambda _: jeprof(f"--base={base}", lab.curl("/profile/memory")),
                             lambda found: share_of(found, file)[0] >= SAMPLES * 16384 / 1e6)
            of_lua = [row for row in table if ".lua:" in row[2]]
            self.assert_top(of_lua, f"repeat_buyer.remember {file}:{line}")

            until = time.monotonic() + 5 * PATIENCE
            while True:
                found = lab.engine.request("GET", "/profile/leaks").json
                if found["leaks"]:
                    break
                self.assertLess(time.monotonic(), until, found)
                self.assertIsNone(lab.engine.process.poll())
                time.sleep(0.5)
            sites = [(leak["file"], leak["line"], leak.get("rule")) for leak in found["leaks"]]
            self.assertIn((f"{lab.engine.scripts}/{file}", line, "repeat_buyer"), sites)


class Blocking(Exercise):
    def test_wall_and_block_profiles_name_the_line(self):
        file, line = planted("blocking")
        with Lab("blocking", settings={"profiling.block_rate": "1ms"}) as lab:
            table = lab.take(lambda _: go_top("-lines", "-sample_index=contentions", lab.url("/debug/pprof/block")),
                             lambda found: max([row[1] for row in found], default=0) >= SAMPLES)
            of_lua = [row for row in table if ".lua:" in row[2]]
            self.assert_top(of_lua, f"stock.ask_warehouse {lab.engine.scripts}/{file}:{line}", column=1)
            table = go_top("-lines", "-sample_index=delay", lab.url("/debug/pprof/block"))
            of_lua = [row for row in table if ".lua:" in row[2]]
            self.assert_top(of_lua, f"stock.ask_warehouse {lab.engine.scripts}/{file}:{line}", column=1)
            # A moment's picture: orders that were sent together may all be between two waits.
            lab.take(lambda _: run("curl", "-sS", lab.url("/profile/goroutines?debug=1")),
                     lambda text: re.search(rf"stock\.ask_warehouse\t\S+{file}:{line}\n", text))

            lab.fix()  # `ordo load` orders what is always there
            text = lab.take(lambda seconds: lab.engine.request("GET", f"/profile/block?seconds={seconds}&format=collapsed"),
                            lambda found: b"(commit wait)" in found.body).body.decode()
            self.assertNotIn("stock.ask_warehouse", text)

    def test_few_places_make_orders_wait_in_the_queue(self):
        settings = {"profiling.block_rate": "1ms", "workers.count": 1, "workers.max_in_flight": 2}
        with Lab("blocking", settings=settings, load=("-c", "32")) as lab:
            table = lab.take(lambda _: go_top("-sample_index=delay", lab.url("/debug/pprof/block")),
                             lambda found: share_of(found, "(queue wait")[0] >= 1)
            queue, whole = share_of(table, "(queue wait")
            self.assertGreater(queue, whole / 2, table)  # 30 of 32 stand in the queue


class Lock(Exercise):
    def test_mutex_profile_names_the_lock(self):
        settings = {"profiling.mutex_rate": "1us", "workers.count": 4}
        with Lab("lock", settings=settings, load=("-c", "32")) as lab:
            watching = subprocess.Popen(["curl", "-sN", lab.url("/events?types=decision")], stdout=subprocess.DEVNULL)
            try:
                table = lab.take(lambda _: go_top("-tagfocus=lock=ordo__events", "-sample_index=contentions",
                                                  lab.url("/debug/pprof/mutex")),
                                 lambda found: share_of(found, "")[0] >= SAMPLES / 4)
            finally:
                watching.terminate()
                watching.wait()
            self.assertTrue(any(name.startswith("ordo__events_deliver") or name.startswith("fill") or "hear" in name
                                for _, _, name in table), table)
            traces = run("go", "tool", "pprof", "-tags", "-sample_index=delay", lab.url("/debug/pprof/mutex"))
            self.assertRegex(traces, r"lock: .*\n +\S+ +\( *\S+%\): ordo__events feed")


if __name__ == "__main__":
    if missing_clients():
        sys.exit(f"not there: {', '.join(missing_clients())}; ./dev packages installs them")
    unittest.main(verbosity=2)
