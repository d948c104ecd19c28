#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What profiling costs, as a ratio of orders a second and of the engine's CPU time an order, with and without each part of it.

  bench_profile_cost.py BUILD_FOLDER [--seconds 2] [--pairs 16] [--load batch|order] [PART...]

Without and with take turns under the same load, so that what else the machine does meets both. Each pair has engines of its own: of
two that are the same, one is often some percent slower for as long as it lives. A ratio is the mean of those of the pairs, with its 95 %
confidence interval; the first row compares two engines that are the same, and says how far off the others may be. The table goes to standard output as Markdown. The client runs on the same machine: orders a second have its
work in them, CPU time has the engine's alone.
"""
import argparse
import contextlib
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request

from bench_engine import HERE, MEMORY, Engine

# 95 % of Student's t on both sides, by degrees of freedom; beyond them as for the last.
STUDENT = {3: 3.18, 5: 2.57, 7: 2.36, 9: 2.26, 11: 2.20, 15: 2.13, 19: 2.09, 23: 2.07, 31: 2.04, 63: 2.00}
TICKS = os.sysconf("SC_CLK_TCK")
WARM_SECONDS = 1  # until rules are compiled
LOADS = {"batch": ("batch.lua", 4, 1000), "order": ("order.lua", 64, 1)}


class Side:
    """An engine under load, and what is taken from it meanwhile."""

    def __init__(self, engine, path=None):
        self.engine = engine
        self.path = path

    def cpu_seconds(self):
        with open(f"/proc/{self.engine.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def slice(self, load, seconds):
        """(orders a second, CPU seconds of the engine an order)."""
        script, connections, factor = LOADS[load]
        profile = None
        if self.path:
            url = f"{self.engine.url}{self.path}&seconds={seconds + 1}"
            profile = threading.Thread(target=lambda: urllib.request.urlopen(url).read())
            profile.start()
        before = self.cpu_seconds()
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", os.path.join(HERE, script),
                              self.engine.url + "/orders"], capture_output=True, text=True, check=True).stdout
        spent = self.cpu_seconds() - before
        if profile:
            profile.join()
        if "Non-2xx" in out:
            sys.exit(out)
        orders = int(re.search(r"(\d+) requests in", out).group(1)) * factor
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)) * factor, spent / orders


def interval(ratios):
    """The geometric mean, and half the width of its confidence interval."""
    logs = [math.log(ratio) for ratio in ratios]
    freedom = len(logs) - 1
    student = STUDENT[max((known for known in STUDENT if known <= freedom), default=3)]
    mean = math.exp(statistics.mean(logs))
    return mean, mean * student * statistics.stdev(logs) / math.sqrt(len(logs))


def compare(take_pair, options):
    """Ratios of the second side to the first: orders a second, and CPU time an order."""
    rates, times = [], []
    for pair in range(options.pairs):
        with contextlib.ExitStack() as stack:
            without, other = take_pair(stack)
            for engine in {without.engine, other.engine}:
                Side(engine).slice(options.load, WARM_SECONDS)
            first, second = (without, other) if pair % 2 == 0 else (other, without)
            found = {side: side.slice(options.load, options.seconds) for side in (first, second)}
        rates.append(found[other][0] / found[without][0])
        times.append(found[other][1] / found[without][1])
        print(f"  pair {pair}: {rates[-1]:.3f} {times[-1]:.3f}", file=sys.stderr)
    return interval(rates), interval(times)


def build_without_guards(build, folder):
    """A build folder, as far as an engine needs one, whose program has no guards."""
    shutil.copy(os.path.join(build, "tests", "bench", "ordo_without_guards"), os.path.join(folder, "ordo"))
    os.symlink(os.path.join(build, "plugins"), os.path.join(folder, "plugins"))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--load", choices=LOADS, default="batch")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    windows = {"a CPU profile, 100 Hz": "/profile/cpu?hz=100", "a CPU profile, 1,000 Hz": "/profile/cpu?hz=1000"}
    rows = []

    def measure(name, take_pair):
        if not options.parts or name in options.parts:
            print(name, file=sys.stderr)
            rows.append((name, *compare(take_pair, options)))

    def engines(without, other):
        return lambda stack: (Side(stack.enter_context(without())), Side(stack.enter_context(other())))

    def window(path):
        def take_pair(stack):
            engine = stack.enter_context(whole())
            return Side(engine), Side(engine, path)
        return take_pair

    def whole():
        return Engine(build, *MEMORY)

    def without_ring(folder=build):
        return Engine(folder, *MEMORY, "trace.memory=0")

    def without_heap():
        return Engine(build, *MEMORY, environment={"MALLOC_CONF": "prof:false"})

    with tempfile.TemporaryDirectory() as folder:
        no_guards = build_without_guards(build, folder)
        measure("nothing", engines(whole, whole))
        measure("guards", engines(lambda: Engine(no_guards, *MEMORY), whole))
        measure("the flight recorder", engines(without_ring, whole))
        measure("guards and the flight recorder", engines(lambda: without_ring(no_guards), whole))
    measure("sampling of memory", engines(without_heap, whole))
    for name, path in windows.items():
        measure(name, window(path))
    print("| with it, against without | orders/s | CPU an order |\n|---|---|---|")
    for name, *figures in rows:
        print(f"| {name} | " + " | ".join(f"{mean:.3f} ± {half:.3f}" for mean, half in figures) + " |")


if __name__ == "__main__":
    main()
