#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every check and rule is named by a test file of its rule set, and every name there is a script.

A test file says what it tests in its first lines:  -- tests: rules/10_tier.lua validation/10_customer.lua
The reference rules are the original's without the wait: the files that both have must be equal.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETS = ["scripts", "examples/rules_original", "examples/rules_reference",
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "examples" / "profiling").glob("*/")))]


def scripts_of(folder):
    """Checks and rules, as rules/10_tier.lua."""
    return {f"{kind}/{path.name}" for kind in ("validation", "rules") for path in (folder / kind).glob("*.lua")}


def named_in(folder):
    """What the test files say that they test -> the test file."""
    names = {}
    for path in sorted((folder / "tests").glob("*.lua")):
        for line in re.findall(r"^-- tests: (.*)$", path.read_text(encoding="utf-8"), re.M):
            names.update({word: path.name for word in re.findall(r"(?:validation|rules)/\S+\.lua", line)})
    return names


def faults_of(folder):
    scripts, named = scripts_of(folder), named_in(folder)
    if not scripts:
        yield "there is no script at all"
    for name in sorted(scripts - set(named)):
        yield f"{name} is named by no test file: write `-- tests: {name}` into the one that tests it"
    for name in sorted(set(named) - scripts):
        yield f"tests/{named[name]} names {name}, which does not exist"


def copies():
    """Files that the original and the reference set share."""
    original, reference = ROOT / SETS[1], ROOT / SETS[2]
    for name in sorted(scripts_of(original) | scripts_of(reference)):
        if name == "validation/00_work.lua":
            if (reference / name).exists():
                yield f"{SETS[2]}/{name}: the reference rules do not wait"
        elif not (original / name).exists() or not (reference / name).exists():
            yield f"{name} must be in both {SETS[1]} and {SETS[2]}"
        elif (original / name).read_bytes() != (reference / name).read_bytes():
            yield f"{name} differs between {SETS[1]} and {SETS[2]}"


def main():
    faults = [f"{name}: {fault}" for name in SETS for fault in faults_of(ROOT / name)] + list(copies())
    print("\n".join(faults) if faults else "every script is named by a test")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
