#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HTTP/1.1 with keep-alive and pipelining, HTTP/2, and how connections end."""
import json
import re
import socket
import subprocess
import tempfile
import time
import unittest

from harness import PATIENCE, Engine, main, ordo
from http_cases import an_order, Events, frame, HttpTest, in_background, padded, raw, TRY


class Protocols(HttpTest):
    def test_pipelined_requests_are_answered_in_order(self):
        data = b""
        for number in range(20):
            body = json.dumps(an_order(f"pipe-{number}", sleep=(20 - number) % 7)).encode()
            data += b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" \
                % len(body) + body
            data += b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        data += b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        received = raw(self.engine, data)
        self.assertEqual(re.findall(rb'"id":"(pipe-\d+)","revision"', received),
                         [b"pipe-%d" % number for number in range(20)])
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 41)

    def test_requests_in_small_pieces(self):
        body = json.dumps(an_order("pieces-1")).encode()
        data = b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n" \
               b"Content-Length: %d\r\n\r\n" % len(body) + body
        link = socket.create_connection(("127.0.0.1", self.engine.port), timeout=PATIENCE)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), 7):
            link.sendall(data[at:at + 7])
        received = b"".join(iter(lambda: link.recv(65536), b""))
        link.close()
        self.assertIn(b'"decision":"accepted"', received)

    def test_the_next_request_may_come_before_the_answer(self):
        """Early data may not harm the pending request."""
        link = socket.create_connection(("127.0.0.1", self.engine.port), timeout=PATIENCE)
        body = json.dumps(an_order("early-a", sleep=150)).encode()
        link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        self.engine.wait_until(lambda: self.request("GET", "/orders/early-a").status == 200, "the first request")
        body = padded("early-b", 100000).encode()
        link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        received = b"".join(iter(lambda: link.recv(65536), b""))
        link.close()
        self.assertEqual(re.findall(rb'"id":"(early-.)","revision"', received), [b"early-a", b"early-b"])

    def test_a_client_that_closed_its_half_is_answered(self):
        body = json.dumps(an_order("half-1", sleep=100)).encode()
        link = socket.create_connection(("127.0.0.1", self.engine.port), timeout=PATIENCE)
        link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        link.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: link.recv(65536), b""))
        link.close()
        self.assertIn(b'"decision":"accepted"', received)

    def test_chunked_bodies(self):
        body = json.dumps(an_order("chunked-1")).encode()
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 9]), body[at:at + 9]) for at in range(0, len(body), 9))
        received = raw(self.engine, b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        self.assertIn(b'"decision":"accepted"', received)

    def test_connections_stay_open_whatever_the_status(self):
        link = self.engine.connection()
        link.connect()
        opened = link.sock
        for body, prefer, status in ((an_order("keep-1"), "", 200), (an_order("keep-2"), "respond-async", 202),
                                     ({"id": "keep-3"}, "", 422), (an_order("keep-4", verdict="retry"), "", 202),
                                     ("{", "", 400), ({**an_order("keep-1"), "x": 1}, "", 422)):
            answer = self.engine.request("POST", "/orders", body, {"Prefer": prefer}, connection=link)
            self.assertEqual(answer.status, status)
            self.assertIs(link.sock, opened)
        for path, status in (("/nothing", 404), ("/orders?x=1", 400), ("/stats", 200)):
            self.assertEqual(self.engine.request("GET", path, connection=link).status, status)
            self.assertIs(link.sock, opened)
        link.close()

    def test_head_has_the_headers_of_get_and_no_body(self):
        for path in ("/healthz", "/livez", "/openapi.json", "/", "/orders"):
            received = raw(self.engine, b"HEAD %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
            head, body = received.split(b"\r\n\r\n", 1)
            self.assertIn(b"200 OK", head)
            self.assertEqual(body, b"")
            self.assertNotIn(b"Content-Length: 0", head)

    def test_http2_with_prior_knowledge(self):
        out = self.engine.curl("--http2-prior-knowledge", "-i", "-H", "Content-Type: application/json", "-d",
                               json.dumps(an_order("h2-1")), "URL/orders")
        self.assertTrue(out.startswith("HTTP/2 200"), out)
        self.assertIn('"decision":"accepted"', out)
        out = self.engine.curl("--http2-prior-knowledge", "-i", "-H", "Content-Type: application/json", "-H",
                               "Prefer: respond-async", "-d", json.dumps(an_order("h2-2")), "URL/orders")
        self.assertTrue(out.startswith("HTTP/2 202"), out)
        self.assertIn("location: /orders/h2-2", out)

    def test_http2_upgrade(self):
        self.assertTrue(self.engine.curl("--http2", "-i", "URL/livez").startswith("HTTP/1.1 101"))

    def test_many_streams_of_one_connection(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(an_order(None, sleep=1)))
            file.flush()
            done = subprocess.run(["h2load", "-n", "3000", "-c", "4", "-m", "50", "-d", file.name, "-H",
                                   "Content-Type: application/json", self.engine.url("/orders")],
                                  capture_output=True, text=True, timeout=PATIENCE, check=True)
        self.assertIn("status codes: 3000 2xx", done.stdout, done.stdout)

    def test_a_batch_over_http2(self):
        lines = "\n".join(json.dumps(an_order(f"h2b-{number}")) for number in range(500))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(lines)
            file.flush()
            out = self.engine.curl("--http2-prior-knowledge", "-H", "Content-Type: application/x-ndjson",
                                   "--data-binary", f"@{file.name}", "URL/orders")
        self.assertEqual([json.loads(line)["id"] for line in out.splitlines()], [f"h2b-{number}" for number in range(500)])


class Stopping(unittest.TestCase):
    def test_events_end_and_pending_orders_are_answered(self):
        with Engine(rules=TRY) as engine:
            events = Events(engine)
            thread, result = in_background(engine.post, an_order("stop-1", sleep=500))
            engine.wait_until(lambda: engine.request("GET", "/orders/stop-1").status == 200, "the order")
            batch, lines = in_background(engine.batch, [an_order(f"stop-b{number}", sleep=300) for number in range(5)])
            engine.wait_until(lambda: engine.request("GET", "/orders/stop-b4").status == 200, "the batch")
            code, log = engine.stop()
            thread.join()
            batch.join()
            self.assertEqual(code, 0, log)
            self.assertEqual(result[0].json["decision"], "accepted")
            self.assertEqual([line["decision"] for line in lines[0].lines], ["accepted"] * 5)
            events.response.read()  # to its proper end; else this raises
            events.close()

    def test_idle_connections_do_not_hold_up_the_stop(self):
        with Engine(rules=TRY) as engine:
            idle = [engine.connection() for _ in range(5)]
            for link in idle:
                engine.request("GET", "/livez", connection=link)
            http2 = socket.create_connection(("127.0.0.1", engine.port))
            http2.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
            http2.recv(100)
            begun = time.monotonic()
            code, log = engine.stop()
            self.assertEqual(code, 0, log)
            self.assertLess(time.monotonic() - begun, PATIENCE / 4)
            http2.close()
            for link in idle:
                link.close()

    def test_several_loops(self):
        with Engine(rules=TRY, settings={"http.threads": 3}) as engine:
            threads = [in_background(engine.post, an_order(f"loops-{number}", sleep=5)) for number in range(40)]
            for thread, result in threads:
                thread.join()
                self.assertEqual(result[0].status, 200)
            self.assertEqual(engine.stats()["success"], 40)


def has_ipv6_loopback():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@unittest.skipUnless(has_ipv6_loopback(), "this machine has no ::1")
class IPv6(unittest.TestCase):
    def test_orders_and_the_address_that_is_told(self):
        with Engine(rules=TRY, settings={"http.listen": "[::1]:0", "admin.listen": "[::1]:0"}) as engine:
            answer = engine.post(an_order("v6-1"), prefer="respond-async")
            self.assertEqual((answer.status, answer.headers["location"]), (202, "/orders/v6-1"))
            self.assertIn(f"orders are taken at http://[::1]:{engine.port}/orders", engine.log)
            told = engine.curl("-g", "URL/orders/v6-1")
            self.assertEqual(json.loads(told)["id"], "v6-1")
            self.assertEqual(engine.request("GET", "/metrics", port=engine.admin_port).status, 200)

    def test_all_addresses_need_a_token_for_admin_routes(self):
        done = ordo("serve", "--set", "http.listen=[::]:0")
        self.assertEqual(done.returncode, 78)
        self.assertIn("http.listen: [::]:0 is not a loopback address, and admin routes are on it: set admin.listen to a "
                      "loopback address, or admin.token_file", done.stderr)


if __name__ == "__main__":
    main()
