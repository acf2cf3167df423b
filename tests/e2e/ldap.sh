#!/bin/bash
# LDAP directories, from outside: real slapds, real logins. An LDAP directory above and below an internal one, three schemas, names that are filters,
# changes on the server and refused ones here. What happens when a server fails is ldap_outages.sh.
# Relies on: namespace.sh BUILD tests/e2e/ldap.sh; ldap_world.sh.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap.sh: run it through namespace.sh" >&2; exit 2; }
# shellcheck source=tests/e2e/ldap_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/ldap_world.sh"

ck "check: the configuration is good" "$(multidirctl check >/dev/null 2>&1; echo $?)" 0
bad() { # LINE…: people's section with other lines: the exit status of check
        printf '[directory/people]\n%s\n[application/host]\ndirectories = people\n' "$(grep -vE "^(${1%% *}) =" <<< "$people"; printf '%s\n' "$@")" > "$L/bad.conf"
        multidirctl check "$L/bad.conf" >"$L/bad.out" 2>&1; echo $?
}
ck "check: a password over the network in clear" "$(bad 'uri = ldap://192.0.2.1'; cat "$L/bad.out")" $'8\n*'
ck "check: ... or to whoever listens on this host" "$(bad 'uri = ldap://127.0.0.1:3389'; cat "$L/bad.out")" $'8\n*any user of this host may listen*'
ck "check: the same, with StartTLS" "$(bad 'uri = ldap://192.0.2.1' 'starttls = yes')" 0
ck "check: the same, asked for" "$(bad 'uri = ldap://192.0.2.1' 'insecure_plaintext = yes')" 0
ck "check: a preset that is not there" "$(bad 'preset = openldapp'; grep -c openldap-posix "$L/bad.out")" $'8\n1'
ck "check: a filter with one bracket too few" "$(bad 'user_filter = (&(objectclass=person)(uid=*)')" 8
ck "check: no server" "$(bad 'uri =')" 8
chmod 644 /etc/multidir/secrets/reader
ck "check: a secret that others can read" "$(multidirctl check >/dev/null 2>&1; echo $?)" 8
chmod 600 /etc/multidir/secrets/reader

world_start
ck "status: people" "$(state people type state users groups)" 'ldap ready 10 6'
ck "status: posix" "$(state posix type state users groups)" 'ldap ready 4 3'
ck "status: bis" "$(state bis type state users groups)" 'ldap ready 2 3'
ck "status: no warning" "$(multidirctl --json status | field warnings)" '*'
ck "directory show: where a value comes from" "$(multidirctl directory show people | grep -E 'user_name|group_member')" '*uid*uniqueMember*preset openldap*'
ck "directory show says no secret" "$(multidirctl directory show people | grep -c reader-pw)" 0
ck "directory list" "$(multidirctl directory list | grep -c ldap)" 3
ck "directory test" "$(multidirctl directory test people >/dev/null 2>&1; echo $?)" 0
ck "directory test: a user's password" "$(echo alice-pw | multidirctl directory test people alice >/dev/null 2>&1; echo $?)" 0
ck "directory test: a wrong one" "$(echo bad | multidirctl directory test people alice >/dev/null 2>&1; echo $?)" 1

# --- names: inetOrgPerson
ck "getent passwd" "$(getent passwd alice)" 'alice:\*:[12]*:Alice A. Aardvark:/home/alice:/bin/bash'
ck "a private group" "$(id -gn alice)" 'alice'
ck "groups in groups" "$(groups_of alice)" 'alice devs login ops wheelers '
ck "a cycle" "$(groups_of carol)" 'carol login loop-a loop-b ops wheelers '
ck "members, DNs in other spellings" "$(members_of devs)" 'alice bob john '
ck "members, nested" "$(members_of ops)" 'alice bob carol john '
ck "members that are nobody here" "$(members_of ghosts)" 'zoe '
ck "the host's spelling" "$(getent passwd carol | cut -d: -f1)" 'carol'
ck "keys of the directory" "$(multidirctl ssh-keys alice)" 'ssh-ed25519 AAAA*'
ck "user show" "$(multidirctl --json user show alice | field owner email active masked_in)" 'people alice@example.org True \["staff"\]'
ck "masked: by the LDAP directory above" "$(multidirctl masked | grep -c alice)" '[1-9]*'
# --- names: RFC 2307
ck "posix: passwd as the server has it" "$(getent passwd paul)" 'paul:\*:20001:30001:Paul Panda:/home/posix/paul:/bin/sh'
ck "M9: memberUid and gidNumber" "$(members_of team)" 'paul quin rita '
ck "M9: the other way" "$(groups_of paul)" 'shop team '
ck "M10: a gidNumber without a group" "$(id -gn quin; id -g quin)" $'quin\n20002'
ck "I3: an id that is root's" "$(getent passwd sly; getent passwd 0 | cut -d: -f1; getent group wheel0)" 'root'
ck "I3: says why" "$(multidirctl masked | grep -c sly)" '[1-9]*'
# --- names: RFC 2307bis
ck "bis: passwd" "$(getent passwd tess)" 'tess:\*:21001:31001:Tess Tiger:/home/bis/tess:/bin/sh'
ck "bis: nested" "$(groups_of uma)" 'crew fleet uma '
ck "bis: an empty group" "$(getent group empty)" 'empty:\*:31003:'

