#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A strict reader of Chrome trace-event JSON, as ui.perfetto.dev needs it and as the engine writes it.

  check_trace.py FILE...        each finding is a line; exit code 1 when there is one

Perfetto drops what does not fit, or shows it in the wrong place, and says so in a corner; this says where and why.
"""
import decimal
import json
import sys

PHASES = {"X", "B", "E", "i", "C", "b", "n", "e", "M"}
METADATA = {"process_name": str, "thread_name": str, "process_labels": str, "process_sort_index": int, "thread_sort_index": int}
NAME_MAX = 512
TS_MAX = 2 ** 53 // 1000  # microseconds whose nanoseconds a double still holds
MOST = 50  # findings


class Trace:
    """check(bytes) returns the findings; the parsed parts stay for whoever looks further."""

    def __init__(self):
        self.findings = []
        self.events = []
        self.other = {}
        self.spans = {}     # (pid, tid): [(begin, end, name, event)] in the order of the file
        self.asyncs = {}    # (pid, cat, id): [event]
        self.counters = {}  # (pid, name): [event]
        self.threads = {}   # (pid, tid): name

    def find(self, place, text):
        if len(self.findings) < MOST:
            self.findings.append(f"{place}: {text}")

    # --- the document ---

    def check(self, text):
        try:
            document = json.loads(text, parse_float=decimal.Decimal, parse_constant=self.no_constant, object_pairs_hook=self.no_twins)
        except (ValueError, UnicodeDecodeError) as error:
            self.find("document", f"is no JSON: {error}")
            return self.findings
        if not isinstance(document, dict):
            self.find("document", "must be an object")
            return self.findings
        self.check_document(document)
        for index, event in enumerate(self.events):
            self.check_event(f"event {index}", event)
        if not self.findings:
            self.check_spans()
            self.check_asyncs()
            self.check_counters()
            self.check_metadata()
        return self.findings

    @staticmethod
    def no_constant(name):
        raise ValueError(f"{name} is no JSON number")

    @staticmethod
    def no_twins(pairs):
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f'the key "{key}" is there twice')
        return dict(pairs)

    def check_document(self, document):
        events = document.get("traceEvents")
        if not isinstance(events, list) or not events:
            self.find("traceEvents", "must be a list that is not empty")
        else:
            self.events = events
        if document.get("displayTimeUnit") not in ("ms", "ns"):
            self.find("displayTimeUnit", 'must be "ms" or "ns"')
        other = document.get("otherData")
        if not isinstance(other, dict):
            self.find("otherData", "must be an object")
            return
        self.other = other
        if other.get("clock") not in ("CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_REALTIME"):
            self.find("otherData.clock", "must name the clock")
        for key in ("ts_zero_monotonic_ns", "from_us", "to_us", "complete_from_us"):
            if not self.is_number(other.get(key)) or other[key] < 0:
                self.find(f"otherData.{key}", "must be a number that is not negative")
        for key, value in other.items():
            if key.startswith("orders_") and (not isinstance(value, int) or value < 0):
                self.find(f"otherData.{key}", "must be a count")
        if all(isinstance(other.get(key), int) for key in ("orders_begun", "orders_recorded")):
            if other["orders_recorded"] > other["orders_begun"]:
                self.find("otherData.orders_recorded", "is more than orders_begun")

    # --- one event ---

    @staticmethod
    def is_number(value):
        return isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)

    def check_time(self, place, key, value):
        if not self.is_number(value):
            self.find(place, f"{key} must be a number")
        elif value < 0:
            self.find(place, f"{key} is negative")
        elif value > TS_MAX:
            self.find(place, f"{key} is too large for a double to hold nanoseconds")
        elif value * 1000 != int(value * 1000):
            self.find(place, f"{key} is finer than a nanosecond")
        else:
            return True
        return False

    def check_event(self, place, event):
        if not isinstance(event, dict):
            self.find(place, "must be an object")
            return
        phase = event.get("ph")
        if phase not in PHASES:
            self.find(place, f"ph {phase!r} is none of {' '.join(sorted(PHASES))}")
            return
        name = event.get("name")
        if not isinstance(name, str) or not name or len(name) > NAME_MAX:
            self.find(place, f"name must be a text of 1 to {NAME_MAX} characters")
        for key in ("pid", "tid"):
            number = event.get(key)
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2 ** 31:
                self.find(place, f"{key} must be a whole number below 2^31")
                return
        if "args" in event and not isinstance(event["args"], dict):
            self.find(place, "args must be an object")
            return
        if phase == "M":
            self.check_meta_event(place, event)
            return
        if not self.check_time(place, "ts", event.get("ts")):
            return
        if phase == "X" and not self.check_time(place, "dur", event.get("dur")):
            return
        if phase != "X" and "dur" in event:
            self.find(place, "only complete events have dur")
        if phase == "i" and event.get("s") not in ("g", "p", "t"):
            self.find(place, "the scope s of an instant must be g, p or t")
        if phase in ("X", "B", "E", "i"):
            self.spans.setdefault((event["pid"], event["tid"]), []).append((place, event))
        if phase in ("b", "n", "e"):
            if not isinstance(event.get("id"), str) or not event["id"] or "id2" in event:
                self.find(place, "an async event needs an id that is a text, and no id2")
            elif not isinstance(event.get("cat"), str) or not event["cat"]:
                self.find(place, "an async event needs a cat")
            else:
                self.asyncs.setdefault((event["pid"], event["cat"], event["id"]), []).append((place, event))
        if phase == "C":
            self.counters.setdefault((event["pid"], event["name"]), []).append((place, event))

    def check_meta_event(self, place, event):
        kind = METADATA.get(event["name"])
        if kind is None:
            self.find(place, f"metadata {event['name']!r} is not known")
            return
        key = {"process_labels": "labels", "process_sort_index": "sort_index", "thread_sort_index": "sort_index"}.get(event["name"], "name")
        value = event.get("args", {}).get(key)
        if not isinstance(value, kind) or value == "":
            self.find(place, f"args.{key} of {event['name']} is missing")
            return
        if event["name"] == "thread_name":
            if (event["pid"], event["tid"]) in self.threads:
                self.find(place, "this thread has a name already")
            self.threads[(event["pid"], event["tid"])] = value

    # --- events together ---

    def check_spans(self):
        for (pid, tid), events in self.spans.items():
            stack, last = [], -1
            for place, event in events:
                at = event["ts"]
                if at < last:
                    self.find(place, f"thread {tid} goes back in time")
                last = at
                while stack and stack[-1][0] is not None and (stack[-1][0] < at or (stack[-1][0] == at and event["ph"] != "X")):
                    stack.pop()
                if event["ph"] == "X":
                    end = at + event["dur"]
                    while stack and stack[-1][0] is not None and stack[-1][0] == at and end > at:
                        stack.pop()
                    if stack and stack[-1][0] is not None and end > stack[-1][0]:
                        self.find(place, f"\"{event['name']}\" ends outside of \"{stack[-1][1]}\" in which it begins")
                    stack.append((end, event["name"]))
                elif event["ph"] == "B":
                    stack.append((None, event["name"]))
                elif event["ph"] == "E":
                    if not stack or stack[-1][0] is not None:
                        self.find(place, "E without its B" if not stack else f"E inside of \"{stack[-1][1]}\"")
                    elif stack.pop()[1] != event["name"]:
                        self.find(place, "E with another name than its B")
            for end, name in stack:
                if end is None:
                    self.find(f"thread {tid}", f"B \"{name}\" without its E")
            del pid

    def check_asyncs(self):
        for (_, cat, number), events in self.asyncs.items():
            stack, last = [], -1
            for place, event in events:
                if event["ts"] < last:
                    self.find(place, f"{cat} {number} goes back in time")
                last = event["ts"]
                if event["ph"] == "b":
                    stack.append(event["name"])
                elif event["ph"] == "n":
                    if not stack:
                        self.find(place, "n outside of its b and e")
                elif not stack:
                    self.find(place, "e without its b")
                elif stack.pop() != event["name"]:
                    self.find(place, f"e \"{event['name']}\" does not end what began last")
            if stack:
                self.find(f"{cat} {number}", f"b \"{stack[-1]}\" without its e")

    def check_counters(self):
        for (_, name), events in self.counters.items():
            last = -1
            for place, event in events:
                if event["ts"] < last:
                    self.find(place, f"counter {name} goes back in time")
                last = event["ts"]
                values = event.get("args", {})
                if not values or not all(self.is_number(value) for value in values.values()):
                    self.find(place, f"counter {name} needs numbers in args")

    def check_metadata(self):
        processes = {event["pid"] for event in self.events if event["ph"] == "M" and event["name"] == "process_name"}
        for index, event in enumerate(self.events):
            if event["pid"] not in processes:
                self.find(f"event {index}", f"process {event['pid']} has no process_name")
                return
            if event["ph"] != "M" and (event["pid"], event["tid"]) not in self.threads:
                self.find(f"event {index}", f"thread {event['tid']} has no thread_name")
                return


def main():
    found = False
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            trace = Trace()
            for finding in trace.check(file.read()):
                print(f"{path}: {finding}")
                found = True
            if not found:
                print(f"{path}: {len(trace.events)} events, {len(trace.threads)} threads, {len(trace.asyncs)} orders, {len(trace.counters)} counters")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
