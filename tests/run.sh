#!/bin/bash
# Builds pganchor and runs its tests; --help says how to use it.
set -euo pipefail

# .ci/bare runs these on a machine that has no more than what they need.
few=(manuals run service_list service_check)
# The way that a user walks, for --quick.
quick=(bootstrap service_add service_list run gate gate_policy)

help() {
    cat <<END
Usage: tests/run.sh [--quick | --sanitizers | --valgrind | --under-the-gate] [--whole]
                    [--no-install] [PYTEST-ARGUMENT...]

Installs what is missing (with sudo when not root), builds a copy of this tree
with every warning an error, installs it into a prefix of its own, and runs the
unit tests and the end-to-end tests. The last line is

    N passed, N failed, N skipped

and the status is 0 only when something ran and nothing failed. Arguments go to
pytest: tests/run.sh -k service; tests/run.sh tests/e2e/test_service_add.py -x.

  --quick        the unit tests, and of the end-to-end tests
                 $(printf '%s, ' "${quick[@]}" | sed 's/, $//').
                 Installs what the build needs and nothing else, and skips what
                 cannot run without more, and says so.
  --sanitizers   the tool and the unit tests are built with ASan and UBSan, and each
                 end-to-end test runs with one of its parameters. The gate stays a
                 plain build: ASan's runtime would have to be the first library of
                 every program that it is loaded into.
  --valgrind     the tool runs under valgrind, up to where it becomes another
                 program (pganchor run), and each test with one of its parameters.
                 Leaks are for --sanitizers to find.
  --under-the-gate
                 the tool has the gate in LD_PRELOAD, as in a shell where it is
                 enabled, and has to do and say the same.
  --whole        the tests that are repeated with each of a dozen libpqs, or for
                 other processors, run with all of them, some 3,000 more, with
                 those whose machine or build takes minutes to make (daemons in
                 cells, Node.js, the parsers' fuzzer), and with --sanitizers and
                 --valgrind each test with all of its parameters. Without it, each
                 of the first runs with one to three, others for each test. Before a release, and after a change of how the gate
                 finds libpq's functions.
  --no-install   install no package

Where only tests are chosen that need few packages, only those are installed:
$(printf '  tests/e2e/test_%s.py\n' "${few[@]}")

The tests of the build, the packages and the quick start make builds of their
own, and those of the gate run the plain build, some of them in another Debian,
which has neither ASan nor valgrind: with the first three they are left out; and
so are those about the tool's own LD_PRELOAD with --sanitizers and
--under-the-gate.

It builds in \$PGANCHOR_TEST_CACHE, else in \$XDG_CACHE_HOME/pganchor-tests, else
in \${TMPDIR:-/tmp}/pganchor-tests-UID, and next time only what has changed.
END
}

# stop WHAT WAY-OUT: nothing could be tested, which is a failure.
stop() {
    printf 'run.sh: %s\n    %s\n' "$1" "$2" >&2
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

# A job in the background, and many a CI runner, has SIGINT ignored, and so has all that it starts; a shell cannot change
# that for itself. Tests of what a signal does need it as it is at a terminal.
if [[ "$(trap -p INT QUIT PIPE CHLD)" = *"''"* ]]; then
    exec env --default-signal=INT,QUIT,PIPE,CHLD "${BASH_SOURCE[0]}" "$@"
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kind=plain
install=yes
while [ $# -gt 0 ]; do
    case $1 in
        --quick) kind=quick ;;
        --sanitizers) kind=sanitizers ;;
        --valgrind) kind=valgrind ;;
        --under-the-gate) kind=gated ;;
        --whole) export PGANCHOR_TESTS_WHOLE=yes ;;
        --no-install) install=no ;;
        --help | -h)
            help
            exit 0
            ;;
        *) break ;;
    esac
    shift
done
exec </dev/null
export PYTHONDONTWRITEBYTECODE=1

