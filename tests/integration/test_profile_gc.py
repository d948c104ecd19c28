#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lua's collector at work: its pauses between orders, what it does inside of one, and that memory does not grow."""
import re
import unittest

from harness import Engine, main, order

MIB = 1 << 20
# What is kept in a variable is really allocated: compiled code leaves out what nobody sees.
GARBAGE = """
local live, last = {}, nil
for i = 1, 5000 do live[i] = {i} end
return {
  name = "garbage",
  about = "Leaves garbage: 4 KiB or so, and 200 MB if it is asked to.",
  apply = function(order)
    for i = 1, order.many or 40 do last = {i, {i}, live} end
  end,
}
"""
LARGE = 1200000  # of these


class CollectorTest(unittest.TestCase):
    def engine(self, **settings):
        return Engine(rules={"rules/10_garbage.lua": GARBAGE},
                      settings={"store.plugin": "store_memory", "workers.count": 1,
                                **{name.replace("__", "."): value for name, value in settings.items()}})

    def send(self, engine, count, **fields):
        lines = engine.batch([order(f"o-{self.sent + i}", **fields) for i in range(count)]).lines
        self.sent += count
        self.assertEqual([line for line in lines if line.get("decision") != "accepted"], [])

    def setUp(self):
        self.sent = 0

    def worker(self, engine, query=""):
        workers = engine.request("GET", "/profile/gc" + query).json["workers"]
        self.assertEqual(len(workers), 1)
        return workers[0]


class Pauses(CollectorTest):
    def test_steps_are_timed_between_orders(self):
        with self.engine() as engine:
            before = self.worker(engine)
            self.assertEqual(before["cycles_inside_orders"], 0)
            self.send(engine, 5000)
            worker = self.worker(engine)
            steps = worker["steps"]
            self.assertGreater(worker["cycles"], before["cycles"] + 3)
            self.assertEqual((worker["cycles_inside_orders"], worker["orders_beyond_headroom"]), (0, 0))
            self.assertGreater(steps["count"], worker["cycles"] - before["cycles"])
            self.assertTrue(0 < steps["p50_us"] <= steps["p90_us"] <= steps["p99_us"] <= steps["max_us"] <= steps["sum_us"], steps)
            edges = [bucket["up_to_us"] for bucket in steps["buckets"]]
            counts = [bucket["count"] for bucket in steps["buckets"]]
            self.assertEqual((edges, counts), (sorted(set(edges)), sorted(counts)))
            self.assertEqual(counts[-1], steps["count"])
            self.assertTrue(len(counts) == 1 or counts[-2] < counts[-1], "no bucket behind the last that is needed")
            if len(edges) > 1:
                self.assertGreater(steps["max_us"], edges[-2])
            self.assertIn(worker["state"], ("pause", "mark", "sweep strings", "sweep"))
            self.assertLess(worker["debt_bytes"], 256 << 10)

    def test_metrics_have_the_same(self):
        with self.engine() as engine:
            self.send(engine, 3000)
            name = "ordo_lua_gc_step_seconds"
            steps = self.worker(engine)["steps"]
            self.assertEqual(engine.metric(f"{name}_count"), steps["count"])
            self.assertAlmostEqual(engine.metric(f"{name}_sum") * 1e6, steps["sum_us"], delta=0.2)
            text = engine.request("GET", "/metrics").body.decode()
            buckets = re.findall(rf'^{name}_bucket{{le="([\d.]+)"}} (\d+)$', text, re.MULTILINE)
            shown = [(round(float(edge) * 1e6), int(count)) for edge, count in buckets]
            self.assertEqual([(bucket["up_to_us"], bucket["count"]) for bucket in steps["buckets"]], shown[:len(steps["buckets"])])
            self.assertTrue(all(count == steps["count"] for _, count in shown[len(steps["buckets"]):]))

    def test_a_full_collection_is_no_step(self):
        with self.engine() as engine:
            self.send(engine, 1000)
            before = self.worker(engine)
            after = self.worker(engine, "?run=1")
            self.assertEqual(after["full_collections"], before["full_collections"] + 1)
            self.assertGreater(after["longest_full_collection_us"], 0)
            self.assertEqual(after["steps"]["count"], before["steps"]["count"])
            self.assertLessEqual(after["bytes"], before["bytes"])
            self.assertEqual(after["state"], "pause")
            self.send(engine, 5000)
            last = self.worker(engine)
            self.assertEqual(last["cycles_inside_orders"], 0, "it has remained stopped")
            self.assertGreater(last["steps"]["count"], after["steps"]["count"])

    def test_with_no_headroom_luajit_collects_by_itself(self):
        with self.engine(rules__gc_headroom=0) as engine:
            self.send(engine, 5000)
            worker = self.worker(engine)
            self.assertGreater(worker["cycles"], 3)
            self.assertEqual((worker["steps"]["count"], worker["steps"]["buckets"], worker["cycles_inside_orders"]), (0, [], 0))


class Bounds(CollectorTest):
    def test_memory_does_not_grow_over_many_orders(self):
        for jit in (True, False):
            with self.subTest(jit=jit), self.engine(rules__jit=jit) as engine:
                peaks = []
                for _ in range(2):
                    for _ in range(5):
                        self.send(engine, 2000)
                    peaks.append(self.worker(engine)["peak_bytes"])
                self.assertLess(peaks[1], 1.25 * peaks[0])
                self.assertLess(peaks[1], 8 * MIB)

    def test_a_large_order_is_collected_inside_of_itself(self):
        for jit in (True, False):
            with self.subTest(jit=jit), self.engine(rules__jit=jit, rules__gc_headroom=2 * MIB) as engine:
                self.send(engine, 1000)
                before = self.worker(engine)
                self.send(engine, 1, many=LARGE)
                worker = self.worker(engine)
                self.assertEqual(worker["orders_beyond_headroom"], 1)
                self.assertGreater(worker["cycles_inside_orders"], 10)
                self.assertGreaterEqual(worker["cycles"], before["cycles"] + worker["cycles_inside_orders"])
                self.assertLess(worker["peak_bytes"], before["peak_bytes"] + 3 * 2 * MIB)
                self.send(engine, 5000)
                after = self.worker(engine)
                self.assertEqual(after["cycles_inside_orders"], worker["cycles_inside_orders"], "the engine has taken over again")
                self.assertGreater(after["steps"]["count"], worker["steps"]["count"])

    def test_old_rule_sets_are_freed(self):
        with self.engine() as engine:
            sizes = []
            for generation in range(2, 22):
                engine.write_rule("rules/10_garbage.lua", f"{GARBAGE}-- {generation}")
                engine.wait_until(lambda: engine.stats()["generation"] == generation, "the rules to be loaded")
                self.send(engine, 200)
                sizes.append(self.worker(engine, "?run=1")["bytes"])  # what is alive
            self.assertEqual(engine.metric("ordo_lua_generations"), 1)
            self.assertLess(max(sizes[10:]), 1.5 * max(sizes[:10]))


if __name__ == "__main__":
    main()
