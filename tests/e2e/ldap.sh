#!/bin/bash
# LDAP directories, from outside: real slapds, real logins. An LDAP directory above and below an internal one, three schemas, TLS and StartTLS,
# servers that stop, hang, shrink, rename and lie about who they are.
# Relies on: namespace.sh BUILD tests/e2e/ldap.sh; slapd, ldap-utils, openssl, sshpass, openssh, sudo, pamtester.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh seeds=$here/../servers/seeds
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
servers=(people:3389:3636 posix:4389:4636 bis:5389:5636)

server() { # start|stop|wipe|change|config NAME
        local one name port sport
        for one in "${servers[@]}"; do
                IFS=: read -r name port sport <<< "$one"
                [ "$name" = "$2" ] || continue
                case $name in bis) seed=rfc2307bis ;; *) seed=$name ;; esac
                if [ "$1" = start ]; then "$slapd" start "$L/$name" "$port" "$sport" "$seeds/$seed.ldif"; else "$slapd" "$1" "$L/$name"; fi >> "$L/servers.log" 2>&1
        done
}
for name in people posix bis; do server start $name || { cat "$L/servers.log" >&2; exit 1; }; done
trap 'for name in people posix bis; do server stop $name; done' EXIT

# --- configuration
useradd -m -s /bin/bash localann; echo 'localann:local-pw' | chpasswd
groupadd wheelers
install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
reader='bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader'
people="type = ldap
preset = openldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
user_name = uid
user_ssh_keys = sshPublicKey
paged = 3
$reader"
cat > /etc/multidir/multidir.conf <<C
[directory/people]
$people
user_base = ou=people
group_base = ou=groups

[directory/posix]
type = ldap
preset = openldap-posix
uri = ldap://127.0.0.1:4389
starttls = yes
tls_ca_file = $L/posix/tls/ca.crt
base = dc=example,dc=org
$reader

[directory/bis]
type = ldap
preset = rfc2307bis
uri = ldap://127.0.0.1:5389
base = dc=example,dc=org
$reader

[directory/staff]
type = internal

[application/host]
directories = people, posix, bis, staff
local_groups = people/ops:wheelers

[application/host/people]
allow_groups = login

[application/host/posix]
allow_all = yes

[application/host/bis]
allow_all = yes

[application/host/staff]
allow_all = yes

[application/second]          # the other way round
directories = staff, people
services = second
allow_other_owner = yes

[application/second/staff]
allow_all = yes

[application/second/people]
allow_all = yes
C

field() { python3 -c 'import json, sys; o = json.load(sys.stdin); print(*[json.dumps(o.get(k)) if isinstance(o.get(k), (list, dict)) else o.get(k) for k in sys.argv[1:]])' "$@"; }
# explain USER PASSWORD [SERVICE]: "verdict reason owner"
explain() { printf '%s\n' "$2" | multidirctl --json explain login "$1" --service "${3:-sshd}" --password-stdin 2>/dev/null | field verdict reason owner; }
# state DIRECTORY FIELD…
state() {
        multidirctl --json status 2>/dev/null | python3 -c '
import json, sys
for d in json.load(sys.stdin)["directories"]:
    if d["name"] == sys.argv[1]: print(*[d.get(k) for k in sys.argv[2:]])' "$@"
}
# eventually SECONDS COMMAND…: how long it took in seconds, or "never"
eventually() {
        local until=$((SECONDS + $1)) from=$SECONDS; shift
        while [ $SECONDS -le $until ]; do "$@" >/dev/null 2>&1 && { echo $((SECONDS - from)); return; }; sleep 0.1; done
        echo never
}
# ms COMMAND…: milliseconds
ms() { local from; from=$(date +%s%N); "$@" >/dev/null 2>&1; echo $((($(date +%s%N) - from) / 1000000)); }
below() { [ "$1" -lt "$2" ] && echo "below $2" || echo "$1 ms"; }
sync_now() { multidirctl directory sync "$1" >"$L/sync.out" 2>&1; echo $?; }
groups_of() { id -Gn "$1" 2>/dev/null | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' '; }
members_of() { getent group "$1" | cut -d: -f4 | tr ',' '\n' | LC_ALL=C sort | tr '\n' ' '; }
uid_of() { getent passwd "$1" | cut -d: -f3; }

