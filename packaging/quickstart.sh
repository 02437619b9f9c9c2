#!/bin/bash
# The whole of pganchor on real parts, on this machine; --help says more.
set -euo pipefail

help() {
    cat <<END
Usage: packaging/quickstart.sh [--without-step-ca] [--with PREFIX] [--no-install]

Builds pganchor, starts a real step-ca and a real PostgreSQL on loopback, and
shows what pganchor does: each step as the command that you would type and what
it printed. Everything is made in a temporary directory, which is removed at the
end, and nothing outside of it is touched, but that Debian packages which are
missing are installed (with sudo when not root): it says which, and how to take
them away again. On a bare Debian those are some 250 packages: about 280 MB to
fetch and 1.5 GB on the disk (a third of it --without-step-ca), and all of it
takes ten minutes; where they are there, a few.

  --without-step-ca   a small HTTPS server, made with OpenSSL, in step-ca's place
  --with PREFIX       the pganchor that is installed there; none is built
  --no-install        install no package

The status is 0 only when every step did what it should.
END
}

with_stepca=yes
install=yes
prefix=
while [ $# -gt 0 ]; do
    case $1 in
        --without-step-ca) with_stepca=no ;;
        --with)
            [ -x "${2:-}/bin/pganchor" ] || {
                printf 'quickstart.sh: --with wants a directory with bin/pganchor in it\n' >&2
                exit 2
            }
            prefix=$(cd "$2" && pwd)
            shift
            ;;
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
directory=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-quickstart.XXXXXX")
directory=$(cd "$directory" && pwd -P)
# Where PostgreSQL has its data: a directory of its own where it runs as somebody else, who has no business in ours.
data=$directory
export PGANCHOR_TEST_CACHE=${PGANCHOR_TEST_CACHE:-$directory/cache}

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
    rm -rf "$directory" "$data"
    say_added
    exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

added=()
# What stays on the machine is said whatever became of the rest.
say_added() {
    local package there=()
    for package in ${added[@]+"${added[@]}"}; do
        ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || there+=("$package")
    done
    [ "${#there[@]}" != 0 ] || return 0
    say "These Debian packages were missing, and stay, with what they need. To take them away again, but for what others suggest:"
    typed ${as_root[@]+"${as_root[@]}"} apt-get autoremove --purge "${there[@]}"
}

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
    local name=$1 log=$directory/$1.log
    shift
    "$@" >"$log" 2>&1 || fail "$name failed" "$log"
}

# A user's own settings must have no part in this.
user() {
    (cd "$directory/home" && exec env -i HOME="$directory/home" PATH="$directory/stage/bin:$PATH" LANG=C.UTF-8 PSQL_PAGER=cat "$@")
}

# step STATUS PATTERN SENTENCE COMMAND...: run the command in the throw-away home; it must end with the
# status ("refused" is any but 0), and a line of its output must match the extended regular expression.
step() {
    local want=$1 pattern=$2 status=0
    say "$3"
    shift 3
    typed "$@"
    user "$@" >"$directory/output" 2>&1 || status=$?
    cat "$directory/output"
    case $want in
        refused) [ "$status" != 0 ] || fail "this should have been refused" ;;
        *) [ "$status" = "$want" ] || fail "this ended with status $status instead of $want" ;;
    esac
    grep -qE -- "$pattern" "$directory/output" || fail "nothing of that output is as expected: $pattern"
}

# What \conninfo says of a session with TLS; a table from psql 18 on.
tls='^SSL connection \(protocol: TLSv1\.3,|^ *SSL Protocol +\| +TLSv1\.3'

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
    local log=$directory/$1.log
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
        kill -0 "$pid" 2>/dev/null || fail "$name did not start" "$directory/$name.log"
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "$name does not answer" "$directory/$name.log"
}

# make_root NAME: a CA of its own, NAME.crt and NAME.key.
make_root() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=$1" \
        -keyout "$directory/$1.key" -out "$directory/$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# sign CA NAME: a certificate of that CA for this machine's loopback names, NAME.crt and NAME.key.
