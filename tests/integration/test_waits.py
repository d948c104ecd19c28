#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What orders and threads wait for, as real clients see it: the line that sleeps with its time, coroutines that wait, locks."""
import gzip
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from harness import BUILD, Engine, PATIENCE, order
from http_cases import in_background

NAP_MS, ORDERS = 20, 50
NAP_LINE, LONG_LINE, SPIN_LINE, MATCH_LINE = 5, 9, 4, 5

NAP = f"""-- Sleeps; the line is known to the test.
return {{
  name = "nap",
  apply = function(order, decide, ctx)
    ctx.sleep({NAP_MS})
  end,
}}
"""
assert NAP.split("\n")[NAP_LINE - 1].strip().startswith("ctx.sleep")

LONG = """-- Sleeps for an hour in a function of its own, when it is asked to.
local function rest(ctx)
  -- The line below is
  -- where it waits
  -- and the test
  -- knows which it
  -- is: the
  -- ninth
  ctx.sleep(3600000)
end

return {
  name = "long",
  apply = function(order, decide, ctx)
    if order.coupon == "REST" then
      rest(ctx)
      decide:note("rested")
    end
  end,
}
"""
assert LONG.split("\n")[LONG_LINE - 1].strip().startswith("ctx.sleep")

MATCH = """-- A search that takes for ever, in a function of C.
return {
  name = "match",
  apply = function(order, decide)
    local found = ("a"):rep(60):find((".-"):rep(15) .. "b")
    if found then decide:note("found") end
  end,
}
"""
assert ":find(" in MATCH.split("\n")[MATCH_LINE - 1]

SPIN = """return {
  name = "spin",
  apply = function()
    while true do end
  end,
}
"""

MEMORY = {"store.plugin": "store_memory"}
UNLOCK = r"\bordo__unlock_tell\b"


def run(*command):
    """A real client; its standard output and what it said besides."""
    with tempfile.TemporaryDirectory(prefix="ordo-pprof-") as folder:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env={**os.environ, "HOME": folder, "PPROF_TMPDIR": folder,
                                   "JEPROF_TMPDIR": folder})
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def stacks_of(text):
    """Collapsed stacks: frames, outermost first, and the value."""
    return [(line.rsplit(" ", 1)[0].split(";"), int(line.rsplit(" ", 1)[1])) for line in text.splitlines()]


class Window:
    """Takes a profile while the body runs: it is open before the body begins, and its answer is there behind it."""

    def __init__(self, engine, path):
        self.engine = engine
        self.path = path
        self.answer = None

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.engine.wait_until(lambda: self.answer is not None or
                               self.engine.request("GET", "/profile/status").json["windows"], "the window")
        return self

    def run(self):
        self.answer = self.engine.request("GET", self.path)

    def __exit__(self, *_):
        self.thread.join()


