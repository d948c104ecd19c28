#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checker of traces finds what is wrong: for each rule a trace that breaks it."""
import copy
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_trace import Trace  # noqa: E402

OTHER = {"clock": "CLOCK_MONOTONIC", "ts_zero_monotonic_ns": 1, "from_us": 0, "to_us": 9, "complete_from_us": 0,
         "orders_begun": 2, "orders_recorded": 1}


def event(phase, name, at=None, **more):
    made = {"ph": phase, "name": name, "pid": 1, "tid": 2}
    if at is not None:
        made["ts"] = at
    made.update(more)
    return made


def step(phase, name, at, number="o-1"):
    return event(phase, name, at, cat="order", id=number)


# index: 0 process, 1 thread, 2 turn, 3 order in it, 4 B, 5 E, 6 instant, 7 counter, 8..13 an order
GOOD = [event("M", "process_name", args={"name": "ordo"}), event("M", "thread_name", args={"name": "worker-0"}),
        event("X", "turn", 1.5, dur=3), event("X", "order", 1.5, dur=1.001, args={"order": "o-1"}),
        event("B", "open", 6), event("E", "open", 7), event("i", "JIT abort", 8, s="t"), event("C", "heap", 2, args={"value": 5}),
        step("b", "order", 1), step("b", "queued", 1), step("e", "queued", 2), step("n", "answered", 3), step("e", "order", 3)]


def document(events=None, **more):
    made = {"displayTimeUnit": "ns", "otherData": dict(OTHER), "traceEvents": copy.deepcopy(GOOD if events is None else events)}
    made.update(more)
    return made


def changed(index, **fields):
    """The good trace with fields of one event changed; a value of None takes the field away."""
    made = document()
    for key, value in fields.items():
        if value is None:
            del made["traceEvents"][index][key]
        else:
            made["traceEvents"][index][key] = value
    return made


def other(**fields):
    return document(otherData={**OTHER, **fields})


def added(*events):
    return document(GOOD + list(events))


def without(*indices):
    return document([item for index, item in enumerate(GOOD) if index not in indices])


BROKEN = {
    "not json": ("{", "is no JSON"),
    "a bare NaN": (json.dumps(changed(7, args={"value": float("nan")})), "NaN is no JSON number"),
    "a key twice": ('{"displayTimeUnit":"ns","displayTimeUnit":"ns"}', "is there twice"),
    "not utf-8": (b'{"a":"\xff"}', "is no JSON"),
    "a bare list": ([], "must be an object"),
    "no events": (document([]), "traceEvents: must be a list that is not empty"),
    "events that are no list": (document(traceEvents={}), "traceEvents: must be a list"),
    "an unknown time unit": (document(displayTimeUnit="s"), "displayTimeUnit"),
    "no otherData": (document(otherData=None), "otherData: must be an object"),
    "no clock": (other(clock="sun"), "must name the clock"),
    "no zero": (other(ts_zero_monotonic_ns="x"), "otherData.ts_zero_monotonic_ns"),
    "a negative begin": (other(from_us=-1), "otherData.from_us"),
    "a share that is no count": (other(orders_cut=1.5), "otherData.orders_cut: must be a count"),
    "more recorded than there were": (other(orders_recorded=3), "is more than orders_begun"),
    "an event that is no object": (added(7), "must be an object"),
    "an unknown phase": (changed(2, ph="Z"), "ph 'Z'"),
    "no phase": (changed(2, ph=None), "ph None"),
    "no name": (changed(2, name=None), "name must be a text"),
    "an empty name": (changed(2, name=""), "name must be a text"),
    "a name that is too long": (changed(2, name="x" * 513), "name must be a text"),
    "a pid that is text": (changed(2, pid="1"), "pid must be a whole number"),
    "a tid that is too large": (changed(2, tid=2 ** 31), "tid must be a whole number"),
    "a tid that is a truth": (changed(2, tid=True), "tid must be a whole number"),
    "args that are a list": (changed(2, args=[]), "args must be an object"),
    "no ts": (changed(2, ts=None), "ts must be a number"),
    "ts as text": (changed(2, ts="1.5"), "ts must be a number"),
    "a negative ts": (changed(2, ts=-0.001), "ts is negative"),
    "ts beyond what a double holds": (changed(6, ts=2 ** 53), "ts is too large"),
    "ts below a nanosecond": (changed(2, ts=1.50001), "ts is finer than a nanosecond"),
    "no dur": (changed(2, dur=None), "dur must be a number"),
    "a negative dur": (changed(3, dur=-1), "dur is negative"),
    "dur where there is none": (changed(6, dur=1), "only complete events have dur"),
    "an instant without scope": (changed(6, s=None), "the scope s"),
    "an async event without id": (changed(8, id=None), "needs an id"),
    "an id that is a number": (changed(8, id=7), "needs an id"),
    "id and id2": (changed(8, id2={"local": "1"}), "no id2"),
    "an async event without cat": (changed(8, cat=None), "needs a cat"),
    "metadata that nobody knows": (changed(0, name="process_color"), "is not known"),
    "a thread without its name's text": (changed(1, args={}), "args.name of thread_name is missing"),
    "a name of two owners": (added(GOOD[1]), "has a name already"),
    "time that goes back": (changed(6, ts=0.5), "goes back in time"),
    "a span that sticks out": (changed(3, dur=4), "ends outside of"),
    "spans that cross": (added(event("X", "a", 9, dur=2), event("X", "b", 10, dur=2)), "ends outside of"),
    "the inner span first": (document(GOOD[:2] + [GOOD[3], GOOD[2]] + GOOD[4:]), "ends outside of"),
    "B without E": (without(5), "without its E"),
    "E without B": (without(4), "E without its B"),
    "E of another name": (changed(5, name="other"), "E with another name"),
    "E inside of a complete span": (document(GOOD[:5] + [event("X", "long", 6.5, dur=2)] + GOOD[5:]), "E inside of"),
    "b without e": (without(12), "without its e"),
    "e without b": (document(GOOD[:8] + GOOD[10:11]), "e without its b"),
    "e of another name": (changed(10, name="running"), "does not end what began last"),
    "stages that cross": (document(GOOD[:10] + [GOOD[12], GOOD[10]]), "does not end what began last"),
    "n outside of its order": (added(step("n", "late", 9)), "n outside of its b and e"),
    "e of another id": (changed(12, id="o-2"), "without its"),
    "e of another cat": (changed(12, cat="other"), "without its"),
    "an order that goes back in time": (changed(10, ts=0.5), "goes back in time"),
    "a counter without values": (changed(7, args={}), "needs numbers in args"),
    "a counter of text": (changed(7, args={"value": "5"}), "needs numbers in args"),
    "a counter that goes back": (added(event("C", "heap", 1, args={"value": 1})), "counter heap goes back in time"),
    "a process without name": (without(0), "has no process_name"),
    "a thread without name": (without(1), "has no thread_name"),
}


class CheckTrace(unittest.TestCase):
    def test_a_good_trace_passes(self):
        trace = Trace()
        self.assertEqual(trace.check(json.dumps(document())), [])
        self.assertEqual(trace.threads, {(1, 2): "worker-0"})

    def test_each_broken_trace_is_found(self):
        for name, (broken, expected) in BROKEN.items():
            with self.subTest(name):
                findings = Trace().check(broken if isinstance(broken, (str, bytes)) else json.dumps(broken))
                self.assertTrue(any(expected in finding for finding in findings), f"{expected!r} is not in {findings}")


if __name__ == "__main__":
    unittest.main()
