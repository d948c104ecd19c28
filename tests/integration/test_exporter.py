#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Continuous profiles on their way to Pyroscope: a real server takes what it takes, and refuses what it refuses. What it got is opened
by `go tool pprof` and held against pprof's rules."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from harness import BUILD, ROOT, Engine, main, order, ordo
from test_profile_http import SPIN, Load

sys.path[:0] = [os.path.join(ROOT, "tests", "plugin"), os.path.join(ROOT, "tests", "profile")]
import pprof_check  # noqa: E402
import pyroscope_server  # noqa: E402

SCHEMA = pathlib.Path(ROOT) / "engine" / "profile" / "profile.proto"
GO = shutil.which("go")
DIRECT = {"no_proxy": "*", "NO_PROXY": "*"}


class Profile:
    """One that the server took."""

    def __init__(self, folder, number):
        with open(os.path.join(folder, f"{number}.json"), encoding="utf-8") as file:
            self.entry = json.load(file)
        self.path = os.path.join(folder, f"{number}.profile")
        with open(self.path, "rb") as file:
            self.pprof = pprof_check.decode(file.read(), SCHEMA)
        self.kind = "cpu" if "samples" in self.entry["sample_types"] else "memory"
        self.begins = pprof_check.one(self.pprof, "time_nanos")
        self.ends = self.begins + pprof_check.one(self.pprof, "duration_nanos")

    def text(self, number):
        return self.pprof["string_table"][number]

    @property
    def types(self):
        return [(self.text(entry["type"][0]), self.text(entry["unit"][0])) for entry in self.pprof["sample_type"]]

    @property
    def orders(self):
        comments = [self.text(comment) for comment in self.pprof["comment"]]
        return int(re.search(r"generation: 1, orders: (\d+)", "\n".join(comments)).group(1))

    def total(self, name):
        at = [kind for kind, _ in self.types].index(name)
        return sum(sample["value"][at] for sample in self.pprof.get("sample", []))

    def top(self, folder):
        done = subprocess.run([GO, "tool", "pprof", "-top", self.path], capture_output=True, text=True, check=False,
                              env={**os.environ, "HOME": folder, "PPROF_TMPDIR": folder})
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout


