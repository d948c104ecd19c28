#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The orders in examples/ become what their names say, with the rules that ship; so does each line of the batch.

The figures are worked out by hand, beside them.
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["ORDO_BUILD"]) / "ordo"
CONFIG = ROOT / "tests/script/rules.yaml"
ORDERS = ROOT / "examples/orders"

EXPECTED = {
    # 5 % and 10 % of 101.98; 7 % of 42.07 for the book, 19 % of 44.61
    "reference.json": {"decision": "accepted", "subtotal": 10198, "discount": 1530, "tax": 1142, "total": 9810,
                       "route": "express"},
    # 124.80 less 2 % (2.496) is 122.30, from 100.00 on free to France; the book's part of the discount is 0.70: 34.20 at
    # 5.5 % is 1.881; 88.10 at 20 % is 17.62; 141.80, of which the card pays 50.00
    "gift_card.json": {"decision": "accepted", "subtotal": 12480, "discount": 250, "fee": 0, "tax": 188 + 1762,
                       "total": 14180, "paid": 5000, "due": 9180, "route": "standard",
                       "shipments": [{"name": "berlin", "items": [1]}, {"name": "hamburg", "items": [2]}]},
    # 60 pieces: 3 % off 7,740.00; above 5,000.00, more than 50, basic: 80
    "held.json": {"decision": "held", "status": "held", "discount": 23220, "attributes": {"score": 80}},
    "invalid.json": {"code": "invalid_order"},
}
INVALID_FIELDS = ["items[1].qty", "items[2].price", "customer.country", "customer.tier", "items[2].sku", "items[2].qty",
                  "coupon"]
BATCH = ["accepted", "accepted", "accepted", "accepted", None, "accepted"]


def decide(order):
    # Variables that begin with ORDO_ are options of the engine.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ORDO_")}
    result = subprocess.run([PROGRAM, "run", "--json", "--order", "-", "-c", CONFIG, "--rules", ROOT / "scripts"],
                            input=order, capture_output=True, check=False, env=environment)
    if not result.stdout:
        raise SystemExit(f"ordo run: {result.stderr.decode()}")
    return json.loads(result.stdout)


def differences(name, answer, expected):
    return [f"{name}: {key} is {answer.get(key)!r}, not {value!r}" for key, value in expected.items()
            if answer.get(key) != value]


def main():
    faults = []
    for name, expected in EXPECTED.items():
        answer = decide((ORDERS / name).read_bytes())
        faults += differences(name, answer, expected)
        if name == "invalid.json":
            fields = [problem["field"] for problem in answer.get("problems", [])]
            faults += differences(name, {"fields": sorted(fields)}, {"fields": sorted(INVALID_FIELDS)})
    lines = (ORDERS / "batch.ndjson").read_bytes().splitlines()
    faults += differences("batch.ndjson", {"lines": [decide(line).get("decision") for line in lines]}, {"lines": BATCH})
    print("\n".join(faults) if faults else "the example orders are decided as they should")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
