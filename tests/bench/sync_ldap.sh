#!/bin/bash
# A directory of 100,000 users and 10,000 groups, every user in 10 of them, in a real slapd: from nothing to a published view, beside ldapsearch
# writing the same entries to a file; a synchronisation that finds nothing new, in steps and in full; one user changed at the server; logins; memory at rest.
# Run by tests/bench/all.sh through namespace.sh: sync_ldap.sh BUILD [USERS GROUPS]. The targets are those of 1,000,000 users from 500,000 on.
# Relies on: namespace.sh, tests/servers/slapd.sh.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "sync_ldap.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bench=$1/tests/bench/bench_login users=${2:-100000} groups=${3:-10000}
factor=2 megabytes=60 change_s=1
[ "$users" -lt 500000 ] || { factor=2.5 megabytes=400 change_s=3; }
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
# shellcheck source=tests/bench/idle.sh
. "$here/idle.sh"
slapd=$here/../servers/slapd.sh D=$MULTIDIR_TOP/slapd
export LDAPNOINIT=1
trap '"$slapd" stop "$D"' EXIT
wrong=0
python3 - "$users" "$groups" > "$MULTIDIR_TOP/seed.ldif" <<'P'
import sys
users, groups = int(sys.argv[1]), int(sys.argv[2])
base = 'dc=example,dc=org'
print(f'dn: {base}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n')
print(f'dn: cn=reader,{base}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: reader-pw\n')
for unit in 'people', 'groups':
    print(f'dn: ou={unit},{base}\nobjectClass: organizationalUnit\nou: {unit}\n')
for n in range(users):
    print(f'dn: uid=user{n},ou=people,{base}\nobjectClass: inetOrgPerson\nuid: user{n}\ncn: User {n}\nsn: {n}\nmail: user{n}@example.org\nuserPassword: pw\n')
members = {}
for n in range(users):
    for k in range(10):
        members.setdefault((n * 10 + k * 7919 + n // groups) % groups, set()).add(n)
for g in range(groups):
    print(f'dn: cn=group{g},ou=groups,{base}\nobjectClass: groupOfUniqueNames\ncn: group{g}')
    for n in sorted(members.get(g, {0})):
        print(f'uniqueMember: uid=user{n},ou=people,{base}')
    print()
P
export SLAPD_MAXSIZE=$((users * 20000 + 1073741824)) # address space: what is not used costs nothing
"$slapd" start "$D" 3389 3636 "$MULTIDIR_TOP/seed.ldif" || exit 1
rm -f "$MULTIDIR_TOP/seed.ldif" "$D/offline.ldif" # they lie in memory
seconds() { local from; from=$(date +%s.%N); "$@" || return 1; echo "$(date +%s.%N) - $from" | bc > "$MULTIDIR_TOP/seconds"; }
dump() {
        ldapsearch -LLL -x -H ldap://127.0.0.1:3389 -D cn=reader,dc=example,dc=org -w reader-pw -b dc=example,dc=org -E pr=1000/noprompt \
                '(|(objectClass=inetOrgPerson)(objectClass=groupOfUniqueNames))' entryUUID uid cn displayName mail uniqueMember > "$MULTIDIR_TOP/dump.ldif"
}
seconds dump; seconds dump; plain=$(cat "$MULTIDIR_TOP/seconds")
echo "ldapsearch of $users users, $groups groups, $(grep -c '^uniqueMember' "$MULTIDIR_TOP/dump.ldif") memberships into a file: $plain s"
rm -f "$MULTIDIR_TOP/dump.ldif"

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
cat > /etc/multidir/multidir.conf <<'C'
[directory/people]
type = ldap
preset = openldap
uri = ldap://127.0.0.1:3389
insecure_plaintext = yes
base = dc=example,dc=org
user_name = uid
paged = 20000
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader
[application/host]
directories = people
[application/host/people]
allow_all = yes
C
first() {
        /usr/sbin/multidird 2>>"$service_log" & service_pid=$!
        # A command every so often would cost a fifth of what is measured.
        until [ -e /var/lib/multidir/view ] && multidirctl status >/dev/null 2>&1; do sleep 0.05; kill -0 "$service_pid" || return 1; done
}
seconds first || { tail "$service_log"; exit 1; }
took=$(cat "$MULTIDIR_TOP/seconds")
getent -s multidir passwd "user$((users - 1))" >/dev/null || { echo "the last user does not resolve: FAIL"; multidirctl status; wrong=1; }
if [ "$(echo "$took < $factor * $plain" | bc)" = 1 ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "started, synchronised and published in $took s, $(echo "scale=2; $took / $plain" | bc) times ldapsearch (target: $factor times) $verdict"
for role in keeper worker; do
        sed -n "s/^VmHWM:/$role, at most:/p" "/proc/$(pgrep -f "role=$role" | head -n 1)/status"
done

# At the server, until it resolves as changed.
change_user() {
        "$slapd" change "$D" >/dev/null <<L || return 1
dn: uid=user$1,ou=people,dc=example,dc=org
changetype: modify
replace: displayName
displayName: $2
L
        until [[ $(getent -s multidir passwd "user$1") == *:"$2":* ]]; do sleep 0.01; done
}
times=()
for i in 1 2 3 4 5; do
        seconds change_user "$((users / 2 + i))" "Changed $i" || wrong=1
        times+=("$(printf '%.2f' "$(cat "$MULTIDIR_TOP/seconds")")")
done
mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
if [ "$(echo "${times[2]} < $change_s" | bc)" = 1 ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "one user changed at the server resolves as changed after ${times[*]} s (target for the median: $change_s) $verdict"
idle_within "$megabytes" || wrong=1
seconds multidirctl directory sync people >/dev/null || wrong=1
echo "a synchronisation that finds nothing new: $(cat "$MULTIDIR_TOP/seconds") s"
seconds multidirctl directory sync people --full >/dev/null || wrong=1
echo "... in full: $(cat "$MULTIDIR_TOP/seconds") s"
"$bench" one user0 pw - 200 || wrong=1
idle_within "$megabytes" || wrong=1
service_stop
exit $wrong
