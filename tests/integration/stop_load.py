# SPDX-License-Identifier: MIT
"""Load for tests of a stop: clients of every kind, each of which writes down what it sent when, and what came back.

A request whose last byte was handed to the system before the signal, on a connection that stayed, has to be answered
whole; what is sent later may be. `Load.lost(at)` names those that were not.
"""
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time

RULES = {
    "rules/10_wait.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "wait",
  apply = function(order, decide, ctx)
    if order.sleep then ctx.sleep(order.sleep) end
    local sum = 0
    for i = 1, order.work or 0 do sum = (sum + i * 7) % 1000003 end
    decide:set("sum", sum)
  end,
}
"""
}
HEAD = "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {type}\r\nContent-Length: {size}\r\n{more}\r\n"


class Lost(Exception):
    """The connection ended before the answer was whole."""


class Link:
    """An HTTP/1.1 connection that tells an answer that is not whole from one that is."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.open = True

    def send(self, method, path, body=b"", kind="application/json", more=""):
        head = HEAD.format(method=method, path=path, type=kind, size=len(body), more=more)
        self.socket.sendall(head.encode() + body)

    def _read(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise Lost("the body ended early")
        return data

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise Lost("no whole line of the answer")
        return line.rstrip(b"\r\n").decode()

    def receive(self):
        """(status, body); raises Lost."""
        status = int(self._line().split(" ")[1])
        headers = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._line(), 16):
                body += self._read(size)
                self._line()
            self._line()
        else:
            body = self._read(int(headers["content-length"]))
        self.open = headers.get("connection") != "close"
        return status, body

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.file.close()
        self.socket.close()