class Block(unittest.TestCase):
    def decide_some(self, engine):
        answer = engine.batch([order(f"o-{number}", priority="high") for number in range(ORDERS)])
        self.assertEqual([line["decision"] for line in answer.lines], ["accepted"] * ORDERS)

    def test_the_line_that_sleeps_has_its_time(self):
        settings = {**MEMORY, "workers.count": 2, "profiling.block_rate": "1us"}
        with Engine(rules={"rules/10_nap.lua": NAP}, settings=settings) as engine:
            self.decide_some(engine)
            slept_us = engine.stats()["blocked_us"]
            text = engine.request("GET", "/profile/block?format=collapsed").body.decode()
            sleeps = [(stack, ns) for stack, ns in stacks_of(text) if stack[-1] == "(sleep)"]
            self.assertTrue(all(stack[0] == "(order)" and stack[-2] == "nap.apply" for stack, _ in sleeps), text)
            # A wait ends when it is due, or later; the engine's own sum says how much.
            total_ns = sum(ns for _, ns in sleeps)
            self.assertGreaterEqual(total_ns, ORDERS * NAP_MS * 1e6)
            self.assertEqual(slept_us["count"], ORDERS)
            for kind in ("(queue wait, high)", "(commit wait)"):
                self.assertTrue(any(stack == ["(order)", kind] for stack, _ in stacks_of(text)), text)

            text = engine.request("GET", "/debug/pprof/block?debug=1").body.decode()
            self.assertRegex(text, r"^--- contention:\ncycles/second = 1000000000\nsampling period = 1\n\d+ \d+ @ 0x")
            self.assertRegex(text, rf"#\t0x[0-9a-f]+\t\(sleep\)\n#\t0x[0-9a-f]+\tnap\.apply\t\S+/10_nap\.lua:{NAP_LINE}\n")
            times = [int(line.split()[0]) for line in text.splitlines() if " @ " in line]
            self.assertEqual(times, sorted(times, reverse=True))
            # go tool pprof, from the URL: counts and the line.
            peek = run("go", "tool", "pprof", "-sample_index=contentions", "-lines", "-top", engine.url("/debug/pprof/block"))
            self.assertRegex(peek, rf"(?m)^\s+0\s+0%\s+\S+\s+{ORDERS}\s+\S+%\s+nap\.apply .*10_nap\.lua:{NAP_LINE}$")
            traces = run("go", "tool", "pprof", "-traces", engine.url("/debug/pprof/block"))
            self.assertRegex(traces, r"(?s)rule:\s*nap\b.*\(sleep\)\s+nap\.apply")
            self.assertIn("high", traces)

    def test_rate_measures_for_the_time_of_a_window(self):
        with Engine(rules={"rules/10_nap.lua": NAP}, settings=MEMORY) as engine:
            answer = engine.request("GET", "/profile/block")
            self.assertEqual((answer.status, answer.json["code"], answer.json["detail"]),
                             (501, "profile_unavailable", "waits of orders are not measured: set profiling.block_rate, or give "
                                                          "rate and seconds, as in ?rate=10us&seconds=10"))
            go = engine.request("GET", "/debug/pprof/mutex")
            self.assertEqual((go.status, go.headers["x-go-pprof"]), (501, "1"))
            self.assertIn(b"set profiling.mutex_rate", go.body)
            self.decide_some(engine)  # before: does not count
            with Window(engine, "/profile/block?rate=1us&seconds=30&format=collapsed") as window:
                during = threading.Thread(target=engine.request, args=("POST", "/orders", order("during")))
                during.start()
                during.join()
                # The window of another kind is open beside it; a second of the same is refused.
                busy = engine.request("GET", "/profile/block?rate=1us&seconds=1")
                self.assertEqual((busy.status, busy.json["code"]), (409, "profile_running"))
                self.assertEqual(engine.request("GET", "/profile/mutex?rate=1us&seconds=0.01").status, 200)
                seen = engine.request("GET", "/profile/block?format=text").body.decode()
                self.assertIn("nap.apply", seen)
                engine.stop()
            self.assertEqual((window.answer.status, window.answer.json["code"]), (503, "stopping"))

    def test_a_window_has_what_was_waited_in_it(self):
        with Engine(rules={"rules/10_nap.lua": NAP}, settings={**MEMORY, "profiling.block_rate": "1us"}) as engine:
            self.decide_some(engine)
            with Window(engine, "/profile/block?seconds=2") as window:
                pass
            top = self.top_of(window.answer.body)
            self.assertNotIn("nap.apply", top)
            self.assertGreater(int(window.answer.headers["x-profile-id"]), 0)

    def top_of(self, profile):
        with tempfile.NamedTemporaryFile(suffix=".prof") as file:
            file.write(profile)
            file.flush()
            self.assertIn(b"contentions", gzip.decompress(profile))
            return run("go", "tool", "pprof", "-sample_index=delay", "-top", file.name)

    def test_a_worker_that_is_full_waits_for_a_place(self):
        settings = {**MEMORY, "workers.count": 1, "workers.max_in_flight": 1, "profiling.block_rate": "1us"}
        with Engine(rules={"rules/10_nap.lua": NAP}, settings=settings) as engine:
            self.decide_some(engine)
            stacks = stacks_of(engine.request("GET", "/profile/block?format=collapsed").body.decode())
            waits = [stack for stack, _ in stacks if stack[-1] == "(wait for a free place)"]
            self.assertTrue(waits and all("ordo__worker_run" in stack for stack in waits), stacks)

    def test_nonsense_is_refused(self):
        with Engine(settings=MEMORY) as engine:
            for path, text in (
                    ("block?rate=fast", "rate: a time with its unit, from 1us to 1h: each wait that long is taken, shorter "
                                        "ones by chance; not 'fast'"),
                    ("mutex?rate=0s", "rate: a time with its unit, from 1us to 1h: each wait that long is taken, shorter "
                                      "ones by chance; not '0s'"),
                    ("block?rate=1ms", "rate: give seconds too: for how long to measure"),
                    ("goroutines?debug=3", "debug: 1 or 2 for text, 0 for a profile; not '3'"),
                    ("goroutines?debug=2&format=svg", "debug: not together with a format"),
                    ("goroutines?seconds=1", "there is no parameter 'seconds'; there are: debug, format")):
                answer = engine.request("GET", f"/profile/{path}")
                self.assertEqual((answer.status, answer.json["code"], answer.json["detail"]), (400, "bad_query", text))


