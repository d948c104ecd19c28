#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pprof files, opened by `go tool pprof` and by `protoc --decode`. Exit 77 (skipped) where these are not installed."""
import copy
import gzip
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import pprof_check

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ORDO_BUILD", ROOT / "build"))
SCHEMA = ROOT / "engine" / "profile" / "profile.proto"


def write(content, form="pprof"):
    return subprocess.run([BUILD / "tests/profile/write_profile", content, form, ROOT], capture_output=True, check=True).stdout


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content):
        path = self.folder / f"{content}.pb.gz"
        path.write_bytes(write(content))
        return path

    def pprof(self, *arguments):
        done = subprocess.run(["go", "tool", "pprof", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOME": str(self.folder), "PPROF_TMPDIR": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class GoToolPprof(Folder):
    def rows(self, text):
        """flat and cum by function."""
        return {name.replace(" (inline)", ""): (flat, cum)
                for flat, cum, name in re.findall(r"^ *(\S+) +\S+% +\S+% +(\S+) +\S+%  (.+)$", text, re.M)}

    def test_top(self):
        text = self.pprof("-top", self.file("cpu"))
        self.assertIn("File: ordo\nsamples dropped: 0\nType: cpu\nTime: Nov 26, 2025", text)
        self.assertIn("Duration: 1.50s, Total samples = 1000ms (66.67%)", text)
        rows = self.rows(text)
        self.assertEqual(rows["coupon.apply"], ("500ms", "750ms"))
        self.assertEqual(rows["lj_str_find"], ("250ms", "250ms"))
        self.assertEqual(rows["parse_number"], ("150ms", "150ms"))
        self.assertEqual(rows["(queue wait)"], ("30ms", "30ms"))
        self.assertEqual(rows["ordo_worker_main"], ("0", "1000ms"))
        self.assertIn("parse_number (inline)", text)

    def test_the_other_value(self):
        self.assertEqual(self.rows(self.pprof("-top", "-sample_index=samples", self.file("cpu")))["coupon.apply"], ("50", "75"))

    def test_heap(self):
        path = self.file("heap")
        text = self.pprof("-top", path)
        self.assertIn("Type: inuse_space", text)
        self.assertEqual(self.rows(text)["coupon.apply"], ("6.25kB", "6.25kB"))
        self.assertEqual(self.rows(self.pprof("-top", "-alloc_space", path))["lj_str_find"], ("10MB", "10MB"))
        self.assertEqual(self.rows(self.pprof("-top", "-inuse_objects", path))["coupon.apply"], ("100", "100"))

    def test_tags(self):
        path = self.file("cpu")
        text = self.pprof("-tags", path)
        self.assertRegex(text, r"rule: Total 750.0ms\n +750.0ms \(  100%\): coupon\n")
        self.assertRegex(text, r"worker: Total 1.0s\n +800.0ms \(80.00%\): 0\n +200.0ms \(20.00%\): 1\n")
        rows = self.rows(self.pprof("-top", "-tagfocus=rule=coupon", path))
        self.assertEqual(rows["coupon.apply"], ("500ms", "750ms"))
        self.assertNotIn("parse_number", rows)
        # pprof takes a number for a range of numeric labels, so a text of digits needs a pattern.
        self.assertEqual(self.rows(self.pprof("-top", "-tagfocus=worker=^1$", path))["parse_number"], ("150ms", "150ms"))

    def test_lines(self):
        rows = self.rows(self.pprof("-top", "-lines", self.file("cpu")))
        self.assertEqual(rows[f"coupon.apply {ROOT}/tests/profile/known.lua:7"], ("500ms", "500ms"))
        self.assertEqual(rows[f"coupon.apply {ROOT}/tests/profile/known.lua:11"], ("0", "250ms"))

    def test_source(self):
        text = self.pprof("-list", "coupon.apply", self.file("cpu"))
        self.assertRegex(text, r"500ms +500ms +7: +for i = 1, 1000 do")
        self.assertRegex(text, r"\. +250ms +11: +if order.coupon:find\(word\) then")
        self.assertRegex(text, r"500ms +750ms \(flat, cum\) 75.00% of Total")

    def test_raw(self):
        text = self.pprof("-raw", self.file("cpu"))
        self.assertIn("PeriodType: cpu nanoseconds\nPeriod: 10000000\n", text)
        self.assertIn("samples/count cpu/nanoseconds[dflt]\n", text)
        self.assertRegex(text, r"25  250000000: 4 5 2 3 \n +rule:\[coupon\] worker:\[0\]\n")
        self.assertRegex(text, r"0x400400 M=1 parse_number \S+json_read.cc:12 s=8\n +ordo_json_parse \S+:40 s=35\n")
        self.assertIn("1: 0x400000/0x501000/0x0 /usr/bin/ordo  [FN][FL][LN][IN]", text)

    def test_difference(self):
        rows = self.rows(self.pprof("-top", "-diff_base", self.file("before"), self.file("cpu")))
        self.assertEqual(rows["coupon.apply"], ("400ms", "400ms"))
        self.assertEqual(rows["old_parse"], ("-400ms", "-400ms"))

    def test_what_pprof_writes_can_be_read_by_pprof(self):
        path = self.folder / "merged.pb.gz"
        self.pprof("-proto", "-output", path, self.file("cpu"), self.file("cpu"))
        self.assertEqual(self.rows(self.pprof("-top", path))["coupon.apply"], ("1000ms", "1500ms"))

    def test_from_a_server_one_request_is_all(self):
        """Nobody asks for symbols, since all mappings say that they have them."""
        for content, name in (("cpu", "coupon.apply"), ("deep", "leaf_0")):
            data, seen = write(content), []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    seen.append(("GET", self.path))
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(data)

                def do_POST(self):
                    seen.append(("POST", self.path))
                    self.send_error(404)

                def log_message(self, *_):
                    pass

            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
                thread = threading.Thread(target=server.serve_forever)
                thread.start()
                try:
                    text = self.pprof("-top", f"http://127.0.0.1:{server.server_port}/debug/pprof/heap")
                finally:
                    server.shutdown()
                    thread.join()
            self.assertIn(name, text)
            self.assertEqual(seen, [("GET", "/debug/pprof/heap")])


class Rules(Folder):
    CONTENTS = ("cpu", "before", "heap", "deep", "wide", "empty")

    def test_every_profile_keeps_them(self):
        for content in self.CONTENTS:
            with self.subTest(content):
                self.assertEqual(pprof_check.faults(pprof_check.decode(write(content), SCHEMA)), [])

    def test_texts_arrive_as_they_are(self):
        texts = pprof_check.decode(write("cpu"), SCHEMA)["string_table"]
        self.assertIn("a<b> \"x\" & 'y'; </script> ]]> \u00fc \U0001f600", texts)

    def test_the_check_sees_faults(self):
        good = pprof_check.decode(write("cpu"), SCHEMA)
        far = len(good["string_table"])

        def spoiled(change):
            profile = copy.deepcopy(good)
            change(profile)
            return pprof_check.faults(profile)

        for change, expected in (
                (lambda p: p["string_table"].insert(0, "x"), "string_table[0] is not empty"),
                (lambda p: p["string_table"].append("cpu"), "a text stands twice in string_table"),
                (lambda p: p["function"][0].update(name=[far]), "function 1: name is no text"),
                (lambda p: p["location"].reverse(), "ids of location do not count from 1"),
                (lambda p: p["mapping"][0].update(id=[9]), "ids of mapping do not count from 1"),
                (lambda p: p["mapping"][0].update(memory_limit=[0]), "mapping 1 is empty"),
                (lambda p: p["mapping"][2].pop("has_functions"), "mapping 3 lets tools look for symbols"),
                (lambda p: p["location"][2].update(address=[1]), "location 3 is not in its mapping"),
                (lambda p: p["location"][2].update(mapping_id=[6]), "location 3 is of no mapping"),
                (lambda p: p["location"][0].pop("line"), "location 1 has no line"),
                (lambda p: p["location"][0]["line"][0].update(function_id=[13]), "location 1 is of no function"),
                (lambda p: p["sample"][0]["value"].pop(), "sample 0 has not one value a type"),
                (lambda p: p["sample"][1]["location_id"].append(0), "sample 1 has no such location"),
                (lambda p: p["sample"][1]["label"][0].update(str=[far]), "sample 1: str is no text"),
                (lambda p: p["sample"][1]["label"][0].update(num=[1]), "sample 1 has a label that is no text"),
                (lambda p: p.update(default_sample_type=[0]), "default_sample_type is no sample_type"),
                (lambda p: p.update(sample_type=[]), "no sample_type"),
                (lambda p: p["comment"].append(-1), "comment 1 is no text")):
            found = spoiled(change)
            self.assertTrue(any(fault.startswith(expected) for fault in found), f"{expected}: {found}")

    def test_a_file_is_a_gzip_file(self):
        self.assertEqual(write("cpu")[:2], b"\x1f\x8b")
        self.assertGreater(len(gzip.decompress(write("cpu"))), 500)


if __name__ == "__main__":
    for program in ("go", "protoc"):
        if shutil.which(program) is None:
            print(f"{program} is not installed; `./dev packages` brings it")
            sys.exit(77)
    unittest.main(verbosity=2)
