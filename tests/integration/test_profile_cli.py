#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`ordo profile`: what a terminal, a pipe, a file and a browser get; what ends it; the history."""
import fcntl
import gzip
import http.server
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from harness import Engine, ORDO, PATIENCE, environment_with, main, ordo
from test_profile_http import SPIN, Load

STACKS = ("cpu", "memory", "allocs", "block", "mutex", "goroutines")
DOCUMENTS = ("trace", "gc", "jit", "leaks", "status")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """The program with a terminal of some columns as its input, output and, unless it is piped, its errors."""

    def __init__(self, *words, columns=100, cwd=None, environment=None, piped_errors=True):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        variables = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(environment or {})}

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([ORDO, *words], cwd=cwd, env=environment_with(variables), stdin=slave, stdout=slave,
                                        stderr=subprocess.PIPE if piped_errors else slave, preexec_fn=take_terminal)
        os.close(slave)
        self.output = ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        got = b""
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the last one that had it open has gone
                break
            if not piece:
                break
            got += piece
            self.output = got.decode(errors="replace").replace("\r\n", "\n")

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        """The exit code, the output, and the errors when they are piped."""
        errors = self.process.stderr.read().decode() if self.process.stderr else ""
        code = self.process.wait(PATIENCE)
        self.reader.join()
        os.close(self.master)
        if self.process.stderr:
            self.process.stderr.close()
        return code, self.output, errors


class Scratch(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def opener(self, body):
        """A folder for PATH in which xdg-open is this shell script."""
        folder = self.path("bin")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "xdg-open")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, stat.S_IRWXU)
        return folder


