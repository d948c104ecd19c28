#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What was accepted before the end of a process and is taken up after the next start: many orders at once, by class, beside
new ones; and the sinks, which go on where they were."""
import json
import os
from concurrent.futures import ThreadPoolExecutor
from unittest import TestCase

from harness import Engine, main, order

SLEEPING = {"rules/10_sleep.lua": """-- SPDX-License-Identifier: MIT
return {
  name = "sleep",
  about = "Waits for ever.",
  apply = function(_, _, ctx) ctx.sleep(3600000) end,
}
"""}
ACCEPTING = """-- SPDX-License-Identifier: MIT
return { name = "sleep", about = "Accepts.", apply = function() end }
"""


THREADS = 16


class Recovery(TestCase):
    def accept(self, engine, count):
        """Accepts so many orders, with the classes in turn, that are not decided."""
        def post_some(first):
            link, statuses = engine.connection(), set()
            for number in range(first, count, THREADS):
                statuses.add(engine.request("POST", "/orders", order(f"o-{number}", priority=number % 3 + 1),
                                            {"Prefer": "respond-async"}, connection=link).status)
            link.close()
            return statuses

        with ThreadPoolExecutor(THREADS) as pool:
            self.assertEqual(set().union(*pool.map(post_some, range(min(THREADS, count)))), {202})

    def received_times(self, engine):
        times, cursor = {}, ""
        while cursor is not None:
            page = engine.request("GET", "/orders?limit=1000" + (f"&after={cursor}" if cursor else "")).json
            times.update((record["id"], record["received_at"]) for record in page["orders"])
            cursor = page["next"]
        return times

    def test_it_is_ready_at_once_and_decides_all_by_class_beside_new_orders(self):
        count = 6000
        sinks = [{"plugin": "sink_file", "path": "out.ndjson"}]
        with Engine(rules=SLEEPING, settings={"sinks": sinks, "workers.count": 1}) as engine:
            self.accept(engine, count)
            engine.kill()
            engine.write_rule("rules/10_sleep.lua", ACCEPTING)
            engine.restart()
            self.assertEqual(engine.post(order("new")).json["decision"], "accepted")
            engine.wait_until(lambda: engine.stats()["success"] == count + 1, "all orders to be decided")
            self.assertEqual(engine.request("GET", "/orders?status=queued").json["orders"], [])
            self.assertEqual(engine.log.count(f"took up {count} orders that were accepted before the start"), 1)
            received = self.received_times(engine)
            self.assertEqual(engine.stop()[0], 0)
            with open(os.path.join(engine.folder, "out.ndjson"), encoding="utf-8") as file:
                decided = [json.loads(line)["id"] for line in file]
            self.assertEqual(len(decided), count + 1)
            self.assertEqual(len(set(decided)), count + 1)
            self.assertLess(decided.index("new"), count)  # it did not wait for all of them
            decided.remove("new")
            classes = [int(order_id[2:]) % 3 for order_id in decided]
            self.assertEqual(classes, sorted(classes))  # one worker: strictly by class
            for rest in range(3):
                ids = [order_id for order_id in decided if int(order_id[2:]) % 3 == rest]
                self.assertEqual(sorted(ids, key=received.get), ids)  # the sort is stable

    def test_a_stop_leaves_them_for_the_next_start(self):
        with Engine(rules=SLEEPING, settings={"workers.count": 1, "workers.max_in_flight": 1, "stop.grace": "0s"}) as engine:
            self.accept(engine, 50)
            engine.kill()
            engine.restart()
            engine.stop()
            engine.write_rule("rules/10_sleep.lua", ACCEPTING)
            engine.restart()
            engine.wait_until(lambda: engine.stats()["success"] == 50, "all orders to be decided")


class Sinks(TestCase):
    def test_a_sink_that_was_away_gets_all_in_order_and_holds_nothing_back(self):
        """Its file takes nothing at first; the other sink and the orders go on."""
        count = 3000
        sinks = [{"plugin": "sink_file", "path": "/dev/full", "name": "away"},
                 {"plugin": "sink_file", "path": "here.ndjson", "name": "here"}]
        with Engine(settings={"sinks": sinks}) as engine:
            answer = engine.batch([order(f"o-{number}") for number in range(count)])
            self.assertEqual({line["decision"] for line in answer.lines}, {"accepted"})
            here = os.path.join(engine.folder, "here.ndjson")
            engine.wait_until(lambda: engine.metric("ordo_sink_decisions_total") == count, "the sink that is there")
            self.assertEqual(engine.metric("ordo_sink_backlog"), count)
            engine.kill()
            engine.settings["sinks"][0]["path"] = "away.ndjson"
            engine.restart()
            self.assertEqual(engine.post(order("last")).json["decision"], "accepted")
            self.assertEqual(engine.stop()[0], 0)
            with open(os.path.join(engine.folder, "away.ndjson"), encoding="utf-8") as file:
                away = [json.loads(line)["id"] for line in file]
            with open(here, encoding="utf-8") as file:
                first = [json.loads(line)["id"] for line in file]
            self.assertEqual(len(away), count + 1)
            self.assertEqual(list(dict.fromkeys(first)), away)  # the one that was there may have some twice


if __name__ == "__main__":
    main()
