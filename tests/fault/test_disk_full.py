#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fills a real, small file system: a tmpfs of its own, in a mount namespace of its own. Root can make one.

With `min_free` new orders are refused with 507 in time, reads go on, and orders are taken again by themselves when there is
space. Without it a write fails, and the engine ends and keeps what it acknowledged.
"""
import http.client
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from harness import Engine, order  # noqa: E402
from test_disk_faults import ASSERTION  # noqa: E402

MOUNTED = "DISK_FULL_MOUNTED"
SIZE = 64 << 20


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.filler = os.path.join(os.environ[MOUNTED], "filler")
        self.addCleanup(self.empty)

    def empty(self):
        if os.path.exists(self.filler):
            os.remove(self.filler)

    def leave_free(self, size):
        space = os.statvfs(os.environ[MOUNTED])
        with open(self.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - size)

    def engine(self, name, **settings):
        return Engine(settings={"data_dir": os.path.join(os.environ[MOUNTED], name), "store.write_buffer": "1MiB",
                                **{f"store.{key}": value for key, value in settings.items()}})

    def test_orders_are_refused_in_time_and_taken_again(self):
        with self.engine("bounded", min_free="16MiB") as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            self.leave_free(8 << 20)
            answer = engine.post(order("o-2"))
            self.assertEqual((answer.status, answer.json["code"]), (507, "store_full"))
            self.assertEqual(answer.headers["content-type"], "application/problem+json")
            self.assertEqual(engine.request("GET", "/orders/o-1").json["status"], "done")
            self.assertEqual(engine.request("GET", "/readyz").status, 503)
            self.empty()
            self.assertEqual(engine.request("GET", "/readyz").status, 200)  # without an order to try it
            self.assertEqual(engine.post(order("o-2")).status, 200)

    def test_a_write_without_space_is_an_end_that_loses_nothing(self):
        with self.engine("unbounded", min_free=0) as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            self.leave_free(1 << 20)
            answered, status = ["o-1"], 200
            while status == 200:
                order_id = f"o-{len(answered) + 1}"
                try:
                    status = engine.post(order(order_id, note="x" * 500000)).status
                except (OSError, http.client.HTTPException):
                    status = None
                if status == 200:
                    answered.append(order_id)
            code, log = engine.stop(0)
            if code == -signal.SIGABRT:  # see test_disk_faults.py
                self.assertIn(ASSERTION, log)
            else:
                self.assertEqual((status, code), (500, 1))
                self.assertIn("cannot write: IO error: No space left on device", log)
            self.empty()
            engine.restart()
            for order_id in answered:
                self.assertEqual(engine.request("GET", f"/orders/{order_id}").json["status"], "done")
            self.assertEqual(engine.post(order("o-new")).status, 200)


def main():
    if MOUNTED in os.environ:
        unittest.main(verbosity=2)
    script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
    folder = subprocess.run(["mktemp", "-d", "/tmp/ordo-test-XXXXXX"], capture_output=True, text=True, check=True)
    place = folder.stdout.strip()
    try:
        may = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(SIZE), place, "true"], capture_output=True,
                             text=True, check=False)
        if may.returncode != 0:
            print(f"skipped: a file system cannot be mounted here: {may.stderr.strip()}")
            sys.exit(77)
        sys.exit(subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(SIZE), place, sys.executable, "-B", __file__],
                                env={**os.environ, MOUNTED: place}, check=False).returncode)
    finally:
        os.rmdir(place)


if __name__ == "__main__":
    main()
