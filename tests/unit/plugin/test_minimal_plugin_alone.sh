#!/bin/sh
# SPDX-License-Identifier: MIT
# The one line of the minimal plugin's README builds it, with nothing of the engine but its headers. The plugin has no
# symbol of the engine left undefined, and exports its entry alone.
set -eu
source=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/examples" "$folder/engine"
cp -r "$source/examples/minimal_plugin" "$folder/examples/"
cp -r "$source/engine/include" "$folder/engine/"
cd "$folder/examples/minimal_plugin"
line=$(grep -E '^cc ' README.md)
sh -c "$line -Wl,--no-undefined -Werror"
exported=$(nm -D --defined-only minimal_plugin.so | awk '{print $3}')
test "$exported" = ordo_plugin_entry || { echo "exports: $exported"; exit 1; }
