# SPDX-License-Identifier: MIT
"""Orders that wait in ctx.sleep hold no worker: ten workers hold five thousand."""
from harness import Engine, main, order, unittest
from http_cases import in_background

COUNT = 5000


def sleeping(ms):
    return {"rules/10_sleep.lua": f'return {{ name = "sleep", about = "Waits.", '
                                  f'apply = function(_, _, ctx) ctx.sleep({ms}) end }}\n'}


class Sleeping(unittest.TestCase):
    settings = {"workers.count": 10, "workers.max_in_flight": 1000, "http.batch_window": COUNT, "log.level": "info"}

    def orders(self):
        return [order(f"s-{number}") for number in range(COUNT)]

    def test_all_wait_at_the_same_time(self):
        with Engine(rules=sleeping(3600000), settings={**self.settings, "stop.grace": "1ms"}) as engine:
            thread, result = in_background(engine.batch, self.orders())
            engine.wait_until(lambda: engine.stats()["waiting"] == COUNT, "all orders to be in ctx.sleep")
            stats = engine.stats()
            self.assertEqual((stats["in_flight"], stats["workers"]), (COUNT, 10))
            self.assertEqual([stats["queue"][name]["depth"] for name in ("high", "medium", "low")], [0, 0, 0])
            self.assertEqual(engine.stop()[0], 1)  # they are given up, and each line is answered
            thread.join()
            codes = [line["problem"]["code"] for line in result[0].lines]
            self.assertEqual(codes, ["stopping"] * COUNT)

    def test_each_is_decided_when_its_wait_is_over(self):
        with Engine(rules=sleeping(10), settings=self.settings) as engine:
            answer = engine.batch(self.orders())
            self.assertEqual([(line["id"], line["decision"]) for line in answer.lines],
                             [(f"s-{number}", "accepted") for number in range(COUNT)])
            stats = engine.stats()
            self.assertEqual((stats["success"], stats["waiting"], stats["in_flight"]), (COUNT, 0, 0))
            self.assertEqual(stats["blocked_us"]["count"], COUNT)


if __name__ == "__main__":
    main()
