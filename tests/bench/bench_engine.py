#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rates, start time and memory of the running engine, over loopback with wrk as the client.

  bench_engine.py BUILD_FOLDER [--seconds 4] [--rounds 3]

Everything runs on one machine, so the client's work is in the figures. Medians of the rounds; the table goes to standard output as Markdown.
"""
import argparse
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
MEMORY = ("store.plugin=store_memory",)


class Engine:
    def __init__(self, build, *sets, scripts="scripts", environment=None):
        self.folder = tempfile.TemporaryDirectory(prefix="ordo-bench-")
        port_file = os.path.join(self.folder.name, "port")
        arguments = [os.path.join(build, "ordo"), "serve", "--port-file", port_file]
        defaults = ["http.listen=127.0.0.1:0", "sources=[]", "sinks=[]", "log.level=warn",
                    f"scripts={os.path.join(TOP, scripts)}", f"data_dir={self.folder.name}/data"]
        for setting in [*defaults, *sets]:
            arguments += ["--set", setting]
        started = time.monotonic()
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, cwd=self.folder.name,
                                        env={**os.environ, **(environment or {})})
        while True:
            try:
                with open(port_file, encoding="ascii") as file:
                    self.url = f"http://127.0.0.1:{int(file.read())}"
                urllib.request.urlopen(self.url + "/readyz").read()
                break
            except (OSError, ValueError):
                if self.process.poll() is not None:
                    sys.exit("the engine did not start")
                time.sleep(0.001)
        self.start_ms = (time.monotonic() - started) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.folder.cleanup()

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def wrk(self, script, connections, seconds, threads=1):
        out = subprocess.run(["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--latency", "-s",
                              os.path.join(HERE, script), self.url + "/orders"],
                             capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out:
            print(out, file=sys.stderr)
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), re.search(r"99%\s+(\S+)", out).group(1)


def order(number):
    return (f'{{"id":"queued-{number:06d}","customer":{{"id":"c-42","tier":"gold","country":"DE"}},"currency":"EUR",'
            '"priority":1,"items":[{"sku":"A-1001","qty":2,"price":1999},{"sku":"B-7","qty":1,"price":4950},'
            '{"sku":"C-33","qty":5,"price":250}],"coupon":"SPRING10"}').encode()


def sleeping_ms(build, count=5000):
    """Until a batch is answered whose orders all wait 10 ms in a rule, with 10 workers."""
    with tempfile.TemporaryDirectory() as rules:
        os.mkdir(os.path.join(rules, "rules"))
        with open(os.path.join(rules, "rules", "10_wait.lua"), "w", encoding="ascii") as file:
            file.write('return { name = "wait", about = "Waits.", apply = function(_, _, ctx) ctx.sleep(10) end }\n')
        with Engine(build, *MEMORY, "workers.count=10", f"http.batch_window={count}", f"scripts={rules}") as engine:
            connection = http.client.HTTPConnection(engine.url.split("//")[1])
            times = []
            for turn in range(5):
                body = b"".join(order(turn * count + i) + b"\n" for i in range(count))
                started = time.monotonic()
                connection.request("POST", "/orders", body=body, headers={"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse().read()
                times.append((time.monotonic() - started) * 1000)
                if answer.count(b'"decision":"accepted"') != count:
                    sys.exit("sleeping orders were not all decided")
            return statistics.median(times)


def queued_cost(build):
    """Bytes of memory that an order in the queue costs beyond its own, with one worker that is held up."""
    count = 9000
    with tempfile.TemporaryDirectory() as rules:
        os.mkdir(os.path.join(rules, "rules"))
        with open(os.path.join(rules, "rules", "10_wait.lua"), "w", encoding="ascii") as file:
            file.write('return { name = "wait", about = "Waits.", apply = function(_, _, ctx) ctx.sleep(600000) end }\n')
        with Engine(build, *MEMORY, "workers.count=1", "workers.max_in_flight=1", "stop.grace=0s", f"scripts={rules}") as engine:
            def send(first, last):
                host = engine.url.split("//")[1]
                connection = http.client.HTTPConnection(host)
                for i in range(first, last):
                    connection.request("POST", "/orders", body=order(i), headers={
                        "Content-Type": "application/json", "Prefer": "respond-async"})
                    response = connection.getresponse()
                    response.read()
                    if response.status != 202:
                        sys.exit(f"queueing failed: {response.status}")
            send(0, 500)  # warm
            before = engine.rss_kib()
            send(500, 500 + count)
            after = engine.rss_kib()
            depth = json.load(urllib.request.urlopen(engine.url + "/stats"))["queue"]
            print(f"queue: {depth}", file=sys.stderr)
            engine.process.send_signal(signal.SIGTERM)
            return (after - before) * 1024 / count - len(order(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    rows = []

    starts, idles = [], []
    for _ in range(5):
        with Engine(build) as engine:
            starts.append(engine.start_ms)
            idles.append(engine.rss_kib() / 1024)
    rows.append(("start to ready", f"{statistics.median(starts):.0f} ms"))
    rows.append(("idle memory", f"{statistics.median(idles):.1f} MiB"))
    rows.append(("5,000 orders in a rule that sleeps 10 ms, 10 workers, store_memory", f"{sleeping_ms(build):.0f} ms"))
    rows.append(("a queued order, beyond its bytes", f"{queued_cost(build):.0f} bytes"))

    def rates(name, script, connections, factor=1, scripts="scripts", sets=()):
        found = []
        with Engine(build, *sets, scripts=scripts) as engine:
            for _ in range(options.rounds):
                found.append(engine.wrk(script, connections, options.seconds))
        rate = statistics.median(rate for rate, _ in found) * factor
        rows.append((name, f"{rate:,.0f} orders/s, p99 {found[-1][1]} a request"))

    rates("one order a request, 256 connections, store_rocksdb", "order.lua", 256)
    rates("the same, store_memory", "order.lua", 256, sets=MEMORY)
    rates("the same with a file sink", "order.lua", 256,
          sets=(*MEMORY, "sinks=[{plugin: sink_file, path: decisions.ndjson}]"))
    rates("NDJSON, 1,000 orders a request, 4 connections, store_rocksdb", "batch.lua", 4, factor=1000)
    rates("the same, store_memory", "batch.lua", 4, factor=1000, sets=MEMORY)
    rates("original's rules with their sleep, 10 workers, 1,000 connections, store_memory", "order.lua", 1000,
          scripts="examples/rules_original", sets=(*MEMORY, "workers.count=10"))
    print("| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