sign() {
    printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 extendedKeyUsage=serverAuth >"$directory/$2.ext"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
        -keyout "$directory/$2.key" -out "$directory/$2.csr" 2>/dev/null
    openssl x509 -req -in "$directory/$2.csr" -CA "$directory/$1.crt" -CAkey "$directory/$1.key" -CAcreateserial -days 7 \
        -extfile "$directory/$2.ext" -out "$directory/$2.crt" 2>/dev/null
}

# The real thing: sets $ca_url, $fingerprint, $root, and makes server.crt and server.key.
start_stepca() {
    local port
    port=$(free_port)
    fingerprint=$("$stepca" init "$directory/ca" --address "127.0.0.1:$port" --name Quickstart)
    start ca "$stepca" run "$directory/ca"
    ca_url=https://localhost:$port
    root=$directory/ca/certs/root_ca.crt
    ready ca curl -sf --noproxy '*' --cacert "$root" "$ca_url/health"
    "$stepca" issue "$directory/ca" --cert "$directory/server.crt" --key "$directory/server.key" localhost 127.0.0.1
}

# Three files over HTTPS, at the paths and in the form of step-ca's answers.
start_file_source() {
    local port
    port=$(free_port)
    make_root ca
    sign ca https
    sign ca server
    root=$directory/ca.crt
    fingerprint=$(openssl x509 -in "$root" -outform DER | sha256sum | cut -d ' ' -f 1)
    mkdir -p "$directory/www/root"
    printf '{"ca":"%s"}\n' "$(awk '{ printf "%s\\n", $0 }' "$root")" >"$directory/www/root/$fingerprint"
    echo '{"status":"ok"}' >"$directory/www/health"
    cd "$directory/www"
    start ca openssl s_server -quiet -WWW -accept "127.0.0.1:$port" -cert "$directory/https.crt" -key "$directory/https.key"
    cd /
    ca_url=https://localhost:$port
    ready ca curl -sf --noproxy '*' --cacert "$root" "$ca_url/health"
}

# PostgreSQL refuses to run as root: sets $as_postgres, what setpriv is told to run it as, and its $data.
as_postgres=(--)
choose_owner() {
    [ "$(id -u)" = 0 ] || return 0
    local owner=nobody
    ! id postgres >/dev/null 2>&1 || owner=postgres
    as_postgres=(--reuid "$owner" --regid "$(id -g "$owner")" --clear-groups --)
    data=$(mktemp -d "${TMPDIR:-/tmp}/pganchor-quickstart-postgres.XXXXXX")
    data=$(cd "$data" && pwd -P)
    chown "$owner" "$data"
    setpriv "${as_postgres[@]}" test -w "$data" ||
        fail "$data: $owner, as whom PostgreSQL runs, cannot go there: set TMPDIR to a directory where everybody can"
}

# for_postgres FILE: standard input becomes a file of the user whom PostgreSQL runs as, and nobody else's.
for_postgres() {
    (umask 077 && setpriv "${as_postgres[@]}" tee "$1" >/dev/null)
}

