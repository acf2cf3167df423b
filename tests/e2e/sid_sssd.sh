#!/bin/bash
# I1, ids = sid: the numbers that this host publishes for Active Directory's users and groups are those of an SSSD with its default settings, which
# runs beside it and is asked; RIDs on both sides of every border of its slices.
# Relies on: namespace.sh BUILD tests/e2e/sid_sssd.sh; what tests/servers/samba.sh needs; SSSD (see peers_world.sh).
# Must never: be run outside a namespace of its own.
# shellcheck source=tests/bench/peers_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/../bench/peers_world.sh"
samba=$here/../servers/samba.sh A=$MULTIDIR_TOP/ad
trap '"$samba" stop "$A"' EXIT
peers_unpack
has_sssd || { echo "not ok - there is no SSSD to ask: build-peers/root"; exit 1; }
"$samba" start "$A" 6389 6636 && "$samba" stop "$A" || exit 1
people=(anna bert Administrator) groups=(inner outer 'Domain Users' 'Domain Admins')
# The RID of a user; the next one is its group's. The borders of slices, those past the ten that SSSD prepares, and one of a very old domain.
for rid in 199998 200000 399998 400000 1999998 2000000 2199998 2200000 2399998 2400000 50000000 1073700000; do
        "$samba" add "$A" $rid <<L
dn: CN=u$rid,CN=Users,DC=ad,DC=test
objectClass: user
sAMAccountName: u$rid
userAccountControl: 512

dn: CN=g$rid,CN=Users,DC=ad,DC=test
objectClass: group
sAMAccountName: g$rid
member: CN=u$rid,CN=Users,DC=ad,DC=test
L
        people+=(u$rid); groups+=(g$rid)
done
"$samba" start "$A" 6389 6636 || exit 1

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw-12345 > /etc/multidir/secrets/ad)
cat > /etc/multidir/multidir.conf <<C
[directory/domain]
type = ldap
preset = samba-ad
uri = ldaps://127.0.0.1:6636
tls_ca_file = $A/tls/ca.crt
base = dc=ad,dc=test
bind_dn = cn=reader,cn=users,dc=ad,dc=test
bind_password_file = /etc/multidir/secrets/ad
[application/host]
directories = domain
[application/host/domain]
allow_all = yes
C
service_start || exit 1
sssd_folders
cat > /etc/sssd/sssd.conf <<C
[sssd]
services = nss
domains = ad.test
[domain/ad.test]
id_provider = ldap
ldap_schema = ad
ldap_id_mapping = true
ldap_referrals = false
ldap_uri = ldaps://127.0.0.1:6636
ldap_search_base = dc=ad,dc=test
ldap_default_bind_dn = cn=reader,cn=users,dc=ad,dc=test
ldap_default_authtok = reader-pw-12345
ldap_tls_cacert = $A/tls/ca.crt
C
sssd_run anna || { echo "not ok - SSSD does not answer"; tail "$MULTIDIR_TOP/sssd.log" /var/log/sssd/*; exit 1; }

# Both are asked directly. SSSD is particular about capital letters.
ids_of() { getent -s "$1" "$2" "$3" 2>/dev/null | cut -d: -f"$4"; }
for user in "${people[@]}"; do
        theirs=$(ids_of sss passwd "$user" 3,4)
        ck "I1: SSSD has $user" "$theirs" '[1-9]*:[1-9]*'
        ck "I1: the ids of $user are SSSD's" "$(ids_of multidir passwd "$user" 3,4)" "$theirs"
done
for group in "${groups[@]}"; do
        theirs=$(ids_of sss group "$group" 3)
        ck "I1: SSSD has $group" "$theirs" '[1-9]*'
        ck "I1: the id of $group is SSSD's" "$(ids_of multidir group "$group" 3)" "$theirs"
done
sssd_stop
service_stop
finish
