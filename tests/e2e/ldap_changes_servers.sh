#!/bin/bash
# Changes from this host at servers of another make: 389 Directory Server, and an Active Directory domain controller (Samba): what is theirs alone in
# writing: nsAccountLock, sAMAccountName, userAccountControl, unicodePwd, links that follow their entries (U1 to U12).
# Relies on: namespace.sh BUILD tests/e2e/ldap_changes_servers.sh; what tests/servers/ds389.sh and samba.sh need.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_changes_servers.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
ds389=$here/../servers/ds389.sh samba=$here/../servers/samba.sh
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
trap '"$ds389" stop "$L/389"; "$samba" stop "$L/ad"' EXIT
"$ds389" start "$L/389" 5389 5636 || exit 1
"$samba" start "$L/ad" 6389 6636 || exit 1

install -d -m 700 /etc/multidir/secrets
(umask 077; echo manager-pw-1 > /etc/multidir/secrets/389; echo Adm1n-Passw0rd > /etc/multidir/secrets/ad)
cat > /etc/multidir/multidir.conf <<C
[directory/herds]
type = ldap
preset = 389ds
uri = ldaps://127.0.0.1:5636
tls_ca_file = $L/389/tls/ca.crt
base = dc=example,dc=org
user_base = ou=people
group_base = ou=groups
bind_dn = cn=Directory Manager
bind_password_file = /etc/multidir/secrets/389

[directory/domain]
type = ldap
preset = samba-ad
uri = ldaps://127.0.0.1:6636
tls_ca_file = $L/ad/tls/ca.crt
base = dc=ad,dc=test
user_base = ou=people
bind_dn = administrator@ad.test
bind_password_file = /etc/multidir/secrets/ad

[application/host]
directories = herds, domain

[application/host/herds]
allow_all = yes

