#!/bin/bash
# Logins and imports, measured against a real service. Run by tests/bench/all.sh through namespace.sh: login.sh BUILD
# Relies on: namespace.sh. Prints a line a measurement, PASS or FAIL where there is a target.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "login.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bench=$1/tests/bench/bench_login
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
printf '[directory/staff]\ntype = internal\n[application/host]\ndirectories = staff\n[application/host/staff]\nallow_all = yes\n' > /etc/multidir/multidir.conf
service_start || exit 1
wrong=0

yescrypt=$(perl -e 'print crypt("pw", "\$y\$j9T\$saltsaltsaltsaltsalt\$")')
{ echo name,hash; for i in $(seq 0 599); do echo "many$i,$yescrypt"; done; } > "$MULTIDIR_TOP/few.csv"
multidirctl --directory staff user import "$MULTIDIR_TOP/few.csv" >/dev/null || exit 1
# One login beside its hash, in turn, in one process: a cheaper hash would not do, as every check costs at least a default one (L9).
"$bench" one many0 pw "$yescrypt" 100 || wrong=1
"$bench" many many pw 200 || wrong=1
"$bench" many many pw 600 || wrong=1

{ echo name,display_name,hash; for i in $(seq 100000); do echo "user$i,User $i,$yescrypt"; done; } > "$MULTIDIR_TOP/people.csv"
started=$(date +%s.%N)
multidirctl --directory staff user import "$MULTIDIR_TOP/people.csv" >/dev/null || wrong=1
took=$(echo "$(date +%s.%N) - $started" | bc)
if [ "$(echo "$took < 10" | bc)" = 1 ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "import of 100,000 users with hashes, published: $took s (target: below 10 s) $verdict"
getent passwd user100000 >/dev/null || getent -s multidir passwd user100000 >/dev/null || { echo "user100000 does not resolve: FAIL"; wrong=1; }
started=$(date +%s.%N)
echo pw | multidirctl --directory staff user add late --password-stdin >/dev/null || wrong=1
echo "one user added to 100,000, published: $(echo "$(date +%s.%N) - $started" | bc) s"
grep VmHWM /proc/$(pgrep -f 'role=keeper' | head -n 1)/status | sed 's/^/keeper, at most: /'
service_stop
exit $wrong
