#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Profiles of addresses, and their names, opened by Debian's jeprof and by go tool pprof, from files and from a server."""
import http.server
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

WRITER = sys.argv.pop(1)
JEPROF = shutil.which("jeprof")
GO = shutil.which("go")
COUPON = "coupon.apply rules/20_coupon.lua:12"
RATES = "rates.share lib/rates.lua:4"
CALLER = "coupon.apply rules/20_coupon.lua:13"
RULE = """-- coupon: an example.
local rates = require "rates"

return {
  name = "coupon",



  -- the function begins in line 10
  apply = function(order, decide)
    if not order.coupon then return end
    decide:note("the line that the profile names")
    decide:discount("coupon", rates.share(order.subtotal, 1000))
  end,
}
"""
LIBRARY = """local rates = {}

function rates.share(amount, rate)
  return amount * rate / 10000
end

return rates
"""


class Process:
    """write_raw, and the folder with the sources that it names."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ordo-jeprof-")
        for name, text in (("rules/20_coupon.lua", RULE), ("lib/rates.lua", LIBRARY)):
            os.makedirs(os.path.dirname(f"{self.folder}/{name}"))
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        self.process = subprocess.Popen([WRITER, self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.read(int(self.process.stdout.readline()))

    def save(self, command):
        path = f"{self.folder}/{command}.prof"
        with open(path, "wb") as file:
            file.write(self.ask(command))
        return path

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder)


class Handler(http.server.BaseHTTPRequestHandler):
    """The routes of gperftools, in front of write_raw."""

    def answer(self, command):
        body = self.server.process.ask(command)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        name = self.path.split("?")[0].removeprefix("/pprof/")
        self.server.asked.append(f"{self.command} {self.path}")
        self.answer({"profile": "cpu", "symbol": "symbol "}.get(name, name))

    do_HEAD = do_GET

    def do_POST(self):
        self.server.asked.append(f"POST {self.path}")
        self.answer("symbol " + self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, *arguments):
        pass


def run(*command, env=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          env=dict(os.environ, **(env or {})))
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def flat_and_total(text):
    """jeprof's table: name -> (its own, total)."""
    rows = re.findall(r"^ *([\d.-]+) +[\d.-]+% +[\d.-]+% +([\d.-]+) +[\d.-]+% (.*)$", text, re.M)
    return {name.rstrip(): (float(flat), float(total)) for flat, total, name in rows}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = Process()

    @classmethod
    def tearDownClass(cls):
        cls.process.close()

    def check_table(self, text, unit=1.0):
        table = flat_and_total(text)
        self.assertEqual(table[COUPON], (60 * unit, 60 * unit), text)
        self.assertEqual(table[RATES], (30 * unit, 30 * unit), text)
        self.assertEqual(table[CALLER], (0, 30 * unit), text)
        self.assertEqual(table["[queue wait]"], (10 * unit, 10 * unit), text)
        self.assertEqual(table["decide_order"], (0, 90 * unit), text)
        self.assertEqual(table["call_rules (inline)"], (0, 90 * unit), text)
        self.assertEqual(table["run_worker"], (0, 90 * unit), text)


@unittest.skipUnless(JEPROF, "jeprof is not installed: libjemalloc-dev has it")
class Jeprof(Case):
    def test_cpu_with_names(self):
        self.check_table(run(JEPROF, "--text", self.process.save("cpu-named")))

    def test_heap_with_names(self):
        self.check_table(run(JEPROF, "--text", "--show_bytes", self.process.save("heap-named")), 1 << 24)

    def test_heap_against_a_base(self):
        base, later = self.process.save("heap-named"), self.process.save("heap-later")
        self.check_table(run(JEPROF, "--text", "--show_bytes", f"--base={base}", later), 2 << 24)

    def test_contention_with_names(self):
        table = flat_and_total(run(JEPROF, "--text", "--contentions", self.process.save("contention-named")))
        self.assertEqual(table[COUPON], (60, 60))
        self.assertEqual(table["decide_order"], (0, 90))

    def test_collapsed(self):
        text = run(JEPROF, "--collapsed", self.process.save("cpu-named"))
        self.assertIn(f"run_worker;decide_order;call_rules[inline];{COUPON} 60\n", text)
        self.assertIn("[queue wait] 10\n", text)

    def test_without_names_only_the_program_has_some(self):
        program, profile = WRITER, self.process.save("cpu")
        table = flat_and_total(run(JEPROF, "--text", program, profile))
        self.assertEqual(table["decide_order"], (0, 90))
        self.assertNotIn(COUPON, table)