# --- logins
ck "ssh: inetOrgPerson" "$(ssh_password alice alice-pw 'id -un')" 'alice'
ck "ssh: the spelling of the directory" "$(ssh_password Carol carol-pw 'id -un')" 'carol'
ck "ssh: a comma in the DN" "$(ssh_password john john-pw 'id -un')" 'john'
ck "ssh: posix" "$(ssh_password paul paul-pw 'id -un')" 'paul'
ck "ssh: rfc2307bis" "$(ssh_password tess tess-pw 'id -un')" 'tess'
ck "ssh: internal, below" "$(ssh_password stan stan-pw 'id -un')" 'stan'
ck "ssh: local" "$(ssh_password localann local-pw 'id -un')" 'localann'
ck "ssh: wrong password" "$(ssh_password alice bad 'id -un')" '*Permission denied*'
ck "ssh: the lower directory's password" "$(ssh_password alice alice-staff-pw 'id -un')" '*Permission denied*'
ck "ssh: outside the gate" "$(ssh_password zoe zoe-pw 'id -un')" '*Permission denied*'
ck "ssh: locked by the administrator" "$(ssh_password frank frank-pw 'id -un')" '*Permission denied*'
ck "sudo: a local group" "$(ssh_password alice alice-pw "echo alice-pw | sudo -S -p '' id -u")" '0'
echo '%fleet ALL=(ALL:ALL) ALL' > /etc/sudoers.d/fleet; chmod 440 /etc/sudoers.d/fleet
ck "sudo: rfc2307bis, by a group in a group" "$(ssh_password uma uma-pw "echo uma-pw | sudo -S -p '' id -u")" '0'
echo '%shop ALL=(ALL:ALL) ALL' > /etc/sudoers.d/shop; chmod 440 /etc/sudoers.d/shop
ck "sudo: posix, by memberUid" "$(ssh_password paul paul-pw "echo paul-pw | sudo -S -p '' id -u")" '0'
rm /etc/sudoers.d/shop
ck "sudo: wrong password" "$(ssh_password alice alice-pw "echo bad | sudo -S -p '' id -u 2>&1 | tail -n 1")" '*incorrect password*'
ck "sudo: NOPASSWD by a group" "$(ssh_password bob bob-pw 'sudo -n true && echo yes')" 'yes'
ck "sudo: not in it" "$(ssh_password paul paul-pw "echo paul-pw | sudo -S -p '' id -u 2>&1 | tail -n 1")" '*not in the sudoers file*'
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
ck "su" "$(echo bob-pw | as_nobody su bob -c 'id -un' 2>/dev/null)" 'bob'
ck "L4: the gate" "$(explain zoe zoe-pw)" 'deny no-access people'
ck "L8: no password" "$(explain alice '')" 'deny empty-password *'
ck "L3: inactive" "$(explain frank frank-pw)" 'deny inactive people'
ck "L3: shadowExpire" "$(explain rita rita-pw)" 'deny inactive posix'
ck "L7: expired" "$(explain erin erin-pw)" 'deny password-expired people'
ck "L7: expired, wrong password" "$(explain erin bad)" 'deny wrong-password people'
ck "L7: has to change it, and can" "$(explain gina gina-pw)" 'allow ok people'
for _ in 1 2 3; do explain lou bad >/dev/null; done
ck "the server's own lock-out" "$(explain lou lou-pw)" 'deny * people'
ck "the service speaks of no password" "$(grep -cE '(alice|bob|reader|stan)-pw' "$service_log")" 0

# --- the order
ck "L1: LDAP above" "$(explain alice alice-pw)" 'allow ok people'
ck "L1: LDAP above, the lower password" "$(explain alice alice-staff-pw)" 'deny wrong-password people'
ck "L1: LDAP below" "$(explain alice alice-staff-pw second)" 'allow ok staff'
ck "L1: LDAP below, its password" "$(explain alice alice-pw second)" 'deny wrong-password staff'
ck "L1: LDAP below, a user of its own" "$(explain bob bob-pw second)" 'allow ok people'
ck "L1: LDAP below, through PAM" "$(echo bob-pw | pamtester second bob authenticate acct_mgmt 2>&1 | grep -cE 'successfully|done')" 2
ck "L1: between two others" "$(explain paul paul-pw)" 'allow ok posix'