class Mutex(unittest.TestCase):
    """Contention is brought about: many workers and connections on one queue, until somebody waited."""

    def contend(self, engine):
        def send():
            for _ in range(5):
                engine.batch([order() for _ in range(200)])

        def waited():
            threads = [threading.Thread(target=send) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return b"ordo_" in engine.request("GET", "/profile/mutex?format=collapsed").body

        engine.wait_until(waited, "a lock to be waited for")

    def test_a_lock_that_is_waited_for(self):
        settings = {**MEMORY, "workers.count": 8, "http.threads": 4, "profiling.mutex_rate": "1us", "log.level": "info"}
        with Engine(rules={"rules/10_nothing.lua": 'return { name = "nothing", apply = function() end }\n'},
                    settings=settings) as engine:
            self.contend(engine)
            traces = run("go", "tool", "pprof", "-traces", engine.url("/debug/pprof/mutex"))
            self.assertRegex(traces, r"lock:\s*(ordo|sink|timeline)")
            self.assertRegex(traces, UNLOCK)
            raw = engine.request("GET", "/pprof/contention")
            self.assertEqual(raw.status, 200)
            self.assertRegex(raw.body.decode(), r"^--- contention:\ncycles/second = 1000000000\nsampling period = 1\n"
                                                r"\d+ \d+ @ 0x")
            top = run("jeprof", "--text", "--contentions", os.path.join(BUILD, "ordo"), engine.url("/pprof/contention"))
            self.assertRegex(top, UNLOCK)
            delay = run("jeprof", "--text", "--total_delay", os.path.join(BUILD, "ordo"), engine.url("/pprof/contention"))
            self.assertRegex(delay, UNLOCK)
            named = engine.request("GET", "/profile/mutex?format=symbolized")
        with tempfile.NamedTemporaryFile(suffix=".prof") as file:  # the engine is gone: names are in the file
            file.write(named.body)
            file.flush()
            self.assertRegex(run("jeprof", "--text", "--contentions", file.name), UNLOCK)
            file.seek(0)
            file.truncate()
            file.write(raw.body)
            file.flush()
            self.assertRegex(run("go", "tool", "pprof", "-top", os.path.join(BUILD, "ordo"), file.name), UNLOCK)


class Coroutines(unittest.TestCase):
    WAITING = 200

    def start_waiting(self, engine):
        thread, result = in_background(
            engine.batch, [order(f"w-{number}", coupon="REST", priority="low") for number in range(self.WAITING)])
        engine.wait_until(lambda: engine.stats()["waiting"] == self.WAITING, "all orders to sleep")
        return thread, result

    def test_who_waits_where(self):
        settings = {**MEMORY, "workers.count": 3, "stop.grace": "1ms"}
        with Engine(rules={"rules/20_long.lua": LONG}, settings=settings) as engine:
            thread, _ = self.start_waiting(engine)
            self.check_each(self.complete(engine, "/debug/pprof/goroutine?debug=2"))
            engine.wait_until(lambda: self.is_asleep(engine), "workers that have nothing to do to be seen waiting")
            self.check_groups(self.complete(engine, "/debug/pprof/goroutine?debug=1"))
            self.check_clients(engine)
            svg = engine.request("GET", "/profile/goroutines?format=svg")
            self.assertIn(b"long.rest", svg.body)
            self.assertEqual(engine.stop()[0], 1)  # they are given up
            thread.join()

    def complete(self, engine, path):
        """An answer in which nobody was late: threads and workers have a second, which is not always enough here."""
        answers = []

        def ask():
            answers.append(engine.request("GET", path))
            body = answers[-1].body
            return b" busy" not in (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)

        engine.wait_until(ask, f"a complete {path}")
        return answers[-1]

    def check_each(self, answer):
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/plain; charset=utf-8"))
        text = answer.body.decode()
        found = re.findall(r"(?m)^order (\S+) \[sleep, for (\S+ \S+), (\S+ \S+) left\]: rule long, priority low, worker (\d), "
                           r"attempt 1, generation 1, since (\S+Z), until (\S+Z)\n"
                           r"\(sleep\)\nlong\.rest\n\t(\S+/rules/20_long\.lua):(\d+)\n"
                           r"long\.apply\n\t\S+/rules/20_long\.lua:(\d+)\n", text)
        self.assertEqual(sorted(match[0] for match in found), sorted(f"w-{number}" for number in range(self.WAITING)), text[:3000])
        self.assertEqual({(match[7], match[8]) for match in found}, {(str(LONG_LINE), "16")})
        self.assertTrue(all(re.fullmatch(r"\S+ s", match[2]) for match in found), found[0])
        self.assertTrue(all(match[4] < match[5] for match in found), found[0])
        for name in ("worker-0", "worker-1", "worker-2", "http-0", "profiler", "rules", "ordo"):
            self.assertRegex(text, rf"(?m)^thread {name} \d+ \[\S")

    def is_asleep(self, engine):
        """Also those that wait without an end, because they hold no order: such a call begins anew behind the handler."""
        text = engine.request("GET", "/profile/goroutines?debug=2").body.decode()
        return all(re.search(rf"thread worker-{number} \d+ \[waiting\]:\n(?:[^\n]+\n)*?"
                             r"ordo_waker_wait\n\t\S+base/thread\.c:\d+\n", text) for number in range(3))

    def check_groups(self, answer):
        text = answer.body.decode()
        total = int(re.match(r"goroutine profile: total (\d+)\n", text).group(1))
        counts = [int(count) for count in re.findall(r"(?m)^(\d+) @ 0x", text)]
        self.assertEqual((sum(counts), counts), (total, sorted(counts, reverse=True)))
        self.assertEqual(counts[0], self.WAITING)
        self.assertRegex(text, rf"(?m)^{self.WAITING} @( 0x[0-9a-f]+)+\n#\t0x[0-9a-f]+\t\(sleep\)\n"
                               rf"#\t0x[0-9a-f]+\tlong\.rest\t\S+/20_long\.lua:{LONG_LINE}\n")

    def check_clients(self, engine):
        with tempfile.NamedTemporaryFile(suffix=".prof") as file:
            file.write(self.complete(engine, "/debug/pprof/goroutine").body)
            file.flush()
            top = run("go", "tool", "pprof", "-lines", "-top", file.name)
        self.assertRegex(top, rf"(?m)\s{self.WAITING}\s+\S+%\s+long\.rest .*20_long\.lua:{LONG_LINE}$")
        traces = run("go", "tool", "pprof", "-traces", engine.url("/debug/pprof/goroutine"))
        self.assertRegex(traces, r"state:\s*sleep")
        self.assertNotIn("w-1", traces)  # ids are in texts only

    def test_a_worker_that_is_busy_does_not_hold_it_up(self):
        settings = {**MEMORY, "workers.count": 1, "stop.grace": "1ms"}
        with Engine(rules={"rules/10_spin.lua": SPIN}, settings=settings) as engine:
            thread, _ = in_background(self.ignore_end, engine)
            try:
                engine.wait_until(lambda: self.spins(engine), "the rule that spins")
            finally:
                engine.stop(signal.SIGKILL)  # nothing else ends that rule
            thread.join()

    def test_a_thread_in_c_that_does_not_return_shows_its_rule_and_line(self):
        settings = {**MEMORY, "workers.count": 1, "stop.grace": "1ms"}
        with Engine(rules={"rules/10_match.lua": MATCH}, settings=settings) as engine:
            thread, _ = in_background(self.ignore_end, engine)
            try:
                engine.wait_until(lambda: self.matches(engine), "the rule in a C function")
                counted = engine.request("GET", "/debug/pprof/goroutine?debug=1").body.decode()
                self.assertRegex(counted, rf"(?m)^#\t0x[0-9a-f]+\tmatch\.apply\t\S+/10_match\.lua:{MATCH_LINE}$")
                traces = run("go", "tool", "pprof", "-traces", engine.url("/debug/pprof/goroutine"))
                self.assertRegex(traces, r"rule:\s*match\n(.*\n)*?.*state:\s*C\n")
            finally:
                engine.stop(signal.SIGKILL)  # nothing else ends that rule
            thread.join()

    def matches(self, engine):
        text = engine.request("GET", "/debug/pprof/goroutine?debug=2").body.decode()
        return re.search(rf"thread worker-0 \d+ \[C\], rule match:\n(?:[^\n]+\n)+?"
                         rf"match\.apply\n\t\S+/10_match\.lua:{MATCH_LINE}\n(?:[^\n]+\n)*?ordo_script_start\n", text)

    def spins(self, engine):
        text = engine.request("GET", "/profile/goroutines?debug=2").body.decode()
        return ("# worker 0 is busy: it did not come to list what waits in it" in text and
                re.search(rf"thread worker-0 \d+ \[\w+\], rule spin:\nspin\.apply\n\t\S+/10_spin\.lua:{SPIN_LINE}\n", text))

    def ignore_end(self, engine):
        try:
            engine.post(order("s-1"))
        except OSError:
            pass

    def test_an_engine_that_stops_meanwhile_answers(self):
        settings = {**MEMORY, "workers.count": 2, "stop.grace": "1ms"}
        with Engine(rules={"rules/20_long.lua": LONG}, settings=settings) as engine:
            waiting, _ = self.start_waiting(engine)
            asking = [engine.connection() for _ in range(4)]
            for connection in asking:
                connection.request("GET", "/profile/goroutines?debug=2")
            engine.send_signal(signal.SIGTERM)
            for connection in asking:
                self.assertIn(connection.getresponse().status, (200, 503))
                connection.close()
            self.assertEqual(engine.stop(0)[0], 1)
            waiting.join()


if __name__ == "__main__":
    for tool in ("go", "jeprof"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not there; ./dev packages installs it")
    unittest.main()
