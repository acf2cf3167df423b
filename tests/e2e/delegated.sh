#!/bin/bash
# Delegated directories (D3), from outside: users and groups of this host, passwords of a real slapd, real logins.
# Relies on: namespace.sh BUILD tests/e2e/delegated.sh; slapd, ldap-utils, sshpass, openssh, sudo, pamtester.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "delegated.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh
L=$MULTIDIR_TOP/people
start_server() { "$slapd" start "$L" 3389 3636 "$here/../servers/seeds/people.ldif" >> "$L.log" 2>&1; }
start_server || { cat "$L.log" >&2; exit 1; }
trap '"$slapd" stop "$L" >/dev/null 2>&1' EXIT
change() { "$slapd" change "$L" >> "$L.log" 2>&1; }

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
directory="type = delegated
preset = openldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/tls/ca.crt
base = dc=example,dc=org
user_name = uid
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader"
cat > /etc/multidir/multidir.conf <<C
[service]
login_deadline = 4s

[directory/people]
$directory

[directory/staff]
type = internal

[application/host]
directories = people, staff

[application/host/people]
allow_groups = login

[application/host/staff]
allow_all = yes
C

bad() { # LINE…: the exit status of check with these lines added, or in the place of those with the same key
        printf '[directory/people]\n%s\n[application/host]\ndirectories = people\n' "$(grep -vE "^(${1%% *}) =" <<< "$directory"; printf '%s\n' "$@")" > "$MULTIDIR_TOP/bad.conf"
        multidirctl check "$MULTIDIR_TOP/bad.conf" > "$MULTIDIR_TOP/bad.out" 2>&1; echo $?
}
exit_of() { "$@" >/dev/null 2>&1; echo $?; }
ms() { local from; from=$(date +%s%N); "$@" >/dev/null 2>&1; echo $((($(date +%s%N) - from) / 1000000)); }
below() { [ "$1" -lt "$2" ] && echo "below $2" || echo "$1 ms"; }

ck "check: the configuration is good" "$(exit_of multidirctl check)" 0
ck "check: no server" "$(bad 'uri =')" 8
ck "check: a password over the network in clear" "$(bad 'uri = ldap://192.0.2.1'; grep -c 'in the clear' "$MULTIDIR_TOP/bad.out")" $'8\n1'
ck "check: ids = sid" "$(bad 'ids = sid')" 8
ck "check: the same preset, another kind of ids" "$(bad 'preset = active-directory')" 0

service_start || exit 1
m() { multidirctl "$@" >/dev/null || { echo "multidirctl $* failed" >&2; exit 1; }; }
people() { m --directory people "$@"; }
for u in alice bob carol erin frank; do people user add $u; done
people user modify alice --display-name 'Alice Of This Host'
people group add login; people group add admins
people member add login alice carol erin frank
people member add admins alice
m --directory staff user add stan --password-stdin <<< 'stan-pw'
m enable
for u in alice bob carol stan; do install -d -m 755 -o "$(id -u $u)" -g "$(id -g $u)" "$(getent passwd $u | cut -d: -f6)"; done
echo '%admins ALL=(ALL:ALL) ALL' > /etc/sudoers.d/admins; chmod 440 /etc/sudoers.d/admins
ssh-keygen -q -t ed25519 -N '' -f "$MULTIDIR_TOP/key"
people user modify alice --ssh-keys "$MULTIDIR_TOP/key.pub"
sshd_start || exit 1

ck "status" "$(state people type state users groups error)" 'delegated ready 5 2 None'
ck "directory list" "$(multidirctl directory list | grep -c delegated)" 1
ck "directory show: where a value comes from" "$(multidirctl directory show people | grep -E '^ *(user_email|ids|nested_groups)')" '*ids*allocate*default*'
ck "directory sync: there is nothing to read" "$(exit_of multidirctl directory sync people)" 0
ck "directory test" "$(exit_of multidirctl directory test people)" 0
ck "directory test: a user's password" "$(echo alice-pw | exit_of multidirctl directory test people alice)" 0
ck "getent: this host's" "$(getent passwd alice)" 'alice:\*:[12]*:Alice Of This Host:/home/alice:/bin/bash'
ck "getent: who is only at the server" "$(getent passwd zoe)" ''
ck "groups: this host's" "$(id -Gn alice)" 'alice*admins*login*'

