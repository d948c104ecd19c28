#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flips a bit of a store at places of a seed's choice: found or harmless, never a wrong answer.

    test_bit_flip.py [--flips 300] [--only MANIFEST] [--seed N]

The store has thousands of orders in sorted files, and a log of an engine that was killed. For each flip a copy with one
other bit in one file is opened. Either the store refuses with a sentence, or each order that clients were told of reads as
they were told, or ends in an error that the log of the store explains. No order is lost, changed or invented without a word: not
when it is looked up by its id, and not in a listing that ends without an error. An assertion of Debian's RocksDB may also find the
damage: it ends the process, which is counted apart.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import sys

from clients import RULES, Async, Batch, Held, Log, Repeat, Sync, start_clients
from store_check import SETTINGS, Dump, compare_answers, compare_lists, scratch_folder

from harness import Engine

KINDS = ((Sync, 3), (Async, 2), (Batch, 1), (Repeat, 1), (Held, 1))
ANSWERS = 4000
AT_ONCE = 2
# Parts of file names, and how often a flip is in such a file.
FILES = ((".sst", 10), (".log", 10), ("MANIFEST", 4), ("CURRENT", 1), ("acknowledged", 2), ("OPTIONS", 1), ("IDENTITY", 1))


def make_store(folder, chance, log):
    settings = {"log.level": "info", **{f"store.{key}": value for key, value in SETTINGS.items()}}
    with Engine(rules=RULES, settings=settings) as engine:
        clients = start_clients(engine, log, "o", chance, KINDS)
        engine.wait_until(lambda: log.answers() >= ANSWERS, "answers")
        engine.kill()
        for client in clients:
            client.join()
        engine.stop(0)
        shutil.copytree(os.path.join(engine.data, "store"), folder)


def flip(path, chance):
    """Flips a bit; says where. Half of them are in the last part of the file, which holds what leads to the rest."""
    size = os.path.getsize(path)
    first = size * 9 // 10 if chance.random() < 0.5 else 0
    at, bit = chance.randrange(first, size), chance.randrange(8)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
    return f"{os.path.basename(path)}, byte {at} of {size}, bit {bit}"


def choose(folder, chance, only):
    """A file of a kind that is there and has something in it."""
    kind = only or chance.choices([kind for kind, _ in FILES], [weight for _, weight in FILES])[0]
    names = sorted(name for name in os.listdir(folder) if kind in name and os.path.getsize(os.path.join(folder, name)) > 0)
    return kind, os.path.join(folder, chance.choice(names))


class Looked:
    """What a damaged store gave: by listing, then by looking each order up."""

    def __init__(self, path):
        copy = path + "-again"  # an open changes the folder
        shutil.copytree(path, copy)
        self.listed = Dump(path)
        self.found = None
        if self.listed.code == 0:
            shutil.rmtree(copy)
            return
        if self.listed.code == 2:
            self.found = Dump(copy, self.ids)
        shutil.rmtree(copy, ignore_errors=True)

    ids = ()


def judge(looked, log):
    """How the flip ended, and what is wrong."""
    listed = looked.listed
    if listed.code == 1:
        return "refused", [] if "refused: " in listed.log else [f"no sentence: {listed.log}"]
    if listed.code == 0 and not listed.unreadable:
        return "harmless", [*compare_lists(listed), *compare_answers(listed, log)]
    if listed.code == -signal.SIGABRT and ": Assertion `" in listed.log:
        return "aborts", []
    if listed.code not in (0, 2):
        return "crashed", [f"it ended with {listed.code}: {listed.log}"]
    # A listing that broke off, or an order that cannot be read: those that can be read have to be right.
    dump = looked.found or listed
    wrong = [f"no sentence: {listed.log}"] if not listed.log.strip() else []
    if dump.code not in (0, 1):
        wrong.append(f"looking up ended with {dump.code}: {dump.log}")
    if dump.code == 0:
        unreadable = set(dump.unreadable)
        wrong += [text for text in compare_answers(dump, log) if text.split(" ", 1)[0] not in unreadable]
    return "found on reading", wrong


def one_flip(folder, number, options, original, log):
    chance, path = random.Random(f"{options.seed}-{number}"), os.path.join(folder, f"flip-{number}")
    shutil.copytree(original, path)
    kind, file = choose(path, chance, options.only)
    where = flip(file, chance)
    looked = Looked(path)
    shutil.rmtree(path)
    how, wrong = judge(looked, log)
    return kind, how, [f"flip {number} ({where}): {text}" for text in wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--only", choices=[kind for kind, _ in FILES])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    log, count, wrong = Log(), collections.Counter(), []
    with scratch_folder() as folder:
        original = os.path.join(folder, "original")
        make_store(original, random.Random(options.seed), log)
        names = sorted(os.listdir(original))
        shutil.copytree(original, original + "-copy")
        intact = Dump(original + "-copy")
        wrong += [f"without a flip: {text}" for text in [*compare_lists(intact), *compare_answers(intact, log)]]
        Looked.ids = list(log.sent)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for kind, how, found in pool.map(lambda number: one_flip(folder, number, options, original, log),
                                             range(options.flips)):
                count[kind, how] += 1
                wrong += found
    print(f"{options.flips} flips in {len(names)} files with {len(intact.orders)} orders: "
          + ", ".join(f"{kind} {how} {number}" for (kind, how), number in sorted(count.items())) + f"; {len(wrong)} wrong")
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
