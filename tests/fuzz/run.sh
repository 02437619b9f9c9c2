#!/bin/bash
# Fuzzes what pganchor parses and edits itself, with libFuzzer; --help says how to use it.
set -euo pipefail

targets=(ini policy pins anchors_conf certificate root_crt fingerprint ca_url host service printable secrets record known_servers passwords passfile step_config team crl certs_conf auto_conf hba hosts pgbouncer crls_conf startup bundle source_records manifest http_request profile minisign profiles_conf jsonc jdbc_url accepted lengths jose ca_answers)

help() {
    cat <<END
Usage: tests/fuzz/run.sh [--seconds N | --runs N] [--seed N] [TARGET...]

Builds tests/fuzz/parsers.c with clang, libFuzzer, ASan and UBSan, and runs each
TARGET (all, without one) for N seconds (60) or N inputs, from the handful of
inputs in tests/fuzz/corpus and two certificates made for it. Prints the seed of
each. The first input that something is wrong with is kept, and the status is 1.

Targets: ${targets[*]}

An input of "lengths" is what texts are filled with: each is tried in every place
and in every length from 0 to 600, so that --runs gives it one for 250 of the others.

\$PGANCHOR_FUZZ_BUILD is the directory to build in, and what is built there already
is built again only where it changed; without it a temporary one.
END
}

