# SPDX-License-Identifier: MIT
"""How well the CPU profile tells known shares: the rule sets examples/profiling/split_* and what is known of each, and the
counting of samples. The benchmark and a test use it.

A sample belongs to its innermost line of Lua: what C functions take belongs to the line that calls them. Shares are
points (hundredths) of the pair or triple of functions whose ratio is known. Unknown is a sample of a worker in Lua that
has no line of Lua, or whose innermost frame has no name.
"""
import os
import pathlib
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from pprof_check import decode, one  # noqa: E402

SCHEMA = pathlib.Path(HERE).parents[1] / "engine" / "profile" / "profile.proto"
SETS = {
    "split_75_25": [{"three": 75, "one": 25}],
    "split_50_30_20": [{"five": 50, "three": 30, "two": 20}],
    "split_c": [{"parse_three": 75, "parse_one": 25}, {"reverse_three": 75, "reverse_one": 25}],
    "split_coroutines": [{"three": 75, "one": 25}],
}
OF_LUA = ("interpreter", "compiled", "C", "GC", "JIT compiler")


class Counts:
    """Samples, and the CPU time that they stand for, by innermost function of Lua; over any number of profiles."""

    def __init__(self):
        self.functions = {}
        self.times_ns = {}
        self.states = {}
        self.in_lua = self.without_lines = self.without_names = self.collector = 0

    @property
    def unknown(self):
        return self.without_lines + self.without_names

    def add(self, data):
        profile = decode(data, SCHEMA)
        texts = profile["string_table"]
        names = {one(entry, "id"): (texts[one(entry, "name")], texts[one(entry, "filename")])
                 for entry in profile.get("function", [])}
        frames = {one(entry, "id"): [names[one(line, "function_id")] for line in entry.get("line", [])]
                  for entry in profile.get("location", [])}
        for sample in profile.get("sample", []):
            labels = {texts[one(label, "key")]: texts[one(label, "str")] for label in sample.get("label", [])}
            if labels.get("state") in OF_LUA:
                self.add_sample(*sample["value"], labels,
                                [frame for location in sample.get("location_id", []) for frame in frames[location]])

    def add_sample(self, count, time_ns, labels, stack):
        lines = [name for name, file in stack if file.endswith(".lua")]
        if not lines and any(name == "ordo_vm_collector_step" for name, _ in stack):
            self.collector += count  # between orders: it works for no line
            return
        self.in_lua += count
        self.states[labels["state"]] = self.states.get(labels["state"], 0) + count
        if not lines:
            self.without_lines += count
        else:
            self.functions[lines[0]] = self.functions.get(lines[0], 0) + count
            self.times_ns[lines[0]] = self.times_ns.get(lines[0], 0) + time_ns
        if stack and (stack[0][0] == "" or stack[0][0].startswith(("0x", "[", "?"))):
            self.without_names += count

    def of(self, amounts, known):
        return {name: sum(amount for function, amount in amounts.items() if function.split(".")[-1] == name) for name in known}

    def shares(self, known):
        """Function -> points of the time, and how many samples these are of."""
        times = self.of(self.times_ns, known)
        whole = max(sum(times.values()), 1)
        return {name: 100 * time / whole for name, time in times.items()}, sum(self.of(self.functions, known).values())

    def enough(self, sets, wanted):
        return all(self.shares(known)[1] >= wanted for known in sets)
