#!/bin/bash
# Servers that DNS lists (SRV), looked up at a name server that runs: which is asked first, who takes over, and whom nobody follows.
# Relies on: namespace.sh BUILD tests/e2e/ldap_dns.sh; slapd, ldap-utils, python3.
# Must never: be run outside a namespace of its own: it listens on port 53 and writes /etc/resolv.conf.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_dns.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
first() { "$slapd" "$1" "$L/first" "${@:2}" >> "$L/log" 2>&1; }
second() { "$slapd" "$1" "$L/second" "${@:2}" >> "$L/log" 2>&1; }
dns_start() { "$here/../servers/dns.py" "$L/records" 2>> "$L/log" & dns=$!; }
records() { printf '%s\n' 'A ldap.test 127.0.0.1' 'A ldap.elsewhere 127.0.0.1' "$@" > "$L/records"; }
trap 'kill $dns; first stop; second stop' EXIT
first start 3389 3636 && first change <<< $'dn: cn=one,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: one\nuniqueMember: uid=alice,ou=people,dc=example,dc=org' || exit 1
# One certification authority for both.
mkdir -p "$L/second"; cp -r "$L/first/tls" "$L/second/tls"
second start 3390 3637 && second change <<< $'dn: cn=two,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: two\nuniqueMember: uid=alice,ou=people,dc=example,dc=org' || exit 1
rm -f /etc/resolv.conf; echo 'nameserver 127.0.0.1' > /etc/resolv.conf
install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
cat > /etc/multidir/multidir.conf <<C
[service]
login_deadline = 6s

[directory/people]
type = ldap
preset = openldap
uri = ldaps+srv://test
tls_ca_file = $L/first/tls/ca.crt
base = dc=example,dc=org
user_name = uid
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader
# The servers here are two, each with entries of its own.
shrink_guard = 100

[application/host]
directories = people

[application/host/people]
allow_all = yes
C
# Without the owner, which is always the one.
explain() { printf '%s\n' "$2" | multidirctl --json explain login "$1" --service sshd --password-stdin 2>/dev/null | field verdict reason; }
error() { multidirctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["directories"][0]["error"])'; }
# Which server was read: each has a group that the other has not. "exit status, group"
read_from() { multidirctl directory sync people >/dev/null 2>&1; echo "$?" "$(getent group one two | cut -d: -f1 | tr '\n' ' ')"; }

records 'SRV _ldaps._tcp.test 20 90 3637 ldap.test' 'SRV _ldaps._tcp.test 10 1 3636 ldap.test'
dns_start
service_start || exit 1
multidirctl enable >/dev/null || exit 1
ck "SRV: the lower priority first, whatever the weight" "$(read_from)" '0 one '
ck "SRV: a login" "$(explain alice alice-pw)" 'allow ok'
first stop
ck "SRV: the first is away: the next one is read" "$(read_from)" '0 two '
ck "SRV: and asked for passwords" "$(explain bob bob-pw; explain bob bad)" $'allow ok\ndeny wrong-password'
first start 3389 3636
ck "SRV: the first is back" "$(read_from)" '0 one '
records 'SRV _ldaps._tcp.test 10 1 3636 ldap.test' 'SRV _ldaps._tcp.test 10 90 3637 ldap.test'
ck "SRV: of one priority, the higher weight; and what DNS says now counts" "$(read_from)" '0 two '
second stop
ck "SRV: of one priority, the other one too" "$(read_from)" '0 one '
second start 3390 3637
records 'SRV _ldaps._tcp.test 1 0 3637 ldap.elsewhere' 'SRV _ldaps._tcp.test 10 1 3636 ldap.test'
ck "SRV: nobody outside the domain" "$(read_from)" '0 one '
records 'SRV _ldaps._tcp.test 1 0 3637 ldap.elsewhere'
ck "SRV: and if there is nobody else, nobody" "$(read_from)" '6 one '
ck "SRV: it says so" "$(error)" '*DNS lists no server*_ldaps._tcp.test*'
records
ck "SRV: no records" "$(read_from)" '6 one '
kill "$dns"; wait "$dns" 2>/dev/null
began=$SECONDS
ck "SRV: no name server: what was read stays" "$(read_from)" '6 one '
ck "SRV: no name server: within the deadline" "$(explain carol carol-pw >/dev/null; [ $((SECONDS - began)) -le 20 ] && echo soon)" soon
records 'SRV _ldaps._tcp.test 10 1 3636 ldap.test'
dns_start
for _ in $(seq 50); do [ "$(explain carol carol-pw)" = 'allow ok' ] && break; sleep 0.2; done
ck "SRV: the name server is back" "$(explain carol carol-pw; read_from)" $'allow ok\n0 one '
# Each of them may refuse the service's account: the next one is asked.
reader=cn=reader,dc=example,dc=org
# Whom the administrator gives a password must change it (pwdMustChange).
reader_password() { "$1" change <<< "dn: $reader"$'\nchangetype: modify\nreplace: userPassword\nuserPassword: '"$2"$'\n\n'"dn: $reader"$'\nchangetype: modify\ndelete: pwdReset'; }
records 'SRV _ldaps._tcp.test 20 90 3637 ldap.test' 'SRV _ldaps._tcp.test 10 1 3636 ldap.test'
ck "SRV: the first again" "$(read_from)" '0 one '
reader_password first older-pw
ck "SRV: the first refuses bind_dn: the next one is read" "$(read_from)" '0 two '
# Where they have a connection to the first still, they may go on using it.
service_stop; service_start || exit 1
ck "SRV: and asked for passwords, by new processes" "$(explain bob bob-pw; explain bob bad)" $'allow ok\ndeny wrong-password'
reader_password first reader-pw
ck "SRV: the first takes it again" "$(read_from)" '0 one '
service_stop
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
finish
