#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the examples of a document, so that what it says stays true.

    run_docs.py FILE.md

A fenced ```console block holds commands (`$ command`, continued by a backslash at the end of a line) and their output.
They are run by bash, in order, in one folder that has copies of scripts/, examples/ and docs/, with the built program
first in PATH, against an engine that runs with the shipped scripts and without sources. http://127.0.0.1:8080 in a
document stands for that engine. In the output a line `...` stands for any lines and `…` inside of a line for any text.
A block that a comment <!-- not run: reason --> stands before is passed over, and told.

A ```lua block that a comment <!-- rule: rules/NAME.lua --> stands before is written to that file of a fresh scripts
folder, and `ordo check` has to accept it; <!-- live rule: rules/NAME.lua --> writes it into the running engine's folder
too, and waits until that runs it.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from harness import BUILD, PATIENCE, ROOT, Engine, environment_with, ordo  # noqa: E402

FENCE = re.compile(r"^([ ]*)```(\w*)[^\n]*\n(.*?)^\1```[ \t]*$", re.M | re.S)
COMMENT = re.compile(r"<!--\s*(not run|rule|live rule):\s*((?:(?!-->).)*?)\s*-->\s*\Z", re.S)
END = "__ordo_docs_end__"


class Block:
    def __init__(self, text, match):
        indent = match.group(1)
        self.kind = match.group(2)
        self.line = text.count("\n", 0, match.start(3)) + 1
        self.body = "\n".join(line.removeprefix(indent) for line in match.group(3).split("\n"))
        note = COMMENT.search(text, 0, match.start())
        self.note, self.argument = note.groups() if note else (None, None)


def blocks(text):
    return [Block(text, match) for match in FENCE.finditer(text)]


def commands(block):
    """(line, command, [expected lines]) of a console block."""
    found = []
    lines = block.body.rstrip("\n").split("\n")
    at = 0
    while at < len(lines):
        if lines[at].startswith("$ "):
            begin, command = at, lines[at][2:]
            while command.endswith("\\") and at + 1 < len(lines):
                at += 1
                command += "\n" + lines[at]
            # A quoted argument may go on over lines; bash says when it is whole.
            while subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode != 0 \
                    and at + 1 < len(lines) and not lines[at + 1].startswith("$ "):
                at += 1
                command += "\n" + lines[at]
            found.append((block.line + begin, command, []))
        elif found:
            found[-1][2].append(lines[at])
        elif lines[at].strip():
            raise ValueError(f"line {block.line + at}: a console block begins with \"$ command\"")
        at += 1
    for _, _, expected in found:
        while expected and not expected[-1].strip():
            expected.pop()
    return found


def line_matches(expected, actual):
    if "…" in expected: # columns move with what stands in them
        expected, actual = " ".join(expected.split()), " ".join(actual.split())
    pattern = ".*".join(re.escape(part) for part in expected.rstrip().split("…"))
    return re.fullmatch(pattern, actual.rstrip()) is not None


def matches(expected, actual):
    """Lines against lines; "..." stands for any number of them."""
    if not expected:
        return not actual
    if expected[0].strip() == "...":
        return any(matches(expected[1:], actual[skip:]) for skip in range(len(actual) + 1))
    return bool(actual) and line_matches(expected[0], actual[0]) and matches(expected[1:], actual[1:])


class Shell:
    """One bash for a document, so that `cd` and variables last. Output and errors come together, as on a terminal."""

    def __init__(self, folder, engine):
        environment = environment_with({"PATH": BUILD + os.pathsep + os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.engine = engine
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, command):
        """The lines of output; None when bash has ended. A server that a command starts is stopped by the document."""
        address = f"127.0.0.1:{self.engine.port}"
        # The command has the null device as its input: it must not eat the next ones.
        self.process.stdin.write(f"{{ {command.replace('127.0.0.1:8080', address)}\n}} </dev/null\nprintf '\\n%s\\n' {END}\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line == "":
                return None
            if line.rstrip("\n") == END:
                break
            lines.append(line.rstrip("\n").replace(address, "127.0.0.1:8080"))
        if lines and lines[-1] == "":  # the newline of printf, or of output that did not end in one
            lines.pop()
        while lines and not lines[-1].strip():
            lines.pop()
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def run_console(path, block, shell, complaints):
    for line, command, expected in commands(block):
        actual = shell.run(command)
        if actual is None:
            complaints.append(f"{path}:{line}: bash ended in: {command}")
            return
        if not matches(expected, actual):
            shown = "\n".join(["  expected:", *("    " + each for each in expected), "  got:",
                               *("    " + each for each in actual)])
            complaints.append(f"{path}:{line}: $ {command}\n{shown}")


def run_rule(path, block, engine, complaints):
    name = block.argument
    with tempfile.TemporaryDirectory(prefix="ordo-docs-") as folder:
        scripts = os.path.join(folder, "scripts")
        # Beside the shop's own lib, which examples may use.
        shutil.copytree(os.path.join(ROOT, "scripts", "lib"), os.path.join(scripts, "lib"))
        os.makedirs(os.path.join(scripts, "rules"))
        file = os.path.join(scripts, name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write(block.body)
        done = ordo("check", "--set", f"scripts={scripts}", cwd=folder)
        if done.returncode != 0:
            complaints.append(f"{path}:{block.line}: `ordo check` refuses {name}:\n{done.stderr}")
            return
    if block.note == "live rule":
        before = engine.request("GET", "/rules").json["generation"]
        engine.write_rule(name, block.body)
        engine.wait_until(lambda: engine.request("GET", "/rules").json["generation"] > before, f"{name} to run")


def run_document(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        found = blocks(file.read())
    complaints = []
    examples = [block for block in found if block.kind == "console" or block.note in ("rule", "live rule")]
    if not examples:
        return complaints
    with Engine(settings={"log.level": "info"}) as engine:
        for folder in ("examples", "docs"):
            if os.path.isdir(os.path.join(ROOT, folder)):
                shutil.copytree(os.path.join(ROOT, folder), os.path.join(engine.folder, folder))
        shell = Shell(engine.folder, engine)
        for block in examples:
            if block.note == "not run":
                print(f"{path}:{block.line}: not run: {block.argument}")
            elif block.kind == "console":
                run_console(path, block, shell, complaints)
            elif block.kind == "lua":
                run_rule(path, block, engine, complaints)
        shell.close()
    print(f"{path}: {len(examples)} examples, {len(complaints)} wrong")
    return complaints


def main():
    complaints = [complaint for path in sys.argv[1:] for complaint in run_document(path)]
    print("\n".join(complaints), file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
