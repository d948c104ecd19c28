#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recorder and its reader: what a process did to a folder is done again from the trace; what a cut may leave."""
import os
import random
import subprocess
import sys
import tempfile
import unittest

import disk_trace
from disk_trace import Disk, File, Folder, Record, SECTOR, read_trace

BUILD = os.environ["ORDO_BUILD"]
PROCESS = """
import mmap, os, random, sys, threading
os.chdir(sys.argv[1])
os.mkdir("store")
folder = os.open("store", os.O_RDONLY)
def work(number):
    chance = random.Random(number)
    for round in range(20):
        name = f"store/{number}-{round}"
        fd = os.open(name + ".new", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for _ in range(chance.randrange(6)):
            os.write(fd, chance.randbytes(chance.randrange(2000)))
        os.pwrite(fd, b"pwrite", chance.randrange(3000))
        os.writev(fd, [b"one", b"two"])
        os.pwritev(fd, [b"three", b"four"], 100)
        os.fdatasync(fd)
        if round % 3 == 0:
            os.ftruncate(fd, chance.randrange(4000))
        if round % 5 == 0:
            os.posix_fallocate(fd, 0, 3000)
        os.close(fd)
        os.rename(name + ".new", name)
        os.fsync(folder)
        if round % 4 == 0:
            os.remove(name)
        if round % 4 == 1:
            os.link(name, name + ".link")
        with open(name, "ab", 0) as file:
            file.write(b"appended")
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
fd = os.open("store/mapped", os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8192)
pages = mmap.mmap(fd, 8192)
for number in range(3):
    pages[5000:5001] = b"%d" % number
    os.mkdir(f"store/folder-{number}")
os.rmdir("store/folder-1")
"""


def tree(path):
    found = {}
    for folder, folders, files in os.walk(path):
        for name in folders:
            found[os.path.relpath(os.path.join(folder, name), path)] = None
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.relpath(os.path.join(folder, name), path)] = file.read()
    return found


class Recorder(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(self.scratch.cleanup)
        self.folder, self.trace, self.control, self.copy = (
            os.path.join(self.scratch.name, name) for name in ("folder", "trace", "control", "copy"))
        os.mkdir(self.folder)

    def run_process(self, code):
        shim = {"LD_PRELOAD": os.path.join(BUILD, "tests", "fault", "disk_shim.so"), "DISK_SHIM_FOLDER": self.folder,
                "DISK_SHIM_TRACE": self.trace, "DISK_SHIM_CONTROL": self.control}
        return subprocess.run([sys.executable, "-c", code, self.folder], env={**os.environ, **shim}, check=False,
                              capture_output=True, text=True, timeout=60)

    def test_a_trace_makes_the_same_folder(self):
        done = self.run_process(PROCESS)
        self.assertEqual(done.returncode, 0, done.stderr)
        records, disk = read_trace(self.trace), Disk()
        self.assertEqual([record.end_ns for record in records], sorted(record.end_ns for record in records))
        for record in records:
            disk.apply(record)
        disk.write_whole(self.copy)
        self.assertEqual(tree(self.copy), tree(self.folder))
        mapped = [record.data[5000 % SECTOR] for record in records if record.op == disk_trace.MAPPED]
        self.assertEqual(bytes(mapped), b"012")

    def test_a_stream_of_stdio_is_refused(self):
        done = self.run_process("import ctypes, sys; ctypes.CDLL(None).fopen((sys.argv[1] + '/x').encode(), b'w')")
        self.assertEqual(done.returncode, 0, done.stderr)
        with self.assertRaisesRegex(ValueError, "x that has no model here"):
            Disk().apply(read_trace(self.trace)[0])

    def faulty(self, control):
        with open(self.control, "w", encoding="ascii") as file:
            file.write(control)
        return self.run_process("""
import os, sys
fd = os.open(sys.argv[1] + "/a.log", os.O_CREAT | os.O_WRONLY)
for _ in range(5):
    try:
        os.write(fd, b"x")
        print("written")
    except OSError as error:
        print(error.errno)
""")

    def test_faults_are_made_as_the_control_file_says(self):
        self.assertEqual(self.faulty("write 5 1 2 .log").stdout.split(), ["written", "5", "5", "written", "written"])
        self.assertEqual([record.op for record in read_trace(self.trace)],
                         [disk_trace.CREATE] + [disk_trace.WRITE] + [disk_trace.FAULT] * 2 + [disk_trace.WRITE] * 2)
        self.assertEqual(self.faulty("sync,write 28 2 -1").stdout.split(), ["written", "written", "28", "28", "28"])
        self.assertEqual(self.faulty("sync,open 28 1 -1 .sst").stdout.split(), ["written"] * 5)
        self.assertEqual(self.faulty("write -1 3 1").returncode, -9)


class Model(unittest.TestCase):
    def contents(self, file):
        return {bytes(file.content_after_cut(random.Random(seed))) for seed in range(400)}

    def test_synced_content_stays_and_the_rest_may(self):
        file = File()
        file.write(0, b"a" * SECTOR)
        file.sync()
        self.assertEqual(self.contents(file), {b"a" * SECTOR})
        file.write(0, b"b" * SECTOR)
        file.write(SECTOR, b"c" * SECTOR)
        a, b, c, zeros = (text * SECTOR for text in (b"a", b"b", b"c", b"\0"))
        self.assertEqual(self.contents(file), {a, b, a + c, b + c, a + zeros, b + zeros})

    def test_a_sector_has_a_version_that_it_had(self):
        file = File()
        for letter in (b"a", b"b", b"c"):
            file.write(10, letter)
        self.assertEqual({content[10:] for content in self.contents(file)}, {b"", b"\0", b"a", b"b", b"c"})

    def test_entries_stay_from_the_sync_on_and_in_order(self):
        folder, nodes = Folder(), [File() for _ in range(3)]
        folder.change(("a", nodes[0]))
        folder.sync()
        folder.change(("b.new", nodes[1]))
        folder.change(("b.new", None), ("b", nodes[1]))
        folder.change(("a", None))
        seen = {tuple(sorted(folder.entries_after_cut(random.Random(seed)))) for seed in range(100)}
        self.assertEqual(seen, {("a",), ("a", "b.new"), ("a", "b"), ("b",)})

    def test_a_sync_of_a_file_does_not_keep_its_entry(self):
        disk = Disk()
        disk.apply(Record(disk_trace.CREATE, ["a"], inode=7))
        disk.apply(Record(disk_trace.WRITE, inode=7, data=b"x"))
        disk.apply(Record(disk_trace.SYNC, inode=7))
        with tempfile.TemporaryDirectory(prefix="ordo-test-") as scratch:
            for seed in range(50):
                disk.write_cut(os.path.join(scratch, str(seed)), random.Random(seed))
            self.assertEqual({tuple(tree(os.path.join(scratch, str(seed))).items()) for seed in range(50)},
                             {(), (("a", b"x"),)})
            disk.apply(Record(disk_trace.SYNC_DIR, inode=1))
            disk.write_cut(os.path.join(scratch, "kept"), random.Random(0))
            self.assertEqual(tree(os.path.join(scratch, "kept")), {"a": b"x"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
