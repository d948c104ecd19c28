# SPDX-License-Identifier: MIT
"""What is there when the engine starts again: after a stop, after a kill, after a disk that took no more."""
import os
import resource

from harness import Engine, main, order, unittest

# Waits while the coupon says so; the test lets it go by replacing the rule.
WAITING = {"rules/10_wait.lua": """
return { name = "wait", about = "Waits.", apply = function(order, decide, ctx)
  while order.coupon == "WAIT" do ctx.sleep(1000) end
end }
"""}
RETRYING = {"rules/10_retry.lua": """
return { name = "later", about = "Asks for a later attempt.", apply = function(order, decide, ctx)
  if order.coupon == "LATER" then decide:retry(3600000, "not now") end
end }
"""}
ACCEPTING = 'return { name = "wait", about = "Nothing.", apply = function() end }\n'


class Restart(unittest.TestCase):
    def status_of(self, engine, order_id):
        return engine.request("GET", f"/orders/{order_id}").json["status"]

    def test_decisions_survive_a_kill_and_are_replayed(self):
        with Engine() as engine:
            first = engine.post(order("o-1"))
            self.assertEqual(first.status, 200)
            engine.kill()
            engine.restart()
            again = engine.post(order("o-1"))
            self.assertEqual((again.status, again.headers.get("idempotent-replayed")), (200, "true"))
            self.assertEqual(again.body, first.body)
            other = engine.post(order("o-1", coupon="OTHER"))
            self.assertEqual((other.status, other.json["code"]), (422, "key_reused"))
            self.assertEqual(engine.stats()["store"]["records"], 1)

    def test_accepted_orders_are_decided_after_a_kill(self):
        ids = [f"o-{number}" for number in range(50)]
        with Engine(rules=WAITING) as engine:
            for number, order_id in enumerate(ids):
                answer = engine.post(order(order_id, coupon="WAIT", priority=number % 3 + 1), prefer="respond-async")
                self.assertEqual(answer.status, 202)
            engine.kill()
            engine.write_rule("rules/10_wait.lua", ACCEPTING)
            engine.restart()
            engine.wait_until(lambda: engine.stats()["success"] == 50,
                              "all orders to be decided")
            for order_id in ids:
                found = engine.request("GET", f"/orders/{order_id}").json
                self.assertEqual((found["status"], found["attempt"], found["decision"]["decision"]),
                                 ("done", 1, "accepted"))
            pending = engine.request("GET", "/orders?status=queued").json
            self.assertEqual(pending["orders"], [])

    def test_a_later_attempt_is_still_later_after_a_kill(self):
        with Engine(rules=RETRYING) as engine:
            self.assertEqual(engine.post(order("o-1", coupon="LATER")).status, 202)
            due = engine.request("GET", "/orders/o-1").json["due_at"]
            engine.kill()
            engine.restart()
            self.assertEqual(engine.post(order("o-2")).json["decision"], "accepted")
            found = engine.request("GET", "/orders/o-1").json
            self.assertEqual((found["status"], found["attempt"], found["due_at"]), ("queued", 1, due))
            self.assertEqual([attempt["reason"] for attempt in found["attempts"]], ["not now"])
            answer = engine.post(order("o-1", coupon="LATER"))
            self.assertEqual((answer.status, answer.json["code"]), (409, "in_progress"))

    def test_held_orders_are_resolved_after_a_restart(self):
        hold = {"rules/10_hold.lua": 'return { name = "hold", about = "Holds.", '
                                     'apply = function(_, decide) decide:hold("look") end }\n'}
        with Engine(rules=hold) as engine:
            self.assertEqual(engine.post(order("o-1")).json["status"], "held")
            self.assertEqual(engine.stop()[0], 0)
            engine.restart()
            answer = engine.request("POST", "/orders/o-1/resolve",
                                    {"decision": "accepted", "by": "ann", "reason": "known"})
            self.assertEqual((answer.status, answer.json["revision"], answer.json["status"]), (200, 2, "done"))
            engine.kill()
            engine.restart()
            self.assertEqual(engine.request("GET", "/orders/o-1").json["revision"], 2)

    def test_a_second_engine_on_the_same_data_is_refused(self):
        with Engine() as engine:
            second = Engine(settings={"data_dir": engine.data})
            second.spawn()
            try:
                code, log = second.stop(0)
                self.assertEqual(code, 78)
                self.assertIn(f"process {engine.process.pid} uses this folder; stop it, or give this one another "
                              "data_dir", log)
            finally:
                second.clean()
            self.assertEqual(engine.post(order("o-1")).status, 200)

    def test_a_disk_that_fails_ends_the_process_and_keeps_what_was_acknowledged(self):
        """A limit on the size of files is a disk that takes no more, for this process alone."""
        with Engine() as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
            answer = engine.post(order("o-2", note="x" * 700000))
            self.assertEqual((answer.status, answer.json["code"]), (500, "internal"))
            code, log = engine.stop(0)
            self.assertEqual(code, 1)
            self.assertIn("the store failed, so nothing can be promised any more", log)
            engine.restart()
            self.assertEqual(self.status_of(engine, "o-1"), "done")
            self.assertEqual(engine.request("GET", "/orders/o-2").status, 404)
            self.assertEqual(engine.post(order("o-2")).status, 200)

    def test_a_full_disk_is_507_and_reads_go_on(self):
        with Engine() as engine:
            self.assertEqual(engine.post(order("o-1")).status, 200)
            self.assertEqual(engine.stop()[0], 0)
            engine.settings["store.min_free"] = "1024GiB"  # more than this disk has
            if os.statvfs(engine.data).f_bavail * os.statvfs(engine.data).f_frsize >= 1024 << 30:
                self.skipTest("this disk has more than 1 TiB free")
            engine.restart()
            for more in ({}, {"prefer": "respond-async"}):
                answer = engine.post(order("o-2"), **more)
                self.assertEqual((answer.status, answer.json["code"]), (507, "store_full"))
            self.assertEqual(engine.batch([order("o-3")]).lines[0]["problem"]["code"], "store_full")
            self.assertEqual(engine.post(order("o-1")).headers.get("idempotent-replayed"), "true")
            answer = engine.request("GET", "/readyz")
            self.assertEqual((answer.status, answer.body),
                             (503, b"the store has no room for new orders; the log says why\n"))
            answer = engine.request("GET", "/healthz").json
            self.assertEqual((answer["status"], answer["checks"]["store"]), ("degraded", "full"))
            self.assertEqual(engine.metric("ordo_store_full"), 1)
            self.assertEqual(engine.stats()["store_failed"], 3)
            self.assertIn("order o-2 was not written: the store has no room for new orders", engine.log)
            self.assertEqual(engine.log.count("less than min_free: new orders are refused until it has more"), 1)


if __name__ == "__main__":
    main()
