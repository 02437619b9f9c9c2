#!/bin/bash
# Copies the sources, and nothing that building leaves behind, to DIRECTORY: builds in a copy never dirty the tree, and do not
# mind one that is configured in place. DIRECTORY is new, or empty, or such a copy, which then is brought up to date; nothing that
# did not come from here is taken away or written over.
set -euo pipefail

[ $# = 1 ] || { echo "Usage: copy-sources.sh DIRECTORY" >&2; exit 2; }

# refuse WHAT: the directory holds what is not ours to change.
refuse() {
    printf 'copy-sources.sh: %s\n    name a directory that is new or empty, or an earlier copy\n' "$1" >&2
    exit 1
}

tree=$(cd "$(dirname "$0")/.." && pwd -P)
[ ! -e "$1" ] || [ -d "$1" ] || refuse "$1: is no directory"
target=$(realpath -m -- "$1")
case $tree/ in
    "$target"/*) refuse "$1: the tree itself, or a directory around it" ;;
esac
case $target/ in
    "$tree"/*)
        git -c safe.directory='*' -C "$tree" check-ignore -q -- "$target/." 2>/dev/null ||
            refuse "$1: lies in the tree, and git does not ignore it"
        ;;
esac

# The first of the names in a copy's own list, which no file has.
mark='pganchor: a copy of its sources/'
list=$target/.sources
is_copy() {
    local first
    [ -f "$list" ] && [ ! -L "$list" ] && [ -O "$list" ] && IFS= read -r -d '' first <"$list" && [ "$first" = "$mark" ]
}
if [ -d "$target" ] && [ -n "$(ls -A -- "$target")" ]; then
    is_copy || refuse "$1: is not empty, and no copy that copy-sources.sh has made"
fi
mkdir -p -- "$target"
cd "$tree"

# What git tracks or would track; in an unpacked release, everything but products.
sources() {
    # A tree of another user's (root builds in ours, say) is read all the same.
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
    else
        find . \( -name .git -o -name .deps -o -name .libs -o -name __pycache__ -o -name .pytest_cache \
            -o -name autom4te.cache -o -path ./coverage -o -path './pganchor-[0-9]*' \) -prune \
            -o \( -type f -o -type l \) \
            ! -name '*.o' ! -name '*.lo' ! -name '*.la' ! -name '*.pyc' ! -name .dirstamp \
            ! -path ./Makefile ! -path ./config.h ! -path ./config.log ! -path ./config.status \
            ! -path ./libtool ! -path ./stamp-h1 ! -path ./pganchor ! -path ./pganchor.pc ! -path ./.sources \
            -printf '%P\0'
    fi
}

# names FILE: what a copy's list names, sorted.
names() {
    [ ! -e "$1" ] || tail -z -n +2 -- "$1"
}

# A file that git knows and somebody has just deleted is not there to be copied.
{
    printf '%s\0' "$mark"
    sources | LC_ALL=C sort -zu | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"
    done
} >"$list.new"
# What is gone must not be built from; and with another set of files, ./configure is made again.
if [ -e "$list" ] && ! cmp -s "$list.new" "$list"; then
    LC_ALL=C comm -z -13 <(names "$list.new") <(names "$list") | (cd "$target" && xargs -0r rm -f --)
    rm -f -- "$target/configure"
fi
mv -- "$list.new" "$list"
packed() {
    names "$list" | tar -c --no-recursion --null -T - -f -
}
# Times are kept, so that make builds again only what has changed. But what is another file than it was has its time from now: it may
# have been changed while the copy before it was built, and be older than what was made of that.
changed=$(packed | LC_ALL=C tar -d -C "$target" -f - 2>/dev/null | sed -nE 's/: (Contents differ|Size differs)$//p' | sort -u) || true
packed | tar -x -C "$target" -f -
[ -z "$changed" ] || (cd "$target" && printf '%s\n' "$changed" | xargs -d '\n' touch --)
