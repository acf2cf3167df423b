#!/bin/bash
# The demonstration with a real OpenLDAP server above an internal directory. Run through `./bootstrap.sh demo --ldap`.
# Relies on: namespace.sh, tests/servers/slapd.sh. Exit 0 only if everything came out as said.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "demo_ldap.sh: run ./bootstrap.sh demo --ldap" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh
trap '"$slapd" stop /srv/slapd' EXIT

mkdir /run/srv && mount --bind /run/srv /srv # the server's folder, gone with the namespace
"$slapd" start /srv/slapd 389 636 || exit 1
install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/people)
say "A real OpenLDAP server above an internal directory: people, staff"
cat > /etc/multidir/multidir.conf <<'C'
[directory/people]
type = ldap
preset = openldap
uri = ldaps://127.0.0.1
tls_ca_file = /srv/slapd/tls/ca.crt
base = dc=example,dc=org
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/people
user_name = uid                      ; the preset says cn

[directory/staff]
type = internal

[application/host]
directories = people, staff

[application/host/people]
allow_groups = login

[application/host/staff]
allow_all = yes
C
show '*=> 0' "cat /etc/multidir/multidir.conf"
service_start || exit 1
show '*=> 0' "multidirctl directory test people"
show '*ready*=> 0' "multidirctl status"
show '*=> 0' "echo staff-pw | multidirctl --directory staff user add stan --password-stdin"
show '*=> 0' "multidirctl enable"

say "Names, and groups in groups"
show 'alice:*=> 0' "getent passwd alice"
show '*login*=> 0' "id alice"
show 'ops:*alice,bob*=> 0' "getent group ops"

say "Logins by bind, at the server"
for u in alice stan; do install -d -m 700 -o "$(id -u $u)" -g "$(id -g $u)" /home/$u; done
sshd_start || exit 1
printf 'Host here\n\tHostName 127.0.0.1\n\tPort 2222\n\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n\tLogLevel ERROR\n\tPreferredAuthentications password\n\tNumberOfPasswordPrompts 1\n' \
        > /etc/ssh/ssh_config.d/here.conf
show 'alice*=> 0' "sshpass -p alice-pw ssh alice@here 'id -un; id -Gn'"
show '*Permission denied*' "sshpass -p bad ssh alice@here id"
show '*inactive*=> 1' "echo frank-pw | multidirctl explain login frank --service sshd --password-stdin"

say "What changes at the server is here within two seconds"
printf 'dn: uid=newton,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: newton\ncn: Newton\nsn: N\n' | "$slapd" change /srv/slapd
show 'newton:*=> 0' "sleep 2; getent passwd newton"
printf 'dn: uid=newton,ou=people,dc=example,dc=org\nchangetype: delete\n' | "$slapd" change /srv/slapd
show '* => 2' "sleep 2; getent passwd newton"
show '*watch*' "multidirctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"directories\"][0][\"kept_by\"])'"

say "Changes from here are made at the server, if bind_dn may"
show '*permission-denied*' "multidirctl --directory people user add newbie"

say "The server stops: names go on, a password login is unavailable, other directories are not"
"$slapd" stop /srv/slapd
show 'alice:*=> 0' "getent passwd alice"
show '*unavailable*=> 1' "echo alice-pw | multidirctl explain login alice --service sshd --password-stdin"
show 'stan*=> 0' "sshpass -p staff-pw ssh stan@here id -un"

say "… and is back"
"$slapd" start /srv/slapd 389 636
for _ in $(seq 100); do echo alice-pw | multidirctl explain login alice --password-stdin >/dev/null 2>&1 && break; sleep 0.1; done
show 'alice*=> 0' "sshpass -p alice-pw ssh alice@here id -un"
service_stop; sshd_stop
if [ $wrong = 0 ]; then say "Everything came out as it should."; else say "$wrong answers were not as they should be."; fi
exit $((wrong > 0))
