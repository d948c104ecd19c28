# SPDX-License-Identifier: MIT
"""Clients of all kinds that send until the engine is gone, and the log of what they were told and when.

Times are CLOCK_MONOTONIC in ns, which all processes share: an order is logged before it is sent, an answer when all of it
has come.
"""
import collections
import hashlib
import http.client
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from harness import order  # noqa: E402

RULES = {"rules/10_wait.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "wait",
  about = "Waits as long as the order says, holds what it says, and tells decisions of one order apart.",
  apply = function(order, decide, ctx)
    if order.wait then ctx.sleep(order.wait) end
    if order.hold then decide:hold("as it says") end
    decide:set("attempt_at", ctx.now())
  end,
}
"""}
LINES = 40

# An order was sent; a decision was told, as the hash of its bytes; the order was accepted.
Sent = collections.namedtuple("Sent", "at hash")
Told = collections.namedtuple("Told", "at id status revision hash")
Promised = collections.namedtuple("Promised", "at id")


def hash_of(text):
    return hashlib.sha256(text).hexdigest()


class Log:
    """What clients sent and were told, of all rounds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}  # by id
        self.told, self.promises = [], []
        self.decided = {}  # id: the last decision as it came
        self.promised = set()
        self.repeatable = []  # ids that may be sent again
        self.wrong = []

    def note_sent(self, order_id, text, repeatable=False):
        with self.lock:
            self.sent.setdefault(order_id, Sent(time.monotonic_ns(), hash_of(text)))
            if repeatable:
                self.repeatable.append(order_id)

    def note_decision(self, order_id, text):
        at, decision = time.monotonic_ns(), json.loads(text)
        with self.lock:
            self.told.append(Told(at, order_id, decision["status"], decision["revision"], hash_of(text)))
            before = self.decided.get(order_id)
            self.decided[order_id] = decision
            if before is not None and before["revision"] >= decision["revision"] and before != decision:
                self.wrong.append(f"{order_id} was answered with two decisions: {before} and {decision}")

    def note_promise(self, order_id):
        with self.lock:
            self.promises.append(Promised(time.monotonic_ns(), order_id))
            self.promised.add(order_id)

    def note_wrong(self, text):
        with self.lock:
            self.wrong.append(text)

    def some_repeatable(self, chance):
        """An id, and whether it was decided."""
        with self.lock:
            if not self.repeatable:
                return None, False
            order_id = chance.choice(self.repeatable)
            return order_id, order_id in self.decided

    def answers(self):
        with self.lock:
            return len(self.told) + len(self.promises)


class Client(threading.Thread):
    """Sends until the engine is gone."""

    def __init__(self, engine, log, name, chance):
        super().__init__()
        self.engine, self.log, self.prefix, self.chance = engine, log, name, chance
        self.number = 0

    def next_id(self):
        self.number += 1
        return f"{self.prefix}-{self.number}-{self.chance.getrandbits(64):016x}"

    def run(self):
        connection = self.engine.connection()
        try:
            while True:
                self.send(connection)
        except (OSError, http.client.HTTPException):
            pass  # the engine's end; had it another reason, who waits for the end would do so in vain
        finally:
            connection.close()

    def post(self, connection, body, path="/orders", kind="application/json", **headers):
        connection.request("POST", path, body, {"Content-Type": kind, **headers})
        response = connection.getresponse()
        return response, response.read()

    def new_order(self, **fields):
        order_id = self.next_id()
        text = json.dumps(order(order_id, **fields)).encode()
        self.log.note_sent(order_id, text, isinstance(self, Sync))
        return order_id, text


class Sync(Client):
    def send(self, connection):
        order_id, text = self.new_order()
        response, body = self.post(connection, text)
        if response.status == 200:
            self.log.note_decision(order_id, body)


class Repeat(Client):
    """Sends orders of Sync again, also those that had no answer."""

    def send(self, connection):
        order_id, is_decided = self.log.some_repeatable(self.chance)
        if order_id is None:
            connection.request("GET", "/livez")
            connection.getresponse().read()
            return
        response, body = self.post(connection, json.dumps(order(order_id)))
        # 409: the same order sent before, whose client gave up, is still on its way.
        if is_decided and response.status < 500 and response.status != 409 and \
                response.getheader("Idempotent-Replayed") != "true":
            self.log.note_wrong(f"{order_id} was decided and is not replayed: {response.status} {body}")
        elif response.status == 200:
            self.log.note_decision(order_id, body)


class Async(Client):
    def send(self, connection):
        order_id, text = self.new_order(wait=self.chance.randrange(30))
        response, _ = self.post(connection, text, Prefer="respond-async")
        if response.status == 202:
            self.log.note_promise(order_id)


class Batch(Client):
    def send(self, connection):
        orders = [self.new_order() for _ in range(LINES)]
        connection.request("POST", "/orders", b"".join(text + b"\n" for _, text in orders),
                           {"Content-Type": "application/x-ndjson"})
        response = connection.getresponse()
        for order_id, _ in orders:
            line = response.readline()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            if b'"problem"' not in line:
                self.log.note_decision(order_id, line[:-1])
        response.read()


class Held(Client):
    """An order that a rule holds, and a person resolves."""

    def send(self, connection):
        order_id, text = self.new_order(hold=True)
        response, body = self.post(connection, text)
        if response.status != 200:
            return
        self.log.note_decision(order_id, body)
        resolution = {"decision": self.chance.choice(("accepted", "rejected")), "by": "ann", "reason": "looked"}
        response, body = self.post(connection, json.dumps(resolution), f"/orders/{order_id}/resolve")
        if response.status == 200:
            self.log.note_decision(order_id, body)


def start_clients(engine, log, name, chance, kinds):
    """kinds: pairs of a kind and how many of it."""
    clients = [kind(engine, log, f"{name}-{kind.__name__.lower()}-{index}", random.Random(chance.getrandbits(64)))
               for kind, count in kinds for index in range(count)]
    for client in clients:
        client.start()
    return clients
