#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints "PASSED FAILED" of a testlog.json as meson writes it: a JSON object a line, each with a result."""
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def main():
    passed = failed = 0
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            result = json.loads(line)["result"]
            if result in PASSED:
                passed += 1
            elif result not in SKIPPED:
                failed += 1
    print(passed, failed)


if __name__ == "__main__":
    main()
