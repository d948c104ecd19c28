#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the engine's Lua files as C arrays: embed.py OUTPUT FILE..."""
import os
import sys


def main():
    output, paths = sys.argv[1], sys.argv[2:]
    lines = ["/* Made by embed.py from the files of lua/. */", '#include "script/script_impl.h"', ""]
    entries = []
    for number, path in enumerate(sorted(paths, key=os.path.basename)):
        with open(path, "rb") as file:
            text = file.read()
        lines.append(f"static const char file_{number}[] = {{")
        for at in range(0, len(text), 24):
            lines.append("    " + ", ".join(str(byte if byte < 128 else byte - 256) for byte in text[at:at + 24]) + ",")
        lines.append("};")
        entries.append(f'    {{"{os.path.basename(path)}", file_{number}, sizeof(file_{number})}},')
    lines += ["", "const struct ordo__embedded ordo__embedded[] = {", *entries, "};"]
    lines.append(f"const size_t ordo__embedded_count = {len(entries)};")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
