#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The CPU profile tells known shares: within 3 points and what chance does to so many samples, and nearly all samples have a
line of Lua. tests/bench/bench_profile_accuracy.py measures it with more samples."""
import unittest

from accuracy import SETS, Counts
from lab import Lab

SAMPLES = 1500
POINTS = 3  # off, besides chance
UNKNOWN = 0.02


class Accuracy(unittest.TestCase):
    def check(self, folder):
        counts = Counts()
        with Lab(folder, settings={"workers.count": 1}, load=("-c", "4")) as lab:
            def add(seconds):
                counts.add(lab.engine.request("GET", f"/profile/cpu?seconds={seconds}&hz=1000").body)
                return counts

            lab.take(add, lambda found: found.enough(SETS[folder], SAMPLES))
        for known in SETS[folder]:
            found, total = counts.shares(known)
            for name, points in known.items():
                sigma = 100 * (points / 100 * (1 - points / 100) / total) ** 0.5
                self.assertLess(abs(found[name] - points), 4 * sigma + POINTS, (name, found, total))
        deviation = (UNKNOWN / counts.in_lua) ** 0.5
        self.assertLess(counts.unknown / counts.in_lua, UNKNOWN + 4 * deviation, vars(counts))

    def test_75_25(self):
        self.check("split_75_25")

    def test_50_30_20(self):
        self.check("split_50_30_20")

    def test_c(self):
        self.check("split_c")

    def test_coroutines(self):
        self.check("split_coroutines")


if __name__ == "__main__":
    unittest.main(verbosity=2)
