#!/bin/bash
# The same through three servers of another make: 389 Directory Server, an Active Directory domain controller (Samba), and Apache Directory Server, which is
# left out where it cannot run. What is theirs alone: how they say disabled, expired, locked; binary ids, SIDs, primary groups, nested memberOf.
# Relies on: namespace.sh BUILD tests/e2e/ldap_servers.sh; what tests/servers/ds389.sh, samba.sh and apacheds.sh need.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_servers.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
ds389=$here/../servers/ds389.sh samba=$here/../servers/samba.sh apacheds=$here/../servers/apacheds.sh
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
trap '"$ds389" stop "$L/389"; "$samba" stop "$L/ad"; "$apacheds" stop "$L/apache"' EXIT
DS389_SYNC=1 "$ds389" start "$L/389" 5389 5636 || exit 1
"$samba" start "$L/ad" 6389 6636 || exit 1
tribe=''
if why=$("$apacheds" check); then
        "$apacheds" start "$L/apache" 7389 7636 || exit 1
        tribe=', tribe'
else
        echo "# skipped: ApacheDS: $why"
fi

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/389; echo reader-pw > /etc/multidir/secrets/apache; echo reader-pw-12345 > /etc/multidir/secrets/ad)
cat > /etc/multidir/multidir.conf <<C
[directory/herds]
type = ldap
preset = 389ds
uri = ldaps://127.0.0.1:5636
tls_ca_file = $L/389/tls/ca.crt
base = dc=example,dc=org
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/389

[directory/domain]
type = ldap
preset = samba-ad
uri = ldap://127.0.0.1:6389
starttls = yes
tls_ca_file = $L/ad/tls/ca.crt
base = dc=ad,dc=test
bind_dn = cn=reader,cn=users,dc=ad,dc=test
bind_password_file = /etc/multidir/secrets/ad

[application/host]
directories = herds, domain$tribe

[application/host/herds]
allow_all = yes

[application/host/domain]
allow_all = yes
C
[ -z "$tribe" ] || cat > /etc/multidir/multidir.conf.d/20-tribe.conf <<C
[directory/tribe]
type = ldap
preset = apacheds-1.5
uri = ldaps://127.0.0.1:7636
tls_ca_file = $L/apache/tls/ca.crt
base = dc=example,dc=com
bind_dn = cn=reader,dc=example,dc=com
bind_password_file = /etc/multidir/secrets/apache

[application/host/tribe]
allow_all = yes
C
groups_of() { id -Gn "$1" 2>/dev/null | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' '; }
members_of() { getent group "$1" | cut -d: -f4 | tr ',' '\n' | LC_ALL=C sort | tr '\n' ' '; }

service_start || exit 1
multidirctl enable >/dev/null || exit 1
sshd_start || exit 1
printf '%%%s ALL=(ALL:ALL) ALL\n' flock outer warren > /etc/sudoers.d/groups; chmod 440 /etc/sudoers.d/groups
sudo_by_group() { ssh_password "$1" "$2" "echo $2 | sudo -S -p '' id -u"; } # NAME PASSWORD: with the password, on top of a login

# --- 389 Directory Server
ck "389: synchronised" "$(state herds state users groups)" 'ready 4 2'
ck "389: passwd" "$(getent passwd henry)" 'henry:\*:*:Henry Heron:/home/henry:/bin/sh'
ck "389: groups in groups" "$(groups_of henry)" 'flock henry herd '
ck "389: members" "$(members_of flock)" 'henry irma jack kate '
install -d -m 755 -o "$(id -u henry)" -g "$(id -g henry)" /home/henry
ck "389: ssh" "$(ssh_password henry henry-pw-12345 'id -un')" 'henry'
ck "389: sudo, by a group" "$(sudo_by_group henry henry-pw-12345)" '0'
ck "389: wrong password" "$(explain henry bad)" 'deny wrong-password herds'
ck "389: switched off" "$(explain jack jack-pw-12345)" 'deny inactive herds'
ck "389: switched off, ssh" "$(ssh_password jack jack-pw-12345 'id -un')" '*Permission denied*'
for _ in 1 2 3; do explain kate bad >/dev/null; done
ck "389: the server's lock-out" "$(explain kate kate-pw-12345)" 'deny inactive herds'

