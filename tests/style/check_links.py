#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Links inside of the documents lead somewhere: to files that exist, and to headings that are there."""
import os
import re

from style_lib import ROOT, files, finish, line_of, read

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.M)


def prose(text):
    """Without fenced blocks, which may hold anything; line numbers stay."""
    return FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def anchors(path):
    """The names under which headings are reached, as they are made on the usual hosts."""
    found = set()
    for heading in HEADING.findall(prose(read(path))):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number, base = 1, name
        while name in found:
            name = f"{base}-{number}"
            number += 1
        found.add(name)
    return found


def main():
    complaints = []
    documents = [name for name in ("README.md", "NEWS.md") if os.path.exists(os.path.join(ROOT, name))]
    for path in documents + files(".md"):
        text = prose(read(path))
        for match in LINK.finditer(text):
            target, place = match.group(1), f"{path}:{line_of(text, match.start())}"
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            goal = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(os.path.join(ROOT, goal)):
                complaints.append(f"{place}: {target} leads nowhere")
            elif anchor and goal.endswith(".md") and anchor not in anchors(goal):
                complaints.append(f"{place}: {goal} has no heading #{anchor}")
    finish(complaints)


if __name__ == "__main__":
    main()
