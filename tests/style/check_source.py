#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls that are not used here, licence lines, and the size of files."""
import re

from style_lib import code_only, files, finish, line_of, read

BANNED = {
    "strcpy": "snprintf, or memcpy with a length",
    "strcat": "snprintf, or struct ordo_buffer",
    "strncpy": "snprintf, or memcpy with a length",
    "strncat": "snprintf, or struct ordo_buffer",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "atoi": "strtol with a look at its end",
    "atol": "strtol with a look at its end",
    "atoll": "strtoll with a look at its end",
    "atof": "strtod with a look at its end",
    "strtok": "strcspn or memchr",
    "alloca": "an array of fixed size, or an arena",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "localtime": "gmtime_r",
    "gmtime": "gmtime_r",
    "ctime": "ordo_time_format",
    "usleep": "a waker, or clock_nanosleep",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
MAX_LINES = 500
INCLUDED_OFTEN = ("_table.h", "_parts.h", "_schemas.h")  # rows or text for whoever includes them


def main():
    complaints = []
    for path in files(".c", ".h", ".cc", ".py", "meson.build"):
        text = read(path)
        if text.strip() and "SPDX-License-Identifier: MIT" not in "\n".join(text.split("\n", 4)[:4]):
            complaints.append(f"{path}:1: the line \"SPDX-License-Identifier: MIT\" is missing at the top")
    for path in files(".c", ".h", ".cc"):
        text = read(path)
        code = code_only(text)
        for match in CALL.finditer(code):
            name = match.group(1)
            complaints.append(f"{path}:{line_of(code, match.start())}: {name} is not used here: {BANNED[name]}")
        if path.startswith(("engine/", "plugins/")) and text.count("\n") > MAX_LINES:
            complaints.append(f"{path}: {text.count(chr(10))} lines; above {MAX_LINES} a file wants to be two")
        if path.endswith(".h") and "#pragma once" not in text and not path.endswith(INCLUDED_OFTEN):
            complaints.append(f"{path}: #pragma once is missing")
    finish(complaints)


if __name__ == "__main__":
    main()