# --- 389: what changes
within() { # MILLISECONDS COMMAND…
        local until=$(($(date +%s%N) / 1000000 + $1)); shift
        while [ $(($(date +%s%N) / 1000000)) -lt "$until" ]; do "$@" && { echo 'in time'; return; }; sleep 0.02; done
        echo 'not in time'
}
has() { getent passwd "$1" >/dev/null; }
has_not() { ! has "$1"; }
in_group() { [[ " $(groups_of "$1")" == *" $2 "* ]]; }
watches() { [ "$(state "$1" kept_by)" = watch ]; }
not_in_group() { ! in_group "$1" "$2"; }
herds() { LDAPNOINIT=1 ldapmodify -x -H ldap://127.0.0.1:5389 -D 'cn=Directory Manager' -w manager-pw-1 >> "$L/change.log" 2>&1; }
newcomer() { printf 'dn: uid=%s,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: x\n\n' "$1" "$1" "$1"; }
flock() { printf 'dn: cn=flock,ou=groups,dc=example,dc=org\nchangetype: modify\n%s: member\nmember: uid=%s,ou=people,dc=example,dc=org\n\n' "$1" "$2"; }
removed() { printf 'dn: uid=%s,ou=people,dc=example,dc=org\nchangetype: delete\n\n' "$1"; }
ck "389: watched" "$(state herds kept_by)" 'watch'
newcomer luke | herds
ck "389: added" "$(within 2000 has luke)" 'in time'
flock add luke | herds
ck "389: made a member" "$(within 2000 in_group luke flock)" 'in time'
flock delete luke | herds
ck "389: no member any more" "$(within 2000 not_in_group luke flock)" 'in time'
removed luke | herds
ck "389: deleted" "$(within 2000 has_not luke)" 'in time'
newcomer mary | herds
ck "389: another one" "$(within 2000 has mary)" 'in time'
service_stop; { removed mary; newcomer nick; } | herds; service_start || exit 1
ck "389: what changed while nobody watched" "$(within 5000 has nick; within 5000 has_not mary)" $'in time\nin time'
"$ds389" stop "$L/389"; "$ds389" start "$L/389" 5389 5636; removed nick | herds
ck "389: restarted" "$(within 15000 has_not nick)" 'in time'

# --- 389: passwords that have an end (Netscape's controls); and one that an administrator has set
printf 'dn: cn=config\nchangetype: modify\nreplace: passwordExp\npasswordExp: on\n-\nreplace: passwordMaxAge\npasswordMaxAge: 432000\n-\nreplace: passwordWarning\npasswordWarning: 864000\n-\nreplace: passwordMustChange\npasswordMustChange: on\n' | herds
printf 'dn: uid=henry,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: passwordExpirationTime\npasswordExpirationTime: %s\n' "$(date -u -d '+4 days +1 hour' +%Y%m%d%H%M%SZ)" | herds
ck "389: L7: soon" "$(echo henry-pw-12345 | pamtester sshd henry authenticate acct_mgmt 2>&1)" '*expires in 10 days*' # that server gives the whole passwordWarning from the first one on
printf 'dn: uid=henry,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: passwordExpirationTime\npasswordExpirationTime: 20200101000000Z\n' | herds
ck "389: L7: expired" "$(explain henry henry-pw-12345; explain henry bad)" $'deny password-expired herds\ndeny wrong-password herds'
printf 'dn: uid=irma,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: userPassword\nuserPassword: irma-2nd-12345\n' | herds
ck "389: L7: must change" "$(explain irma irma-2nd-12345; echo irma-2nd-12345 | pamtester sshd irma authenticate acct_mgmt 2>&1)" '*allow ok herds*'
printf 'dn: cn=config\nchangetype: modify\nreplace: passwordExp\npasswordExp: off\n-\nreplace: passwordMustChange\npasswordMustChange: off\n' | herds
printf 'dn: uid=henry,ou=people,dc=example,dc=org\nchangetype: modify\ndelete: passwordExpirationTime\n' | herds
ck "389: passwd" "$(change henry henry-pw-12345 Zebra-98-tango; explain henry Zebra-98-tango; explain henry henry-pw-12345)" '*=> 0 *allow ok herds*deny wrong-password herds'

# --- 389: accounts that a role switches off, of which nobody is told (what ns-inactivate makes: a role, and a class of service that locks who has it)
printf '[directory/herds]\nrefresh = 3s\n' > /etc/multidir/multidir.conf.d/40-roles.conf
multidirctl reload >/dev/null
active() { multidirctl --json user show "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["active"])'; }
is_active() { [ "$(active "$1")" = "$2" ]; }
kept_by() { [ "$(state "$1" kept_by)" = "$2" ]; }
disabled() { printf 'dn: cn=nsDisabledRole,dc=example,dc=org\nchangetype: modify\n%s: nsRoleDN\nnsRoleDN: cn=staff,dc=example,dc=org\n\n' "$1"; }
ck "389: L3: without a class of service: watched" "$(within 10000 kept_by herds watch; active henry)" $'in time\nTrue'
herds <<'C'
dn: cn=staff,dc=example,dc=org
changetype: add
objectClass: LDAPsubentry
objectClass: nsRoleDefinition
objectClass: nsComplexRoleDefinition
objectClass: nsFilteredRoleDefinition
cn: staff
nsRoleFilter: (uid=henry)

dn: cn=unused,dc=example,dc=org
changetype: add
objectClass: LDAPsubentry
objectClass: nsRoleDefinition
objectClass: nsSimpleRoleDefinition
objectClass: nsManagedRoleDefinition
cn: unused

dn: cn=nsDisabledRole,dc=example,dc=org
changetype: add
objectClass: LDAPsubentry
objectClass: nsRoleDefinition
objectClass: nsComplexRoleDefinition
objectClass: nsNestedRoleDefinition
cn: nsDisabledRole
nsRoleDN: cn=unused,dc=example,dc=org

dn: cn=nsAccountInactivationTmp,dc=example,dc=org
changetype: add
objectClass: nsContainer
cn: nsAccountInactivationTmp

dn: cn="cn=nsDisabledRole,dc=example,dc=org",cn=nsAccountInactivationTmp,dc=example,dc=org
changetype: add
objectClass: LDAPsubentry
objectClass: costemplate
objectClass: extensibleObject
cn: cn=nsDisabledRole,dc=example,dc=org
cosPriority: 1
nsAccountLock: true
C
sleep 1; ck "389: L3: ... nor with roles alone" "$(multidirctl directory sync herds >/dev/null; within 10000 kept_by herds watch)" 'in time'
herds <<'C'
dn: cn=nsAccountInactivation_cos,dc=example,dc=org
changetype: add
objectClass: LDAPsubentry
objectClass: cosSuperDefinition
objectClass: cosClassicDefinition
cn: nsAccountInactivation_cos
cosTemplateDn: cn=nsAccountInactivationTmp,dc=example,dc=org
cosSpecifier: nsRole
cosAttribute: nsAccountLock operational
C
disabled add | herds
ck "389: L3: switched off by a role that was made while it was watched" "$(within 45000 is_active henry False; explain henry Zebra-98-tango)" $'in time\ndeny inactive herds'
ck "389: L3: everything is read each time" "$(state herds kept_by)" 'full'
disabled delete | herds
ck "389: L3: switched on again, at the next refresh" "$(within 10000 is_active henry True; explain henry Zebra-98-tango)" $'in time\nallow ok herds'
disabled add | herds
ck "389: L3: ... and off" "$(within 10000 is_active henry False)" 'in time'
disabled delete | herds
printf 'dn: cn=nsAccountInactivation_cos,dc=example,dc=org\nchangetype: delete\n' | herds
ck "389: L3: without it: watched again" "$(within 15000 kept_by herds watch; active henry)" $'in time\nTrue'
rm /etc/multidir/multidir.conf.d/40-roles.conf
multidirctl reload >/dev/null

# --- Active Directory
ck "AD: synchronised" "$(state domain state)" 'ready'
ck "AD: passwd" "$(getent passwd anna)" 'anna:\*:*:Anna Adler:*'
ck "AD: the primary group, by its RID" "$(id -gn anna)" 'domain users'
ck "AD: groups in groups" "$(id -Gn anna)" '*outer*'
ck "AD: members" "$(members_of outer)" 'anna bert cleo '
home=$(getent passwd anna | cut -d: -f6); install -d -m 755 "$(dirname "$home")"; install -d -m 755 -o "$(id -u anna)" -g "$(id -g anna)" "$home"
ck "AD: ssh" "$(ssh_password anna anna-pw-12345 'id -un')" 'anna'
ck "AD: sudo, by a group in a group" "$(sudo_by_group anna anna-pw-12345)" '0'
ck "AD: wrong password" "$(explain anna bad)" 'deny wrong-password domain'
ck "AD: 533, switched off" "$(explain dis dis-pw-12345)" 'deny inactive domain'
ck "AD: 701, the account ended" "$(explain exp exp-pw-12345)" 'deny inactive domain'
ck "AD: 773, has to change it" "$(explain must must-pw-12345)" 'allow ok domain'
ck "AD: 532, too old" "$(explain old old-pw-12345)" 'allow ok domain'
for u in must old; do home=$(getent passwd $u | cut -d: -f6); install -d -m 755 "$(dirname "$home")"; install -d -m 755 -o "$(id -u $u)" -g "$(id -g $u)" "$home"; done
ck "AD: 773, ssh asks for a new one" "$(must_change must must-pw-12345 Zebra-98-tango)" '*must be changed*must*'
ck "AD: 773, it is changed" "$(explain must Zebra-98-tango; explain must must-pw-12345)" $'allow ok domain\ndeny wrong-password domain'
ck "AD: too old and wrong" "$(explain old bad)" 'deny wrong-password domain'
ck "AD: 530, not at this hour" "$(explain hours hours-pw-12345)" 'deny [!w]*'
ck "AD: 531, not from here" "$(explain ws ws-pw-12345)" 'deny [!w]*'
ck "AD: 532, passwd" "$(change old old-pw-12345 Zebra-98-tango; explain old Zebra-98-tango)" '*=> 0 *allow ok domain'
ck "AD: passwd" "$(change anna anna-pw-12345 Zebra-98-tango; explain anna Zebra-98-tango)" '*=> 0 *allow ok domain'
ck "AD: passwd: the domain's policy" "$(change anna Zebra-98-tango a)" '*The server of directory domain refuses the new password of user anna*=> [1-9]*'
ck "AD: passwd: wrong old password" "$(change anna bad-pw-12345 Zebra-99-tango)" '*=> [1-9]*'
ck "AD: the account may not set others'" "$(multidirctl user password anna --password-stdin <<< Zebra-99-tango 2>&1)" '*server of directory domain itself refuses*'
for _ in 1 2 3; do explain bert bad >/dev/null; done
ck "AD: 775, locked" "$(explain bert bert-pw-12345)" 'deny inactive domain'
uid=$(id -u cleo)
LDAPTLS_CACERT=$L/ad/tls/ca.crt ldapmodify -x -H ldaps://127.0.0.1:6636 -D administrator@ad.test -w Adm1n-Passw0rd > "$L/change.log" 2>&1 <<'C'
dn: CN=Cleo,OU=people,DC=ad,DC=test
changetype: modrdn
newrdn: CN=Cleo Crow
deleteoldrdn: 1
newsuperior: CN=Users,DC=ad,DC=test

dn: CN=Cleo Crow,CN=Users,DC=ad,DC=test
changetype: modify
replace: sAMAccountName
sAMAccountName: cleopatra
C
ck "AD: watched" "$(state domain kept_by)" 'watch'
ck "AD: renamed and moved" "$(multidirctl directory sync domain >/dev/null; id -u cleopatra; explain cleopatra cleo-pw-12345)" "$uid"$'\nallow ok domain'
ck "AD: moved within: its groups are still its own" "$(groups_of cleopatra)" '*outer*'
ad() { LDAPTLS_CACERT=$L/ad/tls/ca.crt ldapmodify -x -H ldaps://127.0.0.1:6636 -D administrator@ad.test -w Adm1n-Passw0rd >> "$L/change.log" 2>&1; }
sync_domain() { multidirctl directory sync domain > "$L/sync.out" 2>&1; echo $?; }
full_age() { state domain full_age; }
sleep 1.1; age=$(full_age)
ad <<'C'
dn: CN=dora,OU=people,DC=ad,DC=test
changetype: add
objectClass: user
sAMAccountName: dora

dn: CN=outer,OU=groups,DC=ad,DC=test
changetype: modify
add: member
member: CN=dora,OU=people,DC=ad,DC=test
C
ck "AD: added, and made a member" "$(sync_domain; groups_of dora)" $'0\n*outer*'
printf 'dn: CN=dora,OU=people,DC=ad,DC=test\nchangetype: delete\n' | ad
ck "AD: deleted, which no group tells" "$(sync_domain; has dora; echo $?; members_of outer)" $'0\n[12]\n*anna*bert*'
ck "AD: nobody comes into the groups of one who is gone" "$(printf 'dn: CN=dora,OU=people,DC=ad,DC=test\nchangetype: add\nobjectClass: user\nsAMAccountName: edna\n' | ad; sync_domain; groups_of edna)" $'0\ndomain users '
printf 'dn: CN=fritz,OU=people,DC=ad,DC=test\nchangetype: add\nobjectClass: user\nsAMAccountName: fritz\n' | ad
ck "AD: added, and told" "$(within 2000 has fritz)" 'in time'
printf 'dn: CN=outer,OU=groups,DC=ad,DC=test\nchangetype: modify\nadd: member\nmember: CN=fritz,OU=people,DC=ad,DC=test\n' | ad
ck "AD: made a member, and told" "$(within 2000 in_group fritz outer)" 'in time'
"$samba" reveal "$L/ad"; sync_domain > "$L/sync.code"
ck "AD: who sees what is deleted is watched, too" "$(cat "$L/sync.code"; within 5000 watches domain)" $'0\nin time'
printf 'dn: CN=fritz,OU=people,DC=ad,DC=test\nchangetype: delete\n' | ad
ck "AD: deleted, and told" "$(within 2000 has_not fritz)" 'in time'
ck "AD: not by reading everything" "$([ "$(full_age)" -ge "$age" ] && echo so)" 'so'

# --- Apache Directory Server
apache_rows() {
        ck "ApacheDS: synchronised" "$(state tribe state users groups)" 'ready 4 2'
        ck "ApacheDS: passwd" "$(getent passwd paula)" 'paula:\*:*:Paula Puma:/home/paula:*'
        ck "ApacheDS: groups in groups, and DNs in another spelling" "$(groups_of paula)" 'burrow paula warren '
        ck "ApacheDS: members" "$(members_of warren)" 'paula quinn rosa '
        install -d -m 755 -o "$(id -u paula)" -g "$(id -g paula)" /home/paula
        ck "ApacheDS: ssh" "$(ssh_password paula paula-pw-12345 'id -un')" 'paula'
        ck "ApacheDS: sudo, by a group" "$(sudo_by_group paula paula-pw-12345)" '0'
        ck "ApacheDS: wrong password" "$(explain paula bad)" 'deny wrong-password tribe'
        ck "ApacheDS: wrong password, ssh" "$(ssh_password paula bad 'id -un')" '*Permission denied*'
        ck "ApacheDS: passwd" "$(change paula paula-pw-12345 Zebra-98-tango; explain paula Zebra-98-tango; explain paula paula-pw-12345)" \
                '*=> 0 *allow ok tribe*deny wrong-password tribe'
        for _ in 1 2 3; do explain quinn bad >/dev/null; done
        ck "ApacheDS: the server's lock-out" "$(explain quinn quinn-pw-12345)" 'deny inactive tribe'
        printf 'dn: cn=sven,ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n' |
                "$apacheds" change "$L/apache" > "$L/change.log" 2>&1
        ck "ApacheDS: switched off" "$(explain sven sven-pw-12345)" 'deny inactive tribe'
        ck "ApacheDS: switched off, wrong password" "$(explain sven bad)" 'deny wrong-password tribe'
        printf '[directory/tribe]\npaged = 3\n' > /etc/multidir/multidir.conf.d/50-pages.conf
        ck "ApacheDS: in pages, all of them" "$(multidirctl reload >/dev/null; multidirctl directory sync tribe >/dev/null 2>&1; echo $?; state tribe state users)" $'0\nready 4'
        rm /etc/multidir/multidir.conf.d/50-pages.conf
        multidirctl reload >/dev/null
        printf 'dn: cn=rosa,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: cn=rosalind\ndeleteoldrdn: 1\n' | "$apacheds" change "$L/apache" >> "$L/change.log" 2>&1
        uid=$(id -u rosa)
        ck "ApacheDS: renamed" "$(multidirctl directory sync tribe >/dev/null; id -u rosalind; explain rosalind rosa-pw-12345)" "$uid"$'\nallow ok tribe'
        "$apacheds" stop "$L/apache"
        ck "ApacheDS: stopped: names stay, logins are unavailable" "$(id -un rosalind; explain rosalind rosa-pw-12345)" $'rosalind\ndeny unavailable tribe'
}
[ -z "$tribe" ] || apache_rows
service_stop
sshd_stop
finish
