#!/bin/sh
# Makes the Debian packages; --help says how to use it.
set -eu

help() {
    cat <<END
Usage: build-deb.sh [--no-install] [--no-check] [--tarball FILE] [DIRECTORY]

Makes the packages pganchor, pganchor-libpq, pganchor-keyring, libpganchor0 and
libpganchor-dev, and the source package, in DIRECTORY (left out: build/packages
of this tree), by dpkg-buildpackage.
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
            tarball=$2
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
[ "$install" = no ] || "$packaging/dependencies.sh" build package

work=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
[ -n "$tarball" ] || tarball=$("$packaging/make-dist.sh" "$work/dist")
name=$(basename "$tarball" .tar.xz)
version=${name#pganchor-}

mkdir "$work/build"
cp "$tarball" "$work/build/pganchor_$version.orig.tar.xz"
tar -x -C "$work/build" -f "$tarball"
cd "$work/build/$name"
cp -R packaging/debian debian
# The date of the release is that of its newest file: the same tarball makes the same packages.
newest=$(find . -type f -printf '%T@\n' | sort -n | tail -n 1 | cut -d . -f 1)
date=$(date -uR -d "@$newest")
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" debian/changelog.in >debian/changelog
rm debian/changelog.in

[ "$check" = yes ] || export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:+$DEB_BUILD_OPTIONS }nocheck"
dpkg-buildpackage -us -uc --build=full
cd ..
for file in *.deb *.dsc *.debian.tar.* *.orig.tar.* *.buildinfo *.changes; do
    cp "$file" "$target/"
    case $file in *-dbgsym_*) ;; *.deb) echo "$target/$file" ;; esac
done
