# SPDX-License-Identifier: MIT
"""Runs the real program for a test: on a port that the system chose, with a folder of its own.

    with Engine() as engine:
        answer = engine.request("POST", "/orders", order("o-1"))
        assert answer.status == 200 and answer.json["decision"] == "accepted"

    with Engine(rules={"rules/10_x.lua": "return {...}"}, settings={"workers.count": 2}) as engine: ...

The engine is stopped with SIGTERM at the end and has to end with code 0 and without a sanitizer's report, unless the
test stopped it itself.
"""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ORDO_BUILD", os.path.join(ROOT, "build"))
ORDO = os.path.join(BUILD, "ordo")
# Builds under sanitizers, and machines that do other things, are slow.
PATIENCE = float(os.environ.get("ORDO_PATIENCE", "60"))
REPORTS = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|"
                     r"requirement failed)")


def environment_with(variables):
    """The test's environment without options of the engine, with those variables over it."""
    made = {key: value for key, value in os.environ.items() if not key.startswith("ORDO_")}
    made["LSAN_OPTIONS"] = f"suppressions={os.path.join(ROOT, 'tests', 'lsan.supp')}:print_suppressions=0"
    made.update(variables or {})
    return made


def order(order_id=None, **fields):
    """An order that the shipped rules accept, with fields of the caller over it."""
    made = {
        "customer": {"id": "c-42", "tier": "gold", "country": "DE"},
        "currency": "EUR",
        "items": [{"sku": "A-1001", "qty": 2, "price": 1999}, {"sku": "B-7", "qty": 1, "price": 4950}],
    }
    if order_id is not None:
        made["id"] = order_id
    made.update(fields)
    return made


