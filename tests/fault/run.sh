#!/bin/bash
# Runs the tests of the running service: `run.sh BUILD [test_NAME.py…]`. Each file gets namespaces of its own (mount, network, process), with
# everything that it writes on tmpfs. Prints an "ok" or "not ok" line per case, and last "N passed, N failed".
# Relies on: root, unshare, overlayfs, python3.
# Must never: touch the host's /etc, /run or /var/lib.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${1:?usage: run.sh BUILD [TEST…]}"); shift
[ "$(id -u)" = 0 ] || { echo "run.sh: needs root" >&2; exit 2; }
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=("$here"/test_*.py)
passed=0 failed=0
for test in "${tests[@]}"; do
        case $test in */*) ;; *) test=$here/$test ;; esac
        name=$(basename "$test" .py)
        out=$(timeout "${FAULT_TIMEOUT:-300}" unshare --mount --net --pid --ipc --fork --kill-child --mount-proc \
                env -i MULTIDIR_IN_NAMESPACE=1 PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
                /usr/bin/python3 "$test" "$build" 2>&1)
        status=$?
        printf '%s\n' "$out" | sed "s/^\(not ok\|ok\) /\1 $name: /"
        passed=$((passed + $(printf '%s\n' "$out" | grep -c '^ok ')))
        failed=$((failed + $(printf '%s\n' "$out" | grep -c '^not ok ')))
        # A file that ends before its last line is a failure of its own, whatever its cases said.
        if ! grep -q '^# end$' <<< "$out" || { [ $status != 0 ] && ! grep -q '^not ok ' <<< "$out"; }; then
                echo "not ok $name: ended early (status $status)"
                failed=$((failed + 1))
        fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
