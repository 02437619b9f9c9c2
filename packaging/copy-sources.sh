#!/bin/bash
# Copies the sources, and nothing that building leaves behind, to FOLDER: builds
# in a copy never dirty the tree, and do not mind one that is configured in place.
set -euo pipefail

[ $# = 1 ] || { echo "Usage: copy-sources.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

# What git tracks or would track; in an unpacked release, everything but products.
list() {
    # A tree of another user's (root builds in ours, say) is read all the same.
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
    else
        find . \( -name .git -o -name .deps -o -name .libs -o -name __pycache__ -o -name .pytest_cache \
            -o -name autom4te.cache -o -path './pganchor-[0-9]*' \) -prune \
            -o \( -type f -o -type l \) \
            ! -name '*.o' ! -name '*.lo' ! -name '*.la' ! -name '*.pyc' ! -name .dirstamp \
            ! -path ./Makefile ! -path ./config.h ! -path ./config.log ! -path ./config.status \
            ! -path ./libtool ! -path ./stamp-h1 ! -path ./pganchor ! -path ./pganchor.pc \
            -printf '%P\0'
    fi
}

# A file that git knows and somebody has just deleted is not there to be copied.
list | LC_ALL=C sort -zu | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"
done >"$target/.sources.new"
# Another set of files: begin again, so that one that is gone is not built from.
if ! cmp -s "$target/.sources.new" "$target/.sources"; then
    find "$target" -mindepth 1 -maxdepth 1 ! -name .sources.new -exec rm -rf {} +
fi
mv "$target/.sources.new" "$target/.sources"
# Times are kept, so that make builds again only what has changed.
tar -c --no-recursion --null -T "$target/.sources" -f - | tar -x -C "$target" -f -