limit=(-max_total_time=60)
seed=
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) limit=("-max_total_time=$2") && shift 2 ;;
        --runs) limit=("-runs=$2") && shift 2 ;;
        --seed) seed=$2 && shift 2 ;;
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
done
[ $# -eq 0 ] || targets=("$@")

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pga-parsers.XXXXXX")
# What is written for each input goes to memory, if there is such a place.
PGANCHOR_FUZZ_DIRECTORY=$(mktemp -d /dev/shm/pga-fuzz.XXXXXX 2>/dev/null || mktemp -d /tmp/pga-fuzz.XXXXXX)
export PGANCHOR_FUZZ_DIRECTORY
trap 'rm -rf "$scratch" "$PGANCHOR_FUZZ_DIRECTORY"' EXIT
trap 'exit 1' HUP INT TERM
build=${PGANCHOR_FUZZ_BUILD:-$scratch/build}
mkdir -p "$build"

read -ra sources <<<"tests/fuzz/parsers.c $("$top/tests/fuzz/sources.sh" PARTS)"
libraries=(libpq openssl libcurl libelf jansson)
read -ra flags <<<"$(pkg-config --cflags "${libraries[@]}") -I$top/src -I$top/include -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer"
flags+=('-DSYSCONFDIR="/nowhere"' '-DPKGLIBDIR="/nowhere"' '-DPKGLIBEXECDIR="/nowhere"' '-DPG_SYSCONFDIR="/nowhere"' '-DPACKAGE_VERSION="0"')
sanitizers=address,undefined

# A rule for each file; make builds what has changed, on every core.
{
    echo "parsers:"
    for source in "${sources[@]}"; do
        object=${source//\//_}.o
        echo "parsers: $object"
        echo "$object: $top/$source"
        printf '\tclang %s -fsanitize=fuzzer-no-link,%s -fno-sanitize-recover=all -MMD -MF %s.d -c -o %s %s\n' \
            "$(printf "'%s' " "${flags[@]}")" "$sanitizers" "$object" "$object" "$top/$source"
        echo "-include $object.d"
    done
    # shellcheck disable=SC2016 # make's variable
    printf 'parsers:\n\tclang -fsanitize=fuzzer,%s -o $@ $(filter %%.o,$^) %s\n' "$sanitizers" \
        "$(pkg-config --libs "${libraries[@]}")"
} >"$build/Makefile"
make -s -C "$build" -j"$(nproc)" parsers

# Inputs that no text editor makes.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/key" -out "$scratch/root.pem" \
    -subj "/O=Example/CN=Root" -days 2 -addext keyUsage=critical,keyCertSign 2>"$scratch/openssl.log"

failed=0
for target in "${targets[@]}"; do
    corpus=$scratch/$target.corpus
    mkdir "$corpus"
    [ ! -d "$top/tests/fuzz/corpus/$target" ] || cp "$top/tests/fuzz/corpus/$target"/* "$corpus"
    case $target in
        ca_answers)
            pem=$(awk '{ printf "%s\\n", $0 }' "$scratch/root.pem")
            printf '{"crt": "%s", "ca": "%s"}' "$pem" "$pem" >"$corpus/signed"
            printf '{"crt": "%s", "certChain": ["%s"]}' "$pem" "$pem" >"$corpus/chain"
            ;;
        certificate)
            openssl x509 -in "$scratch/root.pem" -outform DER -out "$corpus/root.der"
            cp "$scratch/root.pem" "$corpus"
            ;;
        bundle)
            openssl x509 -in "$scratch/root.pem" -outform DER -out "$corpus/root.der"
            cp "$scratch/root.pem" "$corpus"
            openssl x509 -in "$scratch/root.pem" -trustout -out "$corpus/trusted.pem"
            for form in PEM DER; do
                openssl crl2pkcs7 -nocrl -certfile "$scratch/root.pem" -outform "$form" -out "$corpus/$form.p7b"
            done
            { echo "Subject: of two" && cat "$scratch/root.pem" "$scratch/key" "$scratch/root.pem"; } >"$corpus/two.pem"
            ;;
        crl)
            : >"$scratch/index" && echo 01 >"$scratch/number"
            printf '[ca]\ndefault_ca = c\n[c]\ndatabase = %s\ncrlnumber = %s\ndefault_md = sha256\n[x]\n%s\n' "$scratch/index" \
                "$scratch/number" 'issuingDistributionPoint = critical,@p' >"$scratch/ca.conf"
            printf '[p]\nfullname = URI:http://ca.example/crl\n[none]\n' >>"$scratch/ca.conf"
            for section in none x; do
                openssl ca -gencrl -config "$scratch/ca.conf" -crlexts "$section" -crldays 2 -keyfile "$scratch/key" \
                    -cert "$scratch/root.pem" -out "$corpus/$section.pem" 2>>"$scratch/openssl.log"
                openssl crl -in "$corpus/$section.pem" -outform DER -out "$corpus/$section.der"
            done
            ;;
        root_crt)
            cp "$scratch/root.pem" "$corpus"
            { echo "# of somebody else" && cat "$scratch/root.pem" && echo "# pganchor anchor ca" && cat "$scratch/root.pem"; } >"$corpus/two.pem"
            ;;
    esac
    rm -rf "${PGANCHOR_FUZZ_DIRECTORY:?}"/*
    ln -sf "$build/parsers" "$scratch/$target"
    chosen=${seed:-$((RANDOM * 32768 + RANDOM + 1))}
    runs=("${limit[@]}")
    if [ "$target" = lengths ] && [[ ${limit[0]} = -runs=* ]]; then
        runs=("-runs=$((${limit[0]#-runs=} / 250))")
    fi
    # What libraries keep to the end is no leak of ours; UBSan's findings end the run.
    if ! ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 "$scratch/$target" "$corpus" -seed="$chosen" "${runs[@]}" \
        -max_len=4096 -timeout=300 -artifact_prefix="${TMPDIR:-/tmp}/pganchor-fuzz-$target-" -print_final_stats=1 \
        >"$scratch/$target.log" 2>&1; then
        tail -n 60 "$scratch/$target.log"
        failed=1
    fi
    done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$target.log")
    coverage=$(grep -o 'cov: [0-9]*' "$scratch/$target.log" | tail -n 1)
    echo "$target: seed $chosen, ${done_runs:-?} inputs, ${coverage:-cov: ?}"
done
[ "$failed" = 0 ] || echo "run.sh: something is wrong; the input is in ${TMPDIR:-/tmp}/pganchor-fuzz-*" >&2
exit "$failed"
