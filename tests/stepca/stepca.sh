#!/bin/sh
# A real step-ca for tests and for the quick start; --help says how to use it.
set -eu

help() {
    cat <<END
Usage: stepca.sh build
       stepca.sh init DIRECTORY [--address HOST:PORT] [--dns NAME,...] [--name NAME]
       stepca.sh run DIRECTORY
       stepca.sh issue DIRECTORY --cert FILE --key FILE [--not-after TIME] NAME...

build  Build the program, unless that was done for these sources, and print its
       path. The other commands do so by themselves. It is kept in
       \$PGANCHOR_TEST_CACHE, else in \$XDG_CACHE_HOME/pganchor-tests, else in
       \${TMPDIR:-/tmp}/pganchor-tests-UID.
init   Make a CA in DIRECTORY, which is made and must be empty: a root, an
       intermediate, the JWK provisioner "tests" and an ACME one. Prints the
       root's fingerprint. The root is DIRECTORY/certs/root_ca.crt,
       the password of all keys is in DIRECTORY/password.
run    Be that CA, in the foreground, until SIGTERM (this shell is replaced, so
       \$! is the CA's process). It answers as soon as GET /health does.
issue  Let the running CA sign a certificate for the NAMEs (DNS names and IP
       addresses), by a one-time token and POST /sign: the chain without the
       root to --cert, the private key to --key.

Needs Debian's golang-go and golang-github-smallstep-certificates-dev.
END
}

sources=$(cd "$(dirname "$0")" && pwd)

# A cache in a shared temporary directory must be our own and nobody else's to
# write: what lies in it is executed.
cache_directory() {
    if [ -n "${PGANCHOR_TEST_CACHE:-}" ]; then
        directory=$PGANCHOR_TEST_CACHE
    elif [ -n "${XDG_CACHE_HOME:-}" ]; then
        directory=$XDG_CACHE_HOME/pganchor-tests
    else
        directory=${TMPDIR:-/tmp}/pganchor-tests-$(id -u)
    fi
    (umask 077 && mkdir -p "$directory")
    if [ ! -O "$directory" ]; then
        echo "stepca.sh: $directory: belongs to somebody else" >&2
        echo "    set PGANCHOR_TEST_CACHE to a directory of your own" >&2
        return 1
    fi
    (cd "$directory" && pwd)
}

# The name of the program holds the digest of its sources, so an old one is never used.
build() {
    command -v go >/dev/null || {
        echo "stepca.sh: go: not found; install golang-go and golang-github-smallstep-certificates-dev" >&2
        return 1
    }
    cache=$(cache_directory)
    digest=$(cat "$sources"/*.go | sha256sum | cut -c 1-16)
    program=$cache/stepca-$digest
    if [ ! -x "$program" ]; then
        (
            cd "$sources"
            GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' CGO_ENABLED=0 \
                GOCACHE=$cache/go-build HOME=$cache \
                go build -o "$program.$$" .
        ) >&2
        mv "$program.$$" "$program"
    fi
    echo "$program"
}

case ${1:-} in
    build)
        build
        ;;
    init | run | issue)
        command=$1
        [ $# -ge 2 ] || { help >&2; exit 2; }
        directory=$2
        shift 2
        program=$(build)
        [ "$command" != init ] || (umask 077 && mkdir -p "$directory")
        directory=$(cd "$directory" && pwd)
        exec env STEPPATH="$directory" HOME="$directory" "$program" "$command" "$@"
        ;;
    --help | -h)
        help
        ;;
    *)
        help >&2
        exit 2
        ;;
esac
