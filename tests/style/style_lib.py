# SPDX-License-Identifier: MIT
"""What the style checks share: the files of the project, C without its comments and strings, and the way to complain."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("engine", "plugins", "examples", "tests", "scripts", "docs")
SKIPPED = {".git", "__pycache__", "data"}


def files(*endings, folders=FOLDERS):
    """Paths from the root of the project, sorted."""
    found = []
    for folder in folders:
        for place, names, leaves in os.walk(os.path.join(ROOT, folder)):
            names[:] = [name for name in names if name not in SKIPPED and not name.startswith("build")]
            for leaf in leaves:
                if leaf.endswith(endings):
                    found.append(os.path.relpath(os.path.join(place, leaf), ROOT))
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


C_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """The text with comments and literals blanked, so that line numbers stay."""
    return C_NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def finish(complaints):
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    sys.exit(1 if complaints else 0)
