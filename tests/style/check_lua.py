#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""luacheck finds nothing in the Lua code. Exit 77 (skipped) where it is not installed."""
import shutil
import subprocess
import sys

from style_lib import ROOT, files


def main():
    program = shutil.which("luacheck")
    if program is None:
        print("luacheck is not installed; its package is lua-check")
        sys.exit(77)
    # Rule sets of tests and the benchmark's scripts are broken on purpose or made for other programs.
    paths = files(".lua", folders=("scripts", "examples", "engine"))
    if paths:
        sys.exit(subprocess.run([program, "--no-color", "-q", *paths], cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
