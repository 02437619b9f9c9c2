#!/bin/bash
# Builds libpq as others than Debian do; --help says how to use it.
set -euo pipefail

help() {
    cat <<END
Usage: tests/libpqs/build.sh SOURCES DIRECTORY [NAME...]

Builds libpq.so.5 out of PostgreSQL's unpacked SOURCES in different ways, each
as DIRECTORY/NAME/libpq.so.5, or only those that are named. Where libpq's calls of
its own exported functions are bound depends on how it was built:

  gcc                    as Debian does: through the PLT
  clang                  the same, by another compiler
  bsymbolic-functions    -Wl,-Bsymbolic-functions, Ubuntu's default
  bsymbolic              -Wl,-Bsymbolic
  no-interposition       -fno-semantic-interposition
  no-interposition-lto   -fno-semantic-interposition and LTO
  protected              protected visibility
  sysv-hash              a DT_HASH alone, no DT_GNU_HASH
  versions               its symbols have versions, as Red Hat's have
  openssl-inside         OpenSSL linked into it, its names hidden

libpq has what Debian's has: OpenSSL, GSSAPI, LDAP, OAuth. It runs on the
Debian release that it was built on.
END
}

case ${1:-} in
    --help | -h)
        help
        exit 0
        ;;
esac
[ $# -ge 2 ] || { help >&2; exit 2; }
sources=$(cd "$1" && pwd)
mkdir -p "$2"
directory=$(cd "$2" && pwd)
shift 2
all=(gcc clang bsymbolic-functions bsymbolic no-interposition no-interposition-lto protected sysv-hash versions openssl-inside)
[ $# -gt 0 ] || set -- "${all[@]}"

work=$directory/build
part=$work/src/interfaces/libpq
jobs=$(nproc)
# What PostgreSQL needs of a compiler, whichever it is; the warnings are not ours.
flags='-O2 -g -fno-strict-aliasing -fwrapv -w'

# logged NAME COMMAND...: what a build says is of interest only when it fails.
logged() {
    local log=$directory/$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 40 "$log" >&2
        return 1
    }
}

# What all of them share: the settings, the generated headers, and the static libraries that become part of libpq.
prepare() (
    mkdir -p "$work"
    cd "$work"
    [ -e config.status ] || logged configure "$sources/configure" CFLAGS="$flags" --with-ssl=openssl --with-gssapi --with-ldap \
        --with-libcurl --without-icu --without-readline --without-zlib --disable-rpath || {
        rm -f config.status
        exit 1
    }
    logged common make -j"$jobs" -C src/interfaces/libpq all-shared-lib
)

# build NAME [MAKE-VARIABLE=VALUE]...
build() {
    logged "$1" make -C "$part" clean
    build_again "$@"
}

build_again() {
    local name=$1 made
    shift
    logged "$name" make -j"$jobs" -C "$part" all-shared-lib "$@"
    made=$(readlink -f "$part/libpq.so.5")
    mkdir -p "$directory/$name"
    cp "$made" "$directory/$name/libpq.so.5.new"
    mv "$directory/$name/libpq.so.5.new" "$directory/$name/libpq.so.5"
    echo "$name: built"
}

prepare
for name; do
    case $name in
        gcc) build "$name" ;;
        clang) build "$name" CC=clang ;;
        bsymbolic-functions) build "$name" LDFLAGS_SL=-Wl,-Bsymbolic-functions ;;
        bsymbolic) build "$name" LDFLAGS_SL=-Wl,-Bsymbolic ;;
        no-interposition) build "$name" COPT=-fno-semantic-interposition ;;
        # The static libraries stay as they are: it is libpq's own calls that matter.
        no-interposition-lto) build "$name" COPT='-fno-semantic-interposition -flto=auto' ;;
        protected) build "$name" COPT=-fvisibility=protected ;;
        sysv-hash) build "$name" LDFLAGS_SL=-Wl,--hash-style=sysv ;;
        # Some of one version, some of another, and some of none.
        versions)
            logged exports make -C "$part" clean exports.list
            # shellcheck disable=SC2016 # the last line, to sed
            sed -i -e 's/^{ *global:/RHPG_9.6 { global:/' -e 's/^ *PQresultMemorySize;//' -e '$aRHPG_12 { global: PQresultMemorySize; } RHPG_9.6;' \
                "$part/exports.list"
            build_again versions
            ;;
        openssl-inside)
            build "$name" SHLIB_LINK='-l:libssl.a -l:libcrypto.a -lgssapi_krb5 -lldap -llber -lm'
            ;;
        *)
            echo "build.sh: $name: no such build" >&2
            exit 2
            ;;
    esac
done
rm -rf "$work"
