# SPDX-License-Identifier: MIT
"""What the guide does by hand, for tests: the engine with a rule set of examples/profiling, orders on their way, and the
clients that read profiles.

    with Lab("hot_spot") as lab:
        table = lab.until(lambda: go_top(lab.curl("/profile/cpu?seconds=1"), "-lines"), lambda rows: ...)

How soon there are enough samples is up to the machine, so `take` asks for longer profiles until there are.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from harness import ORDO, PATIENCE, ROOT, Engine  # noqa: E402

EXAMPLES = os.path.join(ROOT, "examples", "profiling")


def planted(name):
    """(file, line) of the line of a rule set that says so."""
    folder = os.path.join(EXAMPLES, name, "rules")
    found = []
    for file in os.listdir(folder):
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            found += [(f"rules/{file}", number) for number, line in enumerate(text, 1) if "-- planted:" in line]
    assert len(found) == 1, found
    return found[0]


def run(*command):
    """A real client; its standard output."""
    with tempfile.TemporaryDirectory(prefix="ordo-lab-") as folder:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
                              env={**os.environ, "HOME": folder, "PPROF_TMPDIR": folder, "JEPROF_TMPDIR": folder})
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def missing_clients():
    return [name for name in ("curl", "go", "jeprof") if shutil.which(name) is None]


def number(text):
    """2.43s, 10ms, 4961.05MB or 12 as a number of seconds, megabytes or things."""
    value, unit = re.fullmatch(r"(-?[\d.]+)(\w*)", text).groups()
    return float(value) * {"": 1, "mins": 60, "hrs": 3600, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9,
                           "GB": 1024, "MB": 1, "kB": 1 / 1024, "B": 1 / 1048576}[unit]


def rows(table):
    """Of `pprof -top` and `jeprof --text`: (flat, cumulative, name), in the order of the table."""
    found = []
    for line in table.splitlines():
        match = re.match(r"\s*(-?[\d.]+\w*)\s+-?[\d.]+%\s+-?[\d.]+%\s+(-?[\d.]+\w*)\s+-?[\d.]+%\s+(.+)$", line)
        if match:
            found.append((number(match.group(1)), number(match.group(2)), match.group(3)))
    return found


def go_top(*arguments):
    return rows(run("go", "tool", "pprof", "-top", *arguments))


def jeprof(*arguments):
    return rows(run("jeprof", "--text", *arguments))


class Lab:
    """An engine with a copy of the rule set, and orders until the end."""

    def __init__(self, name, settings=None, environment=None, load=("-c", "8")):
        self.name = name
        self.engine = Engine(rules=os.path.join(EXAMPLES, name), environment=environment,
                             settings={"store.plugin": "store_memory", "log.level": "info", **(settings or {})})
        self.load_arguments = load
        self.load = None

    def __enter__(self):
        self.engine.__enter__()
        self.folder = tempfile.mkdtemp(prefix="ordo-lab-")
        self.load = subprocess.Popen([ORDO, "load", "-q", "-d", "1h", *self.load_arguments, self.engine.url()],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *error):
        self.load.terminate()
        self.load.wait()
        shutil.rmtree(self.folder)
        self.engine.__exit__(*error)

    def url(self, path):
        return self.engine.url(path)

    def curl(self, path):
        """Fetches a profile as the guide does; the file's path."""
        file = os.path.join(self.folder, f"{len(os.listdir(self.folder))}.prof")
        run("curl", "-sS", "--fail-with-body", "-o", file, self.url(path))
        return file

    def take(self, attempt, is_enough):
        """Calls attempt(seconds) with ever more seconds, until what it gives is enough."""
        seconds, until = 1, time.monotonic() + 3 * PATIENCE
        while True:
            found = attempt(seconds)
            if is_enough(found):
                return found
            if time.monotonic() > until:
                raise AssertionError(f"there were never enough samples:\n{found}\n{self.engine.log}")
            seconds = min(seconds * 2, 16)

    def fix(self):
        """Replaces the rule by the one in fixed/, as an edit; returns when it runs."""
        before = self.engine.request("GET", "/rules").json["generation"]
        folder = os.path.join(EXAMPLES, self.name, "fixed")
        for file in os.listdir(folder):
            with open(os.path.join(folder, file), encoding="utf-8") as text:
                self.engine.write_rule(f"rules/{file}", text.read())
        self.engine.wait_until(lambda: self.engine.request("GET", "/rules").json["generation"] > before, "the fix to run")
