# SPDX-License-Identifier: MIT
"""Orders that the process dies of: real signals to real threads while a rule runs. The third crash is the last."""
import ctypes
import http.client
import json
import os
import signal
import threading
import time

from harness import BUILD, PATIENCE, Engine, main, unittest

# Waits if it says so, then runs for ever if it says so.
LOOPING = {"rules/10_loop.lua": """
return { name = "loop", about = "Runs for ever.", apply = function(order, decide, ctx)
  if order.sleep then ctx.sleep(order.sleep) end
  local turns = 0
  while order.loop do turns = turns + 1 end
end }
"""}
HARMLESS = 'return { name = "loop", about = "Nothing.", apply = function() end }\n'
LATE = """
return { name = "loop", about = "Comes again until it is time, then runs for ever.", apply = function(order, decide, ctx)
  if ctx.now() < order.since then return decide:retry(1, "too early") end
  local turns = 0
  while true do turns = turns + 1 end
end }
"""
FATAL = [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE]
SYS_TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
LIBC = ctypes.CDLL(None, use_errno=True)
# A sanitizer takes these signals for itself and ends the process with a code of its own; here it must not.
NO_HANDLERS = "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0"
SANITIZERS = {name: f"{os.environ.get(name, '')}:{NO_HANDLERS}".strip(":")
              for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")}


def an_order(order_id, **fields):
    return {"id": order_id, "currency": "EUR", "items": [{"sku": "A", "qty": 1, "price": 100}], **fields}


def engine_with(**settings):
    return Engine(rules=LOOPING, settings={"workers.count": 1, "log.level": "info",
                                           **{name.replace("__", "."): value for name, value in settings.items()}},
                  environment=SANITIZERS)


def thread_of(engine, name):
    folder = f"/proc/{engine.process.pid}/task"
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/comm", encoding="utf-8") as file:
            if file.read().strip() == name:
                return int(task)
    raise AssertionError(f"there is no thread {name}")


def cpu_ticks(engine, task):
    with open(f"/proc/{engine.process.pid}/task/{task}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wait_for_loop(engine, order_id, workers=("worker-0",)):
    """Until the order is running and a worker has used up time since, which it only does in the rule's loop; its
    thread."""
    engine.wait_until(lambda: engine.request("GET", f"/orders/{order_id}").json.get("status") == "running",
                      f"{order_id} to run")
    before = {task: cpu_ticks(engine, task) for task in (thread_of(engine, name) for name in workers)}

    def looping():
        return [task for task, ticks in before.items() if cpu_ticks(engine, task) >= ticks + 3]
    engine.wait_until(looping, "a worker to loop")
    return looping()[0]


def end_of(engine):
    """The code with which the process ends by itself."""
    return engine.process.wait(PATIENCE)


def crash(engine, task, number=signal.SIGSEGV):
    if LIBC.syscall(SYS_TGKILL, engine.process.pid, task, int(number)) != 0:
        raise OSError(ctypes.get_errno(), "tgkill")
    code = end_of(engine)
    if code != -number:
        raise AssertionError(f"the engine ended with code {code}, not by {number.name}:\n{engine.log}")


def crash_in(engine, order_id, number=signal.SIGSEGV):
    crash(engine, wait_for_loop(engine, order_id), number)


def post_without_answer(engine, order):
    """Sends an order whose answer does not come, because the engine dies."""
    def send():
        try:
            engine.post(order)
        except (OSError, http.client.HTTPException):
            pass
    thread = threading.Thread(target=send)
    thread.start()
    return thread


class Poison(unittest.TestCase):
    def get(self, engine, order_id):
        return engine.request("GET", f"/orders/{order_id}").json

    def wait_for_status(self, engine, order_id, status):
        engine.wait_until(lambda: self.get(engine, order_id).get("status") == status, f"{order_id} to be {status}")
        return self.get(engine, order_id)

    def accept(self, engine, order):
        self.assertEqual(engine.post(order, prefer="respond-async").status, 202)

    def assert_dead(self, engine, order_id, reason):
        found = self.wait_for_status(engine, order_id, "dead")
        self.assertEqual((found["attempt"], found["decision"]["code"], found["decision"]["reason"]),
                         (1, "order_dead", reason))
        self.assertEqual([(each["attempt"], each["reason"]) for each in found["decision"]["attempts"]], [(1, reason)])

    def assert_counted(self, engine, dead):
        self.assertEqual(engine.metric("ordo_orders_crashed_total"), dead)
        self.assertEqual(engine.metric('ordo_orders_total{outcome="dead"}'), dead)

    def three_crashes(self, **settings):
        with engine_with(workers__count=2, **settings) as engine:
            self.accept(engine, an_order("p", loop=True))
            for number in range(1, 4):
                crash(engine, wait_for_loop(engine, "p", ("worker-0", "worker-1")))
                engine.restart()
                self.assertIn(f"the last run died of SIGSEGV while deciding order p, crash {number} of 3", engine.log)
                self.assertEqual(engine.post(an_order(f"o-{number}")).json["decision"], "accepted")
            self.assert_dead(engine, "p", "the process died 3 times while deciding it, the last time of SIGSEGV")
            self.assert_counted(engine, 1)
            again = engine.post(an_order("p", loop=True))
            self.assertEqual((again.status, again.json["code"]), (500, "order_dead"))
            self.assertEqual(engine.stop()[0], 0)
            engine.restart()
            self.assertEqual(self.get(engine, "p")["status"], "dead")
            self.assertEqual(engine.log.count("the last run died"), 3)  # each is told once

    def test_the_third_crash_in_compiled_code_is_the_last(self):
        self.three_crashes()

    def test_the_third_crash_in_interpreted_code_is_the_last(self):
        self.three_crashes(rules__jit=False)

    def test_a_client_that_sends_it_again_is_told(self):
        with engine_with() as engine:
            for _ in range(3):
                sender = post_without_answer(engine, an_order("p", loop=True))
                crash_in(engine, "p")
                sender.join()
                engine.restart()
                self.assertEqual(engine.request("GET", "/orders/p").status, 404)
            answer = engine.post(an_order("p", loop=True))
            self.assertEqual((answer.status, answer.json["code"]), (500, "order_dead"))
            self.assertEqual(answer.json["detail"], "it is dead: GET /orders/p says why, POST /orders/p/retry tries once more")
            self.assert_dead(engine, "p", "the process died 3 times while deciding it, the last time of SIGSEGV")
            self.assert_counted(engine, 1)

    def test_a_line_of_a_batch_is_told_and_the_others_are_decided(self):
        lines = [an_order("a"), an_order("p", loop=True), an_order("b")]
        with engine_with(rules__max_crashes=1) as engine:
            sender = threading.Thread(target=lambda: self.assertRaises(
                (OSError, http.client.HTTPException), engine.batch, lines))
            sender.start()
            crash_in(engine, "p")
            sender.join()
            engine.restart()
            answers = engine.batch(lines).lines
            self.assertEqual([answers[0]["decision"], answers[1]["problem"]["code"], answers[2]["decision"]],
                             ["accepted", "order_dead", "accepted"])
            self.assert_dead(engine, "p", "the process died of SIGSEGV while deciding it")

    def test_each_fatal_signal_counts_and_ends_the_process(self):
        with engine_with(rules__max_crashes=len(FATAL)) as engine:
            self.accept(engine, an_order("p", loop=True))
            for count, number in enumerate(FATAL, 1):
                crash_in(engine, "p", number)
                engine.restart()
                self.assertIn(f"the last run died of {number.name} while deciding order p, crash {count} of 5",
                              engine.log)
            self.assert_dead(engine, "p", "the process died 5 times while deciding it, the last time of SIGFPE")

    def test_a_kill_does_not_count(self):
        with engine_with() as engine:
            self.accept(engine, an_order("p", loop=True))
            for _ in range(3):
                wait_for_loop(engine, "p")
                engine.kill()
                engine.restart()
            wait_for_loop(engine, "p")
            self.assertNotIn("the last run died", engine.log)
            engine.kill()
            engine.write_rule("rules/10_loop.lua", HARMLESS)
            engine.restart()
            self.assertEqual(self.wait_for_status(engine, "p", "done")["decision"]["decision"], "accepted")

    def test_a_thread_that_executes_nothing_counts_nothing(self):
        with engine_with(rules__max_crashes=1) as engine:
            self.accept(engine, an_order("p", loop=True))
            for name in ("http-0", "rules", "store"):
                wait_for_loop(engine, "p")
                crash(engine, thread_of(engine, name))
                engine.restart()
            wait_for_loop(engine, "p")
            self.assertNotIn("the last run died", engine.log)
            engine.kill()
            engine.write_rule("rules/10_loop.lua", HARMLESS)
            engine.restart()
            self.wait_for_status(engine, "p", "done")
            crash(engine, thread_of(engine, "worker-0"))  # it sleeps
            engine.restart()
            self.assertEqual(self.get(engine, "p")["status"], "done")
            self.assertNotIn("the last run died", engine.log)

    def test_an_order_that_waits_is_not_to_blame(self):
        with engine_with(rules__max_crashes=2) as engine:
            self.accept(engine, an_order("s", sleep=3600000))
            self.wait_for_status(engine, "s", "waiting")
            self.accept(engine, an_order("p", loop=True))
            wait_for_loop(engine, "p")
            self.accept(engine, an_order("q"))  # waits behind it in the queue
            crash_in(engine, "p")
            engine.restart()
            crash_in(engine, "p")
            engine.restart()
            self.assert_dead(engine, "p", "the process died 2 times while deciding it, the last time of SIGSEGV")
            self.wait_for_status(engine, "q", "done")
            self.wait_for_status(engine, "s", "waiting")
            self.assertNotIn("order s", engine.log)
            self.assertNotIn("order q", engine.log)
            engine.stop(signal.SIGKILL)

    def test_an_order_counts_again_when_its_wait_is_over(self):
        with engine_with(rules__max_crashes=1) as engine:
            self.accept(engine, an_order("p", sleep=1, loop=True))
            crash_in(engine, "p")
            engine.restart()
            self.assert_dead(engine, "p", "the process died of SIGSEGV while deciding it")

    def test_a_retry_gives_a_new_chance(self):
        with engine_with(rules__max_crashes=2) as engine:
            self.accept(engine, an_order("p", loop=True))
            for _ in range(2):  # a chance is as many crashes as before
                crash_in(engine, "p")
                engine.restart()
                crash_in(engine, "p")
                engine.restart()
                self.wait_for_status(engine, "p", "dead")
                self.assertEqual(engine.request("POST", "/orders/p/retry").status, 202)
            self.assertEqual([engine.log.count(f"crash {count} of 2") for count in (1, 2)], [2, 2])
            wait_for_loop(engine, "p")
            engine.kill()
            engine.write_rule("rules/10_loop.lua", HARMLESS)
            engine.restart()
            self.assertEqual(self.wait_for_status(engine, "p", "done")["decision"]["decision"], "accepted")

    def test_a_decision_ends_the_count(self):
        with engine_with(rules__max_crashes=2) as engine:
            sender = post_without_answer(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            sender.join()
            engine.write_rule("rules/10_loop.lua", HARMLESS)
            engine.restart()
            self.assertEqual(engine.post(an_order("p", loop=True)).json["decision"], "accepted")
            with open(os.path.join(engine.data, "crashes"), "rb") as file:
                entry = file.read()[16:168]
            self.assertEqual(entry[16:20], bytes(4))  # its count

    def test_an_order_that_turns_out_invalid_ends_the_count(self):
        with engine_with(rules__max_crashes=2) as engine:
            sender = post_without_answer(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            sender.join()
            engine.restart()
            self.assertEqual(engine.post({**an_order("p"), "currency": "eur"}).status, 422)
            sender = post_without_answer(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            sender.join()
            engine.restart()
            self.assertEqual(engine.log.count("crash 1 of 2"), 2)
            self.assertNotIn("crash 2 of 2", engine.log)

    def test_attempts_before_the_crashes_are_kept(self):
        with engine_with(rules__max_crashes=1, rules__max_attempts=1000) as engine:
            engine.stop()
            engine.write_rule("rules/10_loop.lua", LATE)
            engine.restart()
            self.accept(engine, an_order("p", since=int(time.time() * 1000) + 3))
            crash_in(engine, "p")
            engine.restart()
            found = self.wait_for_status(engine, "p", "dead")
            attempts = found["decision"]["attempts"]
            self.assertEqual([each["attempt"] for each in attempts], list(range(1, len(attempts) + 1)))
            self.assertEqual(found["attempt"], len(attempts))
            self.assertEqual({each["reason"] for each in attempts[:-1]} - {"too early"}, set())
            self.assertEqual(attempts[-1]["reason"], "the process died of SIGSEGV while deciding it")

    def test_sinks_hear_of_it(self):
        with engine_with(rules__max_crashes=1, sinks=[{"plugin": "sink_file", "path": "decisions.ndjson"}]) as engine:
            self.accept(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            engine.restart()
            self.wait_for_status(engine, "p", "dead")
            self.assertEqual(engine.stop()[0], 0)
            with open(os.path.join(engine.folder, "decisions.ndjson"), encoding="utf-8") as file:
                told = [json.loads(line) for line in file]
            self.assertEqual([(each["id"], each["status"], each["reason"]) for each in told],
                             [("p", "dead", "the process died of SIGSEGV while deciding it")])

    def test_damage_is_told_and_counts_nothing(self):
        with engine_with(rules__max_crashes=1) as engine:
            self.accept(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            with open(os.path.join(engine.data, "crashes"), "r+b") as file:
                file.seek(16 + 24)  # the name
                file.write(b"q")
            engine.restart()
            self.assertIn("crashes: 1 damaged entries were dropped", engine.log)
            self.assertNotIn("the last run died", engine.log)
            wait_for_loop(engine, "p")
            engine.stop(signal.SIGKILL)

    def test_without_a_file_the_engine_runs_and_says_so(self):
        with engine_with(rules__max_crashes=1) as engine:
            engine.stop()
            os.remove(os.path.join(engine.data, "crashes"))
            os.mkdir(os.path.join(engine.data, "crashes"))
            engine.restart()
            self.assertIn("crashes: cannot open: Is a directory; an order that kills the process can do so again "
                          "and again", engine.log)
            self.accept(engine, an_order("p", loop=True))
            crash_in(engine, "p")
            engine.restart()
            wait_for_loop(engine, "p")  # once more
            engine.stop(signal.SIGKILL)


class Sanitizer(unittest.TestCase):
    def test_its_own_report_still_comes(self):
        with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as file:
            sanitizer = next(each["value"] for each in json.load(file) if each["name"] == "b_sanitize")
        if "address" not in sanitizer:
            self.skipTest("needs a build with the address sanitizer")
        with Engine(rules=LOOPING, settings={"workers.count": 1, "rules.max_crashes": 1}) as engine:
            self.assertEqual(engine.post(an_order("p", loop=True), prefer="respond-async").status, 202)
            task = wait_for_loop(engine, "p")
            LIBC.syscall(SYS_TGKILL, engine.process.pid, task, int(signal.SIGSEGV))
            end_of(engine)
            self.assertIn("AddressSanitizer: SEGV", engine.log)
            os.truncate(engine.log_path, 0)
            engine.restart()
            engine.wait_until(lambda: engine.request("GET", "/orders/p").json["status"] == "dead", "p to be dead")


if __name__ == "__main__":
    main()
