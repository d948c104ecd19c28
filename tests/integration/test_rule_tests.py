#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`ordo test`: the tests of a rule set, run by the program as their author would."""
import os
import pty
import re
import signal
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from harness import BUILD, PATIENCE, environment_with, main, ordo

RULE = """return {
  name = "tier",
  apply = function(order, decide, ctx)
    if order.customer and order.customer.tier == "gold" then
      decide:discount("gold", 50)
    elseif order.coupon == "LUCKY" then
      decide:discount("luck", ctx.random() < 0.5 and 10 or 1)
    elseif order.coupon == "NEVER" then
      decide:reject("never", "no")
    end
  end,
}
"""
ORDER = """{ currency = "EUR", items = { { sku = "A", qty = 1, price = 1000 } }, %s }"""


def test(name, order, more):
    return f"""  {{ name = "{name}", order = {ORDER % order}, {more} }},\n"""


GOLD = test("gold gets 0.50", 'customer = { tier = "gold" }', "expect = { discount = 50 }")
LUCK = test("luck", 'coupon = "LUCKY"', "ctx = { random = { 0.1 } }, expect = { discount = 10 }")


class RuleTests(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.write("rules/10_tier.lua", RULE)

    def write(self, name, text):
        path = os.path.join(self.folder, "scripts", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def write_tests(self, *tests, name="tests/tier.lua"):
        self.write(name, "return {\n" + "".join(tests) + "}\n")

    def run_tests(self, *arguments):
        return ordo("test", *arguments, cwd=self.folder)

    def test_all_passed(self):
        self.write_tests(GOLD, LUCK)
        for arguments in ((), ("scripts",)):
            done = self.run_tests(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "2 tests in 1 file: all passed\n", ""))

    def test_a_failure_shows_both_sides_and_where_it_was_made(self):
        self.write_tests(GOLD, test("luck", 'coupon = "LUCKY"', """ctx = { random = { 0.6 } },
    expect = { discount = 10, operations = { { op = "discount", label = "luck", amount = 10 } } }"""))
        done = self.run_tests()
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual(done.stdout, """FAILED scripts/tests/tier.lua:3: luck
  discount
    expected  10
    got       1
    from      discount "luck" 1  (tier, scripts/rules/10_tier.lua:7)
  operations[1]
    amount: expected  10
    amount: got       1
    from      discount "luck" 1  (tier, scripts/rules/10_tier.lua:7)

2 tests in 1 file: 1 failed
""")

    def test_a_call_without_an_answer_says_what_to_add(self):
        self.write_tests(test("luck", 'coupon = "LUCKY"', "expect = { discount = 10 }"))
        done = self.run_tests()
        self.assertEqual(done.returncode, 1)
        self.assertIn('the rule "tier" calls ctx.random at rules/10_tier.lua:7, and the test has no answer for it; '
                      "add ctx = { random = { 0.5 } } to the test\n", done.stdout)
        # The same test keeps the rules from being activated, and says the same.
        done = ordo("check", cwd=self.folder)
        self.assertEqual(done.returncode, 78)
        self.assertIn('scripts/tests/tier.lua:2: "luck": the rule "tier" calls ctx.random at rules/10_tier.lua:7', done.stderr)

    def test_filter(self):
        self.write_tests(GOLD, LUCK)
        self.write_tests(GOLD, name="tests/second.lua")
        for text, stdout in (("LUCK", "1 test in 2 files: all passed, 2 left out by --filter\n"),
                             ("second", "1 test in 2 files: all passed, 2 left out by --filter\n")):
            done = self.run_tests("--filter", text)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, stdout, ""))
        done = self.run_tests("--filter", "silver")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('none of the 3 tests has "silver" in its name or file', done.stderr)

    def test_what_cannot_be_run_says_the_cure(self):
        done = self.run_tests()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("there are no tests: write scripts/tests/NAME.lua", done.stderr)
        for text, code, said in (
            ("return {", 78, "scripts/tests/tier.lua:1: "),
            ("", 78, "scripts/tests/tier.lua: a file of tests must return a list of tests: {{name"),
            ("return { { name = 'x', order = {}, expect = {} } }", 1,
             "`expect` is empty, so the test shows nothing; name what the decision should have"),
            ("return { { name = 'x', order = {} } }", 1, "`expect` must be a table such as"),
        ):
            with self.subTest(text=text):
                self.write("tests/tier.lua", text)
                done = self.run_tests()
                self.assertEqual(done.returncode, code)
                self.assertIn(said, done.stderr if code == 78 else done.stdout)
        done = self.run_tests("nowhere")
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertIn("nowhere: cannot open the scripts folder", done.stderr)
        done = self.run_tests("scripts", "more")
        self.assertEqual(done.returncode, 2)
        self.assertIn('"more" is too much', done.stderr)

    def test_coverage(self):
        self.write_tests(GOLD, LUCK)
        done = self.run_tests("--coverage", "--lcov", "lines.info")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = [line.split() for line in done.stdout.splitlines()[2:]]
        self.assertEqual(rows[1], ["rules/10_tier.lua", "7", "9", "77", "%", "8-9"])
        self.assertEqual(rows[2], ["all", "7", "9", "77", "%"])
        with open(os.path.join(self.folder, "lines.info"), encoding="ascii") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines, ["TN:", "SF:scripts/rules/10_tier.lua", "DA:1,1", "DA:4,1", "DA:5,1", "DA:6,1", "DA:7,1",
                                 "DA:8,0", "DA:9,0", "DA:11,1", "DA:12,1", "LF:9", "LH:7", "end_of_record"])

    def junit(self):
        return ElementTree.parse(os.path.join(self.folder, "results.xml")).getroot()

    def test_junit(self):
        name = r"<&\"> \1 ü \239\191\191"
        self.write_tests(GOLD, test(name, "", "expect = { fee = 5, tax = 1 }"), test(r"\195\255", "", "expect = { fee = 0 }"))
        self.write_tests(GOLD, name="tests/other.lua")
        done = self.run_tests("--junit", "results.xml")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        root = self.junit()
        self.assertEqual((root.tag, root.get("tests"), root.get("failures")), ("testsuites", "4", "1"))
        self.assertEqual([(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root],
                         [("tests/other.lua", "1", "0"), ("tests/tier.lua", "3", "1")])
        gold, odd, bytes_only = root[1]
        self.assertEqual((gold.get("name"), gold.get("classname"), gold.get("file"), len(gold)),
                         ("gold gets 0.50", "tests/tier.lua", "scripts/tests/tier.lua", 0))
        self.assertGreater(float(gold.get("time")), 0)
        self.assertEqual(odd.get("name"), '<&"> ? ü ?')
        self.assertEqual(bytes_only.get("name"), "??")
        self.assertEqual(odd[0].get("message"), "fee: expected 5, got 0")
        self.assertEqual(odd[0].text, "fee: expected 5, got 0\ntax: expected 1, got 0\n")

    def test_junit_of_rules_that_do_not_load(self):
        self.write("rules/20_broken.lua", "return {")
        done = self.run_tests("--junit", "results.xml")
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        root = self.junit()
        self.assertEqual((root.get("tests"), root.get("failures")), ("1", "1"))
        self.assertIn("scripts/rules/20_broken.lua:1: ", root[0][0][0].get("message"))

    def test_output_that_cannot_be_written(self):
        self.write_tests(GOLD)
        for option in ("--junit", "--lcov"):
            done = self.run_tests(option, "nowhere/file")
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot write nowhere/file", done.stderr)
            done = self.run_tests(option, "/dev/full")
            self.assertEqual(done.returncode, 1)
            self.assertIn("could not write all of /dev/full", done.stderr)

    def on_terminal(self, environment):
        """What the program writes to a terminal."""
        leader, follower = pty.openpty()
        with subprocess.Popen([os.path.join(BUILD, "ordo"), "test"], cwd=self.folder, stdout=follower,
                              env=environment_with(environment)) as process:
            os.close(follower)
            text = b""
            while True:
                try:
                    more = os.read(leader, 4096)
                except OSError: # the other side is closed
                    break
                if not more:
                    break
                text += more
            self.assertEqual(process.wait(PATIENCE), 1)
        os.close(leader)
        return text.decode()

    def test_colours_on_a_terminal_only(self):
        self.write_tests(test("gold", 'customer = { tier = "gold" }', "expect = { discount = 51 }"))
        text = self.on_terminal({})
        self.assertIn("\033[32mexpected  51\033[0m", text)
        self.assertIn("\033[31mgot       50\033[0m", text)
        for plain in (self.on_terminal({"NO_COLOR": "1"}), self.run_tests().stdout):
            self.assertNotIn("\033", plain)
            self.assertIn("got       50", plain)

    def test_watch_runs_again_on_a_change(self):
        self.write_tests(GOLD)
        with subprocess.Popen([os.path.join(BUILD, "ordo"), "test", "--watch"], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=environment_with({})) as process:
            def until_it_waits():
                lines = []
                for line in process.stdout:
                    lines.append(line)
                    if line.startswith("waiting for a change of scripts"):
                        break
                return "".join(lines)
            self.addCleanup(process.kill)
            self.assertIn("1 test in 1 file: all passed\n", until_it_waits())
            self.write("rules/10_tier.lua", RULE.replace("50)", "49)"))
            self.assertIn("1 test in 1 file: 1 failed\n", until_it_waits())
            self.write("rules/10_tier.lua", "return {")
            self.assertRegex(until_it_waits(), re.escape("scripts/rules/10_tier.lua:1: "))
            self.write("rules/10_tier.lua", RULE)
            self.assertIn("1 test in 1 file: all passed\n", until_it_waits())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)


if __name__ == "__main__":
    main()
