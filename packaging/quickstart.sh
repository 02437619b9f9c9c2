#!/bin/bash
# The whole of pganchor on real parts, on this machine; --help says more.
set -euo pipefail

help() {
    cat <<END
Usage: packaging/quickstart.sh [--without-step-ca] [--no-install]

Builds pganchor, starts a real step-ca and a real PostgreSQL on loopback, and
shows what pganchor does: each step as the command that you would type and what
it printed. Everything is made in a temporary folder, which is removed at the
end, and nothing outside of it is touched, but that Debian packages which are
missing are installed (with sudo when not root).

  --without-step-ca   a small HTTPS server, made with OpenSSL, in step-ca's place
  --no-install        install no package

The status is 0 only when every step did what it should.
END
}

with_stepca=yes
install=yes
while [ $# -gt 0 ]; do
    case $1 in
        --without-step-ca) with_stepca=no ;;
        --no-install) install=no ;;
        --help | -h)
            help
            exit 0
            ;;
        *)
            help >&2
            exit 2
            ;;
    esac
    shift
done
exec </dev/null
umask 022

packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stepca=$packaging/../tests/stepca/stepca.sh
folder=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-quickstart.XXXXXX")
folder=$(cd "$folder" && pwd -P)
# PostgreSQL may have to run as somebody else, who must get to its own folder.
chmod 711 "$folder"
export PGANCHOR_TEST_CACHE=${PGANCHOR_TEST_CACHE:-$folder/cache}

# Every server is a child of ours; they are stopped in the order in which they were started.
servers=()
cleanup() {
    local status=$?
    trap - EXIT
    trap '' HUP INT TERM
    for pid in ${servers[@]+"${servers[@]}"}; do
        # SIGINT is PostgreSQL's fast shutdown; the CA stops at it too.
        kill -INT "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# fail WHAT [LOG]
fail() {
    [ -z "${2:-}" ] || cat "$2" >&2
    printf '\nquickstart.sh: %s\n' "$1" >&2
    exit 1
}

# say SENTENCE: what the next command is for.
say() {
    printf '\n%s\n' "$1"
}

# typed WORD...: the command as one would type it.
typed() {
    local word line=
    for word; do
        case $word in
            *[!A-Za-z0-9_=/:.,@%+-]* | '') word="'${word//\'/\'\\\'\'}'" ;;
        esac
        line+=" $word"
    done
    printf '$%s\n' "$line"
}

# quietly NAME COMMAND...: a long command whose output is of interest only when it fails.
quietly() {
    local name=$1 log=$folder/$1.log
    shift
    "$@" >"$log" 2>&1 || fail "$name failed" "$log"
}

# A user's own settings must have no part in this.
user() {
    (cd "$folder/home" && exec env -i HOME="$folder/home" PATH="$folder/stage/bin:$PATH" LANG=C.UTF-8 PSQL_PAGER=cat "$@")
}

# step STATUS PATTERN SENTENCE COMMAND...: run the command in the throw-away home; it must end with the
# status ("refused" is any but 0), and a line of its output must match the extended regular expression.
step() {
    local want=$1 pattern=$2 status=0
    say "$3"
    shift 3
    typed "$@"
    user "$@" >"$folder/output" 2>&1 || status=$?
    cat "$folder/output"
    case $want in
        refused) [ "$status" != 0 ] || fail "this should have been refused" ;;
        *) [ "$status" = "$want" ] || fail "this ended with status $status instead of $want" ;;
    esac
    grep -qE -- "$pattern" "$folder/output" || fail "nothing of that output is as expected: $pattern"
}

# A port that nobody answers on. Somebody may take it before us: the server then ends, and says why.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# start NAME COMMAND...: a server, killed by the kernel should we die before stopping it; sets $pid.
start() {
    local log=$folder/$1.log
    shift
    setpriv --pdeathsig KILL "$@" >"$log" 2>&1 &
    pid=$!
    servers+=("$pid")
}

# ready NAME COMMAND...: wait until the command succeeds, as long as the server lives.
ready() {
    local name=$1 tries
    shift
    for ((tries = 0; tries < 300; tries++)); do
        kill -0 "$pid" 2>/dev/null || fail "$name did not start" "$folder/$name.log"
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "$name does not answer" "$folder/$name.log"
}

# make_root NAME: a CA of its own, NAME.crt and NAME.key.
make_root() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=$1" \
        -keyout "$folder/$1.key" -out "$folder/$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# sign CA NAME: a certificate of that CA for this machine's loopback names, NAME.crt and NAME.key.