ck "check: the configuration is good" "$(multidirctl check >/dev/null 2>&1; echo $?)" 0
bad() { # LINE…: people's section with other lines: the exit status of check
        printf '[directory/people]\n%s\n[application/host]\ndirectories = people\n' "$(grep -vE "^(${1%% *}) =" <<< "$people"; printf '%s\n' "$@")" > "$L/bad.conf"
        multidirctl check "$L/bad.conf" >"$L/bad.out" 2>&1; echo $?
}
ck "check: a password over the network in clear" "$(bad 'uri = ldap://192.0.2.1'; cat "$L/bad.out")" $'8\n*'
ck "check: the same, with StartTLS" "$(bad 'uri = ldap://192.0.2.1' 'starttls = yes')" 0
ck "check: the same, asked for" "$(bad 'uri = ldap://192.0.2.1' 'insecure_plaintext = yes')" 0
ck "check: a preset that is not there" "$(bad 'preset = openldapp'; grep -c openldap-posix "$L/bad.out")" $'8\n1'
ck "check: a filter with one bracket too few" "$(bad 'user_filter = (&(objectclass=person)(uid=*)')" 8
ck "check: no server" "$(bad 'uri =')" 8
chmod 644 /etc/multidir/secrets/reader
ck "check: a secret that others can read" "$(multidirctl check >/dev/null 2>&1; echo $?)" 8
chmod 600 /etc/multidir/secrets/reader

# --- the first synchronisation
service_start || exit 1
m() { multidirctl "$@" >/dev/null || { echo "multidirctl $* failed" >&2; exit 1; }; }
staff() { m --directory staff "$@"; }
staff user add alice --password-stdin <<< 'alice-staff-pw'
staff user add stan --password-stdin <<< 'stan-pw'
staff group add ops
m enable
for u in alice bob carol john zoe paul quin tess uma stan; do install -d -m 755 -o "$(id -u $u)" -g "$(id -g $u)" "$(getent passwd $u | cut -d: -f6)"; done
echo '%devs ALL=(ALL:ALL) NOPASSWD: /usr/bin/true' > /etc/sudoers.d/z-devs; chmod 440 /etc/sudoers.d/z-devs
echo '%wheelers ALL=(ALL:ALL) ALL' > /etc/sudoers.d/wheelers; chmod 440 /etc/sudoers.d/wheelers
printf '%s required pam_multidir.so\n' auth account > /etc/pam.d/second
sshd_start || exit 1
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

# --- names that are filters or DNs
# The PAM stack of sshd: ssh itself would not send some of them.
pam_name() { echo "$2" | pamtester sshd "$1" authenticate 2>&1; }
for name in '*' 'a*' 'a)(uid=*' 'alice)(cn=*' 'alice,ou=people' 'x,dc=y' 'uid=alice,ou=people,dc=example,dc=org' '\2a' '*)(objectClass=*'; do
        ck "nobody is called $name" "$(explain "$name" alice-pw)" 'deny [ui][sn][ev][ra]*'
        ck "PAM: nobody is called $name" "$(pam_name "$name" alice-pw)" '*ailure*'
done
ck "nobody is called alice and a line feed" "$(explain $'alice\n' alice-pw)" 'deny *'
ck "a password that is a filter" "$(explain alice '*')" 'deny wrong-password people'

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
ck "P5: user add" "$(refused multidirctl --directory people user add newbie; grep -o people "$L/refused.out" | head -n 1)" $'5\npeople'
ck "P5: its reason" "$(multidirctl --json --directory people user add newbie | python3 -c 'import json, sys; o = json.load(sys.stdin); print(o.get("reason") or o["error"]["reason"])')" 'read-only-kind'
ck "P5: password" "$(refused multidirctl --directory people user password alice --password-stdin <<< new-pw-1)" 5
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
ck "moved, before the next synchronisation: nobody's session" "$(explain nina nina-pw second)" 'deny *'
again() { [ "$(synchronised)" -gt "$before" ]; }
ck "moved: it asks for a synchronisation, half a minute after the last one at the soonest" "$(eventually 40 again)" '[0-9]*'
ck "moved: logs in" "$(explain nina nina-pw second)" 'allow ok people'
ck "status: the copy's age" "$(sleep 1.5; state people age)" '[1-9]'
server change people <<'C'
dn: uid=nina,ou=guests,ou=people,dc=example,dc=org
changetype: delete
C
ck "removed: cannot log in at once" "$(explain nina nina-pw)" 'deny *'
ck "removed: gone" "$(sync_now people; getent passwd nina)" 0
LDAPNOINIT=1 ldappasswd -x -H ldap://127.0.0.1:3389 -D uid=robert,ou=people,dc=example,dc=org -w bob-pw -s robert-new-pw
ck "a password set on the server" "$(explain robert robert-new-pw; explain robert bob-pw)" $'allow ok people\ndeny wrong-password people'

