#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program: help, exit codes, check, run, plugins, completion and load."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import BUILD, ROOT, Engine, main, order, ordo

COMMANDS = ("serve", "check", "test", "run", "load", "orders", "rules", "backup", "restore", "verify", "profile", "plugins",
            "completion")
VERBS = {
    "orders": ("list", "show", "retry", "resolve", "export"),
    "rules": ("list", "show", "diff", "activate", "rollback"),
    "profile": ("cpu", "memory", "allocs", "block", "mutex", "goroutines", "trace", "gc", "jit", "leaks", "diff", "status",
                "history"),
}
RULES = {
    "rules/10_verdict.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "verdict",
  apply = function(order, decide, ctx)
    if order.customer.tier == "gold" then decide:hold("gold is looked at") end
    if order.customer.tier == "silver" then decide:reject("silver", "no silver today") end
    decide:discount("ten", 10)
    decide:set("now", ctx.now())
  end,
}
"""
}


class Scratch(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def write_rules(self, rules=None):
        for name, text in (rules or RULES).items():
            self.write(os.path.join("scripts", name), text)

    def run_here(self, *arguments, **more):
        return ordo(*arguments, cwd=self.folder, **more)


class Usage(Scratch):
    def test_help_names_every_command_and_option(self):
        done = ordo("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for command in COMMANDS:
            self.assertRegex(done.stdout, rf"\n  {command} ")
            for words in ((command, "--help"), (command, "-h"), ("help", command)):
                shown = ordo(*words)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertTrue(shown.stdout.startswith(f"usage: ordo {command} "), shown.stdout)
        for command, verb in ((command, verb) for command, verbs in VERBS.items() for verb in verbs):
            self.assertRegex(ordo(command, "--help").stdout, rf"\n  {verb} ")
            for words in ((command, verb, "--help"), ("help", command, verb)):
                shown = ordo(*words)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertTrue(shown.stdout.startswith(f"usage: ordo {command} {verb} [options]"), shown.stdout)

    def test_version(self):
        done = ordo("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^ordo \d+\.\d+\.\d+\n$")

    def test_help_options_is_the_table_of_the_configuration(self):
        done = ordo("--help-options")
        self.assertEqual(done.returncode, 0)
        for name in ("http.listen", "queue.max_wait_low", "rules.on_error", "stop.grace"):
            self.assertIn(name, done.stdout)

    def test_wrong_command_lines_are_2(self):
        for words, said in (
            ((), "usage: ordo COMMAND"),
            (("frob",), 'there is no command "frob"; `ordo --help` lists the commands.'),
            (("sevre",), 'there is no command "sevre"; did you mean serve?'),
            (("help", "chekc"), 'there is no command "chekc"; did you mean check?'),
            (("help", "frob"), 'there is no command "frob"'),
            (("--frob",), 'there is no option "--frob"'),
            (("serve", "--frob"), "there is no option --frob"),
            (("serve", "-x"), "there is no option -x"),
            (("serve", "-c"), "-c needs a value"),
            (("check", "--set"), "--set needs a value"),
            (("check", "--print=x"), "--print=x takes no value"),
            (("check", "more"), '"more" is too much'),
            (("run",), "--order FILE is needed"),
            (("run", "--order", "x", "--now", "noon"), '--now is a UTC time such as 2026-11-23T06:27:05Z, not "noon"'),
            (("load", "--rate", "many"), '--rate is a whole number from 1 to 10000000, not "many"'),
            (("load", "--duration", "0s"), "--duration is a duration above zero"),
            (("load", "--mode", "udp"), '--mode is sync, async or ndjson, not "udp"'),
            (("load", "--priorities", "0:0:0"), "--priorities are shares such as 1:2:1"),
            (("load", "--priorities", "1:2"), "--priorities are shares such as 1:2:1"),
            (("load", "--batch", "5"), "--batch needs --mode ndjson"),
            (("load", "https://localhost"), "is no URL such as http://127.0.0.1:8080"),
            (("load", "a", "b"), '"b" is too much'),
            (("completion", "zsh"), "bash is the shell"),
        ):
            with self.subTest(words=words):
                done = ordo(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(said, done.stderr)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([os.path.join(BUILD, "ordo"), "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to standard output", done.stderr)


class Check(Scratch):
    def test_ok_is_a_line_a_part(self):
        self.write_rules()
        done = self.run_here("check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^configuration: ok \(defaults\)\nplugins: ok \(store \w+, 1 source, 1 sink, 0 exporters\)\n"
                                      r"rules: ok \(scripts, 1 file, 0 tests, [0-9a-f]{12}\)\n$")
        self.assertEqual(sorted(os.listdir(self.folder)), ["scripts"])  # nothing was made

    def test_shipped_scripts_are_ok(self):
        done = ordo("check", cwd=ROOT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_configuration_error_with_its_place(self):
        self.write_rules()
        self.write("ordo.yaml", "queue:\n  high: many\n  lowe: 5\nhttp:\n  max_wait: 5 parsecs\n")
        done = self.run_here("check", "--set", "workers.count=-1", environment={"ORDO_QUEUE_MEDIUM": "0"})
        self.assertEqual(done.returncode, 78)
        for place in (r"ordo\.yaml:2:\d+: .*queue\.high", r"ordo\.yaml:3:\d+: .*lowe", r"ordo\.yaml:5:\d+: .*max_wait",
                      r"--set.*workers\.count", r"ORDO_QUEUE_MEDIUM.*"):
            self.assertRegex(done.stderr, place)

    def test_what_the_server_would_refuse_is_told_by_check_and_serve_alike(self):
        self.write_rules()
        self.write("empty", "\n")
        for text, lines in (
            ("http: { listen: 8080 }", [r"ordo\.yaml:1:17: http\.listen: '8080' is no address to listen on; write host:port"]),
            ('http:\n  listen: "[::1]:x"\nadmin: { listen: 127.0.0.1:99999 }',
             [r"ordo\.yaml:2:11: http\.listen: '\[::1\]:x' is no address",
              r"ordo\.yaml:3:18: admin\.listen: '127\.0\.0\.1:99999' is no address"]),
            ("http:\n  listen: 0.0.0.0:0\n  token_file: nowhere",
             [r"ordo\.yaml:2:11: http\.listen: 0\.0\.0\.0:0 is not a loopback address, .* or admin\.token_file",
              r"ordo\.yaml:3:15: http\.token_file: nowhere: cannot read the token: No such file or directory"]),
            ("admin: { listen: 0.0.0.0:0 }", [r"ordo\.yaml:1:18: admin\.listen: 0\.0\.0\.0:0 is not .* set admin\.token_file"]),
            ("admin: { token_file: empty }", [r"ordo\.yaml:1:22: admin\.token_file: empty: the token file is empty"]),
        ):
            self.write("ordo.yaml", text + "\n")
            for command in ("check", "serve"):
                with self.subTest(text=text, command=command):
                    done = self.run_here(command)
                    self.assertEqual(done.returncode, 78, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), len(lines), done.stderr)
                    for said, line in zip(done.stderr.splitlines(), lines):
                        self.assertRegex(said, "^" + line)
                    self.assertNotIn("configuration: ok", done.stdout)
        done = self.run_here("check", "--set", "http.listen=localhost", environment={"ORDO_ADMIN_TOKEN_FILE": "gone"})
        self.assertRegex(done.stderr, r"(?m)^--set http\.listen: 'localhost' is no address")
        self.assertRegex(done.stderr, r"(?m)^ORDO_ADMIN_TOKEN_FILE: admin\.token_file: gone: cannot read the token")

    def test_what_a_plugin_would_refuse_is_told_by_check_and_serve_alike(self):
        self.write_rules()
        self.write("file", "")
        for text, line in (
            ("sinks: [{plugin: sink_webhook, url: 'ftp://x/', dead_letter: dead}]",
             r"ordo\.yaml:1:18: sinks\[0\]: sink_webhook: url: \"ftp://x/\" is no URL to post to; write http://host:port/path"),
            ("sinks: [{plugin: sink_webhook, url: 'http://x/', dead_letter: dead, token_file: gone}]",
             r".* sink_webhook: gone: cannot read the token: No such file or directory"),
            ("sinks: [{plugin: sink_webhook, url: 'http://x/', dead_letter: file/dead}]",
             r".* sink_webhook: file/dead: cannot open it for writing: Not a directory"),
            ("sinks: [{plugin: sink_file, path: scripts}]",
             r".* sink_file: scripts: cannot open it for writing: Is a directory"),
            ("sources: [{plugin: source_file, path: gone}]",
             r".* source_file: gone: cannot read orders from it: No such file or directory"),
            ("store: {bogus: 1}", r"ordo\.yaml:1:9: store\.bogus: unknown option"),
        ):
            self.write("ordo.yaml", text + "\n")
            for command in ("check", "serve"):
                with self.subTest(text=text, command=command):
                    done = self.run_here(command, "--set", "http.listen=127.0.0.1:0")
                    self.assertEqual(done.returncode, 78, done.stderr)
                    self.assertRegex(done.stderr, "^" + line)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.assertNotIn("configuration: ok", done.stdout)
                    if command == "check":
                        self.assertEqual(sorted(os.listdir(self.folder)), ["file", "ordo.yaml", "scripts"])
            shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
            for made in ("decisions.ndjson", "dead"):
                if os.path.exists(os.path.join(self.folder, made)):
                    os.remove(os.path.join(self.folder, made))

    def test_two_sinks_of_one_file(self):
        self.write_rules()
        for one, two in (("path: out", "path: out"), ("fsync: true", "fsync: false")):
            self.write("ordo.yaml", f"sinks: [{{plugin: sink_file, {one}}}, {{plugin: sink_file, name: b, {two}}}]\n")
            done = self.run_here("check")
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertRegex(done.stderr, r"^ordo\.yaml:1:\d+: sinks\[1\]: sinks\[0\] writes to the same file; "
                                          r"give each a file of its own \(path: FILE\)\n$")
            done = self.run_here("serve", "--set", "http.listen=127.0.0.1:0")
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertRegex(done.stderr, r"^ordo\.yaml:1:\d+: sinks\[1\]: sink_file: .*: another sink or another process "
                                          r"writes to it; give each a file of its own\n$")

    def test_a_file_that_is_not_there(self):
        done = self.run_here("check", "-c", "nowhere.yaml")
        self.assertEqual(done.returncode, 78)
        self.assertIn("nowhere.yaml", done.stderr)

    def test_every_plugin_error(self):
        self.write_rules()
        self.write("ordo.yaml", "store:\n  plugin: store_nowhere\nsinks:\n  - plugin: sink_file\n    pth: x\n"
                   "sources:\n  - plugin: source_generator\n    rate: fast\n")
        done = self.run_here("check")
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stderr, r"store_nowhere")
        self.assertRegex(done.stderr, r"ordo\.yaml:5:\d+: .*pth")
        self.assertRegex(done.stderr, r"ordo\.yaml:8:\d+: .*rate")
        self.assertIn("rules: ok", done.stdout)  # and it went on

    def test_every_rule_error_with_file_and_line(self):
        self.write_rules({
            **RULES,
            "rules/20_syntax.lua": "return {\n  name = \"x\",\n  apply = function(\n}\n",
            "rules/30_shape.lua": "return { name = \"y\" }\n",
        })
        done = self.run_here("check")
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stderr, r"rules/20_syntax\.lua:[34]: ")
        self.assertRegex(done.stderr, r"rules/30_shape\.lua:?\d*: .*apply")

    def test_what_would_break_later_is_warned_of_with_file_and_line(self):
        self.write_rules({
            **RULES,
            "rules/20_late.lua": "local n = 0\nreturn { apply = function(order)\n  n = n + 1\n"
                                 "  if order.late then return os.time() end\nend }\n",
        })
        done = self.run_here("check")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"(?m)^warning: .*rules/20_late\.lua:3: `n` is changed here and outlives the order")
        self.assertRegex(done.stderr, r"(?m)^warning: .*rules/20_late\.lua:4: os is not here: .*; use ctx\.now\(\)")

    def test_print_tells_where_each_value_comes_from(self):
        self.write("ordo.yaml", "queue: { high: 77 }\n")
        done = self.run_here("check", "--print", "--set", "queue.low=33", environment={"ORDO_QUEUE_MEDIUM": "55"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in (r"high: 77 +# .*ordo\.yaml:1", r"low: 33 +# .*--set", r"medium: 55 +# .*ORDO_QUEUE_MEDIUM",
                     r"grace: 30s +# .*default"):
            self.assertRegex(done.stdout, line)


    def test_example_configurations_can_be_read(self):
        folder = os.path.join(ROOT, "examples", "configs")
        for name in sorted(os.listdir(folder)):
            with self.subTest(name=name):
                done = ordo("check", "--print", "-c", os.path.join(folder, name), cwd=ROOT)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class Run(Scratch):
    def setUp(self):
        super().setUp()
        self.write_rules()
        self.write("order.json", json.dumps(order("o-1")))

    def test_decision_with_its_explanation(self):
        done = self.run_here("run", "--order", "order.json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("order o-1: held: gold is looked at", done.stdout)
        self.assertRegex(done.stdout, r"\n  hold +gold is looked at +verdict +rules/10_verdict\.lua:5\n")
        self.assertRegex(done.stdout, r"\n  discount +10 +ten +verdict +rules/10_verdict\.lua:7\n")
        self.assertRegex(done.stdout, r"\n  subtotal +8948\n  discount +-10\n")
        self.assertRegex(done.stdout, r"\n  total +8938\n  paid +0\n  due +8938\n")

    def test_amounts_that_do_not_count_are_told(self):
        self.write("scripts/rules/20_much.lua",
                   "return { name = 'much', apply = function(order, decide) decide:discount('d', order.subtotal) end }")
        done = self.run_here("run", "--order", "order.json")
        self.assertIn("order o-1: held: rule error: the total is -10 (", done.stdout)
        self.assertRegex(done.stdout, r"\n  discount +0 +ten \(does not count; asked for: 10\) ")
        self.assertRegex(done.stdout, r"\n  discount +0 +d \(does not count; asked for: 8948\) ")
        self.assertRegex(done.stdout, r"\n  total +8948\n")

    def test_json_is_what_clients_get(self):
        done = self.run_here("run", "--order", "-", "--now", "2026-11-23T06:27:05.250Z", "--json",
                             stdin=json.dumps(order("o-2", customer={"id": "c", "tier": "silver", "country": "DE"})))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        decision = json.loads(done.stdout)
        self.assertEqual((decision["id"], decision["status"], decision["decision"], decision["code"]),
                         ("o-2", "done", "rejected", "silver"))
        gold = self.run_here("run", "--order", "order.json", "--now", "2026-11-23T06:27:05.250Z", "--json")
        self.assertEqual(json.loads(gold.stdout)["attributes"]["now"], 1795415225250)

    def test_invalid_order_tells_every_problem(self):
        self.write("bad.json", json.dumps(order("o-3", currency="euro", items=[{"sku": "A", "qty": 0, "price": 1.5}])))
        done = self.run_here("run", "--order", "bad.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("order o-3: not valid, 3 problems", done.stdout)
        for field in ("currency", "items[1].qty", "items[1].price"):
            self.assertIn(f"  {field}: ", done.stdout)
        problem = json.loads(self.run_here("run", "--order", "bad.json", "--json").stdout)
        self.assertEqual((problem["code"], len(problem["problems"])), ("invalid_order", 3))

    def test_what_is_not_json_is_told_with_line_and_column(self):
        self.write("broken.json", '{\n  "id": "x",\n}\n')
        done = self.run_here("run", "--order", "broken.json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^broken\.json:3:\d+: ")

    def test_files_that_are_not_there(self):
        done = self.run_here("run", "--order", "nowhere.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere.json: cannot open the order: No such file or directory", done.stderr)
        done = self.run_here("run", "--order", "order.json", "--rules", "nowhere")
        self.assertEqual(done.returncode, 78)
        self.assertIn("nowhere", done.stderr)

    def test_broken_rules_are_78(self):
        self.write("scripts/rules/20_x.lua", "return 5 +\n")
        done = self.run_here("run", "--order", "order.json")
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertRegex(done.stderr, r"rules/20_x\.lua:[12]: ")

    def test_examples_are_decided_by_the_shipped_rules(self):
        folder = os.path.join(ROOT, "examples", "orders")
        names = [name for name in sorted(os.listdir(folder)) if name.endswith(".json")]
        self.assertTrue(names)
        for name in names:
            with self.subTest(name=name):
                done = ordo("run", "--order", os.path.join(folder, name), cwd=ROOT)
                self.assertEqual(done.returncode, 1 if "invalid" in name else 0, done.stdout + done.stderr)

    def test_example_rule_sets_decide_an_order(self):
        for name in sorted(os.listdir(os.path.join(ROOT, "examples"))):
            folder = os.path.join(ROOT, "examples", name)
            if os.path.isdir(os.path.join(folder, "rules")):
                with self.subTest(name=name):
                    done = self.run_here("run", "--order", "order.json", "--rules", folder)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))


class Plugins(Scratch):
    def test_list(self):
        done = ordo("plugins")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for name, kind in (("store_memory", "store"), ("source_generator", "source"), ("source_file", "source"),
                           ("sink_file", "sink"), ("sink_webhook", "sink")):
            self.assertRegex(done.stdout, rf"(?m)^{name} +{kind} +\S+ +1\.\d+ +\S")

    def test_json_and_names(self):
        listed = json.loads(ordo("plugins", "--json").stdout)
        names = [plugin["name"] for plugin in listed]
        self.assertEqual(names, sorted(names))
        self.assertEqual(ordo("plugins", "--names").stdout.split(), names)
        for plugin in listed:
            self.assertTrue(os.path.exists(plugin["file"]), plugin)
            self.assertRegex(plugin["abi"], r"^1\.\d+$")
            for option in plugin["options"]:
                self.assertTrue(option["help"], option)

    def test_options_of_one(self):
        done = ordo("plugins", "sink_file")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^sink_file \S+ \(sink, ABI 1\.\d+\): ")
        self.assertIn("path", done.stdout)
        self.assertEqual(json.loads(ordo("plugins", "sink_file", "--json").stdout)["name"], "sink_file")

    def test_one_that_is_not_there(self):
        done = ordo("plugins", "sink_nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("sink_nowhere", done.stderr)

    def test_a_broken_one_does_not_hide_the_others(self):
        for name in ("sink_file.so", "store_memory.so"):
            shutil.copy(os.path.join(BUILD, "plugins", name), self.folder)
        self.write("broken.so", "this is no shared object")
        done = ordo("plugins", "--folder", self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken", done.stderr)
        self.assertIn("sink_file", done.stdout)
        self.assertIn("store_memory", done.stdout)


class Completion(Scratch):
    def complete(self, *words):
        """What bash offers for the last word."""
        script = f"""