class Answer:
    """status, headers (names in lower case), body as bytes; json reads the body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines() if line]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:2000]!r}>"


class Engine:
    """A running engine. settings: options by name (a value is written as JSON, which is YAML too); rules: a folder to
    copy, or files by name (a `rules/` file each), or None for the shipped scripts; environment: more variables."""

    def __init__(self, settings=None, rules=None, arguments=(), environment=None, config=None, program=None):
        self.settings = {"http.listen": "127.0.0.1:0", "sources": [], "sinks": [], "log.level": "debug"}
        self.settings.update(settings or {})
        self.rules = rules
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.config = config
        self.program = program or [ORDO]
        self.process = None
        self.host = "::1" if "[::1]" in self.settings["http.listen"] else "127.0.0.1"
        self.port = self.admin_port = None
        self.folder = None
        self._stderr = ""
        self._code = None

    # --- life --------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.clean()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process is not None and self._code is None:
                code, stderr = self.stop()
                if kind is None and code != 0:
                    raise AssertionError(f"the engine ended with code {code}:\n{stderr}")
            if kind is not None:
                print(f"--- the engine's log\n{self.log}", file=sys.stderr)
        finally:
            self.clean()

    def prepare(self):
        """Makes the folder, unless the engine starts again; called by start."""
        if self.folder is not None:
            return
        self.folder = tempfile.mkdtemp(prefix="ordo-test-")
        self.scripts = os.path.join(self.folder, "scripts")
        self.data = os.path.join(self.folder, "data")
        if isinstance(self.rules, dict):
            os.makedirs(os.path.join(self.scripts, "rules"))
            for name, text in self.rules.items():
                self.write_rule(name, text)
        else:
            shutil.copytree(self.rules or os.path.join(ROOT, "scripts"), self.scripts)
        self.log_path = os.path.join(self.folder, "stderr")
        self.port_file = os.path.join(self.folder, "port")

    def command(self):
        settings = {"scripts": self.scripts, "data_dir": self.data, **self.settings}
        command = [*self.program, "serve", "--port-file", self.port_file]
        if self.config is not None:
            path = os.path.join(self.folder, "ordo.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.config)
            command += ["-c", path]
        for key, value in settings.items():
            command += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        return command + self.arguments

    def spawn(self):
        """Starts the process and does not wait for it."""
        self.prepare()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, env=environment_with(self.environment),
                                            stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)

    def start(self):
        self.spawn()
        self.wait_until(lambda: os.path.exists(self.port_file), "its port file")
        with open(self.port_file, encoding="ascii") as file:
            ports = [int(line) for line in file]
        self.port = ports[0]
        self.admin_port = ports[1] if len(ports) > 1 else None
        self.wait_until(lambda: self.is_ok("/livez"), "/livez")

    def is_ok(self, path):
        try:
            return self.request("GET", path, port=self.admin_port or self.port).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_until(self, condition, what, patience=PATIENCE):
        """Polls a condition; the engine must live meanwhile."""
        until = time.monotonic() + patience
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the engine ended with code {self.process.returncode}:\n{self.log}")
            if time.monotonic() > until:
                raise AssertionError(f"waited {patience} s for {what}:\n{self.log}")
            time.sleep(0.005)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Sends the signal (0: none), waits for the end; its code and what it wrote to standard error."""
        if self._code is None:
            if number:
                self.send_signal(number)
            try:
                self._code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the engine did not end within {PATIENCE} s:\n{self.log}") from None
            if REPORTS.search(self.log):
                raise AssertionError(f"a sanitizer or a requirement reports:\n{self.log}")
        return self._code, self.log

    def kill(self):
        """SIGKILL, as a crash: nothing is flushed or said."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        """Starts it again behind its end, on the same folder."""
        self._code = None
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        self.start()

    def clean(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                self._stderr = file.read()
        except OSError:
            pass
        return self._stderr

    # --- rules -------------------------------------------------------------------------------------------------

    def write_rule(self, name, text):
        """Writes a file of the scripts folder as an editor does: aside, and renamed."""
        path = os.path.join(self.scripts, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        aside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
        with open(aside, "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(aside, path)

    # --- requests ----------------------------------------------------------------------------------------------

    def url(self, path="", admin=False):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.admin_port if admin else self.port}{path}"

    def connection(self, port=None, timeout=PATIENCE):
        return http.client.HTTPConnection(self.host, port or self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, port=None, connection=None):
        """One request on a connection of its own, or on one that is given. A dict or list is sent as JSON."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        link = connection or self.connection(port)
        try:
            link.request(method, path, body=body, headers=headers)
            response = link.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            if connection is None:
                link.close()

    def post(self, body, **headers):
        """POST /orders; respond_async=... becomes a header Respond-Async."""
        return self.request("POST", "/orders", body,
                            {name.replace("_", "-").title(): value for name, value in headers.items()})

    def batch(self, orders, headers=None):
        """POST /orders as NDJSON; orders are dicts, or lines as they are."""
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in orders)
        return self.request("POST", "/orders", text, {"Content-Type": "application/x-ndjson", **(headers or {})})

    def stats(self):
        return self.request("GET", "/stats").json

    def metric(self, name):
        """A sample of /metrics by its name with labels, as it stands there; 0 when it is not there."""
        text = self.request("GET", "/metrics", port=self.admin_port or self.port).body.decode()
        for line in text.splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def curl(self, *arguments, check=True):
        """Real curl; URL in arguments stands for the engine's address."""
        done = subprocess.run(["curl", "-sS", "--max-time", str(int(PATIENCE)),
                               *[argument.replace("URL", self.url(), 1) for argument in arguments]],
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"curl ended with {done.returncode}: {done.stderr}")
        return done.stdout


def ordo(*arguments, cwd=None, stdin=None, environment=None, timeout=PATIENCE):
    """Runs the program to its end."""
    done = subprocess.run([ORDO, *arguments], cwd=cwd, input=stdin, env=environment_with(environment),
                          capture_output=True, text=True, timeout=timeout, check=False)
    if REPORTS.search(done.stderr):
        raise AssertionError(f"a sanitizer or a requirement reports:\n{done.stderr}")
    return done


def main():
    """For the end of every test file."""
    unittest.main(verbosity=2)
