#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cuts the power at moments of a seed's choice, and compares what clients were told until then with what is left.

    test_power_cut.py [--cuts 500] [--engines 10] [--seed N] [--again FOLDER]

The engine runs under the recorder of disk_shim.c with clients of all kinds, is killed and stopped and started again. Then
its data folder is made as a power cut leaves it (disk_trace.py has the model), for each of the moments: the store has to
open, and everything that was answered before that moment has to be there with the same decision and revision, nothing
else than it was told later, and no order that nobody sent. On some of the folders the whole engine is started: it has to
decide what is on its way, and to keep what was told.

Threads make another record of the same seed. So one in which something is wrong is kept: --again takes it in the place of
a new one, with the same seed for the same cuts.
"""
import argparse
import concurrent.futures
import os
import pickle
import random
import shutil
import sys
import tempfile
import time

from clients import RULES, Async, Batch, Held, Log, Repeat, Sync, start_clients
from disk_trace import CREATE, Disk, read_trace
from store_check import SETTINGS, SHIM, Dump, compare, may_tear_manifest, refuses_manifest, scratch_folder

from harness import Engine

KINDS = ((Sync, 3), (Async, 2), (Batch, 1), (Repeat, 1), (Held, 1))
ENDS = ("kill", "stop", "kill", "kill")  # of the rounds of a record
OPERATIONS = 700                         # of a round, about
AT_ONCE = 2                              # stores that are opened at once


def write_control(path, text):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def one_round(engine, log, name, chance, end):
    clients = start_clients(engine, log, name, chance, KINDS)
    if end == "kill":
        write_control(engine.control, f"any -1 {chance.randrange(OPERATIONS // 2, OPERATIONS * 3 // 2)} 1")
        engine.process.wait()
        os.remove(engine.control)
    else:
        enough = log.answers() + 1500
        engine.wait_until(lambda: log.answers() >= enough, "answers")
        if engine.stop()[0] != 0:
            log.note_wrong("the engine did not end with 0")
    for client in clients:
        client.join()


def record(folder, chance, log):
    """Runs the engine in a folder under the recorder, which makes `trace` there."""
    settings = {"log.level": "info", **{f"store.{key}": value for key, value in SETTINGS.items()}}
    engine = Engine(rules=RULES, settings=settings)
    engine.prepare()
    engine.data, engine.control, trace = (os.path.join(folder, name) for name in ("data", "control", "trace"))
    os.mkdir(engine.data)
    engine.environment = {"LD_PRELOAD": SHIM, "DISK_SHIM_FOLDER": engine.data, "DISK_SHIM_TRACE": trace,
                          "DISK_SHIM_CONTROL": engine.control}
    try:
        for number, end in enumerate(ENDS):
            engine.restart()
            one_round(engine, log, number, chance, end)
    finally:
        engine.clean()


class Cutter:
    """Makes a folder for each cut, looks at AT_ONCE of them at once, and collects what is wrong."""

    def __init__(self, folder, log, seed):
        self.folder, self.log, self.seed, self.wrong = folder, log, seed, []
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self.running = []
        self.kept = []  # folders for engines
        self.bad_cuts = self.torn_manifests = 0

    def cut(self, disk, number, until, keep):
        """After the record of that number, and before that moment."""
        while len(self.running) >= 2 * AT_ONCE:
            self.finish_one()
        path = os.path.join(self.folder, f"cut-{number}")
        disk.write_cut(path, random.Random(f"{self.seed}-{number}"))
        os.makedirs(path, exist_ok=True)
        if keep:
            self.kept.append((number, until, path + "-engine"))
            shutil.copytree(path, path + "-engine")
        self.running.append((number, until, path, may_tear_manifest(disk), self.pool.submit(Dump, os.path.join(path, "store"))))

    def finish_one(self):
        number, until, path, may_tear, future = self.running.pop(0)
        dump = future.result()
        if may_tear and refuses_manifest(dump):
            self.torn_manifests += 1
            self.kept = [each for each in self.kept if each[2] != path + "-engine"]  # nor does an engine start on it
            found = []
        else:
            found = compare(dump, self.log, until)
        self.bad_cuts += bool(found)
        self.wrong += [f"cut behind operation {number}: {text}" for text in found]
        shutil.rmtree(path)

    def finish(self):
        while self.running:
            self.finish_one()
        self.pool.shutdown()


def check_engine(path, log, until):
    """Starts the engine on a folder: what is on its way is decided, and what was told is replayed."""
    settings = {"log.level": "info", **{f"store.{key}": value for key, value in SETTINGS.items()}}
    with Engine(rules=RULES, settings={**settings, "data_dir": path}) as engine:
        engine.wait_until(
            lambda: not engine.request("GET", "/orders?status=queued").json["orders"],
            "pending orders to be decided")
        lost = [promise.id for promise in log.promises if promise.at <= until
                and engine.request("GET", f"/orders/{promise.id}").json.get("status") != "done"]
        engine.stop()
    dump = Dump(os.path.join(path, "store"))
    undecided = sum(found[0] not in ("done", "held") for found in dump.orders.values())
    # Orders that a client heard of after the cut may be decided another time now, with another decision.
    earlier = Log()
    earlier.sent, earlier.promises = log.sent, log.promises
    earlier.told = [told for told in log.told if told.at <= until]
    wrong = compare(dump, earlier, until)
    wrong += [f"{order_id} was answered 202 and is not decided by a start behind the cut" for order_id in lost]
    if undecided:
        wrong.append(f"{undecided} orders are not decided by a start behind the cut")
    return wrong


def keep_record(trace, log):
    folder = tempfile.mkdtemp(prefix="ordo-power-cut-")
    shutil.copy(trace, os.path.join(folder, "trace"))
    with open(os.path.join(folder, "log"), "wb") as file:
        pickle.dump((log.sent, log.told, log.promises), file)
    print(f"the record is kept in {folder}", file=sys.stderr)


def load_log(folder):
    log = Log()
    with open(os.path.join(folder, "log"), "rb") as file:
        log.sent, log.told, log.promises = pickle.load(file)
    return log


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--engines", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--again", metavar="FOLDER")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    log = load_log(options.again) if options.again else Log()
    with scratch_folder() as folder:
        if not options.again:
            record(folder, random.Random(options.seed), log)
        trace, chance = os.path.join(options.again or folder, "trace"), random.Random(options.seed)
        records = read_trace(trace)
        cuts = sorted(chance.choices(range(len(records)), k=options.cuts))
        engines = set(chance.sample(range(options.cuts), min(options.engines, options.cuts)))
        cutter, disk, done, began = Cutter(folder, log, options.seed), Disk(), 0, time.monotonic()
        for index, number in enumerate(cuts):
            for each in records[done:number + 1]:
                disk.apply(each)
            done = number + 1
            # The last moment at which the disk is so: all that was told until the next operation ended.
            until = records[done].end_ns - 1 if done < len(records) else float("inf")
            cutter.cut(disk, f"{number}-{index}", until, index in engines)
        cutter.finish()
        wrong = log.wrong + cutter.wrong
        for number, until, path in cutter.kept:
            wrong += [f"engine behind operation {number}: {text}" for text in check_engine(path, log, until)]
        if wrong and not options.again:
            keep_record(trace, log)
    files = sum(each.op == CREATE and each.names[0].endswith(".sst") for each in records)
    print(f"{options.cuts} cuts in {len(records)} operations ({files} sorted files), {len(cutter.kept)} engines started, "
          f"{len(log.told)} decisions and {len(log.promises)} promises told, {cutter.torn_manifests} torn manifests refused, "
          f"{len(wrong)} wrong, "
          f"in {cutter.bad_cuts} cuts, {time.monotonic() - began:.0f} s")
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