# What lies in the cache is executed: it must be our own.
cache=${PGANCHOR_TEST_CACHE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/pganchor-tests}}
cache=${cache:-${TMPDIR:-/tmp}/pganchor-tests-$(id -u)}
(umask 077 && mkdir -p "$cache")
[ -O "$cache" ] || stop "$cache: belongs to somebody else" "set PGANCHOR_TEST_CACHE to a directory of your own"
cache=$(cd "$cache" && pwd)
export PGANCHOR_TEST_CACHE=$cache

# Two runs at the same time must not build in one directory: the second one builds from nothing. What is not our own there
# copy-sources.sh refuses, before anything is taken away.
work=$cache/build
if [ -e "$work" ] && [ -n "$(ls -A "$work")" ] && [ ! -e "$work/source" ]; then
    stop "$work: is not what tests/run.sh has made" "set PGANCHOR_TEST_CACHE to another directory"
fi
mkdir -p "$work"
exec 9>>"$cache/build.lock"
results=$(mktemp -d "$cache/results.XXXXXX")
besides=()
cleanup() {
    for run in ${besides[@]+"${besides[@]}"}; do
        if kill "$run" 2>/dev/null; then
            wait "$run" || true
        fi
    done
    rm -rf "$results"
    [ "$work" = "$cache/build" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# needed ARGUMENT...: the groups of packages for the tests that are chosen
needed() {
    local argument name chosen=
    for argument; do
        case $argument in
            test_*.py | */test_*.py | *.py::*)
                name=${argument%%.py*}
                [ -n "$chosen" ] || chosen=few
                [[ " ${few[*]} " = *" ${name##*test_} "* ]] || chosen='more'
                ;;
            *) [ ! -e "$argument" ] || chosen='more' ;;
        esac
    done
    if [ "$kind" = quick ]; then
        return
    elif [ "$kind" = plain ] && [ "$chosen" = few ]; then
        echo few
    else
        echo test package
    fi
}

if [ "$install" = yes ]; then
    # shellcheck disable=SC2046 # words on purpose
    "$top/packaging/dependencies.sh" --log "$results/apt.log" build $(needed "$@") 9>&- ||
        stop "what the tests need could not be installed" "see above"
fi
{ [ -z "${PGANCHOR_TESTS_OWN_BUILD-}" ] && flock -n 9; } || work=$(mktemp -d "$cache/build.XXXXXX")

# logged NAME COMMAND...: what a build says is of interest only when it fails.
logged() {
    local log=$results/$1.log
    shift
    "$@" >"$log" 2>&1 9>&- || {
        cat "$log"
        return 1
    }
}

# build NAME TARGET PREFIX CONFIGURE-OPTION...: configure for $work/PREFIX and make TARGET in $work/NAME.
build() (
    local directory=$work/$1 target=$2 prefix=$work/$3
    shift 3
    mkdir -p "$directory"
    cd "$directory"
    echo "run.sh: building in $directory"
    if [ ! -e "$work/source/configure" ]; then
        logged autogen "$work/source/autogen.sh" || exit
    fi
    if [ ! -e config.status ]; then
        logged configure "$work/source/configure" --prefix="$prefix" --enable-werror "$@" || {
            rm -f config.status
            exit 1
        }
    fi
    logged make make -j"$(nproc)" "$target"
)

# install_plain NAME PREFIX: the plain build NAME in $work/PREFIX, which is made anew.
install_plain() {
    build "$1" all "$2" || stop "the build failed" "see above"
    rm -rf "${work:?}/$2"
    logged install make -C "$work/$1" install || stop "make install failed" "see above"
}

# install_sanitizers NAME PREFIX TARGET: its tool in the place of the plain one. It alone: make install would bring the libraries
# along.
install_sanitizers() {
    build "$1" "$3" "$2" --enable-sanitizers CFLAGS='-g -O1' || stop "the build with sanitizers failed" "see above"
    cp "$work/$1/pganchor" "$work/$2/bin/pganchor"
}

