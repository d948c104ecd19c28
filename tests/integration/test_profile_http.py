#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The routes of profiles: what they take, refuse, and answer; one window of a kind at a time; the history."""
import gzip
import http.client
import json
import re
import threading
import time
import unittest

from harness import Engine, PATIENCE, order

SPIN = """
return {
  name = "spin",
  apply = function(order, decide)
    local x = 0
    for i = 1, 20000 do x = (x + i * 7) % 1000003 end
    decide:note(tostring(x))
  end,
}
"""


class Load:
    """Sends orders, one after the other, until it is left."""

    def __init__(self, engine):
        self.engine = engine
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        connection = http.client.HTTPConnection(self.engine.host, self.engine.port, timeout=PATIENCE)
        while not self.ends.is_set():
            connection.request("POST", "/orders", json.dumps(order()), {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()


class ProfileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = Engine(rules={"rules/10_spin.lua": SPIN}, settings={"store.plugin": "store_memory"})
        cls.engine.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.engine.__exit__(None, None, None)

    def get(self, path, method="GET"):
        return self.engine.request(method, path)

    def until(self, text, path):
        """Takes the profile under load until it has the text: how soon there are samples is up to the machine."""
        deadline = time.monotonic() + PATIENCE
        with Load(self.engine):
            while True:
                answer = self.get(path)
                self.assertEqual(answer.status, 200, answer)
                if text in answer.body:
                    return answer
                self.assertLess(time.monotonic(), deadline, f"{path} never had {text}")

    def open_window(self, path="/profile/cpu?duration=300s"):
        """Asks for a profile that outlasts the test; returns the connection once the window is open."""
        connection = http.client.HTTPConnection(self.engine.host, self.engine.port, timeout=PATIENCE)
        connection.request("GET", path)
        self.wait_for(lambda windows: len(windows) == 1)
        return connection

    def wait_for(self, wanted):
        deadline = time.monotonic() + PATIENCE
        while not wanted(self.get("/profile/status").json["windows"]):
            self.assertLess(time.monotonic(), deadline)


class Answers(ProfileTest):
    def test_a_profile_is_a_file_that_names_itself(self):
        answer = self.get("/profile/cpu?duration=100ms")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/octet-stream"))
        self.assertRegex(answer.headers["content-disposition"],
                         r'^attachment; filename="cpu_profile_\d{10}\.prof"$')
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertIn(b"nanoseconds", gzip.decompress(answer.body))

    def test_each_format(self):
        for name, kind, start in (("collapsed", "text/plain; charset=utf-8", b""), ("svg", "image/svg+xml", b"<svg"),
                                  ("speedscope", "application/json", b"{"), ("text", "text/plain; charset=utf-8", b"cpu:")):
            answer = self.until(b"spin.apply", f"/profile/cpu?seconds=0.3&format={name}")
            self.assertEqual(answer.headers["content-type"], kind, name)
            self.assertIn(start, answer.body[:300], name)

    def test_nonsense_is_refused_by_name(self):
        for query, text in (
                ("duration=fast", "duration: a time with its unit, like 10s or 500ms, not 'fast'"),
                ("duration=0s", "duration: more than 0 and at most 600 s (profiling.max_duration), not '0s'"),
                ("seconds=601", "seconds: more than 0 and at most 600 s (profiling.max_duration), not '601'"),
                ("seconds=-1", "seconds: a number, not '-1'"),
                ("seconds=1&duration=1s", "duration: the duration was given before; give one of duration and seconds"),
                ("hz=0", "hz: a whole number from 1 to 1000, not '0'"),
                ("hz=1001", "hz: a whole number from 1 to 1000, not '1001'"),
                ("hz=99.5", "hz: a whole number from 1 to 1000, not '99.5'"),
                ("mode=both", "mode: cpu or wall, not 'both'"),
                ("priority=urgent", "priority: high, medium or low, not 'urgent'"),
                ("min_ms=0", "min_ms: milliseconds, more than 0, not '0'"),
                ("rule=", "rule: the name of a rule, of 1 to 63 bytes"),
                ("format=png", "format: one of pprof, collapsed, speedscope, svg, text, not 'png'"),
                ("base=x", "base: the id of a profile that GET /profile/history lists, not 'x'"),
                ("base=1&format=collapsed", "format: with base, one of pprof, svg, text"),
                ("second=1", "there is no parameter 'second'; did you mean 'seconds'?"),
                ("zzzzzzz=1", "there is no parameter 'zzzzzzz'; there are: base, duration, format, hz, min_ms, mode, priority, "
                              "rule, seconds"),
                ("hz=1&hz=2", "hz: given twice")):
            answer = self.get(f"/profile/cpu?{query}")
            self.assertEqual((answer.status, answer.json["code"], answer.json["detail"]), (400, "bad_query", text), query)

    def test_gos_tool_gets_a_text_it_shows(self):
        answer = self.get("/debug/pprof/profile?seconds=x")
        self.assertEqual((answer.status, answer.headers["x-go-pprof"]), (400, "1"))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.body, b"seconds: a number, not 'x'\n")

    def test_only_one_rule(self):
        mine = self.until(b"spin.apply", "/profile/cpu?seconds=0.3&format=collapsed&rule=spin").body.decode()
        self.assertTrue(all("spin.apply" in line for line in mine.splitlines()), mine)
        with Load(self.engine):
            self.assertEqual(self.get("/profile/cpu?seconds=0.3&format=collapsed&rule=nobody").body, b"")

    def test_only_slow_orders(self):
        self.until(b"spin.apply", "/profile/cpu?seconds=0.3&format=collapsed&min_ms=0.001")
        with Load(self.engine):
            self.assertEqual(self.get("/profile/cpu?seconds=0.3&format=collapsed&min_ms=100000").body, b"")

    def test_what_allocates_comes_in_each_format(self):
        works = self.get("/profile/status").json["heap"]["sampled"]
        for name, start in (("text", b"alloc_space: "), ("collapsed", b""), ("svg", b"<svg"), ("pprof", b"\x1f\x8b")):
            answer = self.get(f"/profile/allocs?format={name}")
            self.assertEqual(answer.status, 200 if works else 501, answer)
            if works:
                self.assertEqual(answer.body[:len(start)], start)
        self.assertIn("pprof, collapsed, speedscope, svg, text", self.get("/profile/allocs?format=raw").json["detail"])
        if works:
            go = self.get("/debug/pprof/allocs")
            self.assertIn(b"alloc_space", gzip.decompress(go.body))
            listed = self.get("/profile/history").json["profiles"][0]
            self.assertEqual((listed["id"], listed["kind"]), (int(go.headers["x-profile-id"]), "allocs"))

    def test_memory_is_collected_first_unless_told_otherwise(self):
        if not self.get("/profile/status").json["heap"]["sampled"]:
            self.skipTest("there is no jemalloc here")
        collections = lambda: [w["full_collections"] for w in self.get("/profile/gc").json["workers"]]
        before = collections()
        self.get("/profile/memory?gc=0")
        self.assertEqual(collections(), before)
        self.get("/profile/memory")
        self.assertGreater(sum(collections()), sum(before))

    def test_waiting_counts_with_wall(self):
        text = self.get("/profile/cpu?seconds=0.5&mode=wall&format=collapsed").body.decode()
        self.assertRegex(text, r"ordo__loop_run;.*epoll_wait")
        self.assertIn("ordo_waker_wait", text)


class OneAtATime(ProfileTest):
    def test_a_second_window_is_told_who_has_the_first(self):
        first = self.open_window()
        answer = self.get("/profile/cpu?duration=1s")
        self.assertEqual((answer.status, answer.json["code"]), (409, "profile_running"))
        self.assertRegex(answer.json["detail"], r"^a CPU profile is being taken for 127\.0\.0\.1 port \d+: it has been running "
                                                r"for [\d.]+ s and ends in (299|300)\.\d s$")
        port = re.search(r"port (\d+)", answer.json["detail"]).group(1)
        self.assertEqual(int(port), first.sock.getsockname()[1])
        go = self.get("/debug/pprof/profile?seconds=1")
        self.assertEqual((go.status, go.headers["x-go-pprof"]), (409, "1"))
        first.close()
        self.wait_for(lambda windows: windows == [])

    def test_a_client_that_leaves_ends_its_window(self):
        self.open_window().close()
        self.wait_for(lambda windows: windows == [])
        self.assertEqual(self.get("/profile/cpu?duration=10ms").status, 200)


class History(ProfileTest):
    def take(self):
        return int(self.until(b"spin.apply", "/profile/cpu?seconds=0.3&format=text").headers["x-profile-id"])

    def test_what_was_taken_is_listed_fetched_and_deleted(self):
        number = self.take()
        listed = {entry["id"]: entry for entry in self.get("/profile/history").json["profiles"]}
        self.assertEqual((listed[number]["kind"], listed[number]["generation"]), ("cpu", 1))
        self.assertGreater(listed[number]["orders"], 0)
        self.assertGreaterEqual(listed[number]["seconds"], 0.3)
        kept = self.get(f"/profile/history/{number}")
        self.assertEqual((kept.status, len(kept.body)), (200, listed[number]["bytes"]))
        self.assertIn(b"spin.apply", self.get(f"/profile/history/{number}?format=svg").body)
        self.assertEqual(self.get(f"/profile/history/{number}", "DELETE").json, {"deleted": number})
        for method in ("GET", "DELETE"):
            gone = self.get(f"/profile/history/{number}", method)
            self.assertEqual((gone.status, gone.json["detail"]), (404, f"there is no profile {number} (any more)"))
        self.assertEqual(self.get("/profile/history/first").status, 404)

    def test_the_change_from_one_to_another(self):
        first, second = self.take(), self.take()
        text = self.get(f"/profile/diff?base={first}&to={second}&format=text").body.decode()
        self.assertTrue(text.startswith(f"cpu, change per order since profile {first}\n"), text[:200])
        self.assertIn("spin.apply", text)
        self.assertIn(b"<svg", self.get(f"/profile/diff?base={first}&to={second}").body[:300])
        with Load(self.engine):
            against = self.get(f"/profile/cpu?seconds=0.3&base={first}&format=text").body.decode()
        self.assertTrue(against.startswith(f"CPU time, change per order since profile {first}\n"), against[:200])
        answer = self.get(f"/profile/diff?base={first}")
        self.assertEqual((answer.status, answer.json["detail"]),
                         (400, "base and to: two ids of GET /profile/history are needed"))
        answer = self.get(f"/profile/diff?base={first}&to=999999")
        self.assertEqual((answer.status, answer.json["detail"]), (404, "there is no profile 999999 (any more)"))


class Life(unittest.TestCase):
    def test_the_history_outlives_the_engine(self):
        with Engine(settings={"store.plugin": "store_memory"}) as engine:
            engine.request("GET", "/profile/cpu?duration=50ms")
            before = engine.request("GET", "/profile/history").json["profiles"]
            engine.stop()
            engine.restart()
            self.assertEqual(engine.request("GET", "/profile/history").json["profiles"], before)

    def test_a_stop_ends_windows(self):
        with Engine(settings={"store.plugin": "store_memory"}) as engine:
            answers = []
            asked = threading.Thread(
                target=lambda: answers.append(engine.request("GET", "/profile/cpu?duration=30s")))
            asked.start()
            deadline = time.monotonic() + PATIENCE
            while not engine.request("GET", "/profile/status").json["windows"]:
                self.assertLess(time.monotonic(), deadline)
            code, _ = engine.stop()
            asked.join()
            self.assertEqual((code, answers[0].status, answers[0].json["code"]), (0, 503, "stopping"))

    def test_no_profiles_where_they_are_switched_off(self):
        with Engine(settings={"store.plugin": "store_memory", "profiling.enabled": False}) as engine:
            answer = engine.request("GET", "/profile/cpu")
            self.assertEqual((answer.status, answer.json["code"], answer.json["detail"]),
                             (501, "profile_unavailable", "profiling.enabled is false"))

    def test_continuous_profiles_are_in_nobodys_way(self):
        settings = {"store.plugin": "store_memory", "profiling.continuous": True, "profiling.interval": "1s"}
        with Engine(settings=settings) as engine:
            windows = engine.request("GET", "/profile/status").json["windows"]
            self.assertEqual([window["for"] for window in windows], ["profiling.continuous"])
            self.assertEqual(engine.request("GET", "/profile/cpu?duration=50ms").status, 200)
            deadline = time.monotonic() + PATIENCE
            kinds = []
            while kinds.count("cpu") < 3: # one was asked for
                kinds = [entry["kind"] for entry in engine.request("GET", "/profile/history").json["profiles"]]
                self.assertLess(time.monotonic(), deadline)


if __name__ == "__main__":
    unittest.main()
