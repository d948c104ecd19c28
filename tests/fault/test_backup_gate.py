#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A backup that takes its time: a preloaded library holds it in the middle until the test lets it go on."""
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from harness import BUILD, Engine, main, order, ordo  # noqa: E402


class Gate(unittest.TestCase):
    def setUp(self):
        self.pipes = tempfile.mkdtemp(prefix="ordo-test-")
        self.addCleanup(shutil.rmtree, self.pipes)
        self.begun, self.go = (os.path.join(self.pipes, name) for name in ("begun", "go"))
        for pipe in (self.begun, self.go):
            os.mkfifo(pipe)

    def engine(self, **settings):
        return Engine(settings=settings, environment={
            "LD_PRELOAD": os.path.join(BUILD, "tests", "fault", "gate_links.so"),
            "GATE_BEGUN": self.begun, "GATE_GO": self.go})

    def begin_backup(self, engine):
        """Returns when it is in its middle: the thread that waits for its answer, and where that will be."""
        answers = []
        self.copy = os.path.join(engine.folder, "copy")
        thread = threading.Thread(target=lambda: answers.append(engine.request("POST", "/backup", {"folder": self.copy})))
        thread.start()
        with open(self.begun, "rb"):
            pass
        return thread, answers

    def let_go(self):
        with open(self.go, "wb"):
            pass

    def test_one_backup_at_a_time(self):
        with self.engine() as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            thread, answers = self.begin_backup(engine)
            answer = engine.request("POST", "/backup", {"folder": self.copy + "-2"})
            self.assertEqual((answer.status, answer.json["code"]), (409, "backup_running"))
            self.assertEqual(engine.post(order("o-2")).status, 200)  # orders go on
            self.let_go()
            thread.join()
            self.assertEqual((answers[0].status, answers[0].json["orders"]), (200, 1))
            self.assertEqual(engine.request("POST", "/backup", {"folder": self.copy + "-2"}).json["orders"], 2)
            done = ordo("verify", self.copy, cwd=engine.folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_stop_gives_it_up_when_the_grace_is_over(self):
        with self.engine(**{"stop.grace": "100ms"}) as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            thread, answers = self.begin_backup(engine)
            self.assertTrue(os.path.exists(self.copy + ".part.tmp"))
            engine.send_signal(signal.SIGTERM)
            engine.wait_until(lambda: not os.path.exists(self.copy + ".part.tmp"), "it to be given up")
            self.let_go()
            self.assertEqual(engine.stop(0)[0], 0, engine.log)
            thread.join()
            self.assertEqual((answers[0].status, answers[0].json["code"]), (503, "stopping"))
            self.assertIn("the backup was given up, since the engine stops", engine.log)
            self.assertEqual([name for name in os.listdir(engine.folder) if name.startswith("copy")], [])
            engine.environment = {}
            engine.restart()
            self.assertEqual(engine.request("GET", "/orders/o-1").json["status"], "done")


if __name__ == "__main__":
    main()
