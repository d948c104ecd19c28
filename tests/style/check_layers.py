#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point down only, and each library is included in its one place."""
import re

from style_lib import files, finish, line_of, read

# A layer may include itself and layers of a lower rank; siblings have the same rank.
RANK = {"base": 0, "core": 1, "vm": 2, "metrics": 2, "script": 3, "profile": 3, "plugin": 3, "worker": 4, "http": 5, "cli": 6}

# Headers of libraries, and the layers that may include them.
LIBRARIES = {
    r"h2o[./].*": {"http"},
    r"(lua|luajit|lauxlib|lualib)\.h": {"vm", "script"},
    r"simdjson.*": {"base"},
    r"yaml\.h": {"core"},
    r"curl/.*": {"cli"},
    r"(elfutils/.*|dwarf\.h|gelf\.h)": {"profile"},
    r"rocksdb/.*": set(),
    r"(zlib\.h|protobuf-c/.*|.*\.pb-c\.h)": {"profile"},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def check_engine(path, complaints):
    layer = path.split("/")[1]
    if layer == "include":
        for match in INCLUDE.finditer(read(path)):
            name, place = match.group(2), f"{path}:{line_of(read(path), match.start())}"
            if match.group(1) == '"' or ("/" in name and not name.startswith("ordo/")):
                complaints.append(f"{place}: a public header includes <ordo/...> and the C library only, not {name}")
        return
    if layer not in RANK:
        complaints.append(f"{path}: \"{layer}\" is no layer that tests/style/check_layers.py knows")
        return
    text = read(path)
    for match in INCLUDE.finditer(text):
        name, place = match.group(2), f"{path}:{line_of(text, match.start())}"
        if match.group(1) == '"':
            other = name.split("/")[0]
            if "/" not in name:
                complaints.append(f'{place}: write "{layer}/{name}": includes start at engine/')
            elif other not in RANK:
                complaints.append(f"{place}: {name} is of no layer")
            elif other != layer and RANK[other] >= RANK[layer]:
                complaints.append(f"{place}: {layer} must not include {name}: dependencies point down only")
        for pattern, layers in LIBRARIES.items():
            if re.fullmatch(pattern, name) and layer not in layers:
                complaints.append(f"{place}: {name} is included in {' and '.join(sorted(layers)) or 'plugins'} only")


def check_plugin(path, complaints):
    text = read(path)
    for match in INCLUDE.finditer(text):
        name, place = match.group(2), f"{path}:{line_of(text, match.start())}"
        if match.group(1) == '"' and "/" in name:
            complaints.append(f"{place}: a plugin includes <ordo/...> and files of its own folder, not {name}")


def main():
    complaints = []
    for path in files(".c", ".h", ".cc", folders=("engine",)):
        check_engine(path, complaints)
    for path in files(".c", ".h", folders=("plugins",)):
        check_plugin(path, complaints)
    finish(complaints)


if __name__ == "__main__":
    main()