sign() {
    printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 extendedKeyUsage=serverAuth >"$folder/$2.ext"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
        -keyout "$folder/$2.key" -out "$folder/$2.csr" 2>/dev/null
    openssl x509 -req -in "$folder/$2.csr" -CA "$folder/$1.crt" -CAkey "$folder/$1.key" -CAcreateserial -days 7 \
        -extfile "$folder/$2.ext" -out "$folder/$2.crt" 2>/dev/null
}

# The real thing: sets $ca_url, $fingerprint, $root, and makes server.crt and server.key.
start_stepca() {
    local port
    port=$(free_port)
    fingerprint=$("$stepca" init "$folder/ca" --address "127.0.0.1:$port" --name Quickstart)
    start ca "$stepca" run "$folder/ca"
    ca_url=https://localhost:$port
    root=$folder/ca/certs/root_ca.crt
    ready ca curl -sf --noproxy '*' --cacert "$root" "$ca_url/health"
    "$stepca" issue "$folder/ca" --cert "$folder/server.crt" --key "$folder/server.key" localhost 127.0.0.1
}

# Three files over HTTPS, at the paths and in the form of step-ca's answers.
start_file_source() {
    local port
    port=$(free_port)
    make_root ca
    sign ca https
    sign ca server
    root=$folder/ca.crt
    fingerprint=$(openssl x509 -in "$root" -outform DER | sha256sum | cut -d ' ' -f 1)
    mkdir -p "$folder/www/root"
    printf '{"ca":"%s"}\n' "$(awk '{ printf "%s\\n", $0 }' "$root")" >"$folder/www/root/$fingerprint"
    echo '{"status":"ok"}' >"$folder/www/health"
    cd "$folder/www"
    start ca openssl s_server -quiet -WWW -accept "127.0.0.1:$port" -cert "$folder/https.crt" -key "$folder/https.key"
    cd /
    ca_url=https://localhost:$port
    ready ca curl -sf --noproxy '*' --cacert "$root" "$ca_url/health"
}

# PostgreSQL refuses to run as root: sets $owner, and $as_postgres, what setpriv is told to run it as.
as_postgres=()
choose_owner() {
    [ "$(id -u)" = 0 ] || return 0
    owner=nobody
    ! id postgres >/dev/null 2>&1 || owner=postgres
    as_postgres=(--reuid "$owner" --regid "$(id -g "$owner")" --clear-groups)
    setpriv "${as_postgres[@]}" test -x "$folder" ||
        fail "$folder: $owner, as whom PostgreSQL runs, cannot go there: set TMPDIR to a folder where everybody can"
}