# --- D5: incomplete is nothing
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcLimits
olcLimits: {0}dn.exact="cn=reader,dc=example,dc=org" size.soft=5 size.hard=5
C
ck "D5: a size limit" "$(sync_now people)" '[1-9]*'
ck "D5: says so" "$(state people error; cat "$L/sync.out")" '*[Ll]imit*'
ck "D5: everything as before" "$(members_of devs; uid_of robert; explain alice alice-pw)" "alice john robert *$uid*allow ok people"
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcLimits
olcLimits: {0}dn.exact="cn=reader,dc=example,dc=org" size.soft=5 size.hard=unlimited size.prtotal=unlimited
-
add: olcAccess
olcAccess: {0}to dn.children="ou=groups,dc=example,dc=org" by * none
C
ck "D5: the shrink guard" "$(sync_now people)" '[1-9]*'
ck "D5: the shrink guard says so" "$(state people error; cat "$L/sync.out")" '*shrink_guard*'
ck "D5: the groups are still there" "$(groups_of alice)" 'alice devs login ops wheelers '
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
delete: olcAccess
olcAccess: {0}
C
ck "D5: and good again, by pages" "$(sync_now people; state people state)" $'0\nready'
server change people <<'C'
dn: ou=elsewhere,ou=people,dc=example,dc=org
changetype: add
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:9/ou=elsewhere,dc=example,dc=org
C
ck "D5: a referral that is not followed" "$(sync_now people; state people error; cat "$L/sync.out")" '[1-9]*eferral*'
# -M: the referral itself, not where it leads.
LDAPNOINIT=1 ldapdelete -M -x -H ldap://127.0.0.1:3389 -D cn=admin,dc=example,dc=org -w admin-pw ou=elsewhere,ou=people,dc=example,dc=org
ck "D5: without it" "$(sync_now people)" 0

# --- the server stops
ssh-keygen -q -t ed25519 -N '' -f "$MULTIDIR_TOP/key"
install -d -m 700 -o "$(id -u alice)" -g "$(id -g alice)" /home/alice/.ssh
install -m 600 -o "$(id -u alice)" -g "$(id -g alice)" "$MULTIDIR_TOP/key.pub" /home/alice/.ssh/authorized_keys
ssh_key() { ssh "${ssh_options[@]}" -i "$MULTIDIR_TOP/key" -o BatchMode=yes "$1@127.0.0.1" "${@:2}" 2>&1 || echo "ends with $?"; }
names() { getent passwd alice carol paul tess stan; getent group devs ops team crew; id alice; id paul; }
names_before=$(names)
server stop people
ck "stopped: unavailable, within the deadline" "$(below "$(ms explain alice alice-pw)" 8500)" 'below *'
ck "stopped: its reason" "$(explain alice alice-pw)" 'deny unavailable people'
ck "stopped: known to be down, at once" "$(below "$(ms explain alice alice-pw)" 700)" 'below *'
ck "stopped: ssh with a password ends" "$(ssh_password alice alice-pw 'id -un')" '*Permission denied*'
ck "stopped: names go on" "$(names)" "$names_before"
ck "stopped: a key login" "$(ssh_key alice id -un)" 'alice'
ck "stopped: sudo without a password" "$(ssh_key alice sudo -n true && echo yes)" 'yes'
ck "L6: the replica proves that others are not in it" "$(explain stan stan-pw; explain paul paul-pw)" $'allow ok staff\nallow ok posix'
ck "stopped: sync says unavailable" "$(sync_now people)" 6
ck "stopped: status" "$(state people state; multidirctl status >/dev/null; echo $?)" $'failed\n0'
service_stop; service_start || exit 1
ck "stopped: a new start has the names" "$(names)" "$names_before"
ck "stopped: a new start, and others log in" "$(explain stan stan-pw)" 'allow ok staff'
server start people
back() { [[ $(explain alice alice-pw) == 'allow ok people' ]]; }
ck "back: a password login" "$(eventually 20 back)" '[0-9]*'
ready() { [ "$(state people state)" = ready ]; }
ck "back: synchronised again by itself" "$(eventually 30 ready)" '[0-9]*'

# --- the server hangs
pid=$(cat "$L/people/slapd.pid")
kill -STOP "$pid"
(explain alice alice-pw > "$L/hung.answer"; echo $SECONDS > "$L/hung.end") &
hung=$!; from=$SECONDS
sleep 0.5
ck "hangs: others log in meanwhile" "$(below "$(ms explain paul paul-pw)" 2000)" 'below *'
wait $hung
ck "hangs: unavailable" "$(cat "$L/hung.answer")" 'deny unavailable people'
ck "hangs: within the deadline" "$(($(cat "$L/hung.end") - from <= 9))" 1
kill -CONT "$pid"
ck "hangs no more" "$(eventually 20 back)" '[0-9]*'

