#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang-format has nothing to change. Exit 77 (skipped) where it is not installed."""
import shutil
import subprocess
import sys

from style_lib import ROOT, files


def main():
    program = shutil.which("clang-format") or shutil.which("clang-format-14")
    if program is None:
        print("clang-format is not installed; `./dev lint` brings it")
        sys.exit(77)
    paths = files(".c", ".h", ".cc", folders=("engine", "plugins", "examples", "tests"))
    if not paths:
        return
    done = subprocess.run([program, "--dry-run", "-Werror", *paths], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        wrong = sorted({line.split(":")[0] for line in done.stderr.split("\n") if "clang-format-violations" in line})
        print("not laid out as .clang-format says (`./dev format` does it):", *wrong, sep="\n  ", file=sys.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
