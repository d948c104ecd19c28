# SPDX-License-Identifier: MIT
"""Opens a store with store_dump, and compares what it holds with what clients were told until a moment."""
import math
import os
import shutil
import subprocess
import tempfile

BUILD = os.environ["ORDO_BUILD"]
DUMP = os.path.join(BUILD, "tests", "fault", "store_dump")
STORE = os.path.join(BUILD, "plugins", "store_rocksdb.so")
SHIM = os.path.join(BUILD, "tests", "fault", "disk_shim.so")
STATUSES = ("queued", "running", "waiting", "recording", "done", "held", "invalid", "dead")
ON_THE_WAY = STATUSES[:4]
# Small, so that sorted files, compactions, several logs and segments of indexes come within thousands of orders.
SETTINGS = {"cache": "1MiB", "write_buffer": "1MiB", "index_buffer": "64KiB"}


def scratch_folder():
    """A folder in memory, where there is one: the disk's model is ours, so a real sync would only cost time."""
    shared = "/dev/shm"
    has_room = os.path.isdir(shared) and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    return tempfile.TemporaryDirectory(prefix="ordo-test-", dir=shared if has_room else None)


class Dump:
    """What store_dump said of the store in a folder. ids: looks these up in the place of a listing."""

    def __init__(self, path, ids=None):
        names = []
        if ids is not None:
            names = ["--ids", path + ".ids"]
            with open(path + ".ids", "w", encoding="ascii") as file:
                file.writelines(order_id + "\n" for order_id in ids)
        settings = [f"{key}={value}" for key, value in SETTINGS.items()]
        done = subprocess.run([DUMP, STORE, *names, f"path={path}", *settings], capture_output=True, text=True, timeout=300,
                              check=False)
        self.code, self.log = done.returncode, done.stderr
        self.orders = {}  # id: status, revision, hash of the order, hash of the answer
        self.twice, self.pending, self.unreadable, self.absent = [], [], {}, []
        self.records = None
        for line in done.stdout.splitlines():
            self.read(line.split())

    def read(self, words):
        if words[0] == "order":
            if words[1] in self.orders:
                self.twice.append(words[1])
            self.orders[words[1]] = (STATUSES[int(words[2])], int(words[3]), words[4], words[5])
        elif words[0] == "pending":
            self.pending.append(words[1])
        elif words[0] == "unreadable":
            self.unreadable[words[1]] = words[2]
        elif words[0] == "absent":
            self.absent.append(words[1])
        elif words[0] == "records":
            self.records = int(words[1])


def may_tear_manifest(disk):
    """RocksDB refuses a MANIFEST with a hole in its last change: a cut that loses a sector of it, and keeps a size and
    sectors behind it. File systems that set the size behind the data (ext4, XFS) leave none. Nothing is lost then, and the store
    does not open by itself. Only a change of the MANIFEST that was not synced may do so."""
    store = disk.root.entries.get("store")
    return store is not None and any(name.startswith("MANIFEST") and node.changes for name, node in store.entries.items())


def refuses_manifest(dump):
    """By RocksDB; the store's own sentence (its file MANIFEST...) is of what was synced, and a cut never takes that."""
    if dump.code != 1 or "its file MANIFEST" in dump.log:
        return False
    return "MANIFEST" in dump.log or "Default column family not specified" in dump.log


def compare_order(told, found):
    """What is wrong with a stored order, by what was told of it."""
    status, revision, _, answer = found
    if revision < told.revision:
        return f"{told.id} was told with revision {told.revision} and has {revision}"
    if revision == told.revision and (status, answer) != (told.status, told.hash):
        return f"{told.id} was told to be {told.status} with another decision than is stored, which is {status}"
    if revision > told.revision and told.status != "held":
        return f"{told.id} was told to be {told.status}, which is final, and has revision {revision}"
    return None


def compare_invented(orders, log, until):
    for order_id, (_, _, order_hash, _) in orders.items():
        sent = log.sent.get(order_id)
        if sent is None or sent.at > until:
            yield f"{order_id} is stored and nobody has sent it"
        elif sent.hash != order_hash:
            yield f"{order_id} is stored with other bytes than were sent"


def compare_told(orders, log, until):
    for told in log.told:
        found = orders.get(told.id)
        if found is None:
            if told.at <= until:
                yield f"{told.id} was answered 200 and is lost"
            continue
        # What was told later was stored by then, or is a later revision.
        if told.at <= until or found[1] >= told.revision:
            text = compare_order(told, found)
            if text is not None:
                yield text


def compare_lists(dump):
    """What the store says of itself in more than one place."""
    for order_id in dump.twice:
        yield f"{order_id} is listed twice"
    for order_id, code in dump.unreadable.items():
        yield f"{order_id} is listed and cannot be looked up: {code}"
    on_the_way = {order_id for order_id, found in dump.orders.items() if found[0] in ON_THE_WAY}
    if len(dump.pending) != len(on_the_way) or set(dump.pending) != on_the_way:
        yield f"{len(on_the_way)} orders are on their way and {len(dump.pending)} are pending"
    if dump.records != len(dump.orders):
        yield f"the store counts {dump.records} records and lists {len(dump.orders)}"


def compare(dump, log, until=math.inf):
    """All that is wrong in a store, by what clients sent and were told until then (ns)."""
    if dump.code != 0:
        return [f"the store does not open, {dump.code}: {dump.log}"]
    return [*compare_lists(dump), *compare_answers(dump, log, until)]


def compare_answers(dump, log, until=math.inf):
    """The part of it that a client can see."""
    wrong = [*compare_invented(dump.orders, log, until), *compare_told(dump.orders, log, until)]
    wrong += [f"{promise.id} was answered 202 and is lost" for promise in log.promises
              if promise.at <= until and promise.id not in dump.orders]
    return wrong