[application/host/domain]
allow_all = yes
C
service_start || exit 1
multidirctl enable >/dev/null || exit 1
members_of() { getent group "$1" | cut -d: -f4 | tr ',' '\n' | LC_ALL=C sort | tr '\n' ' '; }
in_389() { LDAPNOINIT=1 ldapsearch -x -LLL -o ldif-wrap=no -H ldap://127.0.0.1:5389 -D 'cn=Directory Manager' -w manager-pw-1 -s base -b "$@" 2>&1 | grep -v '^dn:\|^$' | LC_ALL=C sort | tr '\n' ' '; }
in_ad() { LDAPTLS_CACERT=$L/ad/tls/ca.crt ldapsearch -x -LLL -o ldif-wrap=no -H ldaps://127.0.0.1:6636 -D administrator@ad.test -w Adm1n-Passw0rd -b dc=ad,dc=test "$@" 2>&1 | grep -v '^$\|^#' | LC_ALL=C sort | tr '\n' ' '; }
ad_change() { LDAPTLS_CACERT=$L/ad/tls/ca.crt ldapmodify -x -H ldaps://127.0.0.1:6636 -D administrator@ad.test -w Adm1n-Passw0rd >> "$L/servers.log" 2>&1; }
H=--directory\ herds D=--directory\ domain

# --- 389 Directory Server
# shellcheck disable=SC2086
{
        ck "389: a new user" "$(did $H user add nina --display-name 'Nina Newt' --password-stdin <<< Zebra-98-tango)" 'done ok add-user@herds 0'
        ck "389: published" "$(getent passwd nina | cut -d: -f1,5)" 'nina:Nina Newt'
        ck "389: the password" "$(explain nina Zebra-98-tango)" 'allow ok herds'
        ck "389: modify" "$(did user modify nina --email nina@example.org --attribute title=Boss; in_389 uid=nina,ou=people,dc=example,dc=org mail title)" \
                'done ok modify-user@herds modify-user-attributes@herds 0*mail: nina@example.org title: Boss '
        ck "389: switched off" "$(did user deactivate nina; explain nina Zebra-98-tango)" 'done ok modify-user-attributes@herds 0*deny inactive herds'
        ck "389: nsAccountLock" "$(in_389 uid=nina,ou=people,dc=example,dc=org nsAccountLock)" 'nsAccountLock: true '
        ck "389: and on" "$(did user activate nina; explain nina Zebra-98-tango)" 'done ok modify-user-attributes@herds 0*allow ok herds'
        ck "389: a group" "$(did $H group add crew --description Crew)" 'done ok add-group@herds 0'
        ck "389: members" "$(did member add crew nina henry; members_of crew)" 'done ok add-member@herds add-member@herds 0*henry nina '
        ck "389: a group in a group" "$(did member add crew flock --group; members_of crew)" 'done ok add-member@herds 0*henry irma jack kate nina '
        ck "389: rename" "$(did user rename nina nora; members_of crew)" 'done ok rename-user@herds 0*henry irma jack kate nora '
        ck "389: remove a member" "$(did member remove crew henry)" 'done ok remove-member@herds 0'
        ck "389: remove the user" "$(did user remove nora; getent passwd nora; in_389 cn=crew,ou=groups,dc=example,dc=org member)" 'done ok remove-user@herds 0*member: cn=flock,ou=groups,dc=example,dc=org '
        ck "389: remove the group" "$(did group remove crew; getent group crew)" 'done ok remove-group@herds 0'

        # --- Active Directory
        ck "AD: a new user with a password" "$(did $D user add nils --display-name 'Nils Newt' --email nils@ad.test --password-stdin <<< Zebra-98-tango)" 'done ok add-user@domain 0'
        ck "AD: published" "$(getent passwd nils | cut -d: -f1,5)" 'nils:Nils Newt'
        ck "AD: at the server" "$(in_ad '(sAMAccountName=nils)' displayName mail userAccountControl userPrincipalName)" \
                'displayName: Nils Newt dn: CN=nils,OU=people,DC=ad,DC=test mail: nils@ad.test userAccountControl: 512 userPrincipalName: nils@ad.test '
        ck "AD: the password" "$(explain nils Zebra-98-tango)" 'allow ok domain'
        ck "AD: without a password it is switched off" "$(did $D user add nobu; in_ad '(sAMAccountName=nobu)' userAccountControl)" 'done ok add-user@domain 0*userAccountControl: 514 '
        ck "AD: and with one it can be switched on" "$(did user password nobu --password-stdin <<< Zebra-98-tango; did user activate nobu; explain nobu Zebra-98-tango)" 'done ok set-password@domain 0*done ok *allow ok domain'
        ck "AD: the domain's policy: nobody is made" "$(did $D user add weak --password-stdin <<< abc; in_ad '(sAMAccountName=weak)' cn)" 'refused policy-rejected 1'
        ck "AD: switched off" "$(did user deactivate nils; explain nils Zebra-98-tango)" 'done ok modify-user-attributes@domain 0*deny inactive domain'
        ck "AD: and on" "$(did user activate nils; explain nils Zebra-98-tango)" 'done ok modify-user-attributes@domain 0*allow ok domain'
        ck "AD: modify" "$(did user modify nils --display-name 'Nils N' --home /srv/nils --attribute title=Boss; getent passwd nils | cut -d: -f5,6)" 'done ok *0*Nils N:/srv/nils'
        ck "AD: a group" "$(did $D group add adcrew --description Crew; in_ad '(sAMAccountName=adcrew)' description groupType)" 'done ok add-group@domain 0*description: Crew *'
        ck "AD: members" "$(did member add adcrew nils anna; members_of adcrew)" 'done ok add-member@domain add-member@domain 0*anna nils '
        ck "AD: already" "$(did member add adcrew nils)" 'refused already-a-member 4'
        ck "AD: a group in a group" "$(did member add adcrew inner --group; members_of adcrew)" 'done ok add-member@domain 0*anna bert nils '
        ck "AD: a group has the name" "$(did $D user add adcrew; tail -n 1 "$did_out")" 'refused exists 4*sAMAccountName is another*'
        ad_change <<< $'dn: CN=nils,OU=people,DC=ad,DC=test\nchangetype: modify\nreplace: userPrincipalName\nuserPrincipalName: Nils@ad.test'
        ck "AD: rename" "$(did user rename nils nelson; members_of adcrew; in_ad '(sAMAccountName=nelson)' cn userPrincipalName)" \
                'done ok rename-user@domain 0*anna bert nelson *cn: nelson *userPrincipalName: nelson@ad.test '
        ck "AD: remove a member" "$(did member remove adcrew anna; did member remove adcrew inner --group; members_of adcrew)" 'done ok *done ok *nelson '
        ck "AD: the last member may leave" "$(did member remove adcrew nelson; members_of adcrew)" $'done ok remove-member@domain 0\n '
        ck "AD: remove the user" "$(did user remove nelson; getent passwd nelson)" 'done ok remove-user@domain 0'
        ck "AD: remove the group" "$(did group remove adcrew; getent group adcrew)" 'done ok remove-group@domain 0'
}
service_stop
ck "log: no password in it" "$(grep -c 'Zebra' "$service_log")" 0
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
[ "$failed" -eq 0 ] || { tail -n 60 "$did_out"; tail -n 80 "$service_log"; } >&2
finish