# initdb is not on PATH on Debian; the newest one is taken.
postgres_programs() {
    local bin
    bin=$(find /usr/lib/postgresql/*/bin /usr/pgsql-*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
    bin=${bin:-$(command -v initdb)} || fail "no PostgreSQL server found: initdb"
    dirname "$bin"
}

# start_postgres NAME: a throw-away server with the certificate NAME.crt; sets $port. Weak connections
# are let in on purpose: what refuses them has to be the client.
start_postgres() {
    local data=$folder/pg-$1/data
    port=$(free_port)
    mkdir "$folder/pg-$1"
    [ "$(id -u)" != 0 ] || chown "$owner" "$folder/pg-$1"
    quietly "initdb" setpriv ${as_postgres[@]+"${as_postgres[@]}"} "$bin/initdb" -D "$data" -U app -A scram-sha-256 \
        --pwfile "$folder/password" -E UTF8 --no-locale --no-sync --no-instructions
    install -m 600 "$folder/$1.crt" "$data/server.crt"
    install -m 600 "$folder/$1.key" "$data/server.key"
    [ "$(id -u)" != 0 ] || chown "$owner" "$data/server.crt" "$data/server.key"
    start "postgres-$1" ${as_postgres[@]+"${as_postgres[@]}"} "$bin/postgres" -D "$data" -c ssl=on -c port="$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c log_connections=on -c fsync=off
    ready "postgres-$1" user pg_isready -q -h 127.0.0.1 -p "$port"
}

# connections NAME: how many connections that server has seen.
connections() {
    grep -c 'connection received:' "$folder/postgres-$1.log" || true
}

# logins NAME: how many of them got as far as a session.
logins() {
    grep -c 'connection authorized:' "$folder/postgres-$1.log" || true
}

# unseen NAME COUNT: the server must have seen no connection since it had seen COUNT of them.
unseen() {
    [ "$(connections "$1")" = "$2" ] || fail "the server saw a connection" "$folder/postgres-$1.log"
    say "The server's log agrees: it saw $2 connections before, and sees $2 now."
}

echo "pganchor: the quick start. Everything happens in $folder."

if [ "$install" = yes ]; then
    say "What building and showing it need is installed, where it is missing."
    typed packaging/dependencies.sh build quickstart
    "$packaging/dependencies.sh" build quickstart || fail "not everything that is needed could be installed"
    if [ "$with_stepca" = yes ]; then
        typed packaging/dependencies.sh stepca
        "$packaging/dependencies.sh" stepca || with_stepca=unavailable
    fi
fi

choose_owner
say "pganchor is built and installed, into the temporary folder."
"$packaging/copy-sources.sh" "$folder/source"
mkdir "$folder/build" "$folder/home"
chmod 700 "$folder/home"
cd "$folder/build"
typed ./autogen.sh
quietly autogen "$folder/source/autogen.sh"
typed ./configure --prefix="$folder/stage"
quietly configure "$folder/source/configure" --prefix="$folder/stage"
typed make install
quietly make make -j"$(nproc)"
quietly install make install
cd /
step 0 '^pganchor [0-9]' "This is it." pganchor --version

if [ "$with_stepca" = yes ]; then
    say "A real step-ca is built from its Go library and started: the company's certificate authority."
    typed tests/stepca/stepca.sh build
    "$stepca" build >"$folder/stepca.log" 2>&1 || {
        cat "$folder/stepca.log"
        with_stepca=unavailable
    }
fi
case $with_stepca in
    yes)
        start_stepca
        echo "It answers at $ca_url; the fingerprint of its root certificate is $fingerprint."
        ;;
    *)
        [ "$with_stepca" = no ] || say "step-ca cannot be had here: Go, or step-ca's library for it, is missing."
        say "Instead of a step-ca, OpenSSL makes a CA, and its small HTTPS server hands out the root as step-ca would."
        start_file_source
        echo "It answers at $ca_url; the fingerprint of the root certificate is $fingerprint."
        ;;
esac

say "Two PostgreSQL servers are started: the real one, certified by that CA, and an impostor, certified by another CA."
bin=$(postgres_programs)
openssl rand -hex 16 >"$folder/password"
chmod 644 "$folder/password"
make_root impostor-ca
sign impostor-ca impostor
start_postgres impostor
impostor_port=$port
start_postgres server
printf 'localhost:*:*:app:%s\n' "$(cat "$folder/password")" >"$folder/home/.pgpass"
chmod 600 "$folder/home/.pgpass"
echo "The real one listens on port $port of localhost, the impostor on port $impostor_port."

step 0 '^SSL connection' \
    "First, what psql does by default: it talks to the impostor, over TLS, without a word." \
    psql -X "host=localhost port=$impostor_port user=app dbname=postgres" -c '\conninfo'

fooled=$(logins impostor)

step 0 "$fingerprint" \
    "Now bootstrap: the CA's root is fetched, proved by its fingerprint, pinned, and installed where libpq looks." \
    pganchor bootstrap --ca-url "$ca_url" --fingerprint "$fingerprint"

step 0 . \
    "A service entry is added: a name for the connection, with sslmode=verify-full." \
    pganchor service add prod --host localhost --port "$port" --user app --dbname postgres

step 0 '^SSL connection \(protocol: TLSv1\.3,' \
    "psql connects by that name, and verifies the server." \
    psql -X service=prod -c '\conninfo'

step 0 '^SSL connection \(protocol: TLSv1\.3,' \
    "The same under the gate: a verified connection is let through." \
    pganchor run -- psql -X service=prod -c '\conninfo'

seen=$(connections server)
step refused 'pganchor refused this connection' \
    "A weak connection is refused under the gate, with the reason, before a packet leaves." \
    pganchor run -- psql -X "host=localhost port=$port user=app dbname=postgres sslmode=require" -c '\conninfo'
unseen server "$seen"

step refused 'pganchor refused this connection' \
    "So is one that says nothing of TLS at all: libpq's default is as weak." \
    pganchor run -- psql -X "host=localhost port=$port user=app dbname=postgres" -c '\conninfo'
unseen server "$seen"

step refused 'certificate verify failed|pganchor refused this connection' \
    "The impostor is refused: it has the right name, but no certificate of the CA that is pinned." \
    pganchor run -- psql -X "service=prod port=$impostor_port" -c '\conninfo'
[ "$(logins impostor)" = "$fooled" ] || fail "the impostor was logged in to" "$folder/postgres-impostor.log"

say "All steps did what they should. The servers are stopped and the folder is removed."
