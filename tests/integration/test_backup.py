# SPDX-License-Identifier: MIT
"""Backup, restore and verify with the real program, and what damage on the disk looks like from outside."""
import glob
import os
import random
import string
import threading
import unittest

from harness import Engine, main, order, ordo


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


class Backup(unittest.TestCase):
    def path(self, engine, name):
        return os.path.join(engine.folder, name)

    def backup(self, engine, folder, **headers):
        return engine.request("POST", "/backup", {"folder": folder}, headers)

    def test_backup_under_load_restored_elsewhere_has_every_order_of_before(self):
        with Engine() as engine:
            acknowledged, stop, failed = [], threading.Event(), []

            def send(name):
                number = 0
                while not stop.is_set():
                    order_id = f"{name}-{number}"
                    if engine.post(order(order_id)).status != 200:
                        failed.append(order_id)
                    acknowledged.append(order_id)
                    number += 1

            threads = [threading.Thread(target=send, args=(name,)) for name in "ab"]
            for thread in threads:
                thread.start()
            engine.wait_until(lambda: len(acknowledged) >= 200, "200 orders")
            before = list(acknowledged)
            done = ordo("backup", "copy", "--url", engine.url(), cwd=engine.folder)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failed, [])
            copy = self.path(engine, "copy")
            self.assertRegex(done.stdout, rf"^backup {copy}: \d+ orders, \d+ bytes, \d+\.\d\d s\n$", done.stderr)
            orders = int(done.stdout.split(": ")[1].split()[0])
            self.assertGreaterEqual(orders, len(before))

            done = ordo("verify", copy, cwd=engine.folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(f"all is well: {orders} orders", done.stdout)
            done = ordo("restore", copy, "--set", f"data_dir={self.path(engine, 'other')}", cwd=engine.folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"{orders} orders", done.stdout)
            with Engine(settings={"data_dir": self.path(engine, "other")}) as other:
                self.assertEqual(other.stats()["store"]["records"], orders)
                for order_id in before:
                    found = other.request("GET", f"/orders/{order_id}")
                    self.assertEqual((found.status, found.json["status"]), (200, "done"))
                self.assertEqual(other.post(order(before[0])).headers.get("idempotent-replayed"), "true")

    def test_what_cannot_be_a_backup_is_refused_with_the_reason(self):
        with Engine() as engine:
            for folder, reason in (("copy", "absolute path"), (engine.folder, "exists already"), ("", "missing"),
                                   (self.path(engine, "not/there"), "there is no such folder to make the backup in")):
                answer = self.backup(engine, folder)
                self.assertEqual((answer.status, answer.json["code"]), (422, "invalid_backup"))
                self.assertIn(reason, answer.json["detail"])
            for body, status in (({}, 422), ({"folder": 1}, 422), ({"folder": "/x", "more": 1}, 422), ([], 422),
                                 ("{", 400)):
                self.assertEqual(engine.request("POST", "/backup", body).status, status, body)
            done = ordo("backup", engine.folder, "--url", engine.url())
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("exists already", done.stderr)
            self.assertEqual(ordo("backup").returncode, 2)

    def test_a_store_in_memory_has_no_backup(self):
        with Engine(settings={"store.plugin": "store_memory"}) as engine:
            answer = self.backup(engine, self.path(engine, "copy"))
            self.assertEqual((answer.status, answer.json["code"]), (422, "invalid_backup"))
            done = ordo("verify", "--set", "store.plugin=store_memory", cwd=engine.folder)
            self.assertEqual(done.returncode, 78)
            self.assertIn("keeps nothing on a disk", done.stderr)

    def test_backup_needs_the_admin_token(self):
        with Engine() as engine:
            engine.stop()
            path = self.path(engine, "token")
            with open(path, "w", encoding="ascii") as file:
                file.write("s3cret\n")
            engine.settings["admin.token_file"] = path
            engine.restart()
            self.assertEqual(self.backup(engine, self.path(engine, "copy")).status, 401)
            done = ordo("backup", "copy", "--url", engine.url(), "--token-file", path, cwd=engine.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = ordo("backup", "copy2", "--url", engine.url(), cwd=engine.folder)
            self.assertEqual(done.returncode, 1)

    def test_restore_and_verify_name_the_engine_that_runs(self):
        with Engine() as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            self.assertEqual(self.backup(engine, self.path(engine, "copy")).status, 200)
            where = ("--set", f"data_dir={engine.data}")
            for command in (("verify",), ("restore", self.path(engine, "copy"))):
                done = ordo(*command, *where, cwd=engine.folder)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"process {engine.process.pid} uses this folder", done.stderr)
            engine.stop()
            done = ordo("verify", *where, cwd=engine.folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            done = ordo("restore", self.path(engine, "copy"), *where, cwd=engine.folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("there is a store already; move this folder away first", done.stderr)

    def test_a_flipped_bit_is_answered_500_named_and_found(self):
        noise = random.Random(1)
        with Engine() as engine:
            for number in range(40):
                text = "".join(noise.choices(string.ascii_letters + string.digits + "+/", k=6000))
                self.assertEqual(engine.post(order(f"o-{number}", note=f"tag-{number}." + text)).status, 200)
            engine.stop()
            table = max(glob.glob(os.path.join(engine.data, "store", "*.sst")), key=os.path.getsize)
            with open(table, "rb") as file:
                flip(table, file.read().index(b"tag-20."))
            engine.restart()
            answer = engine.request("GET", "/orders/o-20")
            self.assertEqual((answer.status, answer.headers["content-type"], answer.json["code"]),
                             (500, "application/problem+json", "internal"))
            self.assertNotIn(b"tag-20", answer.body)
            self.assertIn("block checksum mismatch", engine.log)
            self.assertIn(table, engine.log)
            self.assertEqual(engine.post(order("o-20")).status, 500)
            for order_id in ("o-0", "o-39"):
                self.assertEqual(engine.request("GET", f"/orders/{order_id}").status, 200)
            self.assertEqual(engine.post(order("o-new")).status, 200)
            engine.stop()
            done = ordo("verify", "--set", f"data_dir={engine.data}", cwd=engine.folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn(table, done.stdout)
            self.assertRegex(done.stdout.splitlines()[-1], r"^it is damaged: .* findings?$")

    def test_missing_acknowledged_writes_stop_the_start(self):
        with Engine() as engine:
            for number in range(20):
                self.assertEqual(engine.post(order(f"o-{number}")).status, 200)
            engine.kill()
            log = max(glob.glob(os.path.join(engine.data, "store", "*.log")), key=os.path.getsize)
            with open(log, "rb") as file:
                offset = file.read().index(b"o-10")
            flip(log, offset)
            os.remove(engine.port_file)
            engine.spawn()
            self.assertEqual(engine.process.wait(60), 78)
            self.assertRegex(engine.log, r"the last \d+ writes that were acknowledged are missing")
            flip(log, offset)
            engine.restart()
            self.assertEqual(engine.stats()["store"]["records"], 20)


if __name__ == "__main__":
    main()
