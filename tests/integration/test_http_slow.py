# SPDX-License-Identifier: MIT
"""Clients that send too slowly, or do not read: each is cut off after http.timeout, and others are served meanwhile."""
import json
import socket

from harness import PATIENCE, main
from http_cases import an_order, frame, header, HttpTest, NDJSON, padded

ORDER = json.dumps(an_order("slow-order")).encode()
HEAD = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Slow(HttpTest):
    settings = {"http.timeout": "1s"}

    def connect(self, receive_buffer=None):
        link = socket.socket()
        if receive_buffer is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        link.settimeout(PATIENCE)
        link.connect(("127.0.0.1", self.engine.port))
        self.addCleanup(link.close)
        return link

    def read_all(self, link):
        received = b""
        try:
            while chunk := link.recv(65536):
                received += chunk
        except ConnectionError:
            pass
        return received

    def assert_cut_off_unanswered(self, *parts):
        link = self.connect()
        for part in parts:
            link.sendall(part)
        self.assertEqual(self.request("GET", "/livez").status, 200)
        self.assertEqual(self.read_all(link), b"")

    def test_headers_that_do_not_end(self):
        self.assert_cut_off_unanswered(HEAD[:30])

    def test_a_body_that_does_not_end(self):
        self.assert_cut_off_unanswered(HEAD % len(ORDER), ORDER[:-1])
        self.assertEqual(self.request("GET", "/orders/slow-order").status, 404)

    def test_a_connection_that_is_idle(self):
        self.assert_cut_off_unanswered()

    def test_a_body_on_http2_that_does_not_end(self):
        link = self.connect()
        head = header(b":method", b"POST") + header(b":scheme", b"http") + header(b":path", b"/orders") + \
            header(b":authority", b"x") + header(b"content-type", b"application/json")
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 4, 1, head) +
                     frame(0, 0, 1, ORDER[:-1]))
        self.assertEqual(self.request("GET", "/livez").status, 200)
        self.assertNotIn(b"slow-order", self.read_all(link))
        self.assertEqual(self.request("GET", "/orders/slow-order").status, 404)

    def test_an_answer_that_nobody_reads(self):
        size, times = 1 << 20, 40
        self.assertEqual(self.post(padded("large-1", size)).status, 200)
        link = self.connect(receive_buffer=4096)
        link.sendall(b"GET /orders/large-1 HTTP/1.1\r\nHost: x\r\n\r\n" * times)
        self.engine.wait_until(lambda: self.engine.metric("ordo_http_connections") == 1,
                               "the connection to be cut off, so that there is only the one that asks")
        self.assertLess(len(self.read_all(link)), size * times)

    def test_lines_of_a_batch_that_nobody_reads(self):
        count = 20000
        lines = b"".join(json.dumps(an_order(f"unread-{number}")).encode() + b"\n" for number in range(count))
        link = self.connect(receive_buffer=4096)
        link.sendall((HEAD % len(lines)).replace(b"application/json", NDJSON["Content-Type"].encode()) + lines)
        self.engine.wait_until(lambda: self.engine.metric("ordo_http_connections") == 1, "the connection to be cut off")
        self.assertLess(self.read_all(link).count(b'"status"'), count)
        self.engine.wait_until(lambda: self.engine.stats()["in_flight"] == 0, "the engine to be idle")


class Patient(HttpTest):
    """By default there is a minute: a pause in a request is nothing."""

    def test_a_request_in_two_parts(self):
        link = socket.create_connection(("127.0.0.1", self.engine.port), timeout=PATIENCE)
        self.addCleanup(link.close)
        link.sendall(HEAD % len(ORDER) + ORDER[:10])
        for _ in range(100):
            self.assertEqual(self.request("GET", "/livez").status, 200)
        link.sendall(ORDER[10:])
        self.assertIn(b"HTTP/1.1 200 OK", link.recv(65536))


if __name__ == "__main__":
    main()
