#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the disk fail under load, at moments and in ways of a seed's choice.

    test_disk_faults.py [--faults 24] [--seed N]

disk_shim.c makes writes, syncs and other operations fail, once or from then on. Behind a failed write or sync of the log
the engine has to end with code 1 and to say why, and what it acknowledged until then has to be on the disk: also when the
power goes just then, as a sync that failed kept nothing. Behind other failures it may end so, or go on. A start that meets
a failing disk may refuse with a sentence. The next start, on a disk that works, has to have everything that was
acknowledged, and to decide what was on its way.

Known limit of RocksDB 7.8, which is counted and not wrong: Debian builds it with its assertions, and one of them aborts when it
closes a log that it could not write, in its own threads and in a start. See also `may_tear_manifest`.
"""
import argparse
import collections
import errno
import os
import random
import shutil
import signal
import sys

from clients import RULES, Async, Batch, Held, Log, Repeat, Sync, start_clients
from disk_trace import FAULT, Disk, read_trace
from store_check import (SETTINGS, SHIM, Dump, compare_answers, compare_lists, may_tear_manifest, refuses_manifest,
                         scratch_folder)

from harness import Engine

KINDS = ((Sync, 3), (Async, 2), (Batch, 1), (Repeat, 1), (Held, 1))
SENTENCE = "the store failed, so nothing can be promised any more"
ASSERTION = "Assertion `sync_without_flush_called_' failed"
CUTS = 5  # of the power, behind each failure

# Operations, a part of the file's path, and whether the engine has to end.
FAILURES = (
    ("sync", ".log", True),
    ("write", ".log", True),
    ("write,sync", ".log", True),
    ("write", ".sst", False),
    ("sync", ".sst", False),
    ("open", ".sst", False),
    ("write,sync", "MANIFEST", False),
    ("open,size,sync,write,rename,remove", "", False),
)


class Run:
    """One engine on one disk, with what its clients were told."""

    def __init__(self, folder, name, chance, error):
        self.error = error
        self.folder, self.name, self.chance, self.log, self.wrong = folder, name, chance, Log(), []
        self.count = collections.Counter()
        settings = {"log.level": "info", **{f"store.{key}": value for key, value in SETTINGS.items()}}
        self.engine = Engine(rules=RULES, settings=settings)
        self.engine.prepare()
        self.engine.data, self.trace, self.control = (os.path.join(folder, part) for part in ("data", "trace", "control"))
        os.mkdir(self.engine.data)
        self.engine.environment = {"LD_PRELOAD": SHIM, "DISK_SHIM_FOLDER": self.engine.data,
                                   "DISK_SHIM_TRACE": self.trace, "DISK_SHIM_CONTROL": self.control}

    def note(self, text):
        self.wrong.append(f"{self.name}: {text}")

    def fail_from_now(self, text):
        with open(self.control + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(self.control + ".new", self.control)

    def work_again(self):
        if os.path.exists(self.control):
            os.remove(self.control)

    def answered(self, count):
        """Waits for so many answers more, or the engine's end; true: it lives."""
        enough = self.log.answers() + count
        try:
            self.engine.wait_until(lambda: self.log.answers() >= enough, "answers")
        except AssertionError:
            if self.engine.process.poll() is None:
                raise
        return self.engine.process.poll() is None

    def load(self, control, must_end):
        """Clients meet the failure."""
        self.engine.restart()
        clients = start_clients(self.engine, self.log, len(self.log.sent), self.chance, KINDS)
        self.answered(self.chance.randrange(200, 900))
        self.fail_from_now(control)
        lives = self.answered(1500) and not must_end
        if lives:
            self.engine.kill()
            code = None
        else:
            code, said = self.engine.stop(0)
            if code == -signal.SIGABRT and ASSERTION in said:
                self.count["aborts"] += 1
            elif code != 1 or SENTENCE not in said or "cannot write: " not in said:
                self.note(f"the engine ended with {code} and said {said[-1000:]}")
        for client in clients:
            client.join()
        self.count["engines ended"] += not lives
        self.work_again()

    def start_fails(self):
        """A start meets a failure."""
        self.fail_from_now(f"any {errno.EIO} {self.chance.randrange(60)} {self.chance.choice((1, -1))}")
        try:
            self.engine.restart()
            self.engine.kill()
        except AssertionError:
            code = self.engine.process.poll()
            if code == -signal.SIGABRT and ASSERTION in self.engine.log:
                self.count["aborts"] += 1
            elif code is None or code <= 0 or "nput/output error" not in self.engine.log:
                self.note(f"a start on a failing disk ended with {code}: {self.engine.log[-1000:]}")
            self.count["starts refused"] += 1
        self.work_again()

    def compare(self, dump, until, when):
        if dump.code != 0:
            self.note(f"{when}: the store does not open, {dump.code}: {dump.log}")
        for text in compare_answers(dump, self.log, until):
            self.note(f"{when}: {text}")
        for text in compare_lists(dump):
            self.note(f"{when}: {text}")

    def cut_power(self):
        """What is on the disk at the end, and at moments behind the failure."""
        records, disk = read_trace(self.trace), Disk()
        failed = next((number for number, each in enumerate(records) if each.op == FAULT), len(records) - 1)
        moments = {len(records) - 1, *(self.chance.randrange(failed, len(records)) for _ in range(CUTS - 1))}
        for number, record in enumerate(records):
            disk.apply(record)
            if number not in moments:
                continue
            until = records[number + 1].end_ns - 1 if number + 1 < len(records) else float("inf")
            path = os.path.join(self.folder, "cut")
            disk.write_cut(path, self.chance)
            dump = Dump(os.path.join(path, "store"))
            if may_tear_manifest(disk) and refuses_manifest(dump):
                self.count["torn manifests"] += 1
            else:
                self.compare(dump, until, f"power cut {number - failed} operations behind the failure")
            shutil.rmtree(path)
        self.count["failures met"] += any(each.op == FAULT for each in records)

    def recover(self):
        """A start on a disk that works."""
        self.engine.restart()
        self.engine.wait_until(
            lambda: not self.engine.request("GET", "/orders?status=queued").json["orders"],
            "pending orders to be decided")
        if self.engine.stop()[0] != 0:
            self.note("the engine did not end with 0")
        dump = Dump(os.path.join(self.engine.data, "store"))
        for text in self.log.wrong:
            self.note(text)
        self.compare(dump, float("inf"), "behind the next start")


def one_failure(folder, number, chance):
    """What was counted, and what is wrong."""
    kinds, part, must_end = FAILURES[number % len(FAILURES)]
    error, times = chance.choice((errno.EIO, errno.ENOSPC)), chance.choice((1, -1))
    control = f"{kinds} {error} {chance.randrange(60 if part == '.log' else 5)} {times} {part}"
    os.mkdir(folder)
    run = Run(folder, f"{number} ({control})", chance, error)
    try:
        run.load(control, must_end)
        run.cut_power()
        run.start_fails()
        run.recover()
    finally:
        run.engine.clean()
    return run.count, run.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=24)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    count, wrong = collections.Counter(), []
    with scratch_folder() as scratch:
        for number in range(options.faults):
            folder = os.path.join(scratch, str(number))
            found = one_failure(folder, number, random.Random(f"{options.seed}-{number}"))
            count += found[0]
            wrong += found[1]
            shutil.rmtree(folder)
    print(f"{options.faults} failing disks: " + ", ".join(f"{number} {what}" for what, number in sorted(count.items()))
          + f", {len(wrong)} wrong")
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
