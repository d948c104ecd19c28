#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Heap profiles of a process with known amounts, opened by Debian's jeprof and by go tool pprof."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

WRITER = sys.argv.pop(1)
JEPROF = shutil.which("jeprof")
GO = shutil.which("go")
RATE = 4096
LINE = "rules/30_coupon.lua"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def shares(table):
    """Of `jeprof --text`: the name of a function to its own and its total megabytes."""
    found = {}
    for line in table.splitlines():
        match = re.match(r"\s*(-?[\d.]+)\s+-?[\d.]+%\s+-?[\d.]+%\s+(-?[\d.]+)\s+-?[\d.]+%\s+(.+)$", line)
        if match:
            found[match.group(3)] = (float(match.group(1)), float(match.group(2)))
    return found


@unittest.skipIf(JEPROF is None, "jeprof is not installed; its package is libjemalloc-dev")
class Jeprof(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="ordo-heap-")
        done = subprocess.run([WRITER, cls.folder], capture_output=True, text=True,
                              env={**os.environ, "MALLOC_CONF": "lg_prof_sample:12"})
        if done.returncode == 77:
            raise unittest.SkipTest(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        cls.by_c, cls.by_lua = (int(word) / 1e6 for word in done.stdout.split())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def file(self, name):
        return f"{self.folder}/{name}"

    def assert_near(self, found, megabytes, size):
        """Within 4.5 standard errors of sampling blocks of `size` bytes."""
        seen = 1 - 2.718281828 ** (-size / RATE)
        error = (megabytes * 1e6 / size * (1 - seen) / seen) ** 0.5 * size / 1e6
        self.assertLess(abs(found - megabytes), 4.5 * error + 0.1)

    def lua(self, found):
        """The total of the one line of Lua that allocates, which must be there by name."""
        names = [name for name in found if LINE in name]
        self.assertTrue(names, found)
        return sum(found[name][0] for name in names)

    def test_named_dump_shows_lua_and_c_as_it_comes(self):
        found = shares(run(JEPROF, "--text", self.file("full.heap")))
        self.assert_near(found["heap_load_c"][0], self.by_c, 256)
        self.assert_near(self.lua(found), self.by_lua, 96)

    def test_base_leaves_the_change(self):
        found = shares(run(JEPROF, "--text", "--base", self.file("base.heap"), self.file("full.heap")))
        self.assert_near(found["heap_load_c"][0], self.by_c, 256)
        self.assert_near(self.lua(found), self.by_lua, 96)
        none = shares(run(JEPROF, "--text", "--base", self.file("full.heap"), self.file("full.heap")))
        self.assertEqual({name: share for name, share in none.items() if share[1] >= 0.1}, {})

    def test_raw_dump_opens_with_the_program(self):
        found = shares(run(JEPROF, "--text", WRITER, self.file("full.raw")))
        self.assert_near(found["heap_load_c"][0], self.by_c, 256)

    def test_collapsed_goes_from_main_through_lua(self):
        lines = [line for line in run(JEPROF, "--collapsed", self.file("full.heap")).splitlines() if LINE in line]
        self.assertTrue(lines)
        self.assertTrue(any(re.search(r"(^|;)main;heap_load_lua;[^;]*" + LINE, line) for line in lines), lines)

    @unittest.skipIf(GO is None, "go is not installed; its package is golang-go")
    def test_go_tool_pprof_shows_both(self):
        for index in ("inuse_space", "alloc_space"):
            for name in ("full.pb.gz", "change.pb.gz"):
                table = run(GO, "tool", "pprof", "-top", "-unit=mb", "-lines", f"-sample_index={index}", self.file(name))
                found = {row[5]: float(row[0].removesuffix("MB")) * 1048576 / 1e6
                         for row in (line.split(None, 5) for line in table.splitlines())
                         if len(row) == 6 and row[1].endswith("%")}
                by_c = sum(value for place, value in found.items() if place.startswith("heap_load_c "))
                by_lua = sum(value for place, value in found.items() if LINE in place)
                self.assert_near(by_c, self.by_c, 256)
                self.assert_near(by_lua, self.by_lua, 96)


if __name__ == "__main__":
    unittest.main()