# --- who the server says it is
cat > /etc/multidir/multidir.conf.d/tls.conf <<C
[directory/other-ca]
type = ldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/other-ca.crt
base = dc=example,dc=org
$reader
[directory/plain-ca]
type = ldap
uri = ldap://127.0.0.1:3389
starttls = yes
tls_ca_file = $L/people/tls/other-ca.crt
base = dc=example,dc=org
$reader
[directory/two]
type = ldap
uri = ldap://127.0.0.1:1, ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
user_name = uid
$reader
[application/tls]
directories = other-ca, plain-ca, two
services = tls
C
m reload
test_of() { multidirctl directory test "$@" >"$L/test.out" 2>&1 </dev/null; echo $?; }
ck "TLS: another authority" "$(test_of other-ca)" 6
ck "StartTLS: another authority" "$(test_of plain-ca)" 6
ck "TLS: not synchronised either" "$(sync_now other-ca; state other-ca state users)" $'6\n* 0'
ck "two servers, the first one down" "$(test_of two; sync_now two; state two state users)" $'0\n0\nready 10'
rm /etc/multidir/multidir.conf.d/tls.conf; m reload
for certificate in wrong expired; do
        server stop people
        SLAPD_CERT=$certificate server start people
        ck "TLS: the certificate is $certificate" "$(test_of people; explain alice alice-pw)" $'6\ndeny unavailable people'
done
server stop people; server start people
ck "TLS: the good one again" "$(eventually 20 back)" '[0-9]*'
echo wrong-pw > /etc/multidir/secrets/reader
m reload
ck "a wrong bind password" "$(test_of people; sync_now people)" $'[16]\n[16]'
echo reader-pw > /etc/multidir/secrets/reader
m reload
ck "the right one again" "$(test_of people; sync_now people)" $'0\n0'

# --- servers that are none
cat > /etc/multidir/multidir.conf.d/evil.conf <<C
[directory/evil]
type = ldap
uri = ldap://127.0.0.1:7389
base = dc=example,dc=org
user_name = uid
paged = 5
shrink_guard = 100
$reader
[directory/evil-tls]
type = ldap
uri = ldap://127.0.0.1:7389
starttls = yes
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
$reader
[application/evil]
directories = evil, evil-tls
services = evil
C
m reload
# hostile MODE [DIRECTORY]: "EXIT SECONDS USERS" of a synchronisation
hostile() {
        "$here/../servers/hostile.py" "$1" 7389 >> "$L/servers.log" 2>&1 & local pid=$! from=$SECONDS code
        for _ in $(seq 100); do ss -ltn | grep -q :7389 && break; sleep 0.02; done
        code=$(sync_now "${2:-evil}")
        echo "$code $((SECONDS - from)) $(state "${2:-evil}" users)"
        kill $pid; wait $pid 2>/dev/null
}
for mode in close reset drip silent garbage huge notice; do
        # Slow is not wrong: the answer that drips is an answer.
        ck "hostile: $mode" "$(hostile $mode)" "$([ $mode = drip ] && echo '@(0|6) @(?|1?) 0' || echo '[16] @(?|1?) 0')"
        [ $mode != huge ] || ck "hostile: $mode: memory is bounded" "$(for pid in $(pgrep -f 'role=(worker|keeper)'); do awk '/VmHWM/ && $2 > 200000' "/proc/$pid/status"; done)" ''
done
ck "hostile: StartTLS answered in clear" "$(hostile starttls evil-tls)" '[16] @(?|1?) 0'
for mode in cut limit referral; do
        ck "D5: hostile: $mode" "$(hostile $mode)" '[16] ? 0'
done
ck "D5: hostile: a page without its cookie" "$(hostile no-cookie)" '@(0 ? 9|[16] ? 0)'
ck "hostile: no text, no numbers, no names" "$(hostile binary)" '[016] ? [01]'
ck "hostile: one id twice" "$(hostile twice)" '[016] ? [019]'
ck "hostile: the service is as it was" "$(explain alice alice-pw; state people state)" $'allow ok people\nready'
rm /etc/multidir/multidir.conf.d/evil.conf; m reload

# --- D6: nothing from below before the first complete replica
service_stop
server stop people
rm -rf /var/lib/multidir
service_start || exit 1
ck "D6: no replica: nobody from below" "$(getent passwd alice paul stan; state people state)" '*'
ck "D6: not even their logins" "$(explain paul paul-pw)" 'deny unavailable *'
server start people
up() { getent passwd alice paul; }
ck "D6: the server is back: published by itself" "$(eventually 30 up)" '[0-9]*'
ck "D6: with the ids of before (I2)" "$(uid_of robert)" "$uid"

service_stop
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
sshd_stop
finish
