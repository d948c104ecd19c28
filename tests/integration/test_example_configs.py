# SPDX-License-Identifier: MIT
"""The configurations of examples/configs, started as they are: only ports and the data directory are the test's."""
import http.server
import json
import os
import shutil
import sys
import threading

from harness import ROOT, Engine, main, order, ordo, unittest

sys.path.insert(0, os.path.join(ROOT, "tests", "plugin"))
import pyroscope_server  # noqa: E402

CONFIGS = os.path.join(ROOT, "examples", "configs")


class Example(Engine):
    """An engine in a folder that has scripts/ and examples/, as the configurations expect."""

    def __init__(self, name, settings=None):
        with open(os.path.join(CONFIGS, name), encoding="utf-8") as file:
            super().__init__(config=file.read(), environment={"no_proxy": "*", "NO_PROXY": "*"})
        self.settings = {"http.listen": "127.0.0.1:0", **(settings or {})}

    def prepare(self):
        super().prepare()
        shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(self.folder, "examples"), dirs_exist_ok=True)

    def command(self):
        command = super().command()
        for setting in (f"scripts={self.scripts}", f"data_dir={self.data}"):  # both are where the file says
            at = command.index(setting)
            del command[at - 1:at + 1]
        return command


class Examples(unittest.TestCase):
    def test_every_file_is_accepted_by_check(self):
        names = sorted(os.listdir(CONFIGS))
        self.assertEqual(names, ["batch_import.yaml", "original.yaml", "production.yaml", "pyroscope.yaml", "webhook.yaml"])
        for name in names:
            checked = ordo("check", "-c", os.path.join(CONFIGS, name), cwd=ROOT)
            self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_batch_import(self):
        with Example("batch_import.yaml") as engine:
            engine.wait_until(lambda: engine.stats()["processed"] >= 3, "the orders of the file")
            code, log = engine.stop()
            self.assertEqual(code, 0)
            with open(os.path.join(engine.data, "imported.ndjson"), encoding="utf-8") as file:
                ids = {json.loads(line)["id"] for line in file}
        with open(os.path.join(ROOT, "examples", "orders", "batch.ndjson"), encoding="utf-8") as file:
            wanted = {json.loads(line)["id"] for line in file if line.strip()}
        self.assertTrue(ids)
        self.assertLessEqual(ids, wanted, log)

    def test_original(self):
        with Example("original.yaml") as engine:
            self.assertEqual(engine.stats()["workers"], 10)
            answer = engine.post(order("o-1", priority=1))
            self.assertEqual(answer.status, 200)
            engine.wait_until(lambda: engine.stats()["processed"] > 1, "an order of the generator")

    def test_production(self):
        with Example("production.yaml", {"admin.listen": "127.0.0.1:0"}) as engine:
            self.assertEqual(engine.post(order("o-1")).json["decision"], "accepted")
            self.assertEqual(engine.request("GET", "/metrics").status, 404)
            self.assertEqual(engine.request("GET", "/metrics", port=engine.admin_port).status, 200)
            large = order("o-2", note="x" * 256 * 1024)
            self.assertEqual(engine.post(large).json["code"], "order_too_large")
            self.assertEqual(engine.stop()[0], 0)
            with open(os.path.join(engine.data, "decisions.ndjson"), encoding="utf-8") as file:
                self.assertEqual([json.loads(line)["id"] for line in file], ["o-1"])
            for line in engine.log.splitlines():
                json.loads(line)
            engine.restart()
            self.assertEqual(engine.request("GET", "/orders/o-1").json["status"], "done")

    def test_pyroscope(self):
        with pyroscope_server.serving() as server:
            url = f"http://127.0.0.1:{server.server_port}{pyroscope_server.PATH}"
            with Example("pyroscope.yaml", {"exporters.0.url": url, "profiling.interval": "1s"}) as engine:
                received = os.path.join(server.folder, "received")
                engine.wait_until(lambda: os.path.exists(received), "a profile")
                with open(os.path.join(server.folder, "1.json"), encoding="utf-8") as file:
                    entry = json.load(file)
        self.assertEqual((entry["service"], entry["labels"]), ("shop-orders", {"env": "production", "host": "orders-1"}))

    def test_webhook(self):
        received, arrived = [], threading.Event()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                arrived.set()

            def log_message(self, *arguments):  # pylint: disable=arguments-differ
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
            threading.Thread(target=server.serve_forever).start()
            try:
                url = f"http://127.0.0.1:{server.server_port}/decisions"
                with Example("webhook.yaml", {"sinks.0.url": url}) as engine:
                    self.assertEqual(engine.post(order("o-1")).status, 200)
                    self.assertTrue(arrived.wait(60))
            finally:
                server.shutdown()
        self.assertEqual([json.loads(line)["id"] for line in received[0].splitlines()], ["o-1"])


if __name__ == "__main__":
    main()