# --- no writes
refused() { "$@" > "$L/refused.out" 2>&1; echo $?; }
ck "P6: the server refuses bind_dn: user add" "$(refused multidirctl --directory people user add newbie; grep -o people "$L/refused.out" | head -n 1)" $'5\npeople'
ck "P6: its reason" "$(multidirctl --json --directory people user add newbie | python3 -c 'import json, sys; o = json.load(sys.stdin); print(o.get("reason") or o["error"]["reason"])')" 'permission-denied'
ck "P5: a preset that is read-only: its reason" "$(multidirctl --json --directory posix user add newbie --uid 5555 | python3 -c 'import json, sys; o = json.load(sys.stdin); print(o.get("reason") or o["error"]["reason"])')" 'read-only-kind'
ck "P6: password" "$(refused multidirctl --directory people user password alice --password-stdin <<< new-pw-1)" 5
ck "P5: member add" "$(refused multidirctl --directory posix member add shop quin)" 5
ck "P5: nothing happened" "$(explain alice alice-pw)" 'allow ok people'

# --- what changes on the server
uid=$(uid_of bob)
server change people <<'C'
dn: uid=bob,ou=people,dc=example,dc=org
changetype: modrdn
newrdn: uid=robert
deleteoldrdn: 1

dn: cn=devs,ou=groups,dc=example,dc=org
changetype: modify
delete: uniqueMember
uniqueMember: uid=BOB,ou=People,dc=Example,dc=Org
-
add: uniqueMember
uniqueMember: uid=robert,ou=people,dc=example,dc=org

dn: uid=nina,ou=people,dc=example,dc=org
changetype: add
objectClass: inetOrgPerson
uid: nina
cn: Nina
sn: Newt
userPassword: nina-pw

dn: cn=login,ou=groups,dc=example,dc=org
changetype: modify
add: uniqueMember
uniqueMember: uid=nina,ou=people,dc=example,dc=org
C
ck "sync" "$(sync_now people)" 0
ck "a renamed entry keeps its id" "$(uid_of robert) $(getent passwd bob)" "$uid "
ck "a renamed entry logs in" "$(explain robert bob-pw)" 'allow ok people'
ck "a new entry" "$(explain nina nina-pw)" 'allow ok people'
ck "its group" "$(members_of devs)" 'alice john robert '
generation() { multidirctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["view"]["generation"])'; }
before=$(generation)
ck "nothing new, nothing published" "$(sync_now people; [ "$(generation)" = "$before" ] && echo same)" $'0\nsame'
server change people <<'C'
dn: uid=nina,ou=people,dc=example,dc=org
changetype: modrdn
newrdn: uid=nina
deleteoldrdn: 0
newsuperior: ou=guests,ou=people,dc=example,dc=org
C
synchronised() { grep -c 'multidird: directory people: synchronised' "$service_log"; }
before=$(synchronised)
# In second, whose gate asks for no group: the server left her old name in it.
ck "moved, before the next synchronisation: where she is now" "$(explain nina nina-pw second; explain nina x second)" $'allow ok people\ndeny wrong-password people'

# --- names that are filters or DNs
# The PAM stack of sshd: ssh itself would not send some of them.
pam_name() { echo "$2" | pamtester sshd "$1" authenticate 2>&1; }
for name in '*' 'a*' 'a)(uid=*' 'alice)(cn=*' 'alice,ou=people' 'x,dc=y' 'uid=alice,ou=people,dc=example,dc=org' '\2a' '*)(objectClass=*'; do
        ck "nobody is called $name" "$(explain "$name" alice-pw)" 'deny [ui][sn][ev][ra]*'
        ck "PAM: nobody is called $name" "$(pam_name "$name" alice-pw)" '*ailure*'
done
ck "nobody is called alice and a line feed" "$(explain $'alice\n' alice-pw)" 'deny *'
ck "a password that is a filter" "$(explain alice '*')" 'deny wrong-password people'

server change people <<'C'
dn: uid=nina,ou=guests,ou=people,dc=example,dc=org
changetype: delete
C
ck "removed: cannot log in at once" "$(explain nina nina-pw second)" 'deny *'
again() { [ "$(synchronised)" -gt "$before" ]; }
ck "removed: it asks for a synchronisation, half a minute after the last one at the soonest" "$(eventually 40 again)" '[0-9]*'
ck "status: the copy's age" "$(sleep 1.5; state people age)" '[1-9]'
ck "removed: gone" "$(sync_now people; getent passwd nina)" 0
LDAPNOINIT=1 ldappasswd -x -H ldap://127.0.0.1:3389 -D uid=robert,ou=people,dc=example,dc=org -w bob-pw -s robert-new-pw
ck "a password set on the server" "$(explain robert robert-new-pw; explain robert bob-pw)" $'allow ok people\ndeny wrong-password people'
world_end