class Client(threading.Thread):
    """Sends requests of one kind until the engine is gone. sent: [what, time, status or None, body or error]."""

    def __init__(self, load, number, kind):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.kind = kind
        self.random = random.Random(f"{load.seed}-{number}")
        self.sent = []
        self.link = None
        self.count = 0

    def order(self, **fields):
        self.count += 1
        made = {"id": f"{self.kind}-{self.number}-{self.count}", "currency": "EUR", "work": self.random.randrange(3000),
                "priority": self.random.choice(("high", "medium", "low")),
                "items": [{"sku": "A", "qty": 2, "price": 1999}]}
        if self.random.random() < 0.3:
            made["sleep"] = self.random.randrange(self.load.sleep_ms)
        made.update(fields)
        return made

    def exchange(self, what, *request, **more):
        """One request that has to be answered."""
        self.link.send(*request, **more)
        entry = [what, time.monotonic(), None, b""]
        self.sent.append(entry)
        try:
            entry[2], entry[3] = self.link.receive()
        except (OSError, Lost) as error:
            entry[3] = f"{type(error).__name__}: {error}"
            raise

    def sync(self):
        order = self.order()
        self.exchange(order["id"], "POST", "/orders", json.dumps(order).encode())

    def fresh(self):
        """A connection for one request."""
        self.sync()
        self.link.open = False

    def later(self):
        order = self.order()
        self.exchange(order["id"], "POST", "/orders", json.dumps(order).encode(), more="Prefer: respond-async\r\n")

    def batch(self):
        orders = [self.order() for _ in range(self.random.choice((3, 40, 700)))]
        body = "".join(json.dumps(order) + "\n" for order in orders).encode()
        self.exchange([order["id"] for order in orders], "POST", "/orders", body, "application/x-ndjson")

    def leaver(self):
        """Goes away in the middle: of the head, of the body, of the answer, or while it is awaited."""
        body = "".join(json.dumps(self.order()) + "\n" for _ in range(self.random.choice((1, 200)))).encode()
        head = HEAD.format(method="POST", path="/orders", type="application/x-ndjson", size=len(body), more="").encode()
        data = head + body
        self.link.socket.sendall(data[:self.random.choice((20, len(head) + len(body) // 2, len(data), len(data)))])
        if self.random.random() < 0.5:
            self.link.socket.settimeout(self.random.random() * 0.02)
            try:
                self.link.socket.recv(100)
            except TimeoutError:
                pass
        self.link.close(reset=self.random.random() < 0.5)
        self.link = None

    def reader(self):
        path = self.random.choice(("/stats", "/metrics", "/orders?limit=50", "/rules", "/readyz", "/orders/sync-0-1"))
        self.exchange(path, "GET", path)

    def listener(self):
        """Server-sent events; they end with the engine, at any byte."""
        self.link.send("GET", "/events")
        while self.link.file.read1(65536):
            pass
        self.link.close()
        self.link = None

    def reloader(self):
        self.load.engine.write_rule("rules/20_more.lua", "return { name = 'more', apply = function(order, decide) "
                                    f"decide:note('{self.random.random()}') end }}\n")
        self.exchange("/rules/reload", "POST", "/rules/reload")

    def run(self):
        try:
            while not self.load.over:
                if self.link is None or not self.link.open:
                    if self.link is not None:
                        self.link.close()
                    self.link = Link(self.load.engine.port)
                getattr(self, self.kind)()
        except (OSError, Lost):
            pass  # what was awaited then is written down
        finally:
            if self.link is not None:
                self.link.close()


KINDS = ("sync", "sync", "sync", "fresh", "later", "batch", "batch", "leaver", "leaver", "reader", "listener", "reloader")


class Load:
    """Clients of all kinds against an engine that runs RULES."""

    def __init__(self, engine, seed, sleep_ms=60):
        self.engine = engine
        self.seed = seed
        self.sleep_ms = sleep_ms
        self.over = False
        self.clients = [Client(self, number, kind) for number, kind in enumerate(KINDS)]
        for client in self.clients:
            client.start()
        self.http2 = self.start_http2()

    def start_http2(self):
        """HTTP/2 requests side by side; nobody looks at the answers."""
        path = os.path.join(self.engine.folder, "http2.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"currency": "EUR", "items": [{"sku": "A", "qty": 2, "price": 1999}], "sleep": self.sleep_ms // 4}, file)
        return subprocess.Popen(["h2load", "-n", "1000000", "-c", "4", "-m", "20", "--rps", "100", "-d", path,
                                 "-H", "content-type: application/json", self.engine.url("/orders")],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        """Behind the end of the engine."""
        self.over = True
        self.http2.kill()
        self.http2.wait()
        for client in self.clients:
            client.join()

    @property
    def requests(self):
        return [entry for client in self.clients for entry in client.sent]

    def lost(self, at):
        """Requests that were sent before and not answered whole."""
        return [entry for entry in self.requests if entry[1] < at and entry[2] is None]

    def refused(self, at):
        """Requests and lines that were sent before and heard that the engine stops."""
        found = []
        for what, sent, status, body in self.requests:
            if sent >= at or status is None or b'"stopping"' not in body:
                continue
            if status == 503 or isinstance(what, list):
                found.append([what if status == 503 else "a line", sent, status, body[:300]])
        return found

    def short(self):
        """Batches whose answer has not a line for each of theirs."""
        return [[len(what), status, body[-200:]] for what, _, status, body in self.requests
                if isinstance(what, list) and status == 200 and body.count(b"\n") != len(what)]

    def decided(self):
        """Ids that were answered with a decision."""
        ids = set()
        for what, _, status, body in self.requests:
            if status == 200 and isinstance(what, list):
                ids.update(line["id"] for line in map(json.loads, body.splitlines()) if "decision" in line)
            elif status == 200 and not what.startswith("/"):
                ids.add(what)
        return ids


def emitted(path):
    """Ids in the file of a sink_file. A process that ends while it writes leaves a part of a line, which the next start cuts
    off."""
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as file:
        return {json.loads(line)["id"] for line in file if line.endswith("\n")}
