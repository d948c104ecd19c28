#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`ordo rules`: list, show, diff, activate and rollback against a running engine."""
import json
import os
import unittest

from harness import Engine, main, ordo, order


def rule(value):
    return f"""return {{
  name = "first",
  apply = function(_, decide) decide:set("version", {value}) end,
}}
"""


class RulesCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.token = "t0ken-of-16-bytes"
        cls.engine = Engine(rules={"rules/10_first.lua": rule(1), "lib/a.lua": "return 1\n"},
                            settings={"log.level": "info"})
        cls.engine.__enter__()
        cls.engine.write_rule("rules/10_first.lua", rule(2))
        cls.engine.request("POST", "/rules/reload")
        cls.engine.request("PUT", "/rules/draft/files/rules/10_first.lua", "return {\n")
        cls.engine.request("POST", "/rules/draft/seal", {"by": "ann", "note": "does\x1b[1m not run"})

    @classmethod
    def tearDownClass(cls):
        cls.engine.__exit__(None, None, None)

    def rules(self, *words, code=0, user="bob"):
        done = ordo("rules", *words, "--url", self.engine.url(), environment={"USER": user})
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def active(self):
        return self.engine.request("GET", "/rules").json["generation"]

    def test_list(self):
        lines = self.rules("list").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NUMBER", "STATE", "IDENTITY", "MADE", "BY", "ACTIVATED", "BY", "NOTE"])
        self.assertEqual(len(lines), 4)
        self.assertEqual([line.split()[:2] for line in lines[1:]][0], ["3", "sealed"])
        self.assertIn("does?[1m not run", lines[1])
        self.assertEqual(sorted(line.split()[1] for line in lines[1:]), ["active", "retired", "sealed"])
        listed = json.loads(self.rules("list", "--json").stdout)
        self.assertEqual([entry["generation"] for entry in listed["generations"]], [3, 2, 1])

    def test_show(self):
        shown = self.rules("show", "3").stdout
        self.assertIn("generation 3\nstate      sealed\n", shown)
        self.assertIn("by         ann\nnote       does?[1m not run\n", shown)
        self.assertIn("rules/10_first.lua      9\n", shown)
        self.assertNotIn("activated", shown)
        self.assertIn("draft      of generation", self.rules("show", "draft").stdout)
        self.assertEqual(self.rules("show", "1", "rules/10_first.lua").stdout, rule(1))
        self.assertEqual(len(json.loads(self.rules("show", "1", "-j").stdout)["files"]), 2)
        self.assertIn("there is no generation 9", self.rules("show", "9", code=1).stderr)
        self.assertIn("it has no file lib/b.lua", self.rules("show", "1", "lib/b.lua", code=1).stderr)
        self.assertIn("say which generation", self.rules("show", code=2).stderr)
        self.assertIn('"c" is too much', self.rules("show", "1", "b", "c", code=2).stderr)

    def test_diff(self):
        diff = self.rules("diff", "1", "2").stdout
        self.assertEqual(diff.split("\n", 2)[:2], ["--- a/rules/10_first.lua", "+++ b/rules/10_first.lua"])
        self.assertIn('-  apply = function(_, decide) decide:set("version", 1) end,\n'
                      '+  apply = function(_, decide) decide:set("version", 2) end,\n', diff)
        self.assertEqual(self.rules("diff", "active").stdout, "")
        self.assertEqual(json.loads(self.rules("diff", "1", "2", "--json").stdout)["files"],
                         [{"path": "rules/10_first.lua", "change": "changed"}])
        self.assertIn("there is no generation 7", self.rules("diff", "1", "7", code=1).stderr)

    def test_activate_and_rollback(self):
        before = self.active()
        other = 3 - before
        self.assertEqual(self.rules("activate", str(other)).stdout, f"generation {other} is active\n")
        self.assertEqual(self.engine.post(order()).json["attributes"]["version"], other)
        with open(os.path.join(self.engine.scripts, "rules/10_first.lua"), encoding="utf-8") as file:
            self.assertEqual(file.read(), rule(other))
        entries = {entry["generation"]: entry for entry in self.engine.request("GET", "/rules").json["generations"]}
        self.assertEqual(entries[other]["activated_by"], "bob")
        self.assertEqual(self.rules("activate", str(other)).stdout, f"generation {other} is active, as it was\n")
        self.assertEqual(self.rules("rollback", "--by", "eve").stdout, f"generation {before} is active\n")
        self.assertEqual(self.active(), before)
        self.assertEqual(self.rules("rollback", user="").stdout, f"generation {other} is active\n")
        entries = {entry["generation"]: entry for entry in self.engine.request("GET", "/rules").json["generations"]}
        self.assertEqual((entries[before]["activated_by"], entries[other]["activated_by"]), ("eve", "http"))
        refused = self.rules("activate", "3", code=1).stderr
        self.assertIn("The rules are wrong", refused)
        self.assertIn("generation 3/rules/10_first.lua:2:", refused)
        self.assertEqual(self.active(), other)
        self.assertIn("say which generation", self.rules("activate", code=2).stderr)
        self.assertIn('"1" is too much', self.rules("rollback", "1", code=2).stderr)

    def test_the_listener_and_the_token(self):
        path = os.path.join(self.engine.folder, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.token)
        with Engine(rules={"rules/10_first.lua": rule(1)},
                    settings={"admin.listen": "127.0.0.1:0", "admin.token_file": path}) as engine:
            done = ordo("rules", "list", "--url", engine.url())
            self.assertEqual(done.returncode, 0, done.stderr)
            done = ordo("rules", "rollback", "--url", engine.url())
            self.assertEqual(done.returncode, 1)
            self.assertIn("name its address (admin.listen) with --url", done.stderr)
            done = ordo("rules", "rollback", "--url", engine.url(admin=True))
            self.assertIn("wants a token", done.stderr)
            done = ordo("rules", "rollback", "--url", engine.url(admin=True), "--token-file", path)
            self.assertIn("There is no generation to go back to", done.stderr)
            for route in ("/rules/draft", "/rules/1/diff", "/rules/1/files/rules/10_first.lua"):
                self.assertEqual(engine.request("GET", route).status, 404, route)


if __name__ == "__main__":
    main()