class Served(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        cls.server.process = cls.process
        cls.url = f"http://127.0.0.1:{cls.server.server_port}/pprof"
        cls.thread = threading.Thread(target=cls.server.serve_forever)
        cls.thread.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.thread.join()
        cls.server.server_close()
        super().tearDownClass()

    def setUp(self):
        self.server.asked = []

    @unittest.skipUnless(JEPROF, "jeprof is not installed: libjemalloc-dev has it")
    def test_jeprof(self):
        env = {"JEPROF_TMPDIR": self.process.folder}
        self.check_table(run(JEPROF, "--text", "--seconds=1", f"{self.url}/profile", env=env))
        self.check_table(run(JEPROF, "--text", "--show_bytes", f"{self.url}/heap", env=env), 1 << 24)
        for expected in ("GET /pprof/symbol", "GET /pprof/cmdline", "GET /pprof/profile?seconds=1",
                         "HEAD /pprof/symbol", "POST /pprof/symbol", "GET /pprof/heap"):
            self.assertIn(expected, self.server.asked)

    @unittest.skipUnless(GO, "go is not installed")
    def test_go_tool_pprof(self):
        env = {"PPROF_TMPDIR": self.process.folder, "HOME": self.process.folder}
        text = run(GO, "tool", "pprof", "-top", "-seconds=1", f"{self.url}/profile", env=env)
        self.assertIn("POST /pprof/symbol", self.server.asked)
        self.assertRegex(text, r"600ms.*60.00%.* 600ms.*60.00% +" + re.escape(COUPON))
        self.assertRegex(text, r"900ms.*90.00% +decide_order")


@unittest.skipUnless(GO, "go is not installed")
class Source(Case):
    """pprof's list prints the sources that the frames name."""

    def list(self, function):
        env = {"PPROF_TMPDIR": self.process.folder, "HOME": self.process.folder}
        return run(GO, "tool", "pprof", f"-list={function}", self.process.save("pprof"), env=env)

    def test_lua(self):
        text = self.list(r"^coupon\.apply$")
        self.assertRegex(text, rf"coupon\.apply in {re.escape(self.process.folder)}/rules/20_coupon\.lua")
        self.assertRegex(text, r"600ms +600ms +12: +decide:note\(\"the line that the profile names\"\)")
        self.assertRegex(text, r"\. +300ms +13: +decide:discount\(")
        self.assertRegex(self.list(r"^rates\.share$"), r"300ms +300ms +4: +return amount \* rate")

    def test_c_and_what_was_inlined(self):
        self.assertRegex(self.list("^decide_order$"), r"\. +900ms +\d+: +call_rules\(\);")
        self.assertRegex(self.list("^call_rules$"), r"\. +900ms +\d+: +take_caller\(\);")
        self.assertRegex(self.list("^run_worker$"), r"\. +900ms +\d+: +take_caller\(\);")


class Bytes(Case):
    def test_words_of_the_cpu_profile(self):
        body = self.process.ask("cpu")
        words = struct.unpack_from("<5Q", body)
        self.assertEqual(words, (0, 3, 0, 10000, 0))
        at, samples, depths = 40, [], []
        while True:
            count, depth = struct.unpack_from("<2Q", body, at)
            at += 16 + 8 * depth
            if count == 0:
                break
            samples.append(count)
            depths.append(depth)
        self.assertEqual((samples, depths), ([60, 30, 10], [3, 4, 1]))
        self.assertEqual((depth, struct.unpack_from("<Q", body, at - 8)), (1, (0,)))
        self.assertIn(os.path.realpath(WRITER).encode(), body[at:])

    def test_cmdline(self):
        self.assertEqual(self.process.ask("cmdline"), f"{WRITER}\0{self.process.folder}".encode())

    def test_symbols(self):
        self.assertEqual(self.process.ask("symbol "), b"num_symbols: 1\n")
        self.assertEqual(self.process.ask("symbol 0x00000000000000a1+0XB2 c3"),
                         b"num_symbols: 1\n0xa1\t[unknown 0xa1]\n0xb2\t[unknown 0xb2]\n0xc3\t[unknown 0xc3]\n")
        self.assertEqual(self.process.ask("symbol 0xffffffffffffffff"),
                         b"num_symbols: 1\n0xffffffffffffffff\t[unknown 0xffffffffffffffff]\n")

    def test_bodies_that_are_wrong(self):
        for body, named in (("0x", "0x"), ("0x10+hello", "hello"), ("0x10zz", "zz"), ("<script>", "<script>"),
                            ("0x1ffffffffffffffff", "0x1ffffffffffffffff")):
            self.assertEqual(self.process.ask(f"symbol {body}").decode(),
                             f'error: "{named}" is no address; send hexadecimal ones with + between: 0x401000+0x401010')

    def test_names_stand_in_front_once(self):
        body = self.process.ask("heap-named").decode()
        names, dump = body.split("---\n--- heap\n")
        self.assertEqual(dump.encode(), self.process.ask("heap"))
        self.assertEqual(names.split("\n")[:2], ["--- symbol", f"binary={os.path.realpath(WRITER)}"])
        addresses = [line.split(" ")[0] for line in names.split("\n")[2:-1]]
        self.assertEqual(len(addresses), len(set(addresses)))
        self.assertEqual(len(addresses), 6)
        self.assertTrue(self.process.ask("contention-named").decode().count("---\n--- contention:\n"), 1)


if __name__ == "__main__":
    unittest.main()