source <({BUILD}/ordo completion bash) || exit 9
COMP_WORDS=({' '.join("'" + word + "'" for word in words)}) COMP_CWORD={len(words) - 1}
compopt() {{ :; }}
_ordo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        done = subprocess.run(["bash", "--norc", "-c", script], cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words(self):
        program = os.path.join(BUILD, "ordo")
        self.assertEqual(self.complete(program, "se"), ["serve"])
        self.assertEqual(set(COMMANDS) - set(self.complete(program, "")), set())
        self.assertEqual(self.complete(program, "run", "--or"), ["--order"])
        self.assertEqual(self.complete(program, "load", "--mode", ""), ["sync", "async", "ndjson"])
        self.assertEqual(self.complete(program, "serve", "--set", "queue.max_wait_l"), ["queue.max_wait_low="])
        self.assertEqual(self.complete(program, "plugins", "store_m"), ["store_memory"])
        self.assertEqual(self.complete(program, "completion", ""), ["bash"])
        self.assertEqual(self.complete(program, "orders", "re"), ["retry", "resolve"])
        self.assertEqual(self.complete(program, "orders", "list", "--status", "d"), ["done", "dead"])
        self.assertEqual(self.complete(program, "orders", "export", "-f", ""), ["ndjson", "csv"])
        self.assertEqual(self.complete(program, "rules", "r"), ["rollback"])
        self.assertEqual(self.complete(program, "profile", "g"), ["goroutines", "gc"])
        self.assertEqual(self.complete(program, "profile", "cpu", "--mode", ""), ["cpu", "wall"])
        self.assertEqual(self.complete(program, "profile", "history", ""), ["show", "rm"])
        self.write("some.yaml", "")
        self.assertEqual(self.complete(program, "orders", "show", "-t", "so"), ["some.yaml"])
        self.assertEqual(self.complete(program, "check", "-c", "so"), ["some.yaml"])
        self.write("some_rules/rules/10_a.lua", "")
        self.assertEqual(self.complete(program, "test", "some"), ["some_rules"])

    def test_every_option_of_the_help_is_offered(self):
        for words in [(command,) for command in COMMANDS] + [(command, verb) for command, verbs in VERBS.items() for verb in verbs]:
            shown = ordo(*words, "--help").stdout
            wanted = set(re.findall(r"--[a-z-]+", shown.split("options:")[1].split("\n\n")[0]))
            wanted = {word for word in wanted if re.search(rf"^  .*{word}\b", shown, re.M)}
            self.assertEqual(wanted - set(self.complete(os.path.join(BUILD, "ordo"), *words, "--")), set())


class Load(unittest.TestCase):
    COUNT = 600

    def load(self, engine, *arguments, code=0):
        done = ordo("load", engine.url(), "--json", "--orders", str(self.COUNT), "--connections", "8", *arguments)
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        return json.loads(done.stdout)

    def check_summary(self, summary, requests):
        self.assertEqual((summary["requests"], summary["orders"]), (requests, self.COUNT))
        self.assertEqual(sum(summary["status"].values()), requests)
        self.assertEqual(sum(summary["outcomes"].values()), self.COUNT)
        self.assertEqual(sum(summary["errors"].values()), 0)
        times = [summary["latency_us"][name] for name in ("p50", "p90", "p99", "p99.9", "max")]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)

    def outcomes_of_engine(self, engine):
        return {name: engine.metric(f'ordo_orders_total{{outcome="{name}"}}') for name in ("accepted", "rejected", "held")}

    def check_against_engine(self, engine, summary):
        self.assertEqual({name: summary["outcomes"][name] for name in ("accepted", "rejected", "held")},
                         self.outcomes_of_engine(engine))
        self.assertEqual(engine.stats()["processed"], self.COUNT)

    def test_sync(self):
        with Engine(rules=RULES) as engine:
            summary = self.load(engine)
            self.check_summary(summary, self.COUNT)
            self.assertEqual(summary["status"]["2xx"], self.COUNT)
            for name in ("accepted", "rejected", "held"):
                self.assertGreater(summary["outcomes"][name], 0)
            self.check_against_engine(engine, summary)

    def test_ndjson(self):
        with Engine(rules=RULES) as engine:
            summary = self.load(engine, "--mode", "ndjson", "--batch", "70")
            self.check_summary(summary, 9)
            self.check_against_engine(engine, summary)

    def test_async(self):
        with Engine(rules=RULES) as engine:
            summary = self.load(engine, "--mode", "async")
            self.check_summary(summary, self.COUNT)
            self.assertEqual(summary["outcomes"]["later"], self.COUNT)
            engine.wait_until(lambda: sum(self.outcomes_of_engine(engine).values()) == self.COUNT, "all to be decided")

    def test_rate_and_priorities(self):
        with Engine(rules=RULES) as engine:
            summary = self.load(engine, "--rate", "3000", "--priorities", "0:0:1")
            self.check_summary(summary, self.COUNT)
            # Requests are due at fixed moments: the last one at 599/3000 s, however fast the engine is.
            self.assertGreaterEqual(summary["seconds"], (self.COUNT - 1) / 3000 - 0.001)
            listed = engine.request("GET", "/orders?priority=low&limit=1").json["orders"]
            self.assertEqual(len(listed), 1)
            self.assertEqual(engine.request("GET", "/orders?priority=high&limit=1").json["orders"], [])

    def test_a_seed_again_is_answered_from_the_record(self):
        with Engine(rules=RULES) as engine:
            self.load(engine, "--seed", "5")
            summary = self.load(engine, "--seed", "5")
            self.check_summary(summary, self.COUNT)
            self.assertEqual(summary["outcomes"]["replayed"], self.COUNT)
            self.assertEqual(self.load(engine, "--seed", "6")["outcomes"]["replayed"], 0)

    def test_refused_orders_are_counted_and_no_errors(self):
        rules = {"rules/10_sleep.lua": "-- SPDX-License-Identifier: MIT\nreturn { name = \"sleep\","
                 " apply = function(_, _, ctx) ctx.sleep(20) end }\n"}
        settings = {"workers.count": 1, "workers.max_in_flight": 1, "queue.medium": 1, "queue.high": 1, "queue.low": 1}
        with Engine(rules=rules, settings=settings) as engine:
            summary = self.load(engine)
            self.check_summary(summary, self.COUNT)
            self.assertGreater(summary["outcomes"]["refused"], 0)
            self.assertEqual(summary["outcomes"]["refused"], engine.metric("ordo_orders_refused_total"))
            self.assertEqual(summary["status"]["5xx"], summary["outcomes"]["refused"])

    def test_text_summary(self):
        with Engine(rules=RULES) as engine:
            done = ordo("load", engine.url("/orders"), "-n", "50", "-c", "2")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"^50 orders in 50 requests \(sync\) over 2 connections in \d+\.\d\d s\n"
                                          r"rate +[\d,]+ orders/s\nlatency +p50 \S+ +p90 \S+ +p99 \S+ +p99\.9 \S+ +max \S+\n"
                                          r"status +2xx 50 \noutcomes .*\nerrors +0\n$")

    def test_forms_of_the_url(self):
        with Engine(rules=RULES) as engine:
            for url in (f"127.0.0.1:{engine.port}", f"http://127.0.0.1:{engine.port}/", f"http://localhost:{engine.port}",
                        f"127.0.0.1:{engine.port}/orders"):
                with self.subTest(url=url):
                    done = ordo("load", url, "-n", "3", "--json")
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertEqual(json.loads(done.stdout)["status"]["2xx"], 3)
            done = ordo("load", engine.url("/nothing/here"), "-n", "3", "--json")
            self.assertEqual(json.loads(done.stdout)["status"]["4xx"], 3)

    def test_nobody_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and does not listen
            done = ordo("load", f"http://127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot connect: Connection refused; is the engine running there", done.stderr)

    def test_an_engine_that_goes_away(self):
        rules = {"rules/10_sleep.lua": "-- SPDX-License-Identifier: MIT\nreturn { name = \"sleep\","
                 " apply = function(_, _, ctx) ctx.sleep(30000) end }\n"}
        with Engine(rules=rules) as engine:
            load = subprocess.Popen([os.path.join(BUILD, "ordo"), "load", engine.url(), "-n", "4", "-c", "4", "--json"],
                                    stdout=subprocess.PIPE, text=True)
            engine.wait_until(lambda: engine.metric("ordo_orders_received_total") == 4, "the orders")
            engine.stop(9)
            text = load.communicate(timeout=60)[0]
        self.assertEqual(load.returncode, 1)
        self.assertEqual(json.loads(text)["errors"]["closed"], 4)


