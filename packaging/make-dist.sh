#!/bin/sh
# Makes pganchor-VERSION.tar.xz in DIRECTORY out of a copy of this tree, and prints its path.
set -eu

[ $# = 1 ] || { echo "Usage: make-dist.sh DIRECTORY" >&2; exit 2; }
mkdir -p -- "$1"
target=$(cd "$1" && pwd)
packaging=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

make_tarball() {
    "$packaging/copy-sources.sh" "$work/source" && "$work/source/autogen.sh" && mkdir "$work/build" &&
        cd "$work/build" && "$work/source/configure" && make dist
}

if ! (make_tarball) >"$work/log" 2>&1; then
    cat "$work/log" >&2
    echo "make-dist.sh: the tarball could not be made: see above" >&2
    exit 1
fi
tarball=$(cd "$work/build" && echo pganchor-*.tar.xz)
mv "$work/build/$tarball" "$target/"
echo "$target/$tarball"
