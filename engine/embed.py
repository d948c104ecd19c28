#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes files as a table in C: embed.py OUTPUT HEADER TABLE FILE...

HEADER declares `extern const struct ordo_embedded TABLE[]` and `extern const size_t TABLE_count`."""
import os
import sys


def main():
    output, header, table, paths = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    lines = ["/* Made by embed.py. */", f'#include "{header}"', ""]
    entries = []
    for number, path in enumerate(sorted(paths, key=os.path.basename)):
        with open(path, "rb") as file:
            text = file.read()
        lines.append(f"static const char file_{number}[] = {{")
        for at in range(0, len(text), 24):
            lines.append("    " + ", ".join(str(byte if byte < 128 else byte - 256) for byte in text[at:at + 24]) + ",")
        lines.append("};")
        entries.append(f'    {{"{os.path.basename(path)}", file_{number}, sizeof(file_{number})}},')
    lines += ["", f"const struct ordo_embedded {table}[] = {{", *entries, "};"]
    lines.append(f"const size_t {table}_count = {len(entries)};")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
