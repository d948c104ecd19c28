#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the durable store costs as it grows: rates at 100,000 and at two million orders with random ids, reads by id, bytes on
the disk, memory, the tail of the latency at a given rate, and the start with a backlog.

  bench_store.py BUILD_FOLDER [--orders 2000000] [--backlog 100000]

The data lies below the current folder, so run it on the disk that is meant; its fdatasync is printed beside the figures.
"""
import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from bench_engine import Engine

SECONDS, SETTLE_SECONDS = 6, 15


def fdatasync_ms(folder, count=500):
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(count):
            os.write(file.fileno(), b"x" * 4096)
            started = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - started) * 1000)
    times.sort()
    return statistics.median(times), times[int(count * 0.99)]


class Client:
    def __init__(self, engine):
        self.connection = http.client.HTTPConnection(engine.url.split("//")[1])

    def get(self, path):
        self.connection.request("GET", path)
        return json.loads(self.connection.getresponse().read())

    def records(self):
        return self.get("/stats")["store"]["records"]


def fill(engine, client, orders):
    while client.records() < orders:
        engine.wrk("batch.lua", 4, 2)


def some_ids(client, count=2000):
    """Ids from all over the store: from the pages at random times."""
    newest = client.get("/orders?limit=1")["orders"][0]["received_at"]
    oldest_page = client.get("/orders?limit=1000&status=done")
    ids, cursor = [], oldest_page["next"]
    ids += [record["id"] for record in oldest_page["orders"]]
    high, low = (int(part) for part in cursor.split("-"))
    span_ms = 120000
    while len(ids) < count * 10 and span_ms:
        page = client.get(f"/orders?limit=200&after={high - random.randrange(span_ms)}-{low}")
        ids += [record["id"] for record in page["orders"]]
    return newest, random.sample(sorted(set(ids)), count)


def get_ms(client, ids):
    times = []
    for order_id in ids:
        started = time.monotonic()
        client.get(f"/orders/{order_id}")
        times.append((time.monotonic() - started) * 1000)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99)]


def disk_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


def tail_ms(engine, build, rate=2000, seconds=10):
    done = subprocess.run([os.path.join(build, "ordo"), "load", "--rate", str(rate), "--duration", f"{seconds}s", "--quiet",
                           "--json", engine.url], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["latency_us"]


def grown(build, folder, orders, rows):
    with Engine(build, f"data_dir={folder}/grown") as engine:
        client = Client(engine)
        tail = tail_ms(engine, build)
        rows.append(("one order a request at 2,000 orders/s", f"median {tail['p50'] / 1000:.2f} ms, p99 {tail['p99'] / 1000:.2f} ms"))
        fill(engine, client, 100000)
        small = engine.wrk("order.lua", 256, SECONDS)[0]
        rows.append(("one order a request at 100,000 orders in the store", f"{small:,.0f} orders/s"))
        started, before = time.monotonic(), client.records()
        fill(engine, client, orders)
        rate = (client.records() - before) / (time.monotonic() - started)
        rows.append((f"NDJSON while it grows to {orders:,} orders", f"{rate:,.0f} orders/s"))
        time.sleep(SETTLE_SECONDS)  # files are still merged behind such a flood
        large = engine.wrk("order.lua", 256, SECONDS)[0]
        rows.append((f"one order a request at {client.records():,} orders", f"{large:,.0f} orders/s, {large / small:.2f} of the other"))
        _, ids = some_ids(client)
        median, worst = get_ms(client, ids)
        rows.append(("GET /orders/{id} there", f"median {median:.2f} ms, p99 {worst:.2f} ms"))
        rows.append(("memory", f"{engine.rss_kib() / 1024:.0f} MiB"))
        count = client.records()
    rows.append(("on the disk, when it is stopped", f"{disk_bytes(os.path.join(folder, 'grown', 'store')) / count:.0f} bytes an order"))


def backlog(build, folder, orders, rows):
    """Orders that are accepted and wait for their next attempt; then all are due, and the engine starts."""
    with tempfile.TemporaryDirectory() as rules:
        rule = os.path.join(rules, "rules", "10_wait.lua")
        os.mkdir(os.path.dirname(rule))

        def write(body):
            with open(rule, "w", encoding="ascii") as file:
                file.write(f'return {{ name = "wait", about = "Waits.", apply = function(_, decide) {body} end }}\n')

        write("decide:retry(20000, 'later')")
        sets = (f"data_dir={folder}/backlog", f"scripts={rules}")
        with Engine(build, *sets) as engine:
            client = Client(engine)
            while client.records() < orders:
                engine.wrk("batch.lua", 4, 1)
            count = client.records()
            engine.process.send_signal(signal.SIGKILL)
            engine.process.wait()
        write("")
        time.sleep(26)  # until every attempt is due
        with Engine(build, *sets) as engine:
            client, started = Client(engine), time.monotonic()
            ready = engine.start_ms
            while client.get("/stats")["success"] < count:
                time.sleep(0.05)
            rows.append((f"start to ready with {count:,} undecided orders", f"{ready:.0f} ms"))
            rows.append(("until all of them are decided", f"{time.monotonic() - started:.1f} s"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--orders", type=int, default=2000000)
    parser.add_argument("--backlog", type=int, default=100000)
    options = parser.parse_args()
    build, rows = os.path.abspath(options.build), []
    with tempfile.TemporaryDirectory(dir=os.getcwd(), prefix="bench-store-") as folder:
        median, worst = fdatasync_ms(folder)
        rows.append(("fdatasync of 4 KiB", f"median {median:.2f} ms, p99 {worst:.2f} ms"))
        backlog(build, folder, options.backlog, rows)
        grown(build, folder, options.orders, rows)
        median, worst = fdatasync_ms(folder)
        rows.append(("fdatasync of 4 KiB, afterwards", f"median {median:.2f} ms, p99 {worst:.2f} ms"))
    print("| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    sys.exit(main())
