#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Collapsed stacks, speedscope's JSON and the top tables, read as their readers read them."""
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ORDO_BUILD", ROOT / "build"))


def write(content, form):
    return subprocess.run([BUILD / "tests/profile/write_profile", content, form, "/src"], capture_output=True,
                          check=True).stdout.decode()


class Collapsed(unittest.TestCase):
    def read(self, content):
        """As flamegraph.pl: the last number of a line, after space; the rest by ';'."""
        stacks = {}
        for line in write(content, "collapsed").splitlines():
            match = re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", line)
            self.assertIsNotNone(match, line)
            stack = tuple(match.group(1).split(";"))
            self.assertTrue(all(name == name.strip() and name != "" for name in stack), line)
            self.assertNotIn(stack, stacks)
            stacks[stack] = int(match.group(2))
        return stacks

    def test_stacks(self):
        self.assertEqual(self.read("cpu"), {
            ("ordo_worker_main", "run_rules", "coupon.apply"): 500000000,
            ("ordo_worker_main", "run_rules", "coupon.apply", "lj_str_find"): 250000000,
            ("ordo_worker_main", "ordo_json_parse", "parse_number"): 150000000,
            ("ordo_worker_main", "store_commit",
             "rocksdb::DBImpl::Write(rocksdb::WriteOptions const&, rocksdb::WriteBatch*)", "write"): 50000000,
            ("ordo_worker_main", "(queue wait)"): 30000000,
            ("ordo_worker_main", "a<b> \"x\" & 'y': </script> ]]> \u00fc \U0001f600"): 20000000,
        })

    def test_the_value_that_is_shown(self):
        self.assertEqual(sum(self.read("heap").values()), 6400 + 3072)

    def test_depth_and_nothing(self):
        self.assertEqual({len(stack) for stack in self.read("deep")}, {151})
        self.assertEqual(self.read("empty"), {})


class Speedscope(unittest.TestCase):
    """The rules of speedscope's file-format-schema.json for sampled profiles."""
    UNITS = {"none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"}

    def check(self, file):
        self.assertEqual(file["$schema"], "https://www.speedscope.app/file-format-schema.json")
        self.assertLessEqual(set(file), {"$schema", "exporter", "name", "activeProfileIndex", "shared", "profiles"})
        self.assertIn(file["activeProfileIndex"], range(len(file["profiles"])))
        frames = file["shared"]["frames"]
        for frame in frames:
            self.assertLessEqual(set(frame), {"name", "file", "line", "col"})
            self.assertIsInstance(frame["name"], str)
            self.assertGreater(frame.get("line", 1), 0)
        self.assertEqual(len({json.dumps(frame) for frame in frames}), len(frames))
        for profile in file["profiles"]:
            self.assertEqual(set(profile), {"type", "name", "unit", "startValue", "endValue", "samples", "weights"})
            self.assertEqual(profile["type"], "sampled")
            self.assertIn(profile["unit"], self.UNITS)
            self.assertEqual(len(profile["samples"]), len(profile["weights"]))
            self.assertTrue(all(weight > 0 for weight in profile["weights"]))
            self.assertEqual(profile["startValue"], 0)
            self.assertEqual(profile["endValue"], sum(profile["weights"]))
            self.assertTrue(all(0 <= frame < len(frames) for sample in profile["samples"] for frame in sample))

    def test_it_keeps_the_schema(self):
        for content in ("cpu", "heap", "deep", "wide", "empty"):
            with self.subTest(content):
                self.check(json.loads(write(content, "speedscope")))

    def test_content(self):
        file = json.loads(write("cpu", "speedscope"))
        cpu = file["profiles"][file["activeProfileIndex"]]
        self.assertEqual((file["name"], cpu["name"], cpu["unit"]), ("title <&\"'> of a profile", "cpu", "nanoseconds"))
        self.assertEqual(cpu["weights"][1], 250000000)
        frames = [file["shared"]["frames"][number] for number in cpu["samples"][1]]
        self.assertEqual([frame["name"] for frame in frames], ["ordo_worker_main", "run_rules", "coupon.apply", "lj_str_find"])
        self.assertEqual(frames[2], {"name": "coupon.apply", "file": "/src/tests/profile/known.lua", "line": 11})
        self.assertEqual(frames[3]["file"], "/usr/bin/ordo")

    def test_each_value_has_its_profile(self):
        profiles = json.loads(write("heap", "speedscope"))["profiles"]
        self.assertEqual([(profile["name"], profile["unit"], profile["endValue"]) for profile in profiles],
                         [("alloc_objects", "none", 1013), ("alloc_space", "bytes", 10552832), ("inuse_objects", "none", 103),
                          ("inuse_space", "bytes", 9472)])


class Top(unittest.TestCase):
    def test_table(self):
        lines = write("cpu", "top").splitlines()
        self.assertEqual(lines[:5], [
            "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z",
            "samples dropped: 0",
            "11 of 11 functions",
            "       flat    flat%     sum%        cum     cum%  kind     function  at",
            "     500 ms   50.00%   50.00%     750 ms   75.00%  lua      coupon.apply  /src/tests/profile/known.lua:7",
        ])
        self.assertEqual(lines[5], "     250 ms   25.00%   75.00%     250 ms   25.00%  runtime  lj_str_find")
        self.assertEqual(lines[10], "          0    0.00%  100.00%        1 s  100.00%  engine   ordo_worker_main  "
                                    "/src/engine/worker/worker.c:30")
        self.assertEqual(len(lines), 4 + 11)

    def test_most(self):
        lines = write("wide", "top").splitlines()
        self.assertEqual(lines[1], "20 of 2003 functions")
        self.assertEqual(len(lines), 3 + 20)

    def test_nothing(self):
        self.assertEqual(write("empty", "top").splitlines()[:2], ["cpu: 0", "0 of 0 functions"])

    def test_difference(self):
        lines = write("cpu", "top-diff").splitlines()
        self.assertEqual(lines[0], "cpu an order: 900 \u00b5s before, 500 \u00b5s after (-44.44%)")
        self.assertEqual(lines[3], "     400 \u00b5s          0    -400 \u00b5s  -44.44%     400 \u00b5s          0    -400 \u00b5s"
                                   "  engine   old_parse  /src/engine/base/json_read.cc:60")
        self.assertEqual(lines[4], "     100 \u00b5s     250 \u00b5s    +150 \u00b5s   16.67%     350 \u00b5s     375 \u00b5s     +25 \u00b5s"
                                   "  lua      coupon.apply  /src/tests/profile/known.lua:7")
        self.assertEqual(len(lines), 3 + 12)


if __name__ == "__main__":
    unittest.main(verbosity=2)