class EngineTest(Scratch):
    @classmethod
    def setUpClass(cls):
        cls.engine = Engine(rules={"rules/10_spin.lua": SPIN}, settings={"store.plugin": "store_memory"})
        cls.engine.__enter__()
        cls.addClassCleanup(cls.engine.__exit__, None, None, None)
        cls.has_heap = cls.engine.request("GET", "/profile/status").json["heap"]["sampled"]

    def words(self, *words):
        return ("profile", *words, "--url", self.engine.url())

    def run_it(self, *words, code=0, **more):
        """With pipes; the output is text."""
        done = ordo(*self.words(*words), cwd=self.folder, **more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def run_bytes(self, *words):
        done = subprocess.run([ORDO, *self.words(*words)], env=environment_with({}), cwd=self.folder, timeout=PATIENCE,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_on_terminal(self, *words, code=0, **more):
        got, output, errors = Terminal(*self.words(*words), cwd=self.folder, **more).end()
        self.assertEqual(got, code, output + errors)
        return output, errors

    def windows(self):
        return self.engine.request("GET", "/profile/status").json["windows"]

    def wait_for_windows(self, count):
        self.engine.wait_until(lambda: len(self.windows()) == count, f"{count} windows")

    def kept(self):
        return [entry["id"] for entry in self.engine.request("GET", "/profile/history").json["profiles"]]

    def take_busy(self):
        """Takes a profile that has the rule in it; its id."""
        deadline = time.monotonic() + PATIENCE
        with Load(self.engine):
            while True:
                answer = self.engine.request("GET", "/profile/cpu?seconds=0.3&format=text")
                if b"spin.apply" in answer.body:
                    return int(answer.headers["x-profile-id"])
                self.assertLess(time.monotonic(), deadline)


class Shown(EngineTest):
    def test_a_terminal_gets_the_table_that_the_engine_writes(self):
        number = str(self.take_busy())
        theirs = self.engine.request("GET", f"/profile/history/{number}?format=text").body.decode()
        output, errors = self.run_on_terminal("history", "show", number)
        self.assertEqual(output.splitlines()[0], theirs.splitlines()[0])
        shown = int(re.search(r"^(\d+) of \d+ functions$", output, re.M).group(1))
        rows = [line for line in output.splitlines() if "%" in line][1:]
        self.assertEqual(len(rows), min(shown, 40))
        self.assertEqual(rows, [line for line in theirs.splitlines() if "%" in line][1:len(rows) + 1])
        self.assertEqual(errors, f"profile {number} of the history\n")
        few = self.run_it("history", "show", number, "--top", "--limit", "2").stdout
        self.assertRegex(few, r"\n2 of \d+ functions\n")
        self.assertEqual(len(few.splitlines()), len(output.splitlines()) - len(rows) + 2)

    def test_every_kind_of_stacks_is_a_table_or_its_error(self):
        for kind in STACKS:
            words = [kind, "--top"] + (["--duration", "0.05"] if kind in ("cpu", "block", "mutex") else [])
            words += ["--rate", "1us"] if kind in ("block", "mutex") else []
            works = self.has_heap or kind not in ("memory", "allocs")
            done = self.run_it(*words, code=0 if works else 1)
            if works:
                self.assertIn("function  at\n", done.stdout, kind)
            else:
                self.assertIn(f"ordo profile {kind}: ", done.stderr)
        if self.has_heap:
            self.assertTrue(self.run_it("memory", "--top").stdout.startswith("inuse_space: "))
            self.assertTrue(self.run_it("allocs", "--top").stdout.startswith("alloc_space: "))

    def test_documents_come_as_they_are(self):
        sampled = self.engine.request("GET", "/profile/status").json["heap"]["sampled"]
        for kind in DOCUMENTS:
            if kind == "leaks" and not sampled:
                continue # a build under a sanitizer has no jemalloc
            words = [kind] + (["--last", "1s"] if kind == "trace" else [])
            self.assertIsInstance(json.loads(self.run_it(*words).stdout), dict, kind)
        output, _ = self.run_on_terminal("gc", "--run")
        self.assertIn("workers", json.loads(output))
        self.assertTrue(output.endswith("}\n"))

    def test_options_reach_the_engine(self):
        self.take_busy()
        with Load(self.engine):
            self.assertEqual(self.run_bytes("cpu", "-d", "300ms", "--format", "collapsed", "--rule", "no such/rule"), b"")
            self.assertEqual(self.run_bytes("cpu", "-d", "0.3s", "--format", "collapsed", "--min-ms", "100000"), b"")
        self.assertIn(b"epoll_wait", self.run_bytes("cpu", "-d", "300ms", "--mode", "wall", "--hz", "200", "-f", "collapsed"))
        self.assertGreaterEqual(self.engine.request("GET", "/profile/history").json["profiles"][0]["seconds"], 0.3)

    def test_a_flame_graph_is_as_wide_as_the_terminal(self):
        number = str(self.take_busy())
        for columns in (60, 133):
            output, _ = self.run_on_terminal("history", "show", number, "--flame", columns=columns)
            rows = [COLOUR.sub("", line) for line in output.splitlines() if "│" in line]
            self.assertEqual(len(rows[0]), columns)
            self.assertTrue(all(len(row) <= columns for row in rows), output)
            self.assertTrue(rows[0].startswith("│all 100.0%"))
            self.assertIn("\x1b[38;5;16;48;5;215m│", output)  # Lua has its colour
            self.assertIn(" lua ", COLOUR.sub("", output))

    def test_no_colours_where_they_are_not_wanted(self):
        number = str(self.take_busy())
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            output, _ = self.run_on_terminal("history", "show", number, "--flame", environment=environment)
            self.assertNotIn("\x1b", output)
            self.assertEqual({len(line) for line in output.splitlines() if line.startswith("│all")}, {100})
        self.assertIn("\x1b[", self.run_on_terminal("history", "show", number, "--flame", environment={"NO_COLOR": ""})[0])

    def test_a_pipe_gets_characters_that_it_says_it_can_show(self):
        number = str(self.take_busy())
        plain = self.run_it("history", "show", number, "--flame", "--width", "90", environment={"LC_ALL": "C"}).stdout
        self.assertTrue(plain.isascii())
        self.assertEqual({len(line) for line in plain.splitlines() if line.startswith("|all")}, {90})
        self.assertIn("|thread_main 100.0%", plain)
        wide = self.run_it("history", "show", number, "--flame", "--limit", "1",
                           environment={"LC_ALL": "", "LC_CTYPE": "en_US.UTF-8", "COLUMNS": "120"}).stdout
        self.assertEqual([len(line) for line in wide.splitlines() if "│" in line], [120])
        self.assertIn("calls deeper than 1 levels are not shown\n", wide)

    def test_both_at_once(self):
        number = str(self.take_busy())
        shown = self.run_it("history", "show", number, "--top", "--flame", environment={"LC_ALL": "C"}).stdout
        self.assertLess(shown.index("function  at\n"), shown.index("|all"))


class Kept(EngineTest):
    def test_a_pipe_gets_the_engines_bytes(self):
        body = self.run_bytes("cpu", "-d", "50ms")
        self.assertIn(b"nanoseconds", gzip.decompress(body))
        self.assertEqual(body, self.engine.request("GET", f"/profile/history/{self.kept()[0]}").body)

    def test_a_file_gets_its_name_from_the_engine_and_none_is_lost(self):
        number = self.take_busy()
        body = self.engine.request("GET", f"/profile/history/{number}").body
        names = []
        for _ in range(3):
            said = self.run_it("history", "show", str(number), "-o", ".").stdout
            names.append(re.fullmatch(r"\./(\S+): (\d+) bytes\n", said).group(1))
            self.assertEqual(self.read(names[-1]), body)
        stem = names[0].removesuffix(".prof")
        self.assertRegex(stem, r"^cpu_profile_\d{10}$")
        self.assertEqual(names[1:], [f"{stem}-2.prof", f"{stem}-3.prof"])
        self.run_it("history", "show", str(number), "-o", self.folder, "--format", "collapsed")
        self.assertEqual(sorted(os.listdir(self.folder)), sorted([*names, f"{stem}.collapsed.txt"]))

    def test_a_file_that_is_named_is_replaced_when_the_new_one_is_whole(self):
        with open(self.path("cpu.prof"), "w", encoding="ascii") as file:
            file.write("old")
        shown = self.run_it("cpu", "-d", "50ms", "-o", "cpu.prof", "--top").stdout
        self.assertIn("function  at\n", shown)  # it is kept and shown
        gzip.decompress(self.read("cpu.prof"))
        self.assertEqual(os.listdir(self.folder), ["cpu.prof"])
        done = self.run_it("cpu", "-d", "50ms", "-o", "nowhere/cpu.prof", code=1)
        self.assertEqual(done.stderr, "ordo profile cpu: cannot write nowhere/cpu.prof.partial: No such file or directory\n")
        done = self.run_it("cpu", "-d", "50ms", "-o", "/dev/full", code=1)
        self.assertEqual(done.stderr, "ordo profile cpu: cannot write /dev/full: No space left on device\n")

    def test_no_bytes_on_a_terminal(self):
        output, _ = self.run_on_terminal("cpu", "-d", "50ms", "--format", "pprof")
        name = re.fullmatch(r"\./(cpu_profile_\d+\.prof): \d+ bytes\n", output).group(1)
        gzip.decompress(self.read(name))
        self.assertIn("cpu: ", self.run_on_terminal("cpu", "-d", "50ms", "--format", "text")[0])
        self.assertEqual(os.listdir(self.folder), [name])

    def test_standard_output_by_name(self):
        self.assertEqual(self.run_bytes("cpu", "-d", "50ms", "-o", "-")[:2], b"\x1f\x8b")


class Opened(EngineTest):
    def test_the_browser_gets_a_flame_graph(self):
        bin_folder = self.opener('cp "$1" "$COPY"; echo "$1" >"$COPY.name"')
        environment = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "COPY": self.path("copy"), "TMPDIR": self.folder}
        done = self.run_it("cpu", "-d", "50ms", "--open", environment=environment)
        self.assertTrue(self.read("copy").startswith(b"<svg"))
        name = self.read("copy.name").decode().strip()
        self.assertRegex(name, rf"^{re.escape(os.path.realpath(self.folder))}/ordo-profile-\w+/cpu_profile_\d+\.svg$")
        self.assertTrue(os.path.exists(name))
        self.assertRegex(done.stdout, r"^\S+\.svg: \d+ bytes\n$")
        self.run_it("status", "--open", "-o", "status.json", environment=environment)
        self.assertEqual(self.read("copy.name").decode().strip(), os.path.realpath(self.path("status.json")))
        self.assertIn("windows", json.loads(self.read("copy")))

    def test_without_a_browser_it_says_where_to_look(self):
        empty = self.path("empty")
        os.mkdir(empty)
        for folder in (empty, self.opener("exit 3")):
            done = self.run_it("cpu", "-d", "50ms", "--open", environment={"PATH": folder, "TMPDIR": self.folder})
            file, page = done.stdout.splitlines()
            self.assertTrue(os.path.exists(file.rpartition(":")[0]), done.stdout)
            number = self.kept()[0]
            self.assertEqual(page, self.engine.url(f"/profile/history/{number}?format=svg"))
            self.assertEqual(done.stderr, "ordo profile cpu: xdg-open (package xdg-utils) shows nothing here; open the file, or "
                                          f"the page at\nprofile {number} of the history\n")
        done = self.run_it("status", "--open", environment={"PATH": empty, "TMPDIR": self.folder})
        self.assertEqual(done.stdout.splitlines()[1], self.engine.url("/profile/status"))

    def test_a_folder_that_cannot_be_written(self):
        done = self.run_it("cpu", "-d", "50ms", "--open", code=1, environment={"TMPDIR": self.path("nowhere")})
        self.assertRegex(done.stderr, r"^ordo profile cpu: cannot make \S+/nowhere/ordo-profile-\w+: No such file or directory\n$")


class Waiting(EngineTest):
    def test_a_terminal_counts_the_seconds_and_is_clean_behind(self):
        output, _ = self.run_on_terminal("cpu", "-d", "2s", piped_errors=False)
        self.assertIn("\r\x1b[Kordo profile cpu: 1 s left; Ctrl-C ends it", output)
        self.assertRegex(output, r"\r\x1b\[Kcpu: ")  # the table begins where the line stood

    def test_elsewhere_it_is_said_once(self):
        done = self.run_it("cpu", "--duration", "2", "-o", "x")
        self.assertEqual(done.stderr, "ordo profile cpu: takes 2 s; Ctrl-C ends it\n"
                                      f"profile {self.kept()[0]} of the history\n")

    def test_control_c_ends_the_window(self):
        terminal = Terminal(*self.words("cpu", "-d", "5m"), piped_errors=False)
        self.wait_for_windows(1)
        self.engine.wait_until(lambda: "s left; Ctrl-C ends it" in terminal.output, "its progress")
        terminal.type(b"\x03")
        code, output, _ = terminal.end()
        self.assertEqual(code, 130)
        self.assertTrue(output.endswith("\r\x1b[Kinterrupted; the engine ends the profile\n"), repr(output))
        self.wait_for_windows(0)

    def test_the_signal_does_the_same_without_a_terminal(self):
        with subprocess.Popen([ORDO, *self.words("cpu", "-d", "300", "-o", self.path("x"))], stderr=subprocess.PIPE, text=True,
                              env=environment_with({})) as process:
            self.wait_for_windows(1)
            process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
            self.assertEqual(process.wait(PATIENCE), 130)
        self.assertTrue(errors.endswith("interrupted; the engine ends the profile\n"), errors)
        self.assertNotIn("\x1b", errors)
        self.assertEqual(os.listdir(self.folder), [])
        self.wait_for_windows(0)

    def test_who_comes_second_is_told_who_is_there(self):
        terminal = Terminal(*self.words("cpu", "-d", "5m"))
        self.wait_for_windows(1)
        done = self.run_it("cpu", "-d", "50ms", code=1)
        self.assertRegex(done.stderr, r"^ordo profile cpu: A profile of this kind is being taken: a CPU profile is being taken "
                                      r"for 127\.0\.0\.1 port \d+: it has been running for [\d.]+ s and ends in [\d.]+ s\n$")
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.end()[0], 130)
        self.wait_for_windows(0)


