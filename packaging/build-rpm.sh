#!/bin/sh
# Makes the RPM packages; --help says how to use it.
set -eu

help() {
    cat <<END
Usage: build-rpm.sh [--no-install] [--no-check] [--tarball FILE] [DIRECTORY]

Makes the packages pganchor, pganchor-libpq, pganchor-keyring, libpganchor and
libpganchor-devel, and the source package, in DIRECTORY (left out: build/packages
of this tree), by rpmbuild.
The tree itself is left as it is. Needs no root, but to install what is missing.

  --no-install     install no package that building needs
  --no-check       do not run the units
  --tarball FILE   build this release, as made by make-dist.sh
END
}

install=yes
check=yes
tarball=
while [ $# -gt 0 ]; do
    case $1 in
        --no-install) install=no ;;
        --no-check) check=no ;;
        --tarball)
            [ $# -ge 2 ] || { help >&2; exit 2; }
            tarball=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
            shift
            ;;
        --help | -h)
            help
            exit 0
            ;;
        -*)
            help >&2
            exit 2
            ;;
        *) break ;;
    esac
    shift
done
[ $# -le 1 ] || { help >&2; exit 2; }

packaging=$(cd "$(dirname "$0")" && pwd)
target=${1:-$packaging/../build/packages}
mkdir -p "$target"
target=$(cd "$target" && pwd)

# On Debian, what a spec file requires cannot be looked up: the packages that are installed are in
# dpkg's database, and have other names. packaging/dependencies.sh has installed them.
options=
[ "$check" = yes ] || options=--nocheck
if command -v dpkg-query >/dev/null && [ ! -e /etc/redhat-release ]; then
    [ "$install" = no ] || "$packaging/dependencies.sh" build package
    options="$options --nodeps"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-rpm.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
[ -n "$tarball" ] || tarball=$("$packaging/make-dist.sh" "$work/dist")
name=$(basename "$tarball" .tar.xz)
version=${name#pganchor-}

mkdir -p "$work/top/SOURCES" "$work/top/SPECS" "$work/home"
cp "$tarball" "$work/top/SOURCES/"
tar -x -C "$work" -f "$tarball"
# The date of the release is that of its newest file: the same tarball makes the same packages.
newest=$(find "$work/$name" -type f -printf '%T@\n' | sort -n | tail -n 1 | cut -d . -f 1)
date=$(LC_ALL=C date -u -d "@$newest" '+%a %b %d %Y')
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" "$work/$name/packaging/pganchor.spec.in" >"$work/top/SPECS/pganchor.spec"
# The user's own rpm macros have no part in this, and no rpm database of the machine's is asked or made.
# shellcheck disable=SC2086 # words on purpose
HOME=$work/home rpmbuild -ba $options --define "_topdir $work/top" --define "_dbpath $work/db" \
    "$work/top/SPECS/pganchor.spec"
find "$work/top/RPMS" "$work/top/SRPMS" -name '*.rpm' -exec cp {} "$target/" \; -printf "$target/%f\n" | sort
# libcurl's symbols have a version on Debian, which nobody else's have: no other machine's rpm could install these.
foreign=$(find "$work/top/RPMS" -name '*.rpm' -exec rpm --dbpath "$work/db" -qp --requires {} + | grep CURL_OPENSSL | sort -u) ||
    exit 0
cat >&2 <<END
build-rpm.sh: built on Debian, these packages require what its libcurl alone has: $foreign
    they are to look at; for Fedora and RHEL, build there: rpmbuild --rebuild $name-1.src.rpm
END
