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
import json
import os
import random
import sys

from clients import RULES, Async, Batch, Log, Repeat, Sync, start_clients

from harness import Engine  # clients.py knows where it is

KINDS = ((Sync, 4), (Async, 2), (Batch, 1), (Repeat, 1))


def one_round(engine, log, number, chance):
    enough = log.answers() + chance.randrange(1, 400)
    clients = start_clients(engine, log, number, chance, KINDS)
    engine.wait_until(lambda: log.answers() >= enough, "answers")
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
    engine.wait_until(lambda: not engine.request("GET", "/orders?status=queued").json["orders"],
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
    # Small, so that segments of the indexes are filed between any two kills.
    settings = {"log.level": "info", "store.index_buffer": "64KiB",
                "sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}]}
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