class Start(Scratch):
    def test_address_in_use_says_which_and_the_cure(self):
        with Engine(rules=RULES) as engine:
            self.write_rules()
            for option in ("http.listen", "admin.listen"):
                with self.subTest(option=option):
                    done = self.run_here("serve", "--set", "http.listen=127.0.0.1:0", "--set", "sources=[]", "--set",
                                         "sinks=[]", "--set", f"{option}=127.0.0.1:{engine.port}")
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"{option}: cannot listen on 127.0.0.1:{engine.port}", done.stderr)
                    self.assertIn("another program listens there", done.stderr)
                    self.assertIn(f"--set {option}=127.0.0.1:", done.stderr)

    def test_wrong_configuration_plugin_or_rules_are_78(self):
        self.write_rules()
        for words, said in ((("--set", "queue.high=x"), "queue.high"), (("--set", "store.plugin=store_nowhere"), "store_nowhere"),
                            (("--set", "scripts=nowhere"), "nowhere"),
                            (("--set", "admin.listen=0.0.0.0:0"), "token")):
            with self.subTest(words=words):
                done = self.run_here("serve", "--set", "http.listen=127.0.0.1:0", "--set", "sources=[]", "--set", "sinks=[]",
                                     *words)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(said, done.stderr)

    def test_the_hint_works_as_printed(self):
        with Engine() as engine:
            hint = re.search(r"^  (curl .*/orders.*)$", engine.log, re.M).group(1)
            done = subprocess.run(["bash", "-c", hint], capture_output=True, text=True, check=True, timeout=60)
            self.assertEqual(json.loads(done.stdout)["status"], "done", done.stdout)

    def test_a_log_in_json_is_json_in_every_line(self):
        with Engine(rules=RULES, settings={"log.format": "json"}) as engine:
            log = engine.stop()[1]
            self.assertIn("orders are taken at", log)
            for line in log.splitlines():
                self.assertIn("message", json.loads(line))

    def test_a_service_manager_is_told(self):
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(folder, "notify")
            manager.bind(path)
            manager.settimeout(60)
            with Engine(rules=RULES, environment={"NOTIFY_SOCKET": path}) as engine:
                self.assertEqual(manager.recv(100), b"READY=1")
                engine.stop()
                self.assertEqual(manager.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    main()