ck "ssh: the server's password" "$(ssh_password alice alice-pw 'id -un')" 'alice'
ck "ssh: another spelling" "$(ssh_password CAROL carol-pw 'id -un')" 'carol'
ck "ssh: wrong password" "$(ssh_password alice bad 'id -un')" '*Permission denied*'
ck "ssh: outside the gate" "$(ssh_password bob bob-pw 'id -un')" '*Permission denied*'
ck "ssh: who is only at the server" "$(ssh_password zoe zoe-pw 'id -un')" '*Permission denied*'
ck "ssh: closed at the server" "$(ssh_password frank frank-pw 'id -un')" '*Permission denied*'
ck "ssh: expired, and not to be changed from here" "$(ssh_password erin erin-pw 'id -un')" '*Permission denied*'
ck "ssh: the internal directory below" "$(ssh_password stan stan-pw 'id -un')" 'stan'
ck "sudo" "$(ssh_password alice alice-pw "echo alice-pw | sudo -S -p '' id -u")" '0'
ck "su" "$(echo carol-pw | setpriv --reuid=nobody --regid=nogroup --clear-groups su carol -c 'id -un' 2>/dev/null)" 'carol'
people user deactivate alice
ck "L3: the local flag" "$(ssh_password alice alice-pw 'id -un')" '*Permission denied*'
ck "L3: says why" "$(explain alice alice-pw)" 'deny inactive people'
people user activate alice
ck "L3: active again" "$(ssh_password alice alice-pw 'id -un')" 'alice'
for name in '*' 'a)(uid=*' 'uid=alice,ou=people,dc=example,dc=org'; do
        ck "nobody is called $name" "$(explain "$name" alice-pw)" 'deny [ui][sn][ev][ra]*'
done

refused() { "$@" > "$MULTIDIR_TOP/refused" 2>&1; echo $?; }
ck "P5: user password" "$(refused multidirctl user password alice --password-stdin <<< another-pw; grep -c 'kept by its LDAP server' "$MULTIDIR_TOP/refused")" $'5\n1'
ck "P5: user add with a password" "$(refused multidirctl --directory people user add newbie --password-stdin <<< another-pw)" 5
ck "P5: passwd(1)" "$(printf 'alice-pw\nanother-pw-1\nanother-pw-1\n' | pamtester passwd alice chauthtok >/dev/null 2>&1; echo $?)" '[1-9]*'
ck "P5: passwd(1) as root" "$(printf 'another-pw-1\nanother-pw-1\n' | passwd alice >/dev/null 2>&1; echo $?)" '[1-9]*'
ck "P5: nothing has changed" "$(explain alice alice-pw)" 'allow ok people'

# --- the same name, another person
service_stop; service_start || exit 1
ck "after a restart" "$(explain alice alice-pw)" 'allow ok people'
change <<'C'
dn: uid=alice,ou=people,dc=example,dc=org
changetype: delete

dn: uid=alice,ou=people,dc=example,dc=org
changetype: add
objectClass: inetOrgPerson
uid: alice
cn: Another Alice
sn: Another
userPassword: alice-pw
C
ck "another entry under the name" "$(explain alice alice-pw)" 'deny id-conflict people'
ck "another entry under the name: ssh" "$(ssh_password alice alice-pw 'id -un')" '*Permission denied*'
ck "the log says why" "$(grep -c 'deny user="alice" reason=id-conflict rule=D3 owner=people' "$service_log")" '[1-9]*'

# --- without the server
"$slapd" stop "$L" >/dev/null
ck "server stopped: unavailable" "$(explain carol carol-pw)" 'deny unavailable people'
ck "server stopped: soon" "$(below "$(ms explain carol carol-pw)" 4500)" 'below 4500'
ck "server stopped: the names stay" "$(id -Gn alice)" 'alice*admins*login*'
ck "server stopped: a login by key" "$(ssh "${ssh_options[@]}" -o PasswordAuthentication=no -i "$MULTIDIR_TOP/key" alice@127.0.0.1 id -un 2>&1)" alice
ck "server stopped: who is in no directory" "$(explain nobody-here x)" 'deny user-not-found None'
ck "server stopped: the directory below" "$(ssh_password stan stan-pw 'id -un')" 'stan'
ck "server stopped: users and groups can be changed" "$(exit_of multidirctl --directory people member add admins carol; id -Gn carol)" $'0\n*admins*'
start_server
until_ok() { for _ in $(seq 100); do [ "$(explain carol carol-pw)" = 'allow ok people' ] && { echo yes; return; }; sleep 0.1; done; echo never; }
ck "server back" "$(until_ok)" yes
kill -STOP "$(cat "$L/slapd.pid")"
ck "server hangs: unavailable within the deadline" "$(explain carol carol-pw) $(below "$(ms explain carol carol-pw)" 4500)" 'deny unavailable people below 4500'
kill -CONT "$(cat "$L/slapd.pid")"
ck "server goes on" "$(until_ok)" yes
# --- what a login brings with it
cat > /etc/multidir/multidir.conf.d/50-copy.conf <<C
[directory/people]
create_on_login = yes
update_on_login = yes
import_groups_on_login = yes
default_groups = guests

