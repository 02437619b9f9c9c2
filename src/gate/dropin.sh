#!/bin/sh
# The exports map of the drop-in, from wrappers.h and the libpq that it is to stand before: where a distribution gives libpq's
# symbols versions (Red Hat's RHPG_9.6), programs ask for those, and ld.so warns of a libpq.so.5 that lacks them. A symbol without
# a version answers for all.
#
# Usage: dropin.sh WRAPPERS.H LIBPQ NM
set -eu

wrappers=$1 libpq=$2 nm=$3
names=$(sed -n 's/^[[:space:]]*WRAPPER(with, [^,]*, \(PQ[A-Za-z]*\),.*/\1/p' "$wrappers")
[ -n "$names" ] || { echo "dropin.sh: $wrappers: no wrappers found" >&2; exit 1; }
[ -r "$libpq" ] || { echo "dropin.sh: cannot read $libpq, whose versions of symbols the drop-in is to have" >&2; exit 1; }

# NAME VERSION of each that has one.
# shellcheck disable=SC2086 # it may be "nm -B"
symbols=$($nm -D --defined-only --with-symbol-versions "$libpq")
versions=$(echo "$symbols" | sed -n 's/.* \(PQ[A-Za-z]*\)@@*\([^@]*\)$/\1 \2/p')
if [ -z "$versions" ]; then
    echo "{ global: PQ*; chroot; pganchor_gate_1; local: *; };"
    exit 0
fi
# A version that nothing here has, programs may need all the same.
for version in $(echo "$versions" | sed 's/.* //' | sort -u); do
    echo "$version {"
    echo "$versions" | sed -n "s/ $version\$//p" | grep -xF "$names" | sed -e '1i global:' -e 's/$/;/' || :
    echo "};"
done
