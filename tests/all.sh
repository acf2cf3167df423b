#!/bin/bash
# Every test, in stages; the last line is "N passed, N failed". Run through `./bootstrap.sh test` (which installs what this needs).
# A stage is a command whose output is counted: meson's tests, "ok"/"not ok" lines, or its exit status alone.
# Usage: tests/all.sh [STAGE…]     the stages' names are those of the functions stage_*.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/.."
passed=0 failed=0
logs=$PWD/build-logs; mkdir -p "$logs"
started=$SECONDS

note() { printf '%s\n' "$*"; }
count() { passed=$((passed + $1)); failed=$((failed + $2)); }

# one NAME COMMAND…: one test, by exit status.
one() {
        local name=$1 log="$logs/${1//[^a-zA-Z0-9]/_}.log"; shift
        if "$@" > "$log" 2>&1; then count 1 0; note "ok - $name"
        else count 0 1; note "not ok - $name"; tail -n 40 "$log"; fi
}

# lines NAME COMMAND…: counts its "ok" and "not ok" lines; a failure without one counts as one, and so does one that takes ten minutes.
lines() {
        local name=$1 log="$logs/${1//[^a-zA-Z0-9]/_}.log" status good bad; shift
        timeout --kill-after=10 600 "$@" > "$log" 2>&1 < /dev/null; status=$?
        good=$(grep -c '^ok ' "$log"); bad=$(grep -c '^not ok ' "$log")
        [ $status = 0 ] || [ "$bad" -gt 0 ] || bad=1
        [ $((good + bad)) -gt 0 ] || bad=1
        count "$good" "$bad"
        note "$name: $good ok, $bad not ok"
        [ "$bad" = 0 ] || { grep '^not ok ' "$log"; tail -n 15 "$log"; }
}

# suite BUILD [MESON-TEST-OPTION…]: meson's tests of a build.
suite() {
        local build=$1 log good bad; log="$logs/$(basename "$build").log"; shift
        meson test -C "$build" --no-rebuild --print-errorlogs --num-processes "$(nproc)" "$@" > "$log" 2>&1
        good=$(awk '/^Ok:/ {print $2}' "$log"); bad=$(awk '/^(Fail|Timeout|Unexpected Pass):/ {n += $2} END {print n + 0}' "$log")
        [ -n "$good" ] || { good=0; bad=1; }
        count "$good" "$bad"
        note "tests of $build: $good ok, $bad not ok"
        [ "$bad" = 0 ] || tail -n 60 "$log"
}

# build NAME MESON-OPTION…: one test: it compiles, warnings being errors.
build() {
        local name=$1; shift
        rm -rf "$name"
        one "build $name" bash -c 'folder=$1; shift; meson setup "$folder" "$@" && ninja -C "$folder"' - "$name" "$@"
}

