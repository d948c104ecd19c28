#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""POST /orders and what becomes of an order: every row of the table of outcomes, idempotency, lists."""
import http.client
import json
import time

from harness import main
from http_cases import an_order, HttpTest, in_background


class Outcomes(HttpTest):
    """A test for each row of the table of outcomes."""

    def test_accepted(self):
        answer = self.post(an_order("accepted-1"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
        self.assertEqual((answer.json["id"], answer.json["status"], answer.json["decision"], answer.json["revision"]),
                         ("accepted-1", "done", "accepted", 1))
        self.assertNotIn("idempotent-replayed", answer.headers)

    def test_an_order_is_received_when_it_is_sent_and_not_when_the_loop_began_to_wait(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.engine.port)
        self.assertEqual(self.post_over(connection, an_order("idle-1")).status, 200)
        before = self.engine.metric("ordo_order_seconds_sum")
        time.sleep(0.05)  # the loop has nothing to do meanwhile
        sent = time.monotonic()
        self.assertEqual(self.post_over(connection, an_order("idle-2")).status, 200)
        answered = time.monotonic()
        connection.close()
        self.assertLess(self.engine.metric("ordo_order_seconds_sum") - before, answered - sent)

    @staticmethod
    def post_over(connection, order):
        connection.request("POST", "/orders", json.dumps(order), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer

    def test_rejected(self):
        answer = self.post(an_order("rejected-1", verdict="rejected"))
        self.assertEqual(answer.status, 200)
        self.assertEqual((answer.json["status"], answer.json["decision"], answer.json["code"], answer.json["reason"]),
                         ("done", "rejected", "no", "because"))

    def test_held_and_resolved(self):
        answer = self.post(an_order("held-1", verdict="held"))
        self.assertEqual((answer.status, answer.json["status"], answer.json["decision"]), (200, "held", "held"))
        answer = self.request("POST", "/orders/held-1/resolve",
                              {"decision": "accepted", "by": "ann", "reason": "a good customer"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual((answer.json["status"], answer.json["decision"], answer.json["revision"]), ("done", "accepted", 2))
        again = self.request("POST", "/orders/held-1/resolve",
                             {"decision": "rejected", "by": "bob", "reason": "too late"})
        self.assert_problem(again, 409, "not_held")
        self.assertEqual(self.request("GET", "/orders/held-1").json["decision"]["decision"], "accepted")

    def test_held_and_rejected_by_hand(self):
        self.post(an_order("held-2", verdict="held"))
        answer = self.request("POST", "/orders/held-2/resolve", {"decision": "rejected", "by": "ann", "reason": "fraud"})
        self.assertEqual((answer.json["decision"], answer.json["reason"]), ("rejected", "fraud"))

    def test_a_total_that_cannot_be_is_explained_and_does_not_come_out(self):
        reason = ("rule error: the total is -2 (subtotal 3998 - discount 4000 + fee 0 + tax 0); it must be in "
                  "0..9007199254740992")
        answer = self.post(an_order("below-1", discount=4000))
        self.assertEqual((answer.status, answer.json["decision"], answer.json["reason"]), (200, "held", reason))
        self.assertEqual([answer.json[name] for name in ("subtotal", "discount", "fee", "tax", "total", "paid", "due")],
                         [3998, 0, 0, 0, 3998, 0, 3998])
        at = {"rule": "try", "at": "rules/10_try.lua:8"}
        self.assertEqual(answer.json["operations"],
                         [{"op": "discount", "label": "try", "amount": 0, "requested": 4000, **at},
                          {"op": "hold", "reason": reason, **at}])
        answer = self.request("POST", "/orders/below-1/resolve",
                              {"decision": "accepted", "by": "ann", "reason": "at its price"})
        self.assertEqual((answer.json["decision"], answer.json["total"], answer.json["due"]), ("accepted", 3998, 3998))
        answer = self.post(an_order("below-2", discount=4000, verdict="rejected"))
        self.assertEqual((answer.json["decision"], answer.json["reason"], answer.json["discount"], answer.json["total"]),
                         ("rejected", "because", 0, 3998))
        self.assertEqual(answer.json["operations"][0]["requested"], 4000)

    def test_invalid_claims_nothing(self):
        answer = self.post({"id": "invalid-1", "currency": "EUR", "items": []})
        self.assert_problem(answer, 422, "invalid_order")
        self.assertEqual(answer.json["problems"][0]["field"], "items")
        self.assertEqual(answer.json["problems"][0]["pointer"], "/items")
        self.assertEqual(self.request("GET", "/orders/invalid-1").status, 404)
        self.assertEqual(self.post(an_order("invalid-1")).status, 200)

    def test_all_problems_are_told_at_once(self):
        answer = self.post({"id": "invalid-2", "currency": "eur", "items": [{"sku": "", "qty": 0, "price": 1.5}]})
        self.assert_problem(answer, 422, "invalid_order")
        self.assertEqual({problem["field"] for problem in answer.json["problems"]},
                         {"currency", "items[1].sku", "items[1].qty", "items[1].price"})

    def test_retry_is_202_with_location_and_retry_after(self):
        answer = self.post(an_order("retry-1", verdict="retry"))
        self.assertEqual(answer.status, 202)
        self.assertEqual(answer.headers["location"], "/orders/retry-1")
        self.assertEqual(answer.headers["retry-after"], "2")  # 1,500 ms, rounded up
        self.assertEqual(answer.json, {"id": "retry-1", "status": "queued"})
        self.assertIn("content-length", answer.headers)
        found = self.request("GET", "/orders/retry-1").json
        self.assertEqual([(attempt["attempt"], attempt["reason"]) for attempt in found["attempts"]], [(1, "again")])
        self.assertGreater(found["due_at"], found["updated_at"])

    def test_dead_after_the_last_attempt_and_tried_once_more(self):
        self.assertEqual(self.post(an_order("dead-1", verdict="retry0")).status, 202)
        self.wait_for_status("dead-1", "dead")
        self.assertEqual(self.attempts("dead-1"), [(number, "again") for number in range(1, 6)])
        self.assert_problem(self.post(an_order("dead-1", verdict="retry0")), 500, "order_dead", "/retry")
        answer = self.request("POST", "/orders/dead-1/retry")
        self.assertEqual((answer.status, answer.headers["location"]), (202, "/orders/dead-1"))
        self.wait_for_status("dead-1", "dead")
        self.assertEqual(self.attempts("dead-1"), [(number, "again") for number in range(1, 7)])

    def attempts(self, order_id):
        return [(attempt["attempt"], attempt["reason"])
                for attempt in self.request("GET", f"/orders/{order_id}").json["decision"]["attempts"]]

    def test_retry_of_what_is_not_dead(self):
        self.post(an_order("alive-1"))
        self.assert_problem(self.request("POST", "/orders/alive-1/retry"), 409, "not_dead")
        self.assert_problem(self.request("POST", "/orders/nobody/retry"), 404, "not_found")
        self.assert_problem(self.request("POST", "/orders/nobody/resolve",
                                         {"decision": "accepted", "by": "a", "reason": "b"}), 404, "not_found")

    def test_respond_async(self):
        answer = self.post(an_order("async-1", sleep=50), prefer="respond-async")
        self.assertEqual((answer.status, answer.headers["location"]), (202, "/orders/async-1"))
        self.assertEqual(answer.headers["preference-applied"], "respond-async")
        self.assertEqual(answer.json, {"id": "async-1", "status": "queued"})
        self.assertIn(self.request("GET", "/orders/async-1").json["status"], ("queued", "running", "waiting", "recording"))
        self.wait_for_status("async-1", "done")
        self.assertEqual(self.request("GET", "/orders/async-1").json["decision"]["decision"], "accepted")

    def test_wait_bounds_the_wait(self):
        late = self.engine.metric("ordo_http_answered_late_total")
        answer = self.post(an_order("wait-1", sleep=1800), prefer="wait=1")
        self.assertEqual((answer.status, answer.headers["location"]), (202, "/orders/wait-1"))
        self.assertEqual(answer.headers["preference-applied"], "wait=1")
        self.assertEqual(answer.json, {"id": "wait-1", "status": "waiting"})
        self.assertEqual(self.engine.metric("ordo_http_answered_late_total"), late + 1)
        self.wait_for_status("wait-1", "done")

    def test_wait_that_is_long_enough_changes_nothing(self):
        answer = self.post(an_order("wait-2", sleep=20), prefer="wait=20")
        self.assertEqual((answer.status, answer.headers["preference-applied"]), (200, "wait=20"))

    def test_wait_is_cut_to_the_servers_bound(self):
        self.assertEqual(self.post(an_order("wait-3"), prefer="wait=86400").headers["preference-applied"], "wait=30")

    def test_wait_of_nothing_is_respond_async(self):
        self.assertEqual(self.post(an_order("wait-4", sleep=20), prefer="wait=0").status, 202)

    def test_async_with_a_wait_waits_first(self):
        answer = self.post(an_order("wait-5"), prefer="respond-async, wait=10")
        self.assertEqual((answer.status, answer.headers["preference-applied"]), (200, "respond-async, wait=10"))

    def test_malformed_preferences_are_ignored(self):
        answer = self.post(an_order("wait-6"), prefer="wait=soon, ;;=, respond-async=maybe")
        self.assertEqual(answer.status, 200)
        self.assertNotIn("preference-applied", answer.headers)

    def test_an_invalid_order_is_told_at_once_even_async(self):
        answer = self.post({"id": "bad id", "currency": "EUR", "items": []}, prefer="respond-async")
        self.assert_problem(answer, 422, "invalid_order")


class ShortWait(HttpTest):
    settings = {"http.max_wait": "50ms"}

    def test_max_wait_is_202_and_the_decision_follows(self):
        answer = self.post(an_order("late-1", sleep=400))
        self.assertEqual((answer.status, answer.headers["location"]), (202, "/orders/late-1"))
        self.wait_for_status("late-1", "done")
        again = self.post(an_order("late-1", sleep=400))
        self.assertEqual((again.status, again.headers["idempotent-replayed"]), (200, "true"))

    def test_invalid_after_the_promise_is_recorded(self):
        # the sleep is in a rule, validation is before it: so what is invalid never waits
        self.assert_problem(self.post({"id": "late-2", "currency": "EUR", "items": []}), 422, "invalid_order")

    def test_a_rejected_one_can_be_found_later(self):
        self.assertEqual(self.post(an_order("late-3", sleep=200, verdict="rejected")).status, 202)
        self.wait_for_status("late-3", "done")
        self.assertEqual(self.request("GET", "/orders/late-3").json["decision"]["decision"], "rejected")

    def test_a_wait_below_a_second_leaves_preferences_alone(self):
        answer = self.post(an_order("late-4", sleep=200), prefer="wait=5")
        self.assertEqual(answer.status, 202)
        self.assertNotIn("preference-applied", answer.headers)


class Idempotency(HttpTest):
    def test_the_same_again_is_replayed(self):
        first = self.post(an_order("same-1"))
        again = self.post(an_order("same-1"))
        self.assertEqual((again.status, again.headers["idempotent-replayed"]), (200, "true"))
        self.assertEqual(again.body, first.body)

    def test_other_content_is_refused(self):
        self.post(an_order("same-2"))
        other = {**an_order("same-2"), "currency": "USD"}
        self.assert_problem(self.post(other), 422, "key_reused")

    def test_another_spelling_is_the_same_order(self):
        first = self.post('{"id":"same-4","currency":"EUR","items":[{"sku":"A","qty":2,"price":100}],"big":9007199254740993,'
                          '"note":"caf\u00e9","more":{"a":[1,2.5],"b":null}}')
        self.assertEqual(first.status, 200)
        for again in (
                ' {"currency" : "EUR", "more" : {"b":null, "a":[1.0, 25e-1]}, "note":"caf\\u00e9", "big":9007199254740993,\n'
                ' "items":[{"price":1e2,"sku":"\\u0041","qty":2.0}], "id":"same-4"}\n',
                '{"id":"same-4","currency":"EUR","items":[{"sku":"A","qty":2,"price":100}],"big":9007199254740993,'
                '"note":"caf\u00e9","more":{"b":null,"a":[1,2.5]}}'):
            for headers in ({}, {"prefer": "respond-async"}):
                answer = self.post(again, **headers)
                self.assertEqual((answer.status, answer.headers.get("idempotent-replayed")), (200, "true"), answer)
                self.assertEqual(answer.body, first.body)
            self.assertEqual(self.engine.batch([again.replace("\n", "")]).lines, [first.json])
        self.assertEqual(self.request("GET", "/orders/same-4").json["order"]["note"], "caf\u00e9")

    def test_another_value_is_another_order(self):
        text = ('{"id":"same-5","currency":"EUR","items":[{"sku":"A","qty":2,"price":100},{"sku":"B","qty":1,"price":100}],'
                '"big":9007199254740993,"note":"x"}')
        self.assertEqual(self.post(text).status, 200)
        for old, new in (("9007199254740993", "9007199254740992"), ("9007199254740993", "9007199254740993.0"),
                         ('"qty":2', '"qty":3'), ('"note":"x"', '"note":"X"'), ('"note":"x"', '"note":null'),
                         (',"note":"x"', ""), ('"note":"x"', '"note":"x","more":1'), ('"A"', '"C"'),
                         ('{"sku":"A","qty":2,"price":100},{"sku":"B","qty":1,"price":100}',
                          '{"sku":"B","qty":1,"price":100},{"sku":"A","qty":2,"price":100}')):
            self.assertIn(old, text)
            for headers in ({}, {"prefer": "respond-async"}):
                self.assert_problem(self.post(text.replace(old, new), **headers), 422, "key_reused")

    def test_a_held_order_is_replayed_in_another_spelling(self):
        first = self.post(an_order("same-6", verdict="held"))
        answer = self.post(json.dumps(an_order("same-6", verdict="held"), sort_keys=True, indent=2))
        self.assertEqual((answer.status, answer.headers.get("idempotent-replayed")), (200, "true"))
        self.assertEqual(answer.body, first.body)

    def test_on_its_way_is_409_with_retry_after(self):
        self.post(an_order("same-3", sleep=300), prefer="respond-async")
        answer = self.post(an_order("same-3", sleep=300))
        self.assert_problem(answer, 409, "in_progress")
        self.assertEqual(answer.headers["retry-after"], "1")

    def test_the_key_stands_in_for_an_absent_id(self):
        first = self.post(an_order(), idempotency_key="key-1")
        self.assertEqual(first.json["id"], "key-1")
        again = self.post(an_order(), idempotency_key='"key-1"')
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.assertEqual(self.post(an_order("key-1"), idempotency_key="key-1").status, 422)  # other bytes

    def test_key_and_id_that_differ(self):
        self.assert_problem(self.post(an_order("key-2"), idempotency_key="key-3"), 422, "key_mismatch")
        self.assertEqual(self.post(an_order("key-2"), idempotency_key="key-2").status, 200)

    def test_bad_keys(self):
        self.assert_problem(self.post(an_order(), idempotency_key="a b"), 400, "bad_key")
        self.assert_problem(self.post(an_order(), idempotency_key="x" * 129), 400, "bad_key")
        self.assert_problem(self.post(an_order(), idempotency_key=""), 400, "bad_key")
        self.assert_problem(self.post(an_order(), idempotency_key='""'), 400, "bad_key")
        self.assertEqual(self.post(an_order(), idempotency_key="x" * 128).status, 200)

    def test_without_id_and_key_the_engine_gives_one(self):
        first, second = self.post(an_order()).json["id"], self.post(an_order()).json["id"]
        self.assertNotEqual(first, second)
        self.assertRegex(first, r"^[0-9A-HJKMNP-TV-Z]{26}$")
        self.assertEqual(self.request("GET", f"/orders/{first}").status, 200)

    def test_two_at_once_are_decided_once(self):
        answers = [in_background(self.post, an_order("twice-1", sleep=100)) for _ in range(8)]
        for thread, _ in answers:
            thread.join()
        statuses = sorted(result[0].status for _, result in answers)
        self.assertEqual(statuses, [200] + [409] * 7)


class WholeOrders(HttpTest):
    def test_detail_full_has_the_order_as_it_was_sent(self):
        sent = json.dumps(an_order("full-1"), indent=1).replace("1999", "1999.0")
        self.assertEqual(self.post(sent).status, 200)
        answer = self.request("GET", "/orders?detail=full&limit=1")
        self.assertIn(sent.encode(), answer.body)
        self.assertEqual(answer.json["orders"][0], self.request("GET", "/orders/full-1").json)

    def test_a_page_of_large_orders_is_short_and_its_cursor_goes_on(self):
        for number in range(7):
            self.post({**an_order(f"large-{number}"), "customer": {"id": "large"}, "remark": "x" * 1000000})
        pages, after = [], ""
        while after is not None:
            page = self.request("GET", f"/orders?customer=large&limit=1000&detail=full{after}").json
            pages.append([order["id"] for order in page["orders"]])
            after = page["next"] and f"&after={page['next']}"
        self.assertEqual(sum(pages, []), [f"large-{number}" for number in range(6, -1, -1)])
        self.assertLessEqual(max(map(len, pages)), 5)


class Lists(HttpTest):
    def test_filters_and_cursor(self):
        for number in range(7):
            self.post({**an_order(f"list-{number}", **({"verdict": "held"} if number % 2 else {})),
                       "customer": {"id": "c list" if number < 5 else "other"},
                       "priority": "low" if number == 3 else "high"})
        found, after = [], ""
        while True:
            page = self.request("GET", f"/orders?customer=c+list&limit=2{after}").json
            self.assertLessEqual(len(page["orders"]), 2)
            found += [order["id"] for order in page["orders"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        self.assertEqual(found, [f"list-{number}" for number in (4, 3, 2, 1, 0)])
        self.assertNotIn("order", self.request("GET", "/orders?limit=1").json["orders"][0])
        held = self.request("GET", "/orders?status=held&customer=c%20list").json["orders"]
        self.assertEqual([order["id"] for order in held], ["list-3", "list-1"])
        low = self.request("GET", "/orders?priority=low").json["orders"]
        self.assertEqual([order["id"] for order in low], ["list-3"])
        self.assertEqual(len(self.request("GET", "/orders?status=held,done&limit=1000").json["orders"]), 7)

    def test_mistakes_in_the_query_are_named(self):
        for query, word in (("limt=1", "limit"), ("detail=all", "detail"), ("limit=0", "limit"), ("limit=1001", "limit"), ("status=x", "status"),
                            ("priority=4", "priority"), ("after=x", "after"), ("customer=", "customer")):
            self.assert_problem(self.request("GET", f"/orders?{query}"), 400, "bad_query", word)
        self.assertEqual(self.request("GET", "/orders?limit=1").status, 200)
        self.assertEqual(self.request("GET", "/orders?limit=1000").status, 200)


if __name__ == "__main__":
    main()
