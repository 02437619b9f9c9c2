#!/bin/sh
# Installs the Debian packages that a job on pganchor needs; --help says how to use it.
# shellcheck disable=SC2086 # a list of packages is words: it is split on purpose
set -eu

help() {
    cat <<END
Usage: dependencies.sh [--log FILE] GROUP...
       dependencies.sh --list | --missing GROUP...

Installs what is missing of the Debian packages of the GROUPs, by apt-get, with
sudo when not root. Asks nothing but what sudo asks, removes nothing, and does
not even call apt-get when nothing is missing.

  build       what ./autogen.sh, ./configure and make need
  stepca      what tests/stepca needs: step-ca as a Go library
  quickstart  what packaging/quickstart.sh needs besides build; stepca is
              optional there, so it is a group of its own
  test        what tests/run.sh needs besides build; holds few
  few         what it needs where only tests are chosen that need few packages;
              holds stepca
  lint        the linters of .ci/run
  package     what build-deb.sh and build-rpm.sh need besides build

  --log FILE  apt's lines go to the end of FILE, and are shown when it fails
              (of a source that cannot be read, only its errors);
              one line with the number and the size of what is added is printed
  --list      only print the packages of the groups
  --missing   only print those that are not installed
END
}

# A|B: A, or B where a release has no A.
packages_of() {
    case $1 in
        build)
            echo gcc libc6-dev make autoconf automake libtool autoconf-archive pkgconf
            echo libpq-dev libssl-dev libcurl4-openssl-dev libjansson-dev libelf-dev libexpat1-dev libsqlite3-dev
            # pganchor-secret alone.
            echo libsecret-1-dev
            # make check.
            echo libcmocka-dev
            ;;
        stepca)
            echo golang-go golang-github-smallstep-certificates-dev
            ;;
        quickstart)
            echo openssl curl postgresql-common postgresql postgresql-client
            ;;
        few)
            packages_of stepca
            # pgbench comes with the server.
            echo postgresql-common postgresql postgresql-client
            echo python3 python3-pytest python3-psycopg2 python3-cryptography
            echo procps util-linux openssl curl strace
            # The manuals are checked.
            echo mandoc
            ;;
        test)
            packages_of few
            # Clients of other languages, and a C++ program.
            echo php-cli php-pgsql ruby-pg g++ patchelf
            echo python3-psycopg libdbd-pg-perl lua5.3 lua-sql-postgres tcl libpgtcl odbc-postgresql unixodbc libpqxx-dev
            echo gdal-bin python3-pyqt5.qtsql libqt5sql5-psql r-cran-rpostgresql
            echo libcmocka-dev valgrind xz-utils mmdebstrap
            # cert issue --acme: two clients, a CA, and a DNS that it asks.
            echo lego uacme pebble knot
            # tests/fuzz: libFuzzer is clang's.
            echo clang libclang-rt-dev
            # tests/upstream: source packages, verified and unpacked.
            echo debian-archive-keyring dpkg-dev
            # tests/libpqs: libpq out of PostgreSQL's source.
            echo bison flex libkrb5-dev libldap-dev
            # Programs that have nothing to do with PostgreSQL, and must not notice the gate.
            echo "git chromium nodejs openjdk-17-jre-headless|openjdk-21-jre-headless rustc busybox-static gdb ltrace fakeroot"
            echo "libeatmydata1 libjemalloc2 libtcmalloc-minimal4|libtcmalloc-minimal4t64"
            # Shells that are enabled, and a libc that is not glibc.
            echo zsh fish musl-tools
            # Programs of other processors.
            echo qemu-user
            # Keyrings.
            echo dbus-daemon libglib2.0-bin gnome-keyring libsecret-tools keepassxc
            # It reads environment.d, and runs nothing here.
            echo systemd
            # The lines of a fleet, and what osquery and Fleet make of them.
            echo sqlite3 python3-jsonschema python3-yaml
            # What reads the metrics of probe as its scraper does.
            echo python3-prometheus-client
            # What signs profiles, and what reads the role and the module that are made of one.
            echo minisign ansible-core nix-bin
            # A local CA, to be compared with.
            echo mkcert
            # Another day: of it a forecast tells, and psql is the judge.
            echo faketime
            # A network whose addresses the rules of a server are for.
            echo iproute2
            # What reads an audit's page that was printed.
            echo poppler-utils
            # What a server may have before it.
            echo pgbouncer
            # Drivers that are no libpq, and what stands on those that are; bsh runs Java without a compiler.
            echo golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev python3-asyncpg libpostgresql-jdbc-java bsh
            echo python3-sqlalchemy python3-django
            ;;
        lint)
            echo ccache git clang clang-tidy clang-format bear cppcheck mandoc shellcheck golang-go
            # tests/mutation: libclang's syntax tree.
            echo python3-clang
            ;;
        package)
            echo build-essential rpm cpio xz-utils binutils debhelper po-debconf dpkg-dev libcmocka-dev lintian gcc-multilib
            ;;
        *)
            echo "dependencies.sh: $1: no such group" >&2
            echo "    dependencies.sh --help names them" >&2
            return 2
            ;;
    esac
}

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# chosen A|B|...: the one that is installed, else the first that this release has, else the first.
chosen() {
    case $1 in *\|*) ;; *) echo "$1"; return ;; esac
    names=$(printf '%s\n' "$1" | tr '|' '\n')
    for name in $names; do
        ! installed "$name" || { echo "$name"; return; }
    done
    for name in $names; do
        # Of a name that others only mention, apt shows nothing, with status 0.
        [ -z "$(apt-cache show "$name" 2>/dev/null)" ] || { echo "$name"; return; }
    done
    echo "${1%%|*}"
}

