#!/bin/bash
# 200 logins at once to a directory whose server takes 2 s for every bind, and what another directory's logins cost meanwhile. Run by
# tests/bench/all.sh through namespace.sh: slow_server.sh BUILD
# Relies on: peers_world.sh, tests/servers/slow.py.
# Must never: be run outside a namespace of its own.
# shellcheck source=tests/bench/peers_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/peers_world.sh"
pam=$1/tests/bench/bench_pam storm=200 seconds=2 wrong=0
python3 "$here/../servers/slow.py" 3390 389 $seconds & slow_pid=$!
trap 'kill "$slow_pid"; "$slapd" stop "$D"' EXIT
MORE="
[application/second]
directories = slow
services = bench-slow
allow_other_owner = yes
[application/second/slow]
allow_all = yes
[directory/slow]
type = ldap
preset = openldap-posix
uri = ldap://127.0.0.1:3390
insecure_plaintext = yes
base = dc=example,dc=org
paged = 1000
bind_dn = $reader
bind_password_file = /etc/multidir/secrets/reader"
world_start
pam_service slow pam_multidir.so
waits 60 multidirctl directory sync slow || { multidirctl status; exit 1; }

read -r alone _ < <("$pam" bench-multidir u pw 1 2000 1000)
"$pam" bench-slow u pw $storm $storm 1000 > "$MULTIDIR_TOP/storm" & storm_pid=$!
waits 10 pgrep -f 'role=worker --directory=slow' >/dev/null
read -r beside p99 _ refused _ < <("$pam" bench-multidir u pw 1 2000 1000)
kill -0 $storm_pid 2>/dev/null || { echo "the others were not measured beside the storm: FAIL"; wrong=1; }
workers=$(pgrep -fc 'role=worker --directory=slow')
memory=$(for pid in $(pgrep -f 'role=worker --directory=slow'); do awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup"; done | awk '{n += $1} END {print int(n / 1024)}')
wait $storm_pid
read -r _ _ _ storm_refused slowest < "$MULTIDIR_TOP/storm"
if [ "${storm_refused:-1}" = 0 ] && [ "$slowest" -lt 8000000 ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "$storm logins at once, $seconds s for each bind: $((storm - storm_refused)) let in, the slowest after $((slowest / 1000)) ms (target: all, within the 8 s of login_deadline), $workers workers with $memory MB $verdict"
if [ "${refused:-1}" = 0 ] && [ "$beside" -lt $((2 * alone)) ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "another directory's logins meanwhile: p50 $beside us, p99 $p99 us; before: p50 $alone us (target: p50 below twice that) $verdict"
service_stop
exit $wrong