"$top/packaging/copy-sources.sh" "$work/source" || stop "the sources could not be copied" "see above"
install_plain plain stage

# All tests, on a machine with more than one processor, are three runs at the same time. Those whose builds and machines are their own
# are one of them. What writes the system's policy writes the prefix's: the other two, of which each has its share of the files, have
# a prefix each.
where=("$top/tests/e2e")
for argument; do
    case $argument in
        *.py | *.py::* | */e2e | */e2e/) where=() ;;
    esac
done
shares=
if { [ "$kind" = plain ] || [ "$kind" = sanitizers ]; } && [ "${#where[@]}" != 0 ] && [ "$(nproc)" -gt 1 ]; then
    shares=yes
fi
[ -z "$shares" ] || install_plain plain2 stage2

# A fault must show even where a test expects the tool to fail, so it leaves a file too.
units=$work/plain
case $kind in
    sanitizers)
        install_sanitizers sanitizers stage all
        [ -z "$shares" ] || install_sanitizers sanitizers2 stage2 pganchor
        units=$work/sanitizers
        export PGANCHOR_TESTS_FEW=1
        export ASAN_OPTIONS=exitcode=99:detect_leaks=1:log_path=$results/fault
        export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1:log_path=$results/fault
        ;;
    valgrind)
        export PGANCHOR_TESTS_FEW=1
        mv "$work/stage/bin/pganchor" "$work/stage/bin/pganchor.real"
        cat >"$work/stage/bin/pganchor" <<END
#!/bin/sh
# valgrind has no seccomp(2).
[ "\$1 \$2" != "run --require" ] || exec $work/stage/bin/pganchor.real "\$@"
exec valgrind -q --error-exitcode=99 \
    --log-file=$results/fault.%p $work/stage/bin/pganchor.real "\$@"
END
        chmod +x "$work/stage/bin/pganchor"
        ;;
    gated)
        mv "$work/stage/bin/pganchor" "$work/stage/bin/pganchor.real"
        cat >"$work/stage/bin/pganchor" <<END
#!/bin/sh
export LD_PRELOAD="$work/stage/lib/pganchor/pganchor-gate.so\${LD_PRELOAD:+ \$LD_PRELOAD}"
exec $work/stage/bin/pganchor.real "\$@"
END
        chmod +x "$work/stage/bin/pganchor"
        ;;
esac

passed=0 failed=0 skipped=0 units_failed=

# count WORD FILE: the sum of automake's lines "# WORD:  N"
count() {
    sed -n "s/^# $1: *\([0-9][0-9]*\)$/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}

# With --valgrind and --under-the-gate they would be those of the plain build again.
status=0
: >"$results/check.log"
if [ "$kind" = plain ] || [ "$kind" = quick ] || [ "$kind" = sanitizers ]; then
    echo "run.sh: unit tests"
    make -C "$units" -j"$(nproc)" -k check >"$results/check.log" 2>&1 9>&- || status=$?
fi
grep -E '^(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): ' "$results/check.log" || true
passed=$((passed + $(count PASS "$results/check.log") + $(count XFAIL "$results/check.log")))
bad=$(($(count FAIL "$results/check.log") + $(count ERROR "$results/check.log") + $(count XPASS "$results/check.log")))
skipped=$((skipped + $(count SKIP "$results/check.log")))
if [ "$status" != 0 ]; then
    cat "$results/check.log"
    [ ! -e "$units/test-suite.log" ] || cat "$units/test-suite.log"
    [ "$bad" != 0 ] || bad=1
    units_failed=$(sed -nE 's/^(FAIL|ERROR|XPASS): /failed: unit /p' "$results/check.log" | sort -u)
fi
failed=$((failed + bad))

echo "run.sh: end-to-end tests"
# Which tests mean nothing with which build, their marks say (tests/e2e/conftest.py).
case $kind in
    plain) marks= ;;
    quick)
        marks='not own_builds'
        [ "${#where[@]}" = 0 ] || mapfile -t where < <(printf "$top/tests/e2e/test_%s.py\n" "${quick[@]}")
        export PGANCHOR_TESTS_MISSING=skip
        ;;
    sanitizers) marks='not plain_build and not no_instruments and not no_sanitizers' ;;
    valgrind) marks='not plain_build and not no_instruments' ;;
    gated) marks='not plain_build and not no_gate' ;;
