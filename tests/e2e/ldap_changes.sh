#!/bin/bash
# Changes at LDAP servers from this host: users, attributes, groups, memberships, renames and removals by multidirctl, against real slapds, each of them
# seen by getent when the command has returned (U1 to U12, P1 to P6).
# Relies on: namespace.sh BUILD tests/e2e/ldap_changes.sh; slapd, ldap-utils.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_changes.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh seeds=$here/../servers/seeds
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
server() { # start|stop|change|config NAME
        case $1.$2 in
                start.people) "$slapd" start "$L/people" 3389 3636 ;;
                start.posix) "$slapd" start "$L/posix" 4389 4636 "$seeds/posix.ldif" ;;
                *) "$slapd" "$1" "$L/$2" ;;
        esac >> "$L/servers.log" 2>&1
}
for name in people posix; do server start $name || { cat "$L/servers.log" >&2; exit 1; }; done
trap 'server stop people; server stop posix' EXIT

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
reader='bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader
base = dc=example,dc=org'
cat > /etc/multidir/multidir.conf <<C
[directory/people]
type = ldap
preset = openldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/ca.crt
user_base = ou=people
group_base = ou=groups
user_name = uid
user_rdn = uid
user_ssh_keys = sshPublicKey
$reader

[directory/posix]
type = ldap
preset = openldap-posix
uri = ldaps://127.0.0.1:4636
tls_ca_file = $L/posix/tls/ca.crt
$reader

[directory/staff]
type = internal

[application/host]
directories = people, posix, staff

[application/host/people]
allow_all = yes

[application/host/posix]
allow_all = yes

[application/host/staff]
allow_all = yes

[application/union]
directories = people, staff
membership = aggregating
services = union

[application/never]
directories = people, staff
external_writes = never
services = never

[application/limited]
directories = people, staff
services = limited

