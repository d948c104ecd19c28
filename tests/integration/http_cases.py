# SPDX-License-Identifier: MIT
"""What the tests of the HTTP interface share: orders that say what becomes of them, one engine a class, raw bytes."""
import json
import socket
import struct
import threading
import unittest

from harness import Engine

# What an order's `try` says, it does: sleep in ms, and a verdict.
TRY = {
    "rules/10_try.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "try",
  apply = function(order, decide, ctx)
    local try = order.try
    if not try then return end
    if try.sleep then ctx.sleep(try.sleep) end
    if try.discount then decide:discount("try", try.discount) end
    if try.verdict == "held" then decide:hold("look at it") end
    if try.verdict == "rejected" then decide:reject("no", "because") end
    if try.verdict == "retry" then decide:retry(1500, "again") end
    if try.verdict == "retry0" then decide:retry(1, "again") end
  end,
}
"""
}
NDJSON = {"Content-Type": "application/x-ndjson"}


def an_order(order_id=None, **what):
    made = {"currency": "EUR", "items": [{"sku": "A", "qty": 2, "price": 1999}]}
    if order_id is not None:
        made = {"id": order_id, **made}
    if what:
        made["try"] = what
    return made


def padded(order_id, size):
    """An order of exactly so many bytes."""
    text = json.dumps({**an_order(order_id), "note": ""})
    return text[:-2] + "x" * (size - len(text)) + text[-2:]


def in_background(function, *arguments, **more):
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments, **more)))
    thread.start()
    return thread, result


class HttpTest(unittest.TestCase):
    """One engine for all tests of a class."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.engine = Engine(rules=TRY, settings=cls.settings)
        cls.engine.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.engine.__exit__(None, None, None)

    def request(self, method, path, body=None, headers=None, **more):
        return self.engine.request(method, path, body, headers, **more)

    def post(self, body, **headers):
        return self.engine.post(body, **headers)

    def assert_problem(self, answer, status, code, detail=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.json["code"], code)
        self.assertEqual(answer.json["status"], status)
        self.assertEqual(answer.json["type"], "about:blank")
        self.assertTrue(answer.json["title"])
        if detail is not None:
            self.assertIn(detail, answer.json["detail"])

    def wait_for_status(self, order_id, status):
        self.engine.wait_until(lambda: self.request("GET", f"/orders/{order_id}").json["status"] == status,
                               f"{order_id} to be {status}")


def raw(engine, data, port=None):
    """Sends bytes, and reads until the connection ends or is quiet."""
    link = socket.create_connection(("127.0.0.1", port or engine.port), timeout=2)
    link.sendall(data)
    received = b""
    try:
        while chunk := link.recv(65536):
            received += chunk
    except TimeoutError:
        pass
    link.close()
    return received


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


class Events:
    """Reads /events line by line."""

    def __init__(self, engine, query=""):
        self.link = engine.connection()
        self.link.request("GET", f"/events{query}")
        self.response = self.link.getresponse()

    def next(self):
        """(event, data) of the next one."""
        event = None
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                return event, json.loads(line[6:])

    def close(self):
        self.response.close()
        self.link.close()