class Compared(EngineTest):
    def test_the_change_between_two(self):
        first, second = self.take_busy(), self.take_busy()
        words = ("diff", "--base", str(first), "--to", str(second))
        shown = self.run_it(*words, "--top").stdout
        self.assertTrue(shown.startswith(f"cpu, change per order since profile {first}\n"), shown[:200])
        self.assertIn("spin.apply", shown)
        self.assertEqual(self.run_on_terminal(*words)[0], shown)
        self.assertTrue(self.run_bytes(*words).startswith(b"<svg"))
        self.assertIn("there is no profile 999999 (any more)", self.run_it("diff", "--base", "1", "--to", "999999", code=1).stderr)
        self.assertIn("base and to: two ids", self.run_it("diff", "--base", "1", code=2).stderr)

    def test_the_change_since_one(self):
        first = str(self.take_busy())
        with Load(self.engine):
            shown = self.run_it("cpu", "-d", "300ms", "--base", first, "--top").stdout
        self.assertTrue(shown.startswith(f"CPU time, change per order since profile {first}\n"), shown[:200])


class History(EngineTest):
    def test_the_list(self):
        numbers = [self.take_busy(), self.take_busy()]
        lines = self.run_it("history").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["ID", "KIND", "TAKEN", "SECONDS", "RULE", "SET", "ORDERS", "BYTES"])
        self.assertEqual([int(line.split()[0]) for line in lines[1:3]], numbers[::-1])
        for line in lines[1:3]:
            self.assertRegex(line, r"^ +\d+  cpu +20\d\d-\d\d-\d\dT[\d:.]+Z +0\.\d +1 +[1-9]\d* +\d{3,}$")
        self.assertEqual(json.loads(self.run_it("history", "--json").stdout)["profiles"][0]["id"], numbers[1])

    def test_one_can_be_deleted_and_an_absent_one_is_told(self):
        first, second = self.take_busy(), self.take_busy()
        done = self.run_it("history", "rm", str(first), "999999", str(second), code=1)
        self.assertEqual(done.stdout, f"{first}: deleted\n{second}: deleted\n")
        self.assertEqual(done.stderr, "ordo profile history rm: 999999: There is nothing here: there is no profile 999999 "
                                      "(any more)\n")
        self.assertEqual({first, second} & set(self.kept()), set())

    def test_nothing_is_kept(self):
        with Engine(settings={"store.plugin": "store_memory"}) as engine:
            done = ordo("profile", "history", "--url", engine.url())
            self.assertEqual((done.returncode, done.stderr), (0, "no profile is kept\n"))
            self.assertEqual(len(done.stdout.splitlines()), 1)