[application/limited/people]
permissions = read-only
C
service_start || exit 1
m() { multidirctl "$@" >/dev/null || { echo "multidirctl $* failed" >&2; exit 1; }; }
m enable
said() { tail -n 1 "$did_out" | python3 -c 'import json, sys; o = json.load(sys.stdin); print(o.get("text"), "|", o.get("error", {}).get("text"), "|", json.dumps(o.get("skipped")))'; }
# at_server BASE ATTRIBUTE…: their values, sorted
at_server() { LDAPNOINIT=1 ldapsearch -x -LLL -o ldif-wrap=no -H ldap://127.0.0.1:3389 -D cn=admin,dc=example,dc=org -w admin-pw -s base -b "$@" 2>&1 | grep -v '^dn:\|^$' | LC_ALL=C sort | tr '\n' ' '; }
members_of() { getent group "$1" | cut -d: -f4 | tr ',' '\n' | LC_ALL=C sort | tr '\n' ' '; }
P=ou=people,dc=example,dc=org G=ou=groups,dc=example,dc=org

# --- the server's own refusal comes first: the account may read, and no more
ck "P6: the server refuses bind_dn" "$(did user modify alice --display-name Alicia)" 'refused permission-denied 5'
ck "P6: in words" "$(said)" '*the server of directory people itself refuses modify-user*Insufficient access*'
ck "P6: nothing is changed" "$(getent passwd alice | cut -d: -f5)" 'Alice A. Aardvark'
may_write() { # until the server ends
        server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
add: olcAccess
olcAccess: {0}to * by dn.exact="cn=reader,dc=example,dc=org" write by * break
C
}
may_write

# --- users
ck "U2: display name" "$(did user modify alice --display-name 'Alicia B')" 'done ok modify-user@people 0'
ck "U12: published" "$(getent passwd alice | cut -d: -f5)" 'Alicia B'
ck "U12: at the server" "$(at_server uid=alice,$P displayName)" 'displayName: Alicia B '
ck "U3: both permissions" "$(did user modify alice --email a@example.net --attribute title=Boss)" 'done ok modify-user@people modify-user-attributes@people 0'
ck "U3: at the server" "$(at_server uid=alice,$P mail title)" 'mail: a@example.net title: Boss '
ck "U3: an attribute goes away" "$(did user modify alice --attribute title=; at_server uid=alice,$P title)" 'done ok modify-user-attributes@people 0'
ck "U3: an attribute with a meaning of its own" "$(did user modify alice --attribute userPassword=x)" 'refused policy-rejected 1'
ck "U3: nor the name's" "$(did user modify alice --attribute uid=root)" 'refused policy-rejected 1'
ck "the schema's words" "$(did user modify alice --home /srv/alice; said)" 'refused policy-rejected 1*Object class violation*'
ck "U1: a new user" "$(did user add nina --display-name 'Nina Newt' --email nina@example.org --password-stdin <<< nina-pw-1)" 'done ok add-user@people 0'
ck "U1: published" "$(getent passwd nina | cut -d: -f1,5,6)" 'nina:Nina Newt:/home/nina'
ck "U1: at the server" "$(at_server uid=nina,$P objectClass cn sn givenName uid mail)" 'cn: Nina Newt givenName: Nina mail: nina@example.org objectClass: inetOrgPerson objectClass: organizationalPerson objectClass: person objectClass: top sn: Newt uid: nina '
ck "U1: with the password" "$(multidirctl --json explain login nina --password-stdin <<< nina-pw-1 | field verdict reason)" 'allow ok'
ck "U1: the name is taken" "$(did user add nina)" 'refused exists 4'
ck "U1: the policy refuses the password" "$(did user add shorty --password-stdin <<< abc)" 'refused policy-rejected 1'
ck "U1: then nobody was made" "$(getent passwd shorty; at_server uid=shorty,$P uid)" '*No such object*'
ck "a name is not a DN" "$(did user add 'x\+y=z;' ; at_server "uid=x\5c\2by\3dz\3b,$P" uid)" 'done ok add-user@people 0*uid: x\\+y=z; '
ck "... and goes again" "$(did user remove 'x\+y=z;')" 'done ok remove-user@people 0'
ck "U3: switched off" "$(did user deactivate nina; multidirctl --json user show nina | field active)" 'done ok modify-user-attributes@people 0*False'
ck "U3: at the server" "$(at_server uid=nina,$P pwdAccountLockedTime)" 'pwdAccountLockedTime: 000001010000Z '
ck "U3: and on again" "$(did user activate nina; multidirctl --json user show nina | field active)" 'done ok modify-user-attributes@people 0*True'
ck "U2: a password with something else" "$(did user modify nina --display-name 'Nina N' --password-stdin <<< nina-pw-2; multidirctl --json explain login nina --password-stdin <<< nina-pw-2 | field verdict)" \
        'done ok modify-user@people set-password@people 0*allow'

# --- memberships
ck "U7: add a member" "$(did member add devs nina)" 'done ok add-member@people 0'
ck "U7: published" "$(id -Gn nina)" '*devs*'
ck "U7: at the server" "$(at_server cn=devs,$G uniqueMember)" "*uniqueMember: uid=nina,$P *"
ck "U7: already" "$(did member add devs nina)" 'refused already-a-member 4'
ck "U7: several at once" "$(did member add ops alice bob)" 'done ok add-member@people add-member@people 0'
ck "U7: several: published" "$(members_of ops)" 'alice bob carol *'
ck "U7: all or nothing" "$(did member add ops john nobody-here; members_of ops)" 'refused user-not-found 3*alice bob carol *'
ck "U9: remove a member" "$(did member remove devs nina; id -Gn nina)" 'done ok remove-member@people 0*nina*'
ck "U9: published" "$(members_of devs)" 'alice bob john '
ck "U9: not a member" "$(did member remove devs nina)" 'refused not-a-member 1'
ck "a DN with a comma" "$(did member remove devs john; members_of devs)" 'done ok remove-member@people 0*alice bob '
ck "U11: a group in a group" "$(did member add devs loop-a --group; members_of devs)" 'done ok add-member@people 0*alice bob carol '
ck "U11: and out again" "$(did member remove devs loop-a --group; members_of devs)" 'done ok remove-member@people 0*alice bob '
ck "U11: circular" "$(did member add devs ops --group)" 'refused circular 1'
server change people <<C
dn: cn=lonely,$G
changetype: add
objectClass: groupOfUniqueNames
cn: lonely
uniqueMember: uid=bob,$P
C
m directory sync people
ck "the last member of a group that may not be empty" "$(did member remove lonely bob)" 'refused policy-rejected 1'
ck "... in words" "$(said)" '*user bob and group lonely*last member*'

# --- groups, in every directory that takes them
before=$(wc -l < "$service_log")
ck "U5: a new group, here and at the server" "$(did group add crew --description Crew)" 'done ok add-group@people add-group@staff 0'
ck "... which is no refusal in the log: the class wants a member, and gets nobody" "$(tail -n "+$((before + 1))" "$service_log" | grep 'refuses a change')" ''
ck "U5: who was passed over" "$(said)" '*"directory": "posix"*"level": "kind"*'
ck "U5: published" "$(getent group crew | cut -d: -f1,4)" 'crew:'
ck "U5: at the server" "$(at_server cn=crew,$G cn description)" 'cn: crew description: Crew '
ck "U5: nothing is withheld (I5)" "$(multidirctl --json masked | python3 -c 'import json,sys; print([(m["name"], m["reason"]) for m in json.load(sys.stdin)["masked"] if m["name"] == "crew" and m["reason"] != "masked"])')" '\[\]'
ck "a member of the new group" "$(did member add crew nina; members_of crew)" 'done ok add-member@people 0*nina '
ck "... and its last one may leave" "$(did member remove crew nina; members_of crew)" $'done ok remove-member@people 0\n '
ck "U6: modify, in both" "$(did group modify crew --description 'The crew'; at_server cn=crew,$G description)" 'done ok modify-group@people modify-group@staff 0*description: The crew '
m --directory staff user add stan --password-stdin <<< stan-pw
m --directory staff group add only-here
ck "U7: a group is made where the user is" "$(did member add only-here alice)" 'done ok add-group@people add-member@people 0'
ck "U7: published, and not withheld (I5)" "$(members_of only-here)" 'alice '
ck "U7: owners in two directories" "$(did member add crew alice stan; members_of crew)" 'done ok add-member@people add-member@staff 0*alice stan '
ck "U10: everywhere" "$(multidirctl --directory staff user add alice >/dev/null; multidirctl --directory staff member add crew alice >/dev/null; did --application union member remove crew alice)" \
        'done ok remove-member@people remove-member@staff 0'
ck "U6: remove, in both" "$(did group remove crew; getent group crew; at_server cn=crew,$G cn)" 'done ok remove-group@people remove-group@staff 0*No such object*'
ck "U5: the console" "$(did --directory people group add console-only)" 'done ok add-group@people 0'

# --- renames
m member add devs nina
ck "U2: rename" "$(did user rename nina nora)" 'done ok rename-user@people 0'
ck "U2: published, with the groups" "$(getent passwd nina; id -Gn nora)" '*devs*'
ck "U2: at the server" "$(at_server uid=nora,$P uid; at_server cn=devs,$G uniqueMember)" "uid: nora *uid=nora,$P *"
ck "U2: no group says the old name" "$(at_server cn=devs,$G uniqueMember)" '!(*nina*)'
ck "U2: the new name is taken" "$(did user rename nora bob)" 'refused exists 4'
ck "U2: the case only" "$(did user rename nora Nora; at_server uid=nora,$P uid; getent passwd nora | cut -d: -f1)" 'done ok rename-user@people 0*uid: Nora *nora'

# --- removals
ck "U4: remove" "$(did user remove nora)" 'done ok remove-user@people 0'
ck "U4: gone" "$(getent passwd nora; at_server uid=nora,$P uid)" 'Matched DN: ou=people,dc=example,dc=org No such object*'
ck "U4: no group names it" "$(at_server cn=devs,$G uniqueMember)" "uniqueMember: uid=BOB,ou=People,dc=Example,dc=Org uniqueMember: uid=alice,$P "
ck "U4: a copy below would show" "$(did user remove alice)" 'refused needs-unmask 1'
ck "U4: --unmask" "$(did user remove alice --unmask)" 'done ok remove-user@people 0'
ck "U4: --unmask: the next owner is accepted (I5)" "$(multidirctl --json user show alice | field owner)" 'staff'
ck "U4: the last member of a group" "$(did user remove bob; at_server cn=lonely,$G uniqueMember)" $'done ok remove-user@people 0\nuniqueMember:*( )'
ck "U4: nobody inherits the membership" "$(did user add bob; members_of lonely; members_of devs)" $'done ok add-user@people 0\n  '

# --- what somebody else left behind
ck "nobody takes over a membership" "$(did user add nobody-here; said; getent passwd nobody-here)" $'refused policy-rejected 1\n*user nobody-here, directory people: *1 of its groups*cn=ghosts,ou=groups*| None | \\[\\]'

# --- what the rules refuse
ck "P5: a POSIX preset" "$(did --directory posix user modify paul --display-name P)" 'refused read-only-kind 5'
ck "P5: nor a user there" "$(did --directory posix user add newbie --uid 5555)" 'refused read-only-kind 5'
ck "P5: external_writes = never" "$(did --application never user modify john --display-name J)" 'refused read-only-kind 5'
ck "P2: the application's level" "$(did --application limited user modify john --display-name J)" 'refused permission-denied 5'
ck "P4: read-only: attributes may" "$(did --application limited user modify john --attribute title=Smith)" 'done ok modify-user-attributes@people 0'
ck "P4: no name of another option's attribute does" "$(for a in userid=zorro rfc822Mailbox=z@example.net uidNumber=0; do did --application limited user modify john --attribute "$a"; done)" \
        $'refused policy-rejected 1\nrefused policy-rejected 1\nrefused policy-rejected 1'
ck "explain update: nothing is done" "$(multidirctl --json explain update user modify john --display-name Jack | field verdict reason; getent passwd john | cut -d: -f5)" 'allow ok*Smith, John'

# --- somebody else's hands: the server's entry is not the one that this host knows
server change people <<C
dn: cn=Carla,$P
changetype: add
objectClass: inetOrgPerson
uid: carla
cn: Carla
sn: Carla

dn: uid=Carol,$P
changetype: delete

dn: uid=carol,$P
changetype: add
objectClass: inetOrgPerson
uid: carol
cn: Another Carol
sn: Carol
C
ck "another entry has the name by now" "$(did user modify carol --display-name Mine; at_server uid=carol,$P displayName)" 'refused user-not-found 3'
ck "the server has the name already" "$(did user add carla)" 'refused exists 4'

# --- a server that is not there
server stop people
ck "stopped: unavailable" "$(did user modify john --display-name Jim)" 'refused unavailable 6'
ck "stopped: nothing half" "$(did group add half)" 'refused unavailable 6'
ck "stopped: what is published stays" "$(getent passwd john | cut -d: -f5)" 'Smith, John'
server start people; may_write
for _ in $(seq 100); do [[ $(did user modify john --display-name Jim) == done* ]] && break; sleep 0.2; done
ck "back: changes again" "$(getent passwd john | cut -d: -f5)" 'Jim'

service_stop
ck "log: no password in it" "$(grep -cE -- 'nina-pw|abc' "$service_log")" 0
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
finish