# stop WHAT WAY-OUT...
stop() {
    echo "dependencies.sh: $1" >&2
    shift
    echo "    $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# sudo asks for a password on the terminal, whatever standard input and output are.
may_be_root() {
    [ "$(id -u)" != 0 ] || return 0
    by_hand="let somebody who is root type: apt-get install --no-install-recommends $missing"
    command -v sudo >/dev/null ||
        stop "Debian packages are missing; this is not root, and there is no sudo" "$by_hand"
    if ! sudo -n true 2>/dev/null; then
        echo "dependencies.sh: Debian packages are missing, and sudo installs them: it may ask for your password."
        sudo -v || stop "sudo does not let $(id -un) be root" "$by_hand"
    fi
}

# No recommended packages: they would bring services. --no-remove: a package of
# the user's that conflicts (libcurl4-gnutls-dev, say) must stay.
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# logged COMMAND...: what it says is of interest only when it fails, where there is a log.
logged() {
    if [ -z "$log" ]; then
        "$@"
        return
    fi
    "$@" >"$log.now" 2>&1 && status=0 || status=$?
    cat "$log.now" >>"$log"
    [ "$status" = 0 ] || cat "$log.now" >&2
    rm -f "$log.now"
    return "$status"
}

# Of the many lines of a source that cannot be read, those that say so.
update() {
    if [ -z "$log" ]; then
        apt update
        return
    fi
    apt update >"$log.now" 2>&1 && status=0 || status=$?
    cat "$log.now" >>"$log"
    [ "$status" = 0 ] || grep -E '^[EW]: ' "$log.now" >&2 || cat "$log.now" >&2
    rm -f "$log.now"
    return "$status"
}

add() {
    logged apt install -y --no-install-recommends --no-remove "$@"
}

# size PACKAGE...: what apt says that it will do, in a line.
size() {
    LC_ALL=C apt install --no-install-recommends --no-remove --assume-no "$@" 2>/dev/null | sed -nE \
        -e 's/^.*, ([0-9]+) newly installed, .*$/\1 packages/p' \
        -e 's/^Need to get (.*) of archives\.$/\1 to fetch/p' \
        -e 's/^After this operation, (.*) of additional disk space will be used\.$/\1 on the disk/p' | paste -sd, | sed 's/,/, /g'
}

# Debian's server package makes a cluster "main" on port 5432 and starts it. We
# want its programs alone, so that is switched off while it is installed, and
# the file that says so is then as it was. What is installed by its name here is
# in the lists above too: whoever takes the packages away has to name it.
clusters=/etc/postgresql-common/createcluster.conf
install_server() {
    add postgresql-common || return 1
    as_root cp -p "$clusters" "$clusters.pganchor" || return 1
    trap restore EXIT
    trap 'exit 1' HUP INT TERM
    echo 'create_main_cluster = false' | as_root tee -a "$clusters" >/dev/null || return 1
    add postgresql || return 1
    restore
    trap - EXIT
}

restore() {
    as_root mv "$clusters.pganchor" "$clusters"
}

only=
log=
case ${1:-} in
    --list | --missing)
        only=$1
        shift
        ;;
    --log)
        [ $# -ge 2 ] || { help >&2; exit 2; }
        log=$2
        shift 2
        ;;
    --help | -h)
        help
        exit 0
        ;;
esac
[ $# -gt 0 ] || { help >&2; exit 2; }

wanted=
for group; do
    some=$(packages_of "$group") || exit
    wanted="$wanted $some"
done
if [ "$only" = --list ]; then
    printf '%s\n' $wanted | sort -u | while read -r package; do chosen "$package"; done
    exit 0
fi

# find_missing: sets $missing. Which of some a release has, apt knows when it has read its sources.
find_missing() {
    missing=
    for package in $(printf '%s\n' $wanted | sort -u); do
        package=$(chosen "$package")
        installed "$package" || missing="$missing $package"
    done
    missing=${missing# }
}

command -v dpkg-query >/dev/null || stop "this is no Debian: dpkg-query is not there" "install what corresponds to:" $wanted
find_missing
if [ "$only" = --missing ]; then
    [ -z "$missing" ] || printf '%s\n' $missing
    exit 0
fi
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || stop "apt-get is not there" "install by hand:" $missing
may_be_root

# A source that has nothing to do with ours may be broken: whether all is there, the installation tells.
stale=
update || {
    stale="; some of apt's sources could not be read, see further up"
    echo "dependencies.sh: some of apt's sources could not be read; trying with the others" >&2
}
find_missing
echo "dependencies.sh: installing $missing"
if [ -n "$log" ]; then
    size=$(size $missing)
    [ -z "$size" ] || echo "dependencies.sh: $size"
fi
if printf '%s\n' $missing | grep -qx postgresql; then
    install_server || stop "postgresql could not be installed" "see above$stale"
fi
add $missing || stop "could not install" "see above$stale; wanted were: $missing"
