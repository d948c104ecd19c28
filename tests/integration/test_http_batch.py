#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Batches: lines in order, bad lines in place, the window, streams, and clients that leave."""
import json
import socket
import struct

from harness import main
from http_cases import an_order, HttpTest, NDJSON


class Batches(HttpTest):
    settings = {"http.batch_window": 10, "queue.medium": 4}

    def test_a_line_each_in_order(self):
        answer = self.engine.batch([an_order(f"b-{number}", sleep=(30 - number) if number % 3 == 0 else 0)
                                    for number in range(30)])
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/x-ndjson"))
        self.assertEqual([line["id"] for line in answer.lines], [f"b-{number}" for number in range(30)])
        self.assertTrue(all(line["decision"] == "accepted" for line in answer.lines))

    def test_bad_lines_are_answered_in_place(self):
        answer = self.engine.batch([an_order("l-1"), "", "{", "  ", {"id": "l-2", "currency": "EUR", "items": []},
                                    an_order("l-3", verdict="rejected"), "[]"])
        self.assertEqual(answer.status, 200)
        lines = answer.lines
        self.assertEqual((lines[0]["id"], lines[0]["decision"]), ("l-1", "accepted"))
        self.assertEqual((lines[1]["line"], lines[1]["id"], lines[1]["problem"]["code"]), (3, None, "invalid_json"))
        self.assertEqual((lines[2]["line"], lines[2]["id"], lines[2]["problem"]["code"]), (5, "l-2", "invalid_order"))
        self.assertEqual((lines[3]["id"], lines[3]["decision"]), ("l-3", "rejected"))
        self.assertEqual((lines[4]["line"], lines[4]["problem"]["code"]), (7, "invalid_order"))
        self.assertEqual(len(lines), 5)

    def test_the_last_newline_and_carriage_returns_may_be_there_or_not(self):
        line = json.dumps(an_order())
        for body in (line, line + "\n", line + "\r\n" + line + "\r\n", "\n\n" + line):
            answer = self.request("POST", "/orders", body, {"Content-Type": "application/jsonl"})
            self.assertTrue(all(one["decision"] == "accepted" for one in answer.lines), answer)

    def test_a_batch_waits_where_one_order_would_be_refused(self):
        # far more lines than the class holds, each waiting a little
        answer = self.engine.batch([an_order(f"full-{number}", sleep=5) for number in range(300)])
        self.assertEqual([line["id"] for line in answer.lines], [f"full-{number}" for number in range(300)])
        self.assertTrue(all(line["decision"] == "accepted" for line in answer.lines))

    def test_a_large_batch_streams(self):
        answer = self.engine.batch([an_order(f"large-{number}") for number in range(2000)])
        self.assertEqual(len(answer.lines), 2000)
        self.assertEqual(answer.headers.get("transfer-encoding"), "chunked")
        self.assertEqual(answer.lines[1999]["id"], "large-1999")

    def test_lines_come_while_later_ones_wait(self):
        link = self.engine.connection()
        link.request("POST", "/orders", json.dumps(an_order("early-1")) + "\n" + json.dumps(an_order("early-2", sleep=2500)),
                     NDJSON)
        response = link.getresponse()
        self.assertEqual(json.loads(response.readline())["id"], "early-1")
        self.assertIn(self.request("GET", "/orders/early-2").json["status"], ("running", "waiting"))
        self.assertEqual(json.loads(response.readline())["id"], "early-2")
        link.close()

    def test_respond_async_answers_each_line(self):
        answer = self.request("POST", "/orders", "\n".join(json.dumps(an_order(f"ba-{number}", sleep=20))
                                                           for number in range(20)),
                              {**NDJSON, "Prefer": "respond-async"})
        self.assertEqual((answer.status, answer.headers["preference-applied"]), (200, "respond-async"))
        self.assertEqual(answer.lines, [{"id": f"ba-{number}", "status": "queued"} for number in range(20)])
        self.wait_for_status("ba-19", "done")

    def test_replays_and_conflicts_are_answered_by_line(self):
        self.post(an_order("rep-1"))
        other = {**an_order("rep-1"), "currency": "USD"}
        answer = self.engine.batch([an_order("rep-1"), other])
        self.assertEqual(answer.lines[0]["decision"], "accepted")
        self.assertEqual(answer.lines[1]["problem"]["code"], "key_reused")

    def test_the_idempotency_key_is_not_for_batches(self):
        answer = self.request("POST", "/orders", json.dumps(an_order()), {**NDJSON, "Idempotency-Key": "x"})
        self.assert_problem(answer, 400, "bad_key", "one order")

    def test_a_client_that_leaves_is_counted_and_its_lines_end(self):
        gone = self.engine.metric("ordo_http_clients_gone_total")
        body = "\n".join(json.dumps(an_order(f"left-{number}", sleep=100)) for number in range(1000)).encode()
        link = socket.create_connection(("127.0.0.1", self.engine.port))
        link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        self.engine.wait_until(lambda: self.engine.request("GET", "/orders/left-0").status == 200, "the first line")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
        # while no line is answered h2o does not look at the connection: it learns of the end when it writes
        self.engine.wait_until(lambda: self.engine.stats()["in_flight"] == 0, "its lines to end")
        self.assertEqual(self.request("GET", "/orders/left-999").status, 404)
        self.assertGreaterEqual(self.engine.metric("ordo_http_clients_gone_total"), gone)


if __name__ == "__main__":
    main()
