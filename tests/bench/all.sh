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
"$build/tests/bench/bench_store" 1000000 50000 10000000 /dev/shm || wrong=1
section "The view: by the service, from a store to a published file"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/million.sh" "$PWD/$build" || wrong=1
section "LDAP: a directory of 100,000 users"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/sync_ldap.sh" "$PWD/$build" || wrong=1
section "LDAP: a directory of 1,000,000 users"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/sync_ldap.sh" "$PWD/$build" 1000000 50000 || wrong=1
section "LDAP: 200 logins at a slow server"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/slow_server.sh" "$PWD/$build" || wrong=1
section "LDAP: logins beside nslcd and SSSD; what each does when the server is away"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/peers.sh" "$PWD/$build" || wrong=1
section "Logins and imports"
tests/e2e/namespace.sh "$build" "$PWD/tests/bench/login.sh" "$PWD/$build" || wrong=1
exit $wrong
