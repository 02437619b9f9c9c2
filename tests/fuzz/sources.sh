#!/bin/sh
# Prints the C files, on one line, that lists of sources.mk name: tests/fuzz/sources.sh BASE POLICY
set -eu
[ $# -gt 0 ] || { echo "Usage: sources.sh LIST..." >&2; exit 2; }
top=$(cd "$(dirname "$0")/../.." && pwd)
lists=
for name; do
    lists="$lists \$($name)"
done
# shellcheck disable=SC2016 # make's function
printf 'include %s/sources.mk\nall:\n\t@echo $(filter %%.c,%s)\n' "$top" "$lists" | make -s -f -
