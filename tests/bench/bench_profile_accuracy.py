#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How far CPU profiles are off on rule sets whose shares are known, and how many samples are not known at all.

  bench_profile_accuracy.py BUILD_FOLDER [--samples 10000] [--hz 1000] [--sets split_75_25,…]

Takes profiles under load until each group of functions has that many samples. The table goes to standard output as Markdown.
"""
import argparse
import os
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "profile"))
from accuracy import SETS, Counts  # noqa: E402
from bench_engine import MEMORY, Engine  # noqa: E402


def measure(build, folder, hz, samples):
    counts = Counts()
    with Engine(build, *MEMORY, "workers.count=1", scripts=f"examples/profiling/{folder}") as engine:
        load = subprocess.Popen([os.path.join(build, "ordo"), "load", "-q", "-c", "4", "-d", "1h", engine.url],
                                stdout=subprocess.DEVNULL)
        try:
            while not counts.enough(SETS[folder], samples):
                counts.add(urllib.request.urlopen(f"{engine.url}/profile/cpu?seconds=5&hz={hz}").read())
        finally:
            load.terminate()
            load.wait()
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--hz", type=int, default=1000)
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()

    print("| rule set | function | known | measured | off by, points | samples | unknown |\n|---|---|---|---|---|---|---|")
    for folder in options.sets.split(","):
        counts = measure(os.path.abspath(options.build), folder, options.hz, options.samples)
        for known in SETS[folder]:
            found, total = counts.shares(known)
            for name, points in known.items():
                print(f"| {folder} | {name} | {points} % | {found[name]:.1f} % | {found[name] - points:+.1f} | {total} | "
                      f"{100 * counts.unknown / counts.in_lua:.2f} % |", flush=True)
        print(folder, counts.functions, counts.states, f"no lines {counts.without_lines}, no names {counts.without_names}",
              file=sys.stderr)


if __name__ == "__main__":
    main()
