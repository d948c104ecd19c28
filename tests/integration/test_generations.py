#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generations: kept with who and when, through restarts; read, compared, drafted, activated and rolled back over HTTP; the
scripts folder holds the active one, whatever ends the process."""
import difflib
import glob
import os
import random
import shutil
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from harness import Engine, environment_with, main, order, ORDO

FILES = 80  # of the large set: between the first file and the last there is time to end the process


def rule(value):
    return f"""return {{
  name = "first",
  about = "Says which version decided.",
  apply = function(_, decide) decide:set("version", {value}) end,
}}
"""


def large(value):
    """Files of which each says the same number, and a rule that shows whether all do."""
    made = {f"lib/part{part:03}.lua": f"return {value}\n" for part in range(FILES)}
    parts = ", ".join(f'require "part{part:03}"' for part in range(FILES))
    made["rules/10_first.lua"] = (f'local parts = {{ {parts} }}\nreturn {{ name = "first", about = "Shows the parts.", '
                                  'apply = function(_, decide) decide:set("parts", parts) end }\n')
    return made


class Generations(unittest.TestCase):
    def engine(self, **settings):
        return Engine(rules={"rules/10_first.lua": rule(1)}, settings={"log.level": "info", **settings})

    def rules(self, engine):
        return engine.request("GET", "/rules").json

    def states(self, engine):
        return {entry["generation"]: entry["state"] for entry in self.rules(engine)["generations"]}

    def version(self, engine):
        body = engine.post(order()).json
        return body["attributes"]["version"], body["generation"]

    def on_disk(self, engine):
        found = {}
        for path in glob.glob(os.path.join(engine.scripts, "*", "*.lua")):
            with open(path, encoding="utf-8") as file:
                found[os.path.relpath(path, engine.scripts)] = file.read()
        return found

    def edit(self, engine, text, path="rules/10_first.lua"):
        engine.write_rule(path, text)
        answer = engine.request("POST", "/rules/reload")
        self.assertEqual(answer.status, 200, answer)
        return answer.json["generation"]

    def put(self, engine, path, text, **headers):
        return engine.request("PUT", f"/rules/draft/files/{path}", text,
                              {name.replace("_", "-"): value for name, value in headers.items()})

    def seal(self, engine, **words):
        answer = engine.request("POST", "/rules/draft/seal", words)
        self.assertEqual(answer.status, 201, answer)
        return answer.json["generation"]

    def activate(self, engine, number, **words):
        return engine.request("POST", f"/rules/{number}/activate", words or None)

    def problem(self, answer, status, code, text=""):
        self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
        self.assertIn(text, answer.json["detail"])

    # --- what is kept ------------------------------------------------------------------------------------------

    def test_an_edit_on_disk_is_kept_with_who_and_when(self):
        with self.engine() as engine:
            self.assertEqual(self.edit(engine, rule(2)), 2)
            listed = self.rules(engine)["generations"]
            self.assertEqual([(entry["generation"], entry["state"], entry["by"], entry["activated_by"])
                              for entry in listed], [(2, "active", "disk", "disk"), (1, "retired", "disk", "disk")])
            self.assertRegex(listed[0]["at"], r"^20\d\d-.*Z$")
            self.assertLessEqual(listed[0]["at"], listed[0]["activated_at"])
            answer = engine.request("GET", "/rules/1")
            shown = answer.json
            self.assertEqual((shown["generation"], shown["state"]), (1, "retired"))
            self.assertEqual(answer.headers["etag"], f'"{shown["identity"]}"')
            self.assertEqual([(file["path"], file["bytes"]) for file in shown["files"]],
                             [("rules/10_first.lua", len(rule(1)))])
            file = engine.request("GET", "/rules/1/files/rules/10_first.lua")
            self.assertEqual((file.status, file.body.decode()), (200, rule(1)))
            self.assertEqual(file.headers["etag"], f'"{shown["files"][0]["etag"]}"')
            self.assertTrue(file.headers["content-type"].startswith("text/plain"))
            self.assertEqual(engine.request("GET", "/rules/active").json["generation"], 2)

    def test_what_is_not_there_is_said(self):
        with self.engine() as engine:
            for path in ("/rules/2", "/rules/0", "/rules/01", "/rules/x", "/rules/1/files/rules/no.lua",
                         "/rules/1/files/..%2F..%2Fetc%2Fpasswd", "/rules/2/files/rules/10_first.lua", "/rules/2/diff",
                         "/rules/1/diff?to=7", "/rules/99999999999999999999", "/rules/1/files/%zz"):
                self.problem(engine.request("GET", path), 404, "not_found")
            self.problem(self.activate(engine, 9), 404, "not_found", "generation 9")
            self.problem(self.activate(engine, "draft"), 404, "not_found")
            self.problem(engine.request("GET", "/rules/1/diff?too=1"), 400, "bad_query", "did you mean 'to'")
            self.problem(engine.request("POST", "/rules/rollback"), 409, "no_generation_before")
            self.problem(self.activate(engine, 1, who="x"), 422, "invalid_rules", "by and note")
            self.problem(engine.request("POST", "/rules/1/activate", "{"), 400, "invalid_json")
            self.problem(engine.request("POST", "/rules/1/activate", "{}", {"Content-Type": "text/plain"}), 415,
                         "unsupported_type")

    def test_a_restart_keeps_numbers_and_the_active_set(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.edit(engine, rule(3))
            engine.stop()
            engine.restart()
            self.assertEqual(self.states(engine), {1: "retired", 2: "retired", 3: "active"})
            self.assertEqual(self.version(engine), (3, 3))
            self.assertEqual(self.activate(engine, 1, by="ann").json["generation"], 1)
            engine.kill()
            engine.restart()
            self.assertEqual(self.states(engine), {1: "active", 2: "retired", 3: "retired"})
            self.assertEqual(self.version(engine), (1, 1))
            entry = self.rules(engine)["generations"][-1]
            self.assertEqual((entry["generation"], entry["activated_by"]), (1, "ann"))
            self.assertEqual(self.edit(engine, rule(4)), 4)

    def test_an_edit_while_the_engine_is_stopped_is_a_generation(self):
        with self.engine() as engine:
            engine.stop()
            engine.write_rule("rules/10_first.lua", rule(2))
            engine.restart()
            self.assertEqual(self.states(engine), {1: "retired", 2: "active"})
            engine.stop()
            engine.write_rule("rules/10_first.lua", rule(1))
            engine.restart()
            self.assertEqual(self.version(engine), (1, 1))

    def test_a_set_that_comes_back_has_its_number_again(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.assertEqual(self.edit(engine, rule(1)), 1)
            self.assertEqual(self.version(engine), (1, 1))
            self.assertEqual(self.edit(engine, rule(3)), 3)

    def test_as_many_retired_ones_are_kept_as_the_option_says(self):
        with self.engine(**{"rules.keep": 2}) as engine:
            self.edit(engine, rule(2))
            self.edit(engine, rule(3))
            self.assertEqual(self.states(engine), {1: "retired", 2: "retired", 3: "active"})  # at the edge
            self.edit(engine, rule(4))
            self.assertEqual(self.states(engine), {2: "retired", 3: "retired", 4: "active"})
            self.problem(engine.request("GET", "/rules/1"), 404, "not_found")
            self.assertEqual(self.edit(engine, rule(2)), 2)  # so 3 is the oldest to be retired
            self.assertEqual(self.edit(engine, rule(1)), 5)  # a number says one set for ever
            self.assertEqual(self.states(engine), {2: "retired", 4: "retired", 5: "active"})
            self.assertEqual(sorted(name for name in os.listdir(os.path.join(engine.data, "rules")) if name.isdigit()),
                             ["2", "4", "5"])
            engine.stop()
            engine.restart()
            self.assertEqual(self.states(engine), {2: "retired", 4: "retired", 5: "active"})

    def test_as_many_sealed_ones_are_kept_as_the_option_says(self):
        with self.engine(**{"rules.keep": 2}) as engine:
            for value in (2, 3):
                self.put(engine, "rules/10_first.lua", rule(value))
                self.seal(engine)
            self.assertEqual(self.states(engine), {1: "active", 2: "sealed", 3: "sealed"})
            self.put(engine, "rules/10_first.lua", rule(4))
            self.seal(engine)
            self.assertEqual(self.states(engine), {1: "active", 3: "sealed", 4: "sealed"})
            self.edit(engine, rule(5))
            self.assertEqual(self.states(engine), {1: "retired", 3: "sealed", 4: "sealed", 5: "active"})

    def damage(self, engine, name):
        path = os.path.join(engine.data, "rules", name)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    def test_a_damaged_entry_is_named_and_left_out(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.edit(engine, rule(3))
            engine.stop()
            self.damage(engine, "2")
            engine.restart()
            rules = self.rules(engine)
            self.assertEqual(self.states(engine), {1: "retired", 3: "active"})
            self.assertEqual(len(rules["damaged"]), 1)
            self.assertIn("/rules/2: is damaged", rules["damaged"][0])
            self.assertIn("/rules/2: is damaged", engine.log)
            self.problem(self.activate(engine, 2), 404, "not_found")
            self.problem(engine.request("POST", "/rules/rollback"), 409, "no_generation_before", "generation 2")
            self.assertEqual(self.edit(engine, rule(2)), 4)  # what 2 was can be seen no more
            self.assertEqual(self.version(engine), (2, 4))

    def test_damage_while_the_engine_runs_is_found_when_it_is_read(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.damage(engine, "1")
            self.problem(self.activate(engine, 1), 500, "internal", "1 is damaged")
            self.problem(engine.request("GET", "/rules/1"), 500, "internal", "1 is damaged")
            self.assertEqual(self.version(engine), (2, 2))

    def test_without_its_state_or_its_active_entry_the_engine_runs_the_folder(self):
        for name, number in (("state", 2), ("2", 3)):
            with self.subTest(name), self.engine() as engine:
                self.edit(engine, rule(2))
                engine.stop()
                self.damage(engine, name)
                engine.restart()
                self.assertIn(f"/rules/{name}: is damaged", self.rules(engine)["damaged"][0])
                self.assertEqual(self.version(engine), (2, number))
                self.assertEqual(self.edit(engine, rule(3)), number + 1)

    def test_a_second_process_is_told(self):
        with self.engine(store={"plugin": "store_memory"}) as engine:
            done = subprocess.run([*engine.command(), "--set", "http.listen=127.0.0.1:0"], capture_output=True, text=True,
                                  env=environment_with(None), check=False, timeout=60)
            self.assertEqual(done.returncode, 78)
            self.assertIn("/rules: another process uses this folder", done.stderr)
            self.assertEqual(self.version(engine), (1, 1))

    # --- differences -------------------------------------------------------------------------------------------

    def test_the_difference_is_what_diff_says(self):
        before = "".join(f"-- line {number}\n" for number in range(60))
        lines = before.splitlines(keepends=True)
        lines[5] = "-- other\n"
        del lines[20:23]
        lines[40:40] = ["-- new\n", "-- newer\n"]
        after = "".join(lines) + "-- no newline"
        with self.engine() as engine:
            self.edit(engine, before + "return 1\n", "lib/a.lua")
            self.put(engine, "lib/a.lua", after + "\nreturn 1")
            self.put(engine, "lib/b.lua", "return 2\n")
            engine.request("DELETE", "/rules/draft/files/rules/10_first.lua")
            number = self.seal(engine)
            answer = engine.request("GET", f"/rules/2/diff?to={number}").json
            self.assertEqual((answer["from"], answer["to"]), (2, number))
            self.assertEqual(answer["files"], [{"path": "rules/10_first.lua", "change": "removed"},
                                               {"path": "lib/a.lua", "change": "changed"},
                                               {"path": "lib/b.lua", "change": "added"}])
            text = engine.request("GET", f"/rules/2/diff?to={number}", headers={"Accept": "text/plain"})
            self.assertTrue(text.headers["content-type"].startswith("text/plain"))
            self.assertEqual(text.body.decode(), answer["diff"])
            self.assertIn("--- a/rules/10_first.lua\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-return {\n", answer["diff"])
            self.assertIn("--- /dev/null\n+++ b/lib/b.lua\n@@ -0,0 +1 @@\n+return 2\n", answer["diff"])
            part = answer["diff"].split("--- a/lib/a.lua\n", 1)[1].split("--- /dev/null")[0]
            expected = "".join(difflib.unified_diff((before + "return 1\n").splitlines(keepends=True),
                                                    (after + "\nreturn 1").splitlines(keepends=True), n=3)).split("\n", 1)[1]
            self.assertEqual(part.replace("\n\\ No newline at end of file\n", ""),
                             expected.replace("+++ \n", "+++ b/lib/a.lua\n"))
            self.assertEqual(engine.request("GET", "/rules/2/diff").json["diff"], "")
            if shutil.which("git") is None:
                return
            with tempfile.TemporaryDirectory() as folder:  # and the tool takes it
                for path, text in self.on_disk(engine).items():
                    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                    with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                        file.write(text)
                subprocess.run(["git", "apply", "-"], input=answer["diff"], text=True, cwd=folder, check=True)
                with open(os.path.join(folder, "lib/a.lua"), encoding="utf-8") as file:
                    self.assertEqual(file.read(), after + "\nreturn 1")
                self.assertFalse(os.path.exists(os.path.join(folder, "rules/10_first.lua")))

    # --- the draft ---------------------------------------------------------------------------------------------

    def test_a_draft_is_edited_checked_sealed_and_activated(self):
        with self.engine() as engine:
            draft = engine.request("GET", "/rules/draft").json
            self.assertEqual((draft["base"], draft["changed"]), (1, False))
            self.assertEqual(draft["identity"], self.rules(engine)["identity"])
            answer = self.put(engine, "rules/10_first.lua", rule(2))
            self.assertEqual((answer.status, answer.json["bytes"]), (200, len(rule(2))))
            answer = self.put(engine, "tests/first.lua", 'return { { name = "it is 2", order = { currency = "EUR", items = '
                              '{ { sku = "A", qty = 1, price = 1 } } }, expect = { attributes = { version = 2 } } } }\n')
            self.assertEqual(answer.status, 201)
            check = engine.request("POST", "/rules/draft/check")
            self.assertEqual((check.status, check.json["ok"], check.json["tests"], check.json["errors"]), (200, True, 1, []))
            self.assertEqual(self.version(engine), (1, 1))
            answer = engine.request("POST", "/rules/draft/seal", {"by": "ann", "note": "version 2"})
            self.assertEqual((answer.status, answer.headers["location"], answer.json["state"]), (201, "/rules/2", "sealed"))
            self.assertEqual(self.states(engine), {1: "active", 2: "sealed"})
            self.assertEqual(engine.request("GET", "/rules/draft").json["changed"], False)
            before = self.on_disk(engine)
            self.assertEqual(before, {"rules/10_first.lua": rule(1)})
            answer = self.activate(engine, 2, by="bob")
            self.assertEqual((answer.status, answer.json["generation"], answer.json["changed"]), (200, 2, True))
            self.assertEqual(self.version(engine), (2, 2))
            self.assertEqual(self.on_disk(engine)["rules/10_first.lua"], rule(2))
            entry = self.rules(engine)["generations"][0]
            self.assertEqual((entry["by"], entry["note"], entry["activated_by"], entry["state"]),
                             ("ann", "version 2", "bob", "active"))
            self.assertEqual(engine.metric('ordo_rules_reloads_total{result="ok"}'), 1)
            # The watcher sees the files that were written, and nothing new.
            self.assertEqual(engine.request("POST", "/rules/reload").json, {
                "generation": 2, "identity": entry["identity"], "changed": False})
            self.assertEqual(self.activate(engine, 2).json["changed"], False)
            self.assertEqual([name for name in os.listdir(os.path.join(engine.scripts, "rules")) if name[0] == "."], [])

    def test_a_lost_race_is_412(self):
        with self.engine() as engine:
            path = "/rules/draft/files/rules/10_first.lua"
            first = engine.request("GET", path).headers["etag"]
            answer = self.put(engine, "rules/10_first.lua", rule(2), If_Match=first)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["etag"], engine.request("GET", path).headers["etag"])
            self.problem(self.put(engine, "rules/10_first.lua", rule(3), If_Match=first), 412, "precondition_failed")
            self.problem(engine.request("DELETE", path, headers={"If-Match": first}), 412, "precondition_failed")
            self.assertEqual(engine.request("GET", path).body.decode(), rule(2))
            self.problem(self.put(engine, "rules/10_first.lua", rule(3), If_None_Match="*"), 412, "precondition_failed")
            self.problem(self.put(engine, "lib/new.lua", "return 1", If_Match="*"), 412, "precondition_failed")
            self.problem(self.put(engine, "rules/10_first.lua", rule(3), If_Match="W/" + answer.headers["etag"]), 412,
                         "precondition_failed")
            self.assertEqual(self.put(engine, "lib/new.lua", "return 1", If_None_Match="*").status, 201)
            self.assertEqual(self.put(engine, "rules/10_first.lua", rule(3),
                                      If_Match=f'"x", {answer.headers["etag"]}').status, 200)
            # Many at once, from the same state: one of them.
            tag = engine.request("GET", path).headers["etag"]
            answers = []
            threads = [threading.Thread(target=lambda value=value: answers.append(
                self.put(engine, "rules/10_first.lua", rule(value), If_Match=tag).status)) for value in range(10, 18)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(answers), [200] + [412] * 7)

    def test_an_edit_on_disk_wins_over_a_stale_tag(self):
        with self.engine() as engine:
            tag = engine.request("GET", "/rules/draft/files/rules/10_first.lua").headers["etag"]
            self.edit(engine, rule(2))
            self.problem(self.put(engine, "rules/10_first.lua", rule(3), If_Match=tag), 412, "precondition_failed")

    def test_a_draft_lives_through_a_restart_until_it_is_dropped(self):
        with self.engine() as engine:
            self.put(engine, "rules/10_first.lua", rule(2))
            self.edit(engine, rule(3))
            engine.kill()
            engine.restart()
            draft = engine.request("GET", "/rules/draft").json
            self.assertEqual((draft["base"], draft["changed"]), (1, True))
            self.assertEqual(engine.request("GET", "/rules/draft/files/rules/10_first.lua").body.decode(), rule(2))
            self.assertIn("+  apply", engine.request("GET", "/rules/draft/diff").json["diff"])
            self.assertEqual(engine.request("DELETE", "/rules/draft").status, 200)
            draft = engine.request("GET", "/rules/draft").json
            self.assertEqual((draft["base"], draft["changed"]), (2, False))

    def test_a_damaged_draft_is_named(self):
        with self.engine() as engine:
            self.put(engine, "rules/10_first.lua", rule(2))
            self.damage(engine, "draft")
            self.problem(engine.request("GET", "/rules/draft"), 500, "internal", "DELETE /rules/draft")
            self.problem(self.put(engine, "rules/10_first.lua", rule(3)), 500, "internal", "draft is damaged")
            engine.request("DELETE", "/rules/draft")
            self.assertEqual(engine.request("GET", "/rules/draft").status, 200)

    def test_paths_and_sizes_are_bounded(self):
        with self.engine(**{"limits.batch_bytes": "4MiB"}) as engine:
            for path in ("x.lua", "rules/x.txt", "rules/.x.lua", "rules/%23x.lua", "rules/a/b.lua", "rules/..%2Fx.lua",
                         "..%2Frules%2Fx.lua", "types/x.lua", "rules/.lua", "rules//x.lua", "%2Frules/x.lua",
                         "rules/" + "x" * 252 + ".lua"):
                self.problem(self.put(engine, path, "return 1"), 422, "invalid_rules", "path")
                self.problem(engine.request("DELETE", f"/rules/draft/files/{path}"), 422, "invalid_rules", "path")
            self.assertEqual(self.put(engine, "rules/" + "x" * 251 + ".lua", rule(7)).status, 201)
            fill = "--" + "x" * (1 << 20)
            self.assertEqual(self.put(engine, "lib/a.lua", fill[:1 << 20]).status, 201)
            self.problem(self.put(engine, "lib/a.lua", fill[:(1 << 20) + 1]), 422, "invalid_rules", "1 MiB")
            self.problem(engine.request("DELETE", "/rules/draft/files/lib/none.lua"), 404, "not_found")
            self.assertEqual(engine.request("DELETE", "/rules/draft/files/lib/a.lua").json["deleted"], True)
            self.assertEqual(self.activate(engine, self.seal(engine)).status, 200)
            engine.stop()
            engine.restart()  # the longest name, too

    def test_check_names_file_and_line(self):
        with self.engine() as engine:
            self.put(engine, "rules/20_bad.lua", "return {\n  name = \n}\n")
            self.put(engine, "lib/global.lua", "local n = 0\nreturn function() n = n + 1 return os end\n")
            check = engine.request("POST", "/rules/draft/check").json
            self.assertFalse(check["ok"])
            self.assertEqual([(error["file"], error["line"]) for error in check["errors"]], [("rules/20_bad.lua", 3)])
            self.assertIn("unexpected symbol", check["errors"][0]["message"])
            self.assertEqual({(warning["file"], warning["line"]) for warning in check["warnings"]}, {("lib/global.lua", 2)})
            engine.request("DELETE", "/rules/draft/files/rules/20_bad.lua")
            self.put(engine, "tests/first.lua", 'return { { name = "it is 7", order = { currency = "EUR", items = '
                     '{ { sku = "A", qty = 1, price = 1 } } }, expect = { attributes = { version = 7 } } } }\n')
            check = engine.request("POST", "/rules/draft/check").json
            self.assertEqual((check["ok"], check["tests"]), (False, 1))
            self.assertEqual(check["errors"][0]["file"], "tests/first.lua")
            self.assertIn("it is 7", check["errors"][0]["message"])

    def test_what_exists_already_is_not_sealed_again(self):
        with self.engine() as engine:
            answer = engine.request("POST", "/rules/draft/seal")
            self.assertEqual((answer.status, answer.json["generation"], answer.json["changed"]), (200, 1, False))
            self.put(engine, "rules/10_first.lua", rule(2))
            self.assertEqual(self.seal(engine), 2)
            self.put(engine, "rules/10_first.lua", rule(2))
            self.assertEqual(engine.request("POST", "/rules/draft/seal").json["generation"], 2)
            self.assertEqual(self.rules(engine)["generations"][0]["by"], "http")

    # --- activation --------------------------------------------------------------------------------------------

    def test_the_gate_holds_for_what_is_asked_for_too(self):
        with self.engine() as engine:
            self.put(engine, "rules/10_first.lua", "return {\n")
            broken = self.seal(engine)
            self.put(engine, "tests/first.lua", 'return { { name = "it is 7", order = { currency = "EUR", items = '
                     '{ { sku = "A", qty = 1, price = 1 } } }, expect = { attributes = { version = 7 } } } }\n')
            failing = self.seal(engine)
            self.problem(self.activate(engine, broken), 422, "rules_refused", f"generation {broken}/rules/10_first.lua:2:")
            self.problem(self.activate(engine, failing), 422, "rules_refused", "it is 7")
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(1)})
            self.assertEqual(self.states(engine), {1: "active", broken: "sealed", failing: "sealed"})
            self.assertEqual(self.version(engine), (1, 1))
            self.assertEqual(engine.metric('ordo_rules_reloads_total{result="refused"}'), 2)

    def test_rollback_is_to_the_one_before(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.edit(engine, rule(3))
            answer = engine.request("POST", "/rules/rollback", {"by": "ann"})
            self.assertEqual((answer.status, answer.json["generation"]), (200, 2))
            self.assertEqual(self.version(engine), (2, 2))
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(2)})
            self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 3)
            engine.stop()
            engine.restart()
            self.assertEqual(self.version(engine), (3, 3))
            self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 2)

    def test_if_match_guards_an_activation(self):
        with self.engine() as engine:
            tag = engine.request("GET", "/rules").headers["etag"]
            self.edit(engine, rule(2))
            self.problem(engine.request("POST", "/rules/1/activate", headers={"If-Match": tag}), 412, "precondition_failed",
                         "generation 2 is active")
            self.problem(engine.request("POST", "/rules/rollback", headers={"If-Match": tag}), 412, "precondition_failed")
            tag = engine.request("GET", "/rules").headers["etag"]
            self.assertEqual(engine.request("POST", "/rules/rollback", headers={"If-Match": tag}).status, 200)

    def test_an_edit_on_disk_between_seal_and_activate_is_kept(self):
        with self.engine() as engine:
            self.put(engine, "rules/10_first.lua", rule(2))
            self.assertEqual(self.seal(engine), 2)
            self.assertEqual(self.edit(engine, rule(3)), 3)
            self.assertEqual(self.activate(engine, 2).status, 200)
            self.assertEqual(self.version(engine), (2, 2))
            self.assertEqual(self.states(engine), {1: "retired", 2: "active", 3: "retired"})
            self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 3)
            self.assertEqual(self.version(engine), (3, 3))

    def test_a_refused_edit_is_kept_before_it_is_written_over(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            engine.write_rule("rules/10_first.lua", "return {\n")
            self.problem(engine.request("POST", "/rules/reload"), 422, "rules_refused")
            self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 1)
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(1)})
            self.assertIsNone(self.rules(engine)["refused"])
            entry = self.rules(engine)["generations"][0]
            self.assertEqual((entry["generation"], entry["state"], entry["by"]), (3, "sealed", "disk"))
            self.assertIn("found in the scripts folder", entry["note"])
            self.assertEqual(engine.request("GET", "/rules/3/files/rules/10_first.lua").body, b"return {\n")
            engine.write_rule("lib/more.lua", "return (\n")  # the active one again: the folder is put right
            self.problem(engine.request("POST", "/rules/reload"), 422, "rules_refused")
            answer = self.activate(engine, "active")
            self.assertEqual((answer.status, answer.json["changed"]), (200, False))
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(1)})

    def test_a_folder_that_cannot_be_written_changes_nothing(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            self.edit(engine, "return 1\n", "lib/a.lua")
            os.rename(os.path.join(engine.scripts, "rules"), os.path.join(engine.folder, "elsewhere"))
            os.symlink(os.path.join(engine.folder, "elsewhere"), os.path.join(engine.scripts, "rules"))
            self.problem(self.activate(engine, 1), 409, "rules_folder", "rules is a link")
            self.assertEqual(self.version(engine), (2, 3))
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(2), "lib/a.lua": "return 1\n"})
            self.assertEqual(self.states(engine), {1: "retired", 2: "retired", 3: "active"})
            os.remove(os.path.join(engine.scripts, "rules"))
            self.problem(self.activate(engine, 1), 409, "rules_folder")
            os.rename(os.path.join(engine.folder, "elsewhere"), os.path.join(engine.scripts, "rules"))
            self.assertEqual(self.activate(engine, 1).status, 200)
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(1)})

    def test_a_folder_that_may_not_be_written_changes_nothing(self):
        as_other = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []  # root may write everywhere
        engine = Engine(rules={"rules/10_first.lua": rule(1)}, settings={"log.level": "info"}, program=[*as_other, ORDO])
        engine.prepare()
        for path in [engine.folder, *glob.glob(os.path.join(engine.folder, "**"), recursive=True)]:
            os.chown(path, 65534 if as_other else -1, -1)
        with engine:
            self.edit(engine, rule(2))
            os.chmod(os.path.join(engine.scripts, "rules"), 0o555)
            self.problem(self.activate(engine, 1), 409, "rules_folder", "Permission denied")
            self.assertEqual(self.version(engine), (2, 2))
            self.assertEqual(self.on_disk(engine), {"rules/10_first.lua": rule(2)})
            os.chmod(os.path.join(engine.scripts, "rules"), 0o777)
            self.assertEqual(self.activate(engine, 1).status, 200)

    def test_files_keep_their_mode_and_unchanged_ones_are_not_touched(self):
        with self.engine() as engine:
            self.edit(engine, "return 1\n", "lib/a.lua")
            os.chmod(os.path.join(engine.scripts, "rules/10_first.lua"), 0o640)
            before = os.stat(os.path.join(engine.scripts, "lib/a.lua"))
            self.edit(engine, rule(2))
            self.put(engine, "rules/10_first.lua", rule(3))
            os.chmod(os.path.join(engine.scripts, "rules/10_first.lua"), 0o640)
            with open(os.path.join(engine.scripts, "README.md"), "w", encoding="utf-8") as file:
                file.write("Not a script.")
            self.assertEqual(self.activate(engine, self.seal(engine)).status, 200)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(engine.scripts, "rules/10_first.lua")).st_mode), 0o640)
            after = os.stat(os.path.join(engine.scripts, "lib/a.lua"))
            self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))
            self.assertTrue(os.path.exists(os.path.join(engine.scripts, "README.md")))

    def test_orders_meanwhile_have_one_set_for_each_number(self):
        with self.engine() as engine:
            self.edit(engine, rule(2))
            done, seen, failures = threading.Event(), {}, []

            def load():
                connection = engine.connection()
                while not done.is_set():
                    answer = engine.request("POST", "/orders", order(), connection=connection)
                    if answer.status != 200:
                        failures.append(answer)
                    elif seen.setdefault(answer.json["generation"], answer.json["attributes"]["version"]) != \
                            answer.json["attributes"]["version"]:
                        failures.append(answer)
                connection.close()

            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            for turn in range(30):
                self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 1 + turn % 2)
            done.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(seen, {1: 1, 2: 2})

    def test_the_rule_tax_compares_with_the_one_that_ran_before(self):
        with self.engine() as engine:
            def decide():
                self.assertEqual({line["decision"] for line in engine.batch([order()] * 2500).lines}, {"accepted"})

            def is_compared(before, after):
                tax = self.rules(engine).get("tax")
                return tax and (tax["from"]["generation"], tax["to"]["generation"]) == (before, after)

            decide()
            self.edit(engine, rule(2))
            decide()
            engine.wait_until(lambda: is_compared(1, 2), "the first comparison")
            self.assertEqual(engine.request("POST", "/rules/rollback").json["generation"], 1)
            decide()
            engine.wait_until(lambda: is_compared(2, 1), "the comparison with a higher number")

    # --- crashes -----------------------------------------------------------------------------------------------

    def test_killed_at_any_moment_of_an_activation_the_next_start_runs_one_set_whole(self):
        """Kills at random moments, and when the first file is there, until some have struck between two files."""
        chance, cut_off, rounds = random.Random(7), 0, 0
        with Engine(rules=large(1), settings={"log.level": "info"}) as engine:
            self.edit_all(engine, large(2))
            took = self.time_of_rollback(engine)
            until = time.monotonic() + 120
            while (rounds < 14 or cut_off < 2) and time.monotonic() < until:
                rounds += 1
                self.kill_in_rollback(engine, None if rounds % 2 == 0 else chance.uniform(0, took))
                cut_off += self.is_mixed(engine)
                engine.restart()
                body = engine.post(order()).json
                self.assertEqual(set(body["attributes"]["parts"]), {body["generation"]}, f"round {rounds}")
                self.assertEqual(self.on_disk(engine), large(body["generation"]))
                self.assertEqual(set(self.states(engine)), {1, 2})
                self.assertEqual(self.rules(engine)["damaged"], [])
                self.assertEqual(glob.glob(os.path.join(engine.scripts, "*", ".ordo-*")), [])
            self.assertGreater(cut_off, 0, f"no kill of {rounds} struck between two files")
            print(f"{cut_off} of {rounds} kills struck between two files")

    def is_mixed(self, engine):
        return len({text for path, text in self.on_disk(engine).items() if path.startswith("lib/")}) > 1

    def kill_in_rollback(self, engine, after):
        """Kills after that time, or once the first file is another one."""
        first = os.path.join(engine.scripts, "lib", "part000.lua")
        before = os.stat(first).st_ino
        thread = threading.Thread(target=self.ignore_end, args=(engine,))
        thread.start()
        if after is None:
            while os.stat(first).st_ino == before and thread.is_alive():
                pass
        else:
            time.sleep(after)  # when the process dies, not something that is waited for
        engine.kill()
        thread.join()

    def edit_all(self, engine, files):
        for path, text in files.items():
            self.put(engine, path, text)
        self.assertEqual(self.activate(engine, self.seal(engine)).status, 200)

    def time_of_rollback(self, engine):
        start = time.monotonic()
        for _ in range(2):
            self.assertEqual(engine.request("POST", "/rules/rollback").status, 200)
        return (time.monotonic() - start) / 2

    def ignore_end(self, engine):
        try:
            engine.request("POST", "/rules/rollback")
        except Exception:  # pylint: disable=broad-except
            pass  # it was killed

    def cut_off(self, engine):
        """Ends the engine between two files of an activation of generation 1 or 2; the number that was to be active."""
        for _ in range(100):
            active = self.rules(engine)["generation"]
            self.kill_in_rollback(engine, None)
            if self.is_mixed(engine):
                return 3 - active
            engine.restart()
        self.fail("no kill struck between two files")

    def test_an_edit_after_a_crash_in_an_activation_is_kept(self):
        with Engine(rules=large(1), settings={"log.level": "info"}) as engine:
            self.edit_all(engine, large(2))
            wanted = self.cut_off(engine)
            engine.write_rule("lib/part000.lua", "return 77\n")
            found = self.on_disk(engine)
            engine.restart()
            self.assertEqual(self.on_disk(engine), large(wanted))
            self.assertEqual(self.rules(engine)["generation"], wanted)
            self.assertEqual(self.states(engine)[3], "sealed")
            self.assertEqual({path: engine.request("GET", f"/rules/3/files/{path}").body.decode() for path in found}, found)

    def test_after_a_crash_the_old_set_stands_in_for_a_damaged_new_one(self):
        with Engine(rules=large(1), settings={"log.level": "info"}) as engine:
            self.edit_all(engine, large(2))
            wanted = self.cut_off(engine)
            self.damage(engine, str(wanted))
            engine.restart()
            self.assertEqual(self.on_disk(engine), large(3 - wanted))
            self.assertEqual(self.rules(engine)["generation"], 3 - wanted)


if __name__ == "__main__":
    main()
