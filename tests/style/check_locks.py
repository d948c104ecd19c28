#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The locks of the engine: each has a name, in order, and a row in the table of docs/architecture.md; none is a plain
mutex."""
import re

from style_lib import code_only, files, finish, line_of, read

PLAIN = re.compile(r"\bpthread_(mutex|rwlock|cond)_(lock|trylock|rdlock|wrlock|wait|timedwait|unlock)\b")
HOME = ("engine/base/lock.c", "engine/base/lock.h")


def main():
    complaints = []
    table = re.findall(r'^X\((\w+), "([^"]+)"\)', read("engine/base/lock_table.h"), re.M)
    names = [name for name, _ in table]
    if names != sorted(names):
        complaints.append("engine/base/lock_table.h: its names are not in order")
    text = read("docs/architecture.md")
    section = text[text.index("\n## Locks\n"):text.index("\n## Failure\n")]
    rows = [re.sub(r"[`]| \([^)]*\)$", "", row) for row in re.findall(r"^\| ([^|]+?) \|", section, re.M)]
    rows = [row for row in rows if row != "lock" and not row.startswith(("store_", "exporter_"))]
    for _, lock in table:
        if lock not in rows:
            complaints.append(f"docs/architecture.md: the table of locks has no row for {lock}")
    for row in rows:
        if row not in [lock for _, lock in table]:
            complaints.append(f"docs/architecture.md: {row} is in the table of locks, and not in base/lock_table.h")
    for path in files(".c", ".h", folders=("engine",)):
        code = code_only(read(path))
        for match in PLAIN.finditer(code):
            if path not in HOME:
                complaints.append(f"{path}:{line_of(code, match.start())}: {match.group()} is not used here: ordo_lock, "
                                  "whose waits can be seen (base/lock.h)")
        for name in re.findall(r"\bORDO_LOCK_([A-Z_]+)\b", code):
            if name not in (*names, "COUNT", "INITIALIZER"):
                complaints.append(f"{path}: ORDO_LOCK_{name} is not in base/lock_table.h")
    finish(complaints)


if __name__ == "__main__":
    main()