# initdb is not on PATH on Debian; the newest one is taken.
postgres_programs() {
    local bin
    bin=$(find /usr/lib/postgresql/*/bin /usr/pgsql-*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
    bin=${bin:-$(command -v initdb)} || fail "no PostgreSQL server found: initdb"
    dirname "$bin"
}

# start_postgres NAME: a throw-away server with the certificate NAME.crt; sets $port. Weak connections are let in on
# purpose: what refuses them has to be the client. But only those of app, who has a password and may do nothing to the
# machine: whom nothing names in pg_hba.conf, the superuser above all, does not get in.
start_postgres() {
    local cluster=$data/pg-$1
    port=$(free_port)
    quietly "initdb" setpriv "${as_postgres[@]}" "$bin/initdb" -D "$cluster" -U superuser -A reject \
        -E UTF8 --no-locale --no-sync --no-instructions
    quietly "postgres" setpriv "${as_postgres[@]}" "$bin/postgres" --single -D "$cluster" postgres \
        <<<"CREATE ROLE app LOGIN PASSWORD '$password'"
    echo "host postgres app 127.0.0.1/32 scram-sha-256" | for_postgres "$cluster/pg_hba.conf"
    for_postgres "$cluster/server.crt" <"$directory/$1.crt"
    for_postgres "$cluster/server.key" <"$directory/$1.key"
    start "postgres-$1" "${as_postgres[@]}" "$bin/postgres" -D "$cluster" -c ssl=on -c port="$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c log_connections=on -c fsync=off
    ready "postgres-$1" user pg_isready -q -h 127.0.0.1 -p "$port"
}

# connections NAME: how many connections that server has seen.
connections() {
    grep -c 'connection received:' "$directory/postgres-$1.log" || true
}

# logins NAME: how many of them got as far as a session.
logins() {
    grep -c 'connection authorized:' "$directory/postgres-$1.log" || true
}

# unseen NAME COUNT: the server must have seen no connection since it had seen COUNT of them.
unseen() {
    [ "$(connections "$1")" = "$2" ] || fail "the server saw a connection" "$directory/postgres-$1.log"
    say "The server's log agrees: it saw $2 connections before, and sees $2 now."
}

echo "pganchor: the quick start. Everything happens in $directory."

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

# add GROUP...: install what is missing of it, and remember what that was.
add() {
    local missing
    typed packaging/dependencies.sh "$@"
    mapfile -t missing < <("$packaging/dependencies.sh" --missing "$@")
    added+=(${missing[@]+"${missing[@]}"})
    "$packaging/dependencies.sh" --log "$directory/apt.log" "$@"
}

if [ "$install" = yes ]; then
    say "What building and showing it need is installed, where it is missing; apt's lines go to $directory/apt.log."
    add build quickstart || fail "not everything that is needed could be installed"
    if [ "$with_stepca" = yes ]; then
        add stepca || with_stepca=unavailable
    fi
fi

choose_owner
# The one that shows the job is in $directory/stage.
build() {
    say "pganchor is built and installed, into the temporary directory."
    "$packaging/copy-sources.sh" "$directory/source"
    mkdir "$directory/build"
    cd "$directory/build"
    # What these make for a while goes with the directory, should they be interrupted.
    here=(env TMPDIR="$directory/build")
    typed ./autogen.sh
    quietly autogen "${here[@]}" "$directory/source/autogen.sh"
    typed ./configure --prefix="$directory/stage"
    quietly configure "${here[@]}" "$directory/source/configure" --prefix="$directory/stage"
    typed make install
    quietly make "${here[@]}" make -j"$(nproc)"
    quietly install "${here[@]}" make install
    cd /
}

mkdir "$directory/home"
chmod 700 "$directory/home"
if [ -n "$prefix" ]; then
    ln -s "$prefix" "$directory/stage"
else
    build
fi
step 0 '^pganchor [0-9]' "This is it." pganchor --version

if [ "$with_stepca" = yes ]; then
    say "A real step-ca is built from its Go library and started: the company's certificate authority."
    typed tests/stepca/stepca.sh build
    "$stepca" build >"$directory/stepca.log" 2>&1 || {
        cat "$directory/stepca.log"
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
password=$(openssl rand -hex 16)
make_root impostor-ca
sign impostor-ca impostor
start_postgres impostor
impostor_port=$port
start_postgres server
(umask 077 && printf 'localhost:*:*:app:%s\n' "$password" >"$directory/home/.pgpass")
echo "The real one listens on port $port of localhost, the impostor on port $impostor_port."

step 0 "$tls" \
    "First, what psql does by default: it talks to the impostor, over TLS, without a word." \
    psql -X "host=localhost port=$impostor_port user=app dbname=postgres" -c '\conninfo'

fooled=$(logins impostor)

step 0 "$fingerprint" \
    "Now bootstrap: the CA's root is fetched, proved by its fingerprint, pinned, and installed where libpq looks." \
    pganchor bootstrap --ca-url "$ca_url" --fingerprint "$fingerprint"

step 0 . \
    "A service entry is added: a name for the connection, with sslmode=verify-full." \
    pganchor service add prod --host localhost --port "$port" --user app --dbname postgres

step 0 "$tls" \
    "psql connects by that name, and verifies the server." \
    psql -X service=prod -c '\conninfo'

step 0 "$tls" \
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
[ "$(logins impostor)" = "$fooled" ] || fail "the impostor was logged in to" "$directory/postgres-impostor.log"

say "All steps did what they should. The servers are stopped and the directory is removed."