class ExporterTest(unittest.TestCase):
    @contextlib.contextmanager
    def engine(self, server, exporter=None, **settings):
        exporter = {"plugin": "exporter_pyroscope", "url": f"http://127.0.0.1:{server.server_port}{pyroscope_server.PATH}",
                    "backoff_min": "10ms", "backoff_max": "50ms", **(exporter or {})}
        everything = {"store.plugin": "store_memory", "profiling.continuous": True, "profiling.interval": "1s",
                      "exporters": [exporter], **{name.replace("__", "."): value for name, value in settings.items()}}
        with Engine(rules={"rules/10_spin.lua": SPIN}, settings=everything, environment=DIRECT) as engine:
            yield engine

    def taken(self, server):
        """All that the server took so far, in the order in which it came."""
        try:
            with open(os.path.join(server.folder, "received"), encoding="ascii") as file:
                count = len(file.readlines())
        except FileNotFoundError:
            count = 0
        return [Profile(server.folder, number + 1) for number in range(count)]

    def wait_for(self, engine, server, kind, count):
        engine.wait_until(lambda: [profile.kind for profile in self.taken(server)].count(kind) >= count,
                          f"{count} {kind} profiles")

    def has_heap(self, engine):
        return engine.request("GET", "/profile/status").json["heap"]["sampled"]

    def assert_one_behind_the_other(self, profiles):
        """To the nanosecond in the profile, to the second in the query."""
        for before, after in zip(profiles, profiles[1:]):
            self.assertEqual(before.ends, after.begins)
            self.assertEqual(before.entry["until"], after.entry["from"])
        for profile in profiles:
            self.assertEqual((profile.begins // 10**9, profile.ends // 10**9),
                             (profile.entry["from"], profile.entry["until"]))
            self.assertGreaterEqual(profile.ends - profile.begins, 10**9)

    def exporter_metric(self, engine, figure, name="exporter_pyroscope"):
        return engine.metric(f'ordo_exporter_{figure}{{exporter="{name}"}}')


class Pushed(ExporterTest):
    def test_profiles_arrive_by_name_without_gaps(self):
        exporter = {"service": "shop", "labels": "env=test,host=a", "name": "watch", "tenant": "team-1"}
        with pyroscope_server.serving() as server, self.engine(server, exporter, profiling__hz=200) as engine:
            with Load(engine):
                self.wait_for(engine, server, "cpu", 2)
                answer = engine.request("GET", "/profile/cpu?duration=300ms")  # is in nobody's way, and not exported
                self.assertEqual(answer.status, 200)
                self.wait_for(engine, server, "cpu", 4)
                if self.has_heap(engine):
                    self.wait_for(engine, server, "memory", 4)
            heap_works = self.has_heap(engine)
            self.assertGreaterEqual(self.exporter_metric(engine, "pushed_total", "watch"), 4)
            for figure in ("failed_total", "dropped_total"):
                self.assertEqual(self.exporter_metric(engine, figure, "watch"), 0)
            decided = engine.stats()["processed"]
            profiles = self.taken(server)
            for profile in profiles:
                self.assertEqual((profile.entry["service"], profile.entry["labels"], profile.entry["tenant"]),
                                 ("shop", {"env": "test", "host": "a"}, "team-1"))
                self.assertEqual(pprof_check.faults(profile.pprof), [])
            self.check_cpu([profile for profile in profiles if profile.kind == "cpu"], decided, server.folder)
            if heap_works:
                self.check_memory([profile for profile in profiles if profile.kind == "memory"], profiles)

    def check_cpu(self, profiles, decided, folder):
        self.assert_one_behind_the_other(profiles)
        self.assertEqual({profile.entry["rate"] for profile in profiles}, {200})
        self.assertEqual(profiles[0].types, [("samples", "count"), ("cpu", "nanoseconds")])
        orders = sum(profile.orders for profile in profiles)
        self.assertGreater(orders, 0)
        self.assertLessEqual(orders, decided)
        texts = [text for profile in profiles for text in profile.pprof["string_table"]]
        self.assertIn("spin.apply", texts)
        self.assertIn("generation", texts)
        if GO is not None:
            tops = [profile.top(folder) for profile in profiles]
            self.assertTrue(all("Type: cpu" in top for top in tops))
            self.assertTrue(any("spin.apply" in top for top in tops), tops)

    def check_memory(self, profiles, everything):
        self.assert_one_behind_the_other(profiles)
        self.assertEqual({profile.entry["rate"] for profile in profiles}, {None})
        self.assertEqual(profiles[0].types, [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"),
                                             ("inuse_space", "bytes")])
        cpu = [(profile.begins, profile.ends) for profile in everything if profile.kind == "cpu"]
        self.assertEqual([(profile.begins, profile.ends) for profile in profiles], cpu[:len(profiles)])
        for profile in profiles:
            self.assertTrue(all(value >= 0 for sample in profile.pprof["sample"] for value in sample["value"]))
            self.assertGreater(profile.total("inuse_space"), 0)

    def test_what_is_allocated_counts_once(self):
        """The history has what was allocated since the start, and each profile that is pushed the change from the one before."""
        with pyroscope_server.serving() as server, self.engine(server) as engine:
            if not self.has_heap(engine):
                self.skipTest("there are no heap profiles without jemalloc")
            with Load(engine):
                self.wait_for(engine, server, "memory", 4)
            listed = sorted((entry for entry in engine.request("GET", "/profile/history").json["profiles"]
                             if entry["kind"] == "memory"), key=lambda entry: entry["id"])
            kept = [pprof_check.decode(engine.request("GET", f"/profile/history/{entry['id']}").body, SCHEMA)
                    for entry in listed[:4]]
            since_start = [sum(sample["value"][1] for sample in profile["sample"]) for profile in kept]
            pushed = [profile.total("alloc_space") for profile in self.taken(server) if profile.kind == "memory"]
            self.assertGreater(pushed[0], 0)
            for number in range(1, 4):
                self.assertLess(abs(pushed[number] - (since_start[number] - since_start[number - 1])),
                                0.01 * since_start[number])
            in_use = [sum(sample["value"][3] for sample in profile["sample"]) for profile in kept]
            self.assertEqual(in_use, [profile.total("inuse_space") for profile in self.taken(server)
                                      if profile.kind == "memory"][:4])

    def test_also_without_a_history(self):
        with pyroscope_server.serving() as server, self.engine(server, profiling__history_bytes=0) as engine:
            self.wait_for(engine, server, "cpu", 2)
            answer = engine.request("GET", "/profile/history/1")
            self.assertEqual((answer.status, answer.json["detail"]),
                             (404, "no profiles are kept: profiling.history_bytes is 0"))

    def test_two_exporters_get_the_same(self):
        with pyroscope_server.serving() as first, pyroscope_server.serving() as second:
            other = {"plugin": "exporter_pyroscope", "name": "other", "service": "other",
                     "url": f"http://127.0.0.1:{second.server_port}{pyroscope_server.PATH}"}
            with self.engine(first, exporters__1=other) as engine:
                self.wait_for(engine, first, "cpu", 2)
                self.wait_for(engine, second, "cpu", 2)
            one, two = ([(profile.kind, profile.begins, profile.ends) for profile in self.taken(server)][:3]
                        for server in (first, second))
            self.assertEqual(one, two)
            self.assertEqual({profile.entry["service"] for profile in self.taken(second)}, {"other"})


class Trouble(ExporterTest):
    def test_receiver_that_is_not_there_and_comes(self):
        with pyroscope_server.serving(begins=False) as server, self.engine(server) as engine:
            engine.wait_until(lambda: self.exporter_metric(engine, "waiting") >= 2, "profiles that wait")
            self.assertEqual(engine.post(order("o-1")).status, 200)
            self.assertEqual(engine.request("GET", "/profile/cpu?duration=50ms").status, 200)
            self.assertIn("cannot push, 1 profile(s) wait: Failed to connect", engine.log)
            server.begin()
            self.wait_for(engine, server, "cpu", 4)
            self.assertIn("profiles are taken again", engine.log)
            self.assertEqual(self.exporter_metric(engine, "dropped_total"), 0)
            self.assert_one_behind_the_other([profile for profile in self.taken(server) if profile.kind == "cpu"])

    def test_receiver_that_answers_503_and_then_takes(self):
        with pyroscope_server.serving() as server:
            server.write("plan", "503\n503 Retry-After=1\n")
            with self.engine(server) as engine:
                self.wait_for(engine, server, "cpu", 2)
                self.assertEqual(self.exporter_metric(engine, "failed_total"), 2)
            self.assert_one_behind_the_other([profile for profile in self.taken(server) if profile.kind == "cpu"])

    def test_receiver_that_refuses_one(self):
        with pyroscope_server.serving() as server:
            server.write("plan", "400\n")
            with self.engine(server) as engine:
                self.wait_for(engine, server, "cpu", 2)
                self.assertEqual(self.exporter_metric(engine, "dropped_total"), 1)
                self.assertIn("exporter_pyroscope: a profile was refused, and is dropped: HTTP status 400", engine.log)

    def test_slow_receiver_keeps_nobody_waiting(self):
        with pyroscope_server.serving() as server:
            server.write("hold", "")
            with self.engine(server, {"timeout": "10m"}) as engine:
                engine.wait_until(lambda: self.exporter_metric(engine, "waiting") >= 3, "profiles that wait")
                self.assertEqual(engine.post(order("o-1")).status, 200)
                self.assertEqual(engine.request("GET", "/profile/cpu?duration=50ms").status, 200)
                os.remove(os.path.join(server.folder, "hold"))
                self.wait_for(engine, server, "cpu", 4)
            self.assert_one_behind_the_other([profile for profile in self.taken(server) if profile.kind == "cpu"])

    def test_full_queue_drops_and_counts(self):
        with pyroscope_server.serving() as server:
            server.write("fail", "")
            with self.engine(server, {"queue": "32KiB"}) as engine, Load(engine):
                engine.wait_until(lambda: self.exporter_metric(engine, "dropped_total") >= 2, "profiles that are dropped")


class Stop(ExporterTest):
    def test_what_waits_is_pushed(self):
        with pyroscope_server.serving() as server:
            server.write("hold", "")
            with self.engine(server) as engine:
                engine.wait_until(lambda: self.exporter_metric(engine, "waiting") >= 3, "profiles that wait")
                waiting = self.exporter_metric(engine, "waiting")
                os.remove(os.path.join(server.folder, "hold"))
                self.assertEqual(engine.stop()[0], 0)
                self.assertGreaterEqual(len(self.taken(server)), waiting)

    def test_receiver_that_is_away_holds_no_stop_up(self):
        """The grace is an hour; that it ends within the harness's patience is the test."""
        with pyroscope_server.serving() as server:
            server.write("fail", "")
            with self.engine(server, {"backoff_min": "1h", "backoff_max": "1h"}, stop__grace="1h") as engine:
                engine.wait_until(lambda: self.exporter_metric(engine, "waiting") >= 2, "profiles that wait")
                code, log = engine.stop()
            self.assertEqual(code, 0)
            self.assertRegex(log, r"\d profile\(s\) were not pushed before the stop: HTTP status 503")
            self.assertEqual(self.taken(server), [])

    def test_receiver_that_hangs_has_the_grace_and_no_more(self):
        with pyroscope_server.serving() as server:
            server.write("hold", "")
            with self.engine(server, {"timeout": "10m"}, stop__grace="1s") as engine:
                engine.wait_until(lambda: self.exporter_metric(engine, "waiting") >= 2, "profiles that wait")
                code, log = engine.stop()
            self.assertEqual(code, 0)
            self.assertRegex(log, r"\d profile\(s\) were not pushed before the stop: there was no time left for it")


class Configured(ExporterTest):
    def check(self, *settings):
        arguments = [part for setting in settings for part in ("--set", setting)]
        return ordo("check", *arguments, cwd=ROOT)

    def test_check_knows_exporters(self):
        url = "exporters=[{plugin: exporter_pyroscope, url: http://127.0.0.1:1}]"
        done = self.check("profiling.continuous=true", url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 source, 1 sink, 1 exporter)", done.stdout)
        done = self.check(url)
        self.assertEqual((done.returncode, done.stderr),
                         (78, "--set exporters: nothing would be exported, because profiling.continuous is false; set it to true, "
                              "or leave exporters out\n"))
        done = self.check("profiling.continuous=true", "exporters=[{plugin: exporter_pyroscope, urls: x}]")
        self.assertEqual(done.returncode, 78)
        self.assertIn("exporters[0].urls: unknown option; did you mean exporters[0].url?", done.stderr)

    def test_a_start_names_what_is_wrong_at_open(self):
        done = ordo("serve", "--set", "profiling.continuous=true", "--set", "http.listen=127.0.0.1:0", "--set",
                    "store.plugin=store_memory", "--set", "sinks=[]", "--set", "sources=[]", "--set",
                    "exporters=[{plugin: exporter_pyroscope, url: http://127.0.0.1:1, labels: 'a-b=c'}]", "--set",
                    f"data_dir={os.path.join(BUILD, 'test_exporter_data')}", cwd=ROOT)
        self.assertEqual(done.returncode, 78)
        self.assertIn('exporters[0]: exporter_pyroscope: labels: "a-b=c" does not begin with a label', done.stderr)


if __name__ == "__main__":
    main()