esac

# pytest NAME ARGUMENT...: one run of what is in $prefix, with what came of each test in NAME.xml and its status in NAME.status.
prefix=$work/stage
pytest() {
    local name=$1 ended=0
    shift
    PGANCHOR_PREFIX=$prefix /usr/bin/python3 -m pytest --rootdir="$top" -p no:cacheprovider \
        --junit-xml="$results/$name.xml" -o junit_family=xunit2 "$@" 9>&- || ended=$?
    echo "$ended" >"$results/$name.status"
}

# beside NAME ARGUMENT...: a run in the background; what it says is shown when the others have ended
beside() {
    pytest "$@" >"$results/$1.log" 2>&1 &
    besides+=($!)
}

if [ -n "$shares" ]; then
    if [ "$kind" = plain ]; then
        beside own -m own_builds "${where[@]}" "$@"
        marks='not own_builds'
    fi
    PGANCHOR_TESTS_SHARE=1/2 prefix=$work/stage2 beside e2e2 -m "$marks" "${where[@]}" "$@"
    export PGANCHOR_TESTS_SHARE=0/2
fi
if [ "$kind" != quick ]; then
    pytest e2e ${marks:+-m "$marks"} "${where[@]}" "$@"
elif why=$(/usr/bin/python3 -c 'import cryptography, psycopg2, pytest' 2>&1); then
    pytest e2e -q -rs -m "$marks" "${where[@]}" "$@"
else
    echo "run.sh: the end-to-end tests are skipped: ${why##*$'\n'} (packaging/dependencies.sh few installs it)"
    skipped=$((skipped + 1))
    echo 5 >"$results/e2e.status"
fi
for run in own e2e2; do
    [ -e "$results/$run.log" ] || continue
    wait "${besides[0]}"
    besides=("${besides[@]:1}")
    cat "$results/$run.log"
done
# 5 is that no test was chosen.
status=$(sort -n "$results"/*.status | grep -vx 5 | tail -n 1)

# pytest counts a test once for each phase that went wrong; a test that did not pass has failed once. What failed is said again
# at the end, behind all that pytest prints.
counts=$(/usr/bin/python3 - "$results"/*.xml 2>"$results/failures" <<'END'
import sys
import xml.etree.ElementTree as tree

cases, outcome = [], {}
for file in sys.argv[1:]:
    try:
        cases += tree.parse(file).iter("testcase")
    except (OSError, tree.ParseError):
        pass
for case in cases:
    name = (case.get("classname"), case.get("name"))
    bad = [part for part in case if part.tag in ("failure", "error")]
    now = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
    if outcome.get(name) != "failed":
        outcome[name] = now
    for part in bad:
        why = " ".join((part.get("message") or "").split())
        print(f"failed: {'::'.join(name)}: {why[:1000]}", file=sys.stderr)
every = list(outcome.values())
print(every.count("passed"), every.count("failed"), every.count("skipped"))
END
)
[ -z "$units_failed" ] || echo "$units_failed"
cat "$results/failures"
read -r good bad left <<<"$counts"
if [ "${status:-0}" != 0 ] && [ "$bad" = 0 ]; then
    echo "run.sh: pytest ended with status $status" >&2
    bad=1
fi
passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))

for fault in "$results"/fault*; do
    [ -s "$fault" ] || continue
    cat "$fault"
    failed=$((failed + 1))
done
if [ "$((passed + failed))" = 0 ]; then
    echo "run.sh: no test ran" >&2
    failed=1
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