[application/host/people]
allow_groups = login, guests
C
ck "reload" "$(exit_of multidirctl reload)" 0
pam() { printf '%s\n' "$2" | pamtester sshd "$1" authenticate acct_mgmt >/dev/null 2>&1; echo $?; }
ck "a first login: ssh looks the name up before" "$(ssh_password john john-pw 'id -un')" '*Permission denied*'
ck "a first login: nobody was created" "$(getent passwd john)" ''
ck "a first login: wrong password" "$(pam john bad; getent passwd john)" '[1-9]*'
for i in 1 2 3 4 5 6 7 8; do pam john john-pw > "$MULTIDIR_TOP/first.$i" & firsts[i]=$!; done
wait "${firsts[@]}"
ck "eight first logins at once" "$(cat "$MULTIDIR_TOP"/first.* | sort | uniq -c | tr -s ' ')" ' 8 0'
ck "one user of them" "$(multidirctl --json --directory people user list | grep -o '"john"' | wc -l)" 1
ck "with the groups of the server, and this host's" "$(id -Gn john | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' ')" 'devs guests john ops '
ck "but not with those of this host that are called the same" "$(id -Gn john | grep -cw login)" 0
install -d -m 755 -o "$(id -u john)" -g "$(id -g john)" /home/john
ck "the second login: ssh" "$(ssh_password john john-pw 'id -un')" 'john'
for i in $(seq 300); do
        printf 'dn: cn=team-%s,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: team-%s\nuniqueMember: cn=Smith\\, John,ou=people,dc=example,dc=org\n\n' "$i" "$i"
done | change
ck "300 groups more" "$(ssh_password john john-pw 'id -Gn' | wc -w)" 304
ck "a member of each" "$(getent group team-300 | cut -d: -f4)" john
# --- L4: the gate is judged with the groups that this login has brought, whatever view is shown meanwhile
cat > /etc/multidir/multidir.conf.d/60-gate.conf <<'C'
[application/host/people]
allow_groups = team-1
C
team_1() { printf 'dn: cn=team-1,ou=groups,dc=example,dc=org\nchangetype: modify\n%s: uniqueMember\nuniqueMember: cn=Smith\\, John,ou=people,dc=example,dc=org\n' "$1" | change; }
printf 'dn: cn=team-1,ou=groups,dc=example,dc=org\nchangetype: modify\nadd: uniqueMember\nuniqueMember: uid=bob,ou=people,dc=example,dc=org\n' | change
ck "a gate of the server's groups" "$(exit_of multidirctl reload; pam john john-pw)" $'0\n0'
shown=$(multidirctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["view"]["generation"])')
m --directory staff user add later
ck "an older view is shown" "$(exit_of multidirctl view rollback "$shown"; getent passwd later)" 0
# The login that brings a change is unavailable while nothing is published; the next one brings nothing new.
team_1 delete
ck "out of the group: denied, though the view has him in it" "$(pam john john-pw >/dev/null; explain john john-pw; pam john john-pw; getent group team-1 | cut -d: -f4)" \
        $'deny no-access people\n[1-9]*\n*john*'
team_1 add
ck "in it again" "$(pam john john-pw >/dev/null; pam john john-pw)" 0
ck "the newest view again" "$(exit_of multidirctl view rollback --end; getent passwd later | cut -d: -f1)" $'0\nlater'
rm /etc/multidir/multidir.conf.d/60-gate.conf
m reload
# --- U1: a directory that cannot answer is passed over (L5), and may have the name
cat > /etc/multidir/multidir.conf.d/60-above.conf <<'C'
[directory/above]
type = ldap
preset = openldap
uri = ldap://127.0.0.1:1
base = dc=example,dc=org
on_unavailable = next

[application/host]
directories = above, people, staff
C
ck "U1: a directory above that never answered" "$(exit_of multidirctl reload)" 0
ck "U1: who is here logs in" "$(ssh_password john john-pw 'id -un')" 'john'
ck "U1: a first login creates nobody" "$(pam zoe zoe-pw; getent passwd zoe)" '[1-9]*([0-9])'
ck "U1: the log says why" "$(grep -c 'deny user="zoe" reason=user-not-found rule=U1' "$service_log")" 1
rm /etc/multidir/multidir.conf.d/60-above.conf
m reload
ck "U1: without it, it does" "$(pam zoe zoe-pw; getent passwd zoe | cut -d: -f1)" $'0\nzoe'
kill -9 "$(pgrep -f 'multidird --role=keeper')"
ck "the keeper dies: the next login waits for another, or comes again" "$(for _ in $(seq 50); do [ "$(ssh_password john john-pw 'id -un')" = john ] && { echo yes; break; }; sleep 0.1; done)" yes
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
ck "the service speaks of no password" "$(grep -cE '(alice|bob|carol|reader|stan)-pw' "$service_log")" 0
sshd_stop
service_stop
finish