stage_gcc() {
        build build-gcc --buildtype=release
        suite build-gcc
}
stage_sanitizers() {
        CC=clang build build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
        ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 MULTIDIR_TEST_QUICK=1 suite build-asan --timeout-multiplier 4
}
stage_threads() {
        CC=clang build build-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
        MULTIDIR_TEST_QUICK=1 suite build-tsan --suite threads --timeout-multiplier 4
}
stage_fuzz() {
        CC=clang build build-fuzz --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link
        lines "fuzz, 60 s in all" tests/fuzz/run.sh build-fuzz 60
}
stage_analyzer() {
        lines "gcc -fanalyzer" tests/lint/analyzer.sh
}
stage_lint() {
        lines "lint" tests/lint/run.sh build-gcc
}
stage_scenarios() {
        lines "scenarios" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/scenarios.py" "$PWD/tests/scenarios"
}
stage_logins() {
        lines "logins" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/logins.sh"
}
stage_ldap() {
        lines "LDAP" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap.sh"
        lines "LDAP, what changes there" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_sync.sh"
        lines "LDAP, outages" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_outages.sh"
        lines "LDAP, servers from DNS" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_dns.sh"
        lines "delegated" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/delegated.sh"
}
stage_ldap_passwords() {
        lines "LDAP, passwords" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_passwords.sh"
}
# The orders with one directory at a server mostly wait, too: they go on beside the rest.
stage_ldap_changes() {
        local pids=()
        scenarios_beside first last
        lines "scenarios, each directory at a server" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/scenarios.py" --ldap=all "$PWD/tests/scenarios"
        lines "LDAP, changes from here" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_changes.sh"
        lines "LDAP, changes from here, other servers" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_changes_servers.sh"
        end_beside "${pids[0]}" "$logs/scenarios_beside.log"
}
# scenarios_beside WHERE…: one after the other; adds to pids.
scenarios_beside() {
        (passed=0 failed=0
         for where in "$@"; do
                lines "scenarios, the $where directory at a server" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/scenarios.py" --ldap="$where" "$PWD/tests/scenarios"
         done
         note "$passed $failed") > "$logs/scenarios_beside.log" 2>&1 &
        pids+=($!)
}
stage_ldap_servers() {
        lines "LDAP, other servers" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/ldap_servers.sh"
}
stage_sid() {
        lines "ids beside SSSD" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/sid_sssd.sh"
}
stage_demo() {
        one "demo" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/demo.sh"
        one "demo --ldap" tests/e2e/namespace.sh build-gcc "$PWD/tests/e2e/demo_ldap.sh"
}
stage_systemd() {
        lines "the unit under systemd" tests/e2e/systemd.sh build-gcc
}
# All of them mostly wait, each in namespaces of its own: those with servers in three lanes, the others in a fourth.
stage_faults() {
        local lanes=('' '' '' '') test next=0 lane pids=()
        for test in tests/fault/test_*.py; do
                if [[ $test == */test_ldap* ]]; then lanes[next]+=" ${test##*/}"; next=$(((next + 1) % 3))
                else lanes[3]+=" ${test##*/}"; fi
        done
        # shellcheck disable=SC2086
        { for lane in 1 2 3; do faults_beside "$lane" ${lanes[lane]}; done; lines "faults, lane 0" tests/fault/run.sh build-gcc ${lanes[0]}; }
        for lane in 1 2 3; do end_beside "${pids[lane - 1]}" "$logs/faults_beside_$lane.log"; done
}
# faults_beside LANE TEST…: adds to pids.
faults_beside() {
        (passed=0 failed=0; lines "faults, lane $1" tests/fault/run.sh build-gcc "${@:2}"; note "$passed $failed") > "$logs/faults_beside_$1.log" 2>&1 &
        pids+=($!)
}

# What only computes goes on beside what mostly waits for servers, and gives way to it: one after the other they would take too long.
beside=(sanitizers threads fuzz analyzer)
run_stages() {
        for stage in "$@"; do
                note "--- $stage ($((SECONDS - started)) s)"
                "stage_$stage"
        done
}
# Its output and, last, its counts go to a file, which the end of this script reads.
run_beside() {
        renice -n 19 "$BASHPID" > /dev/null
        passed=0 failed=0
        run_stages "$@"
        note "$passed $failed"
}
# end_beside PID LOG
end_beside() {
        local good bad
        wait "$1"
        sed '$d' "$2"
        read -r good bad < <(tail -n 1 "$2")
        count "${good:-0}" "${bad:-1}"
}

stages=("$@")
if [ ${#stages[@]} -gt 0 ]; then
        run_stages "${stages[@]}"
else
        run_stages gcc
        run_beside "${beside[@]}" > "$logs/beside.log" 2>&1 &
        beside_pid=$!
        trap 'kill "$beside_pid" 2>/dev/null' EXIT
        run_stages lint scenarios logins ldap ldap_passwords ldap_changes ldap_servers sid demo systemd faults
        end_beside "$beside_pid" "$logs/beside.log"
        trap - EXIT
fi
note "took $((SECONDS - started)) s"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
