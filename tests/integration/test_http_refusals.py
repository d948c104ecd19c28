#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that is refused, each limit at its edge, and clients that misbehave."""
import json
import socket
import struct

from harness import PATIENCE, main
from http_cases import an_order, frame, header, HttpTest, in_background, NDJSON, padded, raw


class Refusals(HttpTest):
    settings = {"limits.order_bytes": 2000, "limits.batch_bytes": 4000}

    def test_wrong_type(self):
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/jsonx"},
                        {"Content-Type": "application/x-www-form-urlencoded"}):
            answer = self.request("POST", "/orders", json.dumps(an_order()), headers)
            self.assert_problem(answer, 415, "unsupported_type", "application/json")
        link = self.engine.connection()
        link.putrequest("POST", "/orders")
        link.putheader("Content-Length", "2")
        link.endheaders(b"{}")
        self.assertEqual(link.getresponse().status, 415)
        link.close()

    def test_parameters_of_the_type_do_not_matter(self):
        for kind in ("application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"):
            self.assertEqual(self.request("POST", "/orders", json.dumps(an_order()), {"Content-Type": kind}).status, 200)

    def test_not_json_says_what_is_wrong_and_where(self):
        self.assert_problem(self.post('{"id":"x",}'), 400, "invalid_json", "1:11")
        self.assert_problem(self.post('{"id":"x","id":"y"}'), 400, "invalid_json", "id")
        self.assert_problem(self.post(b'{"id":"\xff"}'), 400, "invalid_json")
        self.assert_problem(self.post("[" * 65 + "]" * 65), 400, "too_deep")

    def test_empty_bodies(self):
        for body in (b"", b" \r\n\t"):
            self.assert_problem(self.request("POST", "/orders", body, {"Content-Type": "application/json"}), 400,
                                "invalid_json", "empty")
            self.assert_problem(self.request("POST", "/orders", body, NDJSON), 400, "invalid_json", "empty")

    def test_an_order_at_the_limit_and_one_byte_over(self):
        self.assertEqual(self.post(padded("large-1", 2000)).status, 200)
        answer = self.post(padded("large-2", 2001))
        self.assert_problem(answer, 413, "order_too_large", "2000 bytes; this one has 2001")
        self.assertEqual(self.request("GET", "/orders/large-2").status, 404)

    def test_the_bytes_come_back_as_they_were_sent(self):
        text = '{ "id":"bytes-1" , "currency":"EUR","items":[{"sku":"\\u0041","qty":2.0,"price":1999}],"x":1e2 }'
        self.assertEqual(self.post(text).status, 200)
        self.assertIn(f'"order":{text}'.encode(), self.request("GET", "/orders/bytes-1").body)

    def test_a_batch_at_the_limit_and_one_byte_over(self):
        line = padded("batch-1", 1999) + "\n"
        at_limit = line + padded("batch-2", 1999) + "\n"
        self.assertEqual(len(at_limit), 4000)
        self.assertEqual([decision["decision"] for decision in self.request("POST", "/orders", at_limit, NDJSON).lines],
                         ["accepted", "accepted"])
        self.assert_problem(self.request("POST", "/orders", at_limit + "\n", NDJSON), 413, "batch_too_large",
                            "4000 bytes; this one has 4001")

    def test_a_line_over_the_limit_of_an_order_is_a_bad_line(self):
        answer = self.request("POST", "/orders", padded("line-1", 2001) + "\n" + json.dumps(an_order("line-2")), NDJSON)
        self.assertEqual(answer.status, 200)
        self.assertEqual((answer.lines[0]["line"], answer.lines[0]["id"]), (1, None))
        self.assertEqual(answer.lines[0]["problem"]["code"], "order_too_large")
        self.assertEqual(answer.lines[1]["decision"], "accepted")

    def test_a_body_far_over_the_limit_is_a_problem_document_too(self):
        answer = self.request("POST", "/orders", b"x" * 200000, {"Content-Type": "application/json"})
        self.assert_problem(answer, 413, "batch_too_large", "4000")
        self.assertEqual(int(answer.headers["content-length"]), len(answer.body))

    def test_broken_framing_is_a_problem_document(self):
        answer = raw(self.engine, b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n")
        self.assertIn(b" 400 ", answer.splitlines()[0])
        self.assertIn(b'"code":"bad_request"', answer)

    def test_wrong_method_says_which_are_right(self):
        for method, path, allow in (("DELETE", "/orders", "POST, GET, HEAD"), ("PUT", "/orders/x", "GET, HEAD"),
                                    ("GET", "/orders/x/retry", "POST"), ("POST", "/stats", "GET, HEAD"),
                                    ("OPTIONS", "/events", "GET, HEAD")):
            answer = self.request(method, path)
            self.assert_problem(answer, 405, "method_not_allowed")
            self.assertEqual(answer.headers["allow"], allow)

    def test_unknown_paths(self):
        for path in ("/nothing", "/orders/", "/orders/a/b", "/Orders", "/orders/a/"):
            self.assert_problem(self.request("GET", path), 404, "not_found")

    def test_ids_in_paths_are_decoded_and_checked(self):
        self.post(an_order("path~1"))
        self.assertEqual(self.request("GET", "/orders/path%7E1").json["id"], "path~1")
        for path in ("/orders/a%2Fb", "/orders/%00", "/orders/%zz", "/orders/" + "x" * 129, "/orders/%C3%A4"):
            self.assert_problem(self.request("GET", path), 404, "not_found", "id")
        self.assert_problem(self.request("GET", "/orders/" + "x" * 128), 404, "not_found", "no order has this id")

    def test_resolutions_are_strict(self):
        self.post(an_order("strict-1", verdict="held"))
        path = "/orders/strict-1/resolve"
        good = {"decision": "accepted", "by": "ann", "reason": "fine"}
        for change, field in (({"decision": "maybe"}, "decision"), ({"by": ""}, "by"), ({"reason": 5}, "reason"),
                              ({"extra": 1}, "extra"), ({"by": "x" * 1001}, "by")):
            answer = self.request("POST", path, {**good, **change})
            self.assert_problem(answer, 422, "invalid_resolution")
            self.assertEqual([problem["field"] for problem in answer.json["problems"]], [field])
        answer = self.request("POST", path, {})
        self.assertEqual([problem["field"] for problem in answer.json["problems"]], ["decision", "by", "reason"])
        self.assert_problem(self.request("POST", path, []), 422, "invalid_resolution")
        self.assert_problem(self.request("POST", path, "{"), 400, "invalid_json")
        self.assert_problem(self.request("POST", path, json.dumps(good), {"Content-Type": "text/plain"}), 415,
                            "unsupported_type")
        self.assertEqual(self.request("POST", path, {**good, "by": "x" * 1000}).status, 200)


class DefaultLimits(HttpTest):
    def test_an_order_of_a_mebibyte(self):
        self.assertEqual(self.post(padded("default-1", 1 << 20)).status, 200)
        self.assert_problem(self.post(padded("default-2", (1 << 20) + 1)), 413, "order_too_large", "1048576")

    def test_depth(self):
        def nested(order_id, depth):  # the order itself is the first level
            return json.dumps(an_order(order_id))[:-1] + ',"note":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"

        self.assertEqual(self.post(nested("depth-1", 64)).status, 200)
        self.assert_problem(self.post(nested("depth-2", 65)), 400, "too_deep")

    def test_items(self):
        def with_items(order_id, count):
            return {**an_order(order_id), "items": [{"sku": "A", "qty": 1, "price": 1}] * count}

        self.assertEqual(self.post(with_items("items-1", 10000)).json["subtotal"], 10000)
        answer = self.post(with_items("items-2", 10001))
        self.assert_problem(answer, 422, "invalid_order")
        self.assertEqual(answer.json["problems"][0]["field"], "items")

    def test_exact_amounts(self):
        def priced(order_id, price):
            return f'{{"id":"{order_id}","currency":"EUR","items":[{{"sku":"A","qty":1,"price":{price}}}]}}'

        self.assertEqual(self.post(priced("exact-1", 1 << 53)).json["total"], 1 << 53)
        for number, price in enumerate(((1 << 53) + 1, "19.5", -1, '"5"')):
            answer = self.post(priced(f"exact-2{number}", price))
            self.assert_problem(answer, 422, "invalid_order")
            self.assertEqual(answer.json["problems"][0]["field"], "items[1].price")
        self.assert_problem(self.post(priced("exact-3", 1 << 64)), 400, "invalid_json")


class FullQueue(HttpTest):
    settings = {"queue.high": 1, "queue.low": 1, "workers.count": 1, "workers.max_in_flight": 1, "http.retry_after": "7s"}

    def test_a_full_class_is_503_with_retry_after(self):
        self.post({**an_order("full-1", sleep=1500), "priority": "high"}, prefer="respond-async")
        self.wait_for_status("full-1", "waiting")
        self.assertEqual(self.post({**an_order("full-2"), "priority": "low"}, prefer="respond-async").status, 202)
        answer = self.post({**an_order("full-3"), "priority": "low"})
        self.assert_problem(answer, 503, "queue_full", "low")
        self.assertEqual(answer.headers["retry-after"], "7")
        self.assertEqual(self.request("GET", "/orders/full-3").status, 404)
        self.assertEqual(self.engine.stats()["refused"], 1)
        self.assertEqual(self.request("GET", "/healthz").json["status"], "degraded")
        self.assertEqual(self.request("GET", "/healthz").json["checks"]["queue"], "full")
        self.wait_for_status("full-2", "done")
        self.assertEqual(self.post({**an_order("full-3"), "priority": "low"}).status, 200)
        self.assertEqual(self.request("GET", "/healthz").json["status"], "ok")


class Abuse(HttpTest):
    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.engine.port), timeout=PATIENCE)
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
        return link

    def send_order(self, link, stream, body, reset=False):
        head = header(b":method", b"POST") + header(b":scheme", b"http") + header(b":path", b"/orders") + \
            header(b":authority", b"x") + header(b"content-type", b"application/json")
        data = frame(1, 4, stream, head) + frame(0, 1, stream, body)
        if reset:
            data += frame(3, 0, stream, struct.pack(">I", 8))
        link.sendall(data)

    def test_a_connection_that_resets_everything_is_cut_off(self):
        limited = self.engine.metric("ordo_http_connections_limited_total")
        link = self.connect()
        sent = 0
        try:
            for number in range(5000):
                self.send_order(link, 2 * number + 1, json.dumps(an_order(f"reset-{number}", sleep=200)).encode(), True)
                sent += 1
        except OSError:
            pass
        link.settimeout(5)
        try:
            while link.recv(65536):
                pass
        except ConnectionError:
            pass
        link.close()
        self.assertEqual(self.engine.metric("ordo_http_connections_limited_total"), limited + 1)
        # what was reset was decided all the same, up to the bound; all else was never begun
        self.engine.wait_until(lambda: self.engine.stats()["in_flight"] == 0, "the engine to be idle")
        last = max(number for number in range(sent) if number < 300 and
                   self.request("GET", f"/orders/reset-{number}").status == 200)
        self.assertLess(last, 130)
        self.assertEqual(self.post(an_order("after-reset")).status, 200)

    def test_a_few_resets_do_no_harm(self):
        link = self.connect()
        for number in range(50):
            self.send_order(link, 2 * number + 1, json.dumps(an_order(f"few-{number}")).encode(), True)
        self.send_order(link, 101, json.dumps(an_order("few-last")).encode())
        received = b""
        while b'"few-last"' not in received:
            chunk = link.recv(65536)
            self.assertTrue(chunk)
            received += chunk
        link.close()

    def test_clients_that_leave_are_counted(self):
        gone = self.engine.metric("ordo_http_clients_gone_total")
        link = self.connect()
        for number in range(5):
            self.send_order(link, 2 * number + 1, json.dumps(an_order(f"leave-{number}", sleep=300)).encode())
        self.engine.wait_until(lambda: self.request("GET", "/orders/leave-4").status == 200, "the orders")
        link.close()
        self.engine.wait_until(lambda: self.engine.metric("ordo_http_clients_gone_total") == gone + 5, "the count")
        self.wait_for_status("leave-4", "done")


class ConnectionLimit(HttpTest):
    settings = {"http.max_connections": 3}

    def test_connections_over_the_limit_wait_in_the_backlog(self):
        links = [self.engine.connection() for _ in range(3)]
        for link in links:
            self.assertEqual(self.request("GET", "/livez", connection=link).status, 200)
        thread, result = in_background(self.request, "GET", "/livez")
        self.assertEqual(self.request("GET", "/livez", connection=links[0]).status, 200)
        self.assertEqual(result, [])
        links[1].close()
        thread.join()
        self.assertEqual(result[0].status, 200)
        for link in links:
            link.close()


if __name__ == "__main__":
    main()