class Refused(EngineTest):
    def test_wrong_command_lines(self):
        for words, said in (
                ((), "cpu, memory, allocs, block, mutex, goroutines, trace, gc, jit, leaks, diff, status or history?"),
                (("memry",), 'there is no "memry"; did you mean memory?'),
                (("--top", "cpu"), "the KIND comes first: cpu, memory"),
                (("cpu", "now"), '"now" is too much'),
                (("cpu", "--flame", "--base", "1"), "--flame draws one profile; --top and --open show the change between two"),
                (("cpu", "--top", "--open"), "--open is of a file, --top of the terminal: give one of them"),
                (("cpu", "--flame", "--format", "svg"), "--flame does not go with --format: it needs a format of its own"),
                (("goroutines", "--top", "--debug", "1"), "--top does not go with --debug"),
                (("cpu", "--base", "1", "--limit", "3"), "--limit does not go with --base: the engine writes the table"),
                (("cpu", "--width", "9"), '--width is a whole number from 10 to 10000, not "9"'),
                (("cpu", "--limit", "0"), '--limit is a whole number from 1 to 100000, not "0"'),
                (("cpu", "--duration", "soon"), '--duration is a duration above zero such as 500ms, 10s or 5m, not "soon"'),
                (("gc", "--top"), "there is no option --top"),
                (("history", "show"), "name one profile by its number"),
                (("history", "show", "../x"), "name one profile by its number"),
                (("history", "rm"), "name the profiles by their numbers"),
                (("history", "rm", "1x"), 'a profile\'s number is needed, not "1x"'),
                (("history", "5"), '"5" is too much; `show ID` and `rm ID` come first')):
            done = ordo("profile", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(said, done.stderr)

    def test_what_the_engine_says_of_a_value(self):
        for words, said in ((("--hz", "1001"), "hz: a whole number from 1 to 1000, not '1001'"),
                            (("--mode", "both"), "mode: cpu or wall, not 'both'"),
                            (("--format", "png"), "format: one of pprof, collapsed, speedscope, svg, text, not 'png'"),
                            (("--duration", "601"), "duration: more than 0 and at most 600 s (profiling.max_duration), not '601s'")):
            done = self.run_it("cpu", *words, code=2)
            self.assertEqual(done.stderr, f"ordo profile cpu: The query string is wrong: {said}\n")

    def test_no_engine(self):
        with Engine(settings={"store.plugin": "store_memory"}) as engine:
            url = engine.url()
        done = ordo("profile", "cpu", "--url", url)
        self.assertEqual((done.returncode, done.stderr),
                         (1, f"ordo profile cpu: cannot reach {url}: Connection refused; is the engine running there? "
                             "--url names another address\n"))

    def test_the_admin_listener_and_its_token(self):
        token = self.path("token")
        with open(token, "w", encoding="ascii") as file:
            file.write("0123456789abcdef-token")
        os.chmod(token, 0o600)
        settings = {"store.plugin": "store_memory", "admin.listen": "127.0.0.1:0", "admin.token_file": token}
        with Engine(settings=settings) as engine:
            def profile(url, *words):
                return ordo("profile", "cpu", "-d", "50ms", "--top", "--url", url, *words)
            self.assertIn("name its address (admin.listen) with --url", profile(engine.url()).stderr)
            self.assertIn("wants a token; name the file that has it with --token-file", profile(engine.url(admin=True)).stderr)
            self.assertEqual(profile(engine.url(admin=True), "--token-file", token).returncode, 0)


class Strange(http.server.BaseHTTPRequestHandler):
    """Answers with what the server has."""

    def do_GET(self):
        self.send_response(200)
        for name, value in self.server.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


class OtherServers(Scratch):
    def ask(self, *words, body=b"", headers=()):
        server = http.server.HTTPServer(("127.0.0.1", 0), Strange)
        server.body, server.headers = body, headers
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            return ordo("profile", *words, "--url", f"http://127.0.0.1:{server.server_port}", cwd=self.folder)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_what_is_no_profile_is_told(self):
        for body in (b"<html>", b"", b"\x1f\x8b broken"):
            done = self.ask("cpu", "--top", body=body)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"^ordo profile cpu: http://\S+ gives no profile: .+; is it an ordo engine\?\n$")
        self.assertIn("gives no list of profiles: is it an ordo engine?", self.ask("history", body=b"{}").stderr)

    def test_a_name_that_leads_elsewhere_is_none(self):
        for name in ("../up", "/tmp/x", ".profile", "a\tb", "x" * 64, ""):
            done = self.ask("gc", "-o", ".", body=b"{}", headers=[("Content-Disposition", f'attachment; filename="{name}"')])
            self.assertRegex(done.stdout, r"^\./profile(-\d)?: 2 bytes\n$", name)
        self.assertTrue(all(re.fullmatch(r"profile(-\d)?", name) for name in os.listdir(self.folder)))


if __name__ == "__main__":
    main()
