#!/bin/bash
# Every measurement. Usage: tests/bench/all.sh BUILD; run through `./bootstrap.sh bench`. Exit 0 only if every target was met.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
build=$1 wrong=0
section() { printf '\n== %s\n' "$1"; }
section "Name service: direct calls beside nscd"
tests/bench/run_nss.sh "$build" || wrong=1
section "The view: from replicas to a published file"
"$build/tests/bench/bench_compile" || wrong=1
section "Stores: loading a replica"
"$build/tests/bench/bench_store" || wrong=1
section "Logins and imports"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/login.sh" "$PWD/$build" || wrong=1
exit $wrong
