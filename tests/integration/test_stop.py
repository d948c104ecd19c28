#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stopping: what is inside is finished, what is new is refused, and a second signal ends it at once."""
import json
import os
import signal
import socket
import subprocess
import threading
import unittest

from harness import Engine, main, order
from stop_load import Link

# Orders that say so stay inside for a while.
SLEEPY = {
    "rules/10_sleep.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "sleep",
  apply = function(order, decide, ctx)
    if order.sleep then ctx.sleep(order.sleep) end
  end,
}
"""
}


def in_thread(function, *arguments):
    result = {}

    def run():
        try:
            result["value"] = function(*arguments)
        except Exception as error:  # told to the main thread, which asserts
            result["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


class Stop(unittest.TestCase):
    def wait_for_orders_inside(self, engine, count):
        engine.wait_until(lambda: engine.metric("ordo_orders_received_total") >= count, f"{count} orders inside")

    def test_orders_inside_are_answered_and_the_exit_code_is_0(self):
        with Engine(rules=SLEEPY) as engine:
            posts = [in_thread(engine.post, order(f"o-{number}", sleep=700)) for number in range(20)]
            self.wait_for_orders_inside(engine, 20)
            code, log = engine.stop()
            for thread, result in posts:
                thread.join()
                self.assertNotIn("error", result)
                self.assertEqual(result["value"].status, 200, result["value"])
                self.assertEqual(result["value"].json["decision"], "accepted")
                self.assertEqual(result["value"].headers["connection"], "close")  # nothing more is sent there
            self.assertEqual(code, 0, log)
            self.assertIn("stopping", log)

    def test_while_stopping_new_connections_are_refused_and_readyz_is_503(self):
        with Engine(rules=SLEEPY) as engine:
            kept = engine.connection()
            self.assertEqual(engine.request("GET", "/readyz", connection=kept).status, 200)
            thread, result = in_thread(engine.post, order("o-1", sleep=1500))
            self.wait_for_orders_inside(engine, 1)
            engine.send_signal(signal.SIGTERM)
            engine.wait_until(lambda: not engine.is_ok("/readyz"), "/readyz to say no")

            def refused():
                try:
                    engine.connection(timeout=5).connect()
                except OSError:
                    return True
                return False

            engine.wait_until(refused, "the listener to close")
            self.assertEqual(engine.request("GET", "/readyz", connection=kept).status, 503)
            thread.join()
            self.assertEqual(result["value"].status, 200)
            self.assertEqual(engine.stop(0)[0], 0)

    def test_all_lines_of_a_batch_are_decided(self):
        with Engine(rules=SLEEPY, settings={"http.batch_window": 5, "queue.medium": 3}) as engine:
            batch = in_thread(engine.batch, [order(f"l-{number}", sleep=20) for number in range(200)])
            self.wait_for_orders_inside(engine, 5)
            engine.send_signal(signal.SIGTERM)
            engine.wait_until(lambda: "stopping: orders inside" in engine.log, "the stop to begin")
            late = engine.stop(0)
            batch[0].join()
            self.assertEqual([(line["id"], line.get("decision")) for line in batch[1]["value"].lines],
                             [(f"l-{number}", "accepted") for number in range(200)])
            self.assertEqual(late[0], 0, late[1])

    def test_new_orders_on_old_connections_are_refused_while_a_batch_goes_on(self):
        with Engine(rules=SLEEPY, settings={"http.batch_window": 2}) as engine:
            kept = [engine.connection() for _ in range(2)]
            for connection in kept:
                self.assertEqual(engine.request("GET", "/livez", connection=connection).status, 200)
            thread, batch = in_thread(engine.batch, [order(f"l-{number}", sleep=300) for number in range(8)])
            self.wait_for_orders_inside(engine, 2)
            engine.send_signal(signal.SIGTERM)
            engine.wait_until(lambda: "stopping: no new orders" in engine.log, "the drain")
            one = engine.request("POST", "/orders", order("late"), connection=kept[0])
            many = engine.request("POST", "/orders", json.dumps(order("late")), {"Content-Type": "application/x-ndjson"},
                                  connection=kept[1])
            for answer in (one, many):
                self.assertEqual((answer.status, answer.json["code"]), (503, "stopping"))
                self.assertEqual(answer.headers["connection"], "close")
            thread.join()
            self.assertEqual([line["decision"] for line in batch["value"].lines], ["accepted"] * 8)
            self.assertEqual(engine.stop(0)[0], 0)

    def test_a_request_that_has_begun_to_come_in_is_taken(self):
        with Engine(rules=SLEEPY) as engine:
            body = json.dumps(order("half")).encode()
            with socket.create_connection(("127.0.0.1", engine.port)) as link:
                link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body[:20])
                self.assertEqual(engine.request("GET", "/livez").status, 200)  # the loop has had its turn
                engine.send_signal(signal.SIGTERM)
                engine.wait_until(lambda: "stopping: orders inside" in engine.log, "the stop to begin")
                link.sendall(body[20:])
                answer = b"".join(iter(lambda: link.recv(65536), b""))
            self.assertIn(b"200 OK", answer)
            self.assertIn(b'"decision":"accepted"', answer)
            self.assertEqual(engine.stop(0)[0], 0)

    def test_what_was_sent_before_the_signal_is_decided(self):
        """The engine is held while the requests and the signal come, so it finds all of them at once: some on
        connections that it has accepted, some on those that it has not."""
        with Engine(rules=SLEEPY, settings={"http.threads": 1}) as engine:
            links = [Link(engine.port) for _ in range(300)]
            for link in links:
                link.send("GET", "/livez")
                self.assertEqual(link.receive()[0], 200)
            engine.send_signal(signal.SIGSTOP)
            links += [Link(engine.port) for _ in range(100)]
            for number, link in enumerate(links):
                link.send("POST", "/orders", json.dumps(order(f"o-{number}")).encode())
            engine.send_signal(signal.SIGTERM)
            engine.send_signal(signal.SIGCONT)
            answers = [link.receive() for link in links]
            for link in links:
                link.close()
            self.assertEqual([status for status, _ in answers], [200] * 400, answers[-1])
            self.assertEqual(engine.stop(0)[0], 0)

    def test_http2_requests_have_the_whole_grace(self):
        # h2o by itself would close the connection some seconds behind its second GOAWAY
        with Engine(rules=SLEEPY) as engine:
            path = os.path.join(engine.folder, "order.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(order("h2", sleep=8000), file)
            client = subprocess.Popen(["nghttp", "-v", "-H", "content-type: application/json", "-d", path,
                                       engine.url("/orders")], stdout=subprocess.PIPE, text=True)
            self.wait_for_orders_inside(engine, 1)
            code, log = engine.stop()
            said = client.communicate()[0]
            self.assertIn('"decision":"accepted"', said)
            self.assertEqual(code, 0, log)

    def test_grace_ends_and_whoever_sleeps_or_waits_is_told(self):
        settings = {"stop.grace": "300ms", "http.batch_window": 5, "workers.count": 1, "workers.max_in_flight": 10}
        with Engine(rules=SLEEPY, settings=settings) as engine:
            posts = [in_thread(engine.post, order(f"o-{number}", sleep=30000)) for number in range(20)]
            self.wait_for_orders_inside(engine, 20)
            batch = in_thread(engine.batch, [order(f"l-{number}", sleep=30000) for number in range(20000)])
            self.wait_for_orders_inside(engine, 25)
            code, log = engine.stop()
            for thread, result in posts:
                thread.join()
                answer = result["value"]
                self.assertEqual((answer.status, answer.json["code"]), (503, "stopping"))
                self.assertEqual(answer.headers["content-type"], "application/problem+json")
            batch[0].join()
            answer = batch[1]["value"]
            self.assertEqual(answer.status, 200)
            self.assertEqual([(line["line"], line["problem"]["code"]) for line in answer.lines],
                             [(number + 1, "stopping") for number in range(20000)])
            self.assertEqual(code, 1, log)
            self.assertIn("20020 order(s) were not finished within stop.grace", log)

    def test_no_grace_at_all(self):
        with Engine(rules=SLEEPY, settings={"stop.grace": "0s"}) as engine:
            thread, result = in_thread(engine.post, order("o-1", sleep=30000))
            engine.wait_until(lambda: engine.stats()["in_flight"] == 1, "the order to be with a worker")
            code, log = engine.stop()
            thread.join()
            self.assertEqual(result["value"].json["code"], "stopping")
            self.assertEqual(code, 1, log)
            self.assertIn("1 order(s) were not finished within stop.grace", log)

    def test_what_a_sink_did_not_take_within_the_grace_comes_after_the_next_start(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
            sink = {"plugin": "sink_webhook", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": "100ms",
                    "retries": 1000, "backoff_min": "1ms", "backoff_max": "1ms", "dead_letter": "dead.ndjson",
                    "name": "shop"}
            with Engine(rules=SLEEPY, settings={"sinks": [sink], "stop.grace": "1s"}) as engine:
                posts = [in_thread(engine.post, order(f"o-{number}", sleep=500)) for number in range(10)]
                self.wait_for_orders_inside(engine, 10)
                code, log = engine.stop()
                for thread, result in posts:
                    thread.join()
                    self.assertEqual(result["value"].status, 200)
                self.assertEqual(code, 0, log)
                self.assertIn("info  shop: 10 decisions wait in the store for the next start", log)
                self.assertEqual(os.path.getsize(os.path.join(engine.folder, "dead.ndjson")), 0)

                # Its name is what it is known by: it may be another plugin by now.
                engine.settings["sinks"] = [{"plugin": "sink_file", "path": "out.ndjson", "name": "shop"}]
                engine.restart()
                self.assertEqual(engine.stop()[0], 0)
                with open(os.path.join(engine.folder, "out.ndjson"), encoding="utf-8") as file:
                    taken = [json.loads(line)["id"] for line in file]
                self.assertEqual(sorted(taken), [f"o-{number}" for number in range(10)])

    def test_second_signal_does_not_wait_for_a_sink(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            sink = {"plugin": "sink_webhook", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": "10m",
                    "dead_letter": "dead.ndjson"}
            with Engine(rules=SLEEPY, settings={"sinks": [sink]}) as engine:
                self.assertEqual(engine.post(order("o-1")).status, 200)
                engine.send_signal(signal.SIGTERM)
                engine.wait_until(lambda: "stopping: the sinks" in engine.log, "the sinks' time")
                self.assertEqual(engine.stop()[0], 143)

    def test_second_signal_ends_it_at_once(self):
        for second, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            with self.subTest(second=second), Engine(rules=SLEEPY) as engine:
                thread, result = in_thread(engine.post, order("o-1", sleep=30000))
                self.wait_for_orders_inside(engine, 1)
                engine.send_signal(signal.SIGTERM)
                engine.wait_until(lambda: "stopping: orders inside" in engine.log, "the stop to begin")
                code, log = engine.stop(second)
                thread.join()
                self.assertEqual(code, expected)
                self.assertIn("stopped at once", log)

    def test_sigint_stops_as_sigterm_does(self):
        with Engine() as engine:
            self.assertEqual(engine.stop(signal.SIGINT)[0], 0)

    def test_decisions_reach_the_sink_before_the_end(self):
        with Engine(rules=SLEEPY, settings={"sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}]}) as engine:
            posts = [in_thread(engine.post, order(f"o-{number}", sleep=300)) for number in range(50)]
            self.wait_for_orders_inside(engine, 50)
            self.assertEqual(engine.stop()[0], 0)
            for thread, _ in posts:
                thread.join()
            with open(os.path.join(engine.folder, "decisions.ndjson"), encoding="utf-8") as file:
                seen = {json.loads(line)["id"] for line in file}
            self.assertEqual(seen, {f"o-{number}" for number in range(50)})

    def test_sighup_loads_rules_and_sigusr1_opens_files_anew(self):
        with Engine(rules=SLEEPY, settings={"sinks": [{"plugin": "sink_file", "path": "decisions.ndjson"}]}) as engine:
            path = os.path.join(engine.folder, "decisions.ndjson")
            self.assertEqual(engine.post(order("o-1")).status, 200)
            engine.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "the first decision")
            os.rename(path, path + ".1")
            engine.send_signal(signal.SIGUSR1)
            engine.wait_until(lambda: os.path.exists(path), "the new file")
            self.assertEqual(engine.post(order("o-2")).status, 200)
            engine.wait_until(lambda: os.path.getsize(path) > 0, "the second decision")
            engine.send_signal(signal.SIGHUP)
            engine.wait_until(lambda: "SIGHUP: loading the rules anew" in engine.log, "the log of SIGHUP")


if __name__ == "__main__":
    main()
