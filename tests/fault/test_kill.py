#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the engine under load at moments of a seed's choice, starts it again, and compares what clients were told with
what the store and the sink have.

    test_kill.py [--kills 50] [--seed N]

Clients of all kinds write down each answer. In the end every order that was answered 200, alone or as a line, has to be
recorded with just that decision; every order that was answered 202 has to be decided; an id has one decision, also when
it was sent again; the sink has to have
all of them, and nothing else; and the store's counters have to add up.
"""
import argparse
import http.client
import json
import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from harness import Engine, order  # noqa: E402

RULES = {"rules/10_wait.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "wait",
  about = "Waits as long as the order says, and tells decisions of one order apart.",
  apply = function(order, decide, ctx)
    if order.wait then ctx.sleep(order.wait) end
    decide:set("attempt_at", ctx.now())
  end,
}
"""}
LINES = 40


class Log:
    """What clients were told, of all rounds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.decided = {}  # id: the decision as it came
        self.promised = set()
        self.wrong = []

    def note_decision(self, order_id, decision):
        with self.lock:
            before = self.decided.setdefault(order_id, decision)
            if before != decision:
                self.wrong.append(f"{order_id} was answered with two decisions: {before} and {decision}")

    def note_promise(self, order_id):
        with self.lock:
            self.promised.add(order_id)

    def some_decided(self, chance):
        with self.lock:
            return chance.choice(list(self.decided)) if self.decided else None


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
            pass  # the kill; had it another reason, `Round` would wait in vain
        finally:
            connection.close()

    def post(self, connection, body, kind="application/json", **headers):
        connection.request("POST", "/orders", body, {"Content-Type": kind, **headers})
        return connection.getresponse()


class Sync(Client):
    def send(self, connection):
        order_id = self.next_id()
        response = self.post(connection, json.dumps(order(order_id)))
        body = response.read()
        if response.status == 200:
            self.log.note_decision(order_id, json.loads(body))


class Repeat(Client):
    def send(self, connection):
        order_id = self.log.some_decided(self.chance)
        if order_id is None:
            connection.request("GET", "/livez")
            connection.getresponse().read()
            return
        response = self.post(connection, json.dumps(order(order_id)))
        body = response.read()
        if response.status != 200 or response.getheader("Idempotent-Replayed") != "true":
            with self.log.lock:
                self.log.wrong.append(f"{order_id} was decided and is not replayed: {response.status} {body}")
        else:
            self.log.note_decision(order_id, json.loads(body))


class Async(Client):
    def send(self, connection):
        order_id = self.next_id()
        response = self.post(connection, json.dumps(order(order_id, wait=self.chance.randrange(30))),
                             Prefer="respond-async")
        response.read()
        if response.status == 202:
            self.log.note_promise(order_id)


class Batch(Client):
    def send(self, connection):
        ids = [self.next_id() for _ in range(LINES)]
        text = "".join(json.dumps(order(order_id)) + "\n" for order_id in ids)
        response = self.post(connection, text, "application/x-ndjson")
        for order_id in ids:
            line = response.readline()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            self.log.note_decision(order_id, json.loads(line))
        response.read()


def one_round(engine, log, number, chance):
    clients = [kind(engine, log, f"{number}-{kind.__name__.lower()}-{index}", random.Random(chance.getrandbits(64)))
               for kind, count in ((Sync, 4), (Async, 2), (Batch, 1), (Repeat, 1)) for index in range(count)]
    before = len(log.decided) + len(log.promised)
    enough = before + chance.randrange(1, 400)
    for client in clients:
        client.start()
    engine.wait_until(lambda: len(log.decided) + len(log.promised) >= enough, "answers")
    engine.kill()
    for client in clients:
        client.join()


def stored_orders(engine):
    """Every record by its id, page by page."""
    found, cursor = {}, ""
    while cursor is not None:
        page = engine.request("GET", "/orders?limit=1000" + (f"&after={cursor}" if cursor else "")).json
        for record in page["orders"]:
            if record["id"] in found:
                raise AssertionError(f"{record['id']} is listed twice")
            found[record["id"]] = record
        cursor = page["next"]
    return found


def compare(engine, log):
    engine.wait_until(lambda: not engine.request("GET", "/orders?status=queued,running,waiting,recording").json["orders"],
                      "all accepted orders to be decided")
    stored = stored_orders(engine)
    wrong = list(log.wrong)
    for order_id, decision in log.decided.items():
        if order_id not in stored:
            wrong.append(f"{order_id} was answered 200 and is lost")
        elif stored[order_id]["decision"] != decision:
            wrong.append(f"{order_id} was answered {decision} and has {stored[order_id]['decision']}")
    for order_id in log.promised:
        if order_id not in stored:
            wrong.append(f"{order_id} was answered 202 and is lost")
        elif stored[order_id]["status"] != "done" or stored[order_id]["revision"] != 1:
            wrong.append(f"{order_id} was answered 202 and is {stored[order_id]}")
    count = engine.stats()["store"]["records"]
    if count != len(stored):
        wrong.append(f"the store counts {count} records and lists {len(stored)}")
    return stored, wrong


def compare_sink(path, stored):
    """The sink has to have every recorded decision, at least once, and nothing else."""
    wrong, count, seen = [], 0, set()
    with open(path, "rb") as file:
        for line in file:
            count += 1
            decision = json.loads(line)
            seen.add(decision["id"])
            if stored.get(decision["id"], {}).get("decision") != decision:
                wrong.append(f"the sink got {decision}, recorded is {stored.get(decision['id'])}")
    wrong += [f"the sink never got {order_id}" for order_id in stored if order_id not in seen]
    return count, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance, log = random.Random(options.seed), Log()
    settings = {"log.level": "info", "sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}]}
    with Engine(rules=RULES, settings=settings) as engine:
        for number in range(options.kills):
            one_round(engine, log, number, chance)
            engine.restart()
        stored, wrong = compare(engine, log)
        if engine.stop()[0] != 0:
            wrong.append("the engine did not end with 0")
        emitted, wrong_in_sink = compare_sink(os.path.join(engine.folder, "decisions.ndjson"), stored)
        wrong += wrong_in_sink
    print(f"{options.kills} kills, {len(log.decided)} decisions and {len(log.promised)} promises told, {len(stored)} orders "
          f"stored, {emitted} decisions in the sink, {len(wrong)} wrong")
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
