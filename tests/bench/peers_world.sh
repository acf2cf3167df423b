# The world that the LDAP measurements share: 10,000 people and 1,000 groups in one slapd, multidir, and the peers nslcd and SSSD where they are.
# Relies on: lib.sh, inside namespace.sh; tests/servers/slapd.sh; the peers' packages unpacked in build-peers/root (bootstrap.sh makes it; PEERS:
# another folder), or the peers installed on this host. Sourced.
# Must never: be used outside a namespace of its own.
# shellcheck shell=bash disable=SC2154
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
slapd=$here/../servers/slapd.sh D=$MULTIDIR_TOP/slapd
export LDAPNOINIT=1
people=10000 reader=cn=reader,dc=example,dc=org

# u0 is in 1,000 groups (many0 to many999); g0 to g999 have about 100 members each, ten a user; everybody has all 10,000 members.
seed() {
        python3 - "$people" <<'P'
import sys
users, groups, base = int(sys.argv[1]), 1000, 'dc=example,dc=org'
print(f'dn: {base}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n')
print(f'dn: cn=reader,{base}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: reader-pw\n')
for unit in 'people', 'groups':
    print(f'dn: ou={unit},{base}\nobjectClass: organizationalUnit\nou: {unit}\n')
for n in range(users):
    print(f'dn: uid=u{n},ou=people,{base}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: u{n}\ncn: User {n}\nsn: {n}\n'
          f'uidNumber: {100000 + n}\ngidNumber: {200000 + n % groups}\nhomeDirectory: /home/u{n}\nloginShell: /bin/sh\nuserPassword: pw\n')
def group(name, number, members):
    print(f'dn: cn={name},ou=groups,{base}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {number}')
    for n in members:
        print(f'memberUid: u{n}')
    print()
members = {}
for n in range(users):
    for k in range(9):
        members.setdefault((n * 9 + k * 97 + 1) % groups, set()).add(n)
for g in range(groups):
    group(f'g{g}', 200000 + g, sorted(members.get(g, ())))
for g in range(groups):
    group(f'many{g}', 300000 + g, [0])
group('everybody', 400000, range(users))
P
}

world_start() { # [ldaps]: how all of them reach the server
        [ -d "$D" ] || { seed > "$MULTIDIR_TOP/seed.ldif"; "$slapd" start "$D" 389 636 "$MULTIDIR_TOP/seed.ldif" || exit 1; }
        if [ "${1:-}" = ldaps ]; then uri=ldaps://127.0.0.1:636; else uri=ldap://127.0.0.1:389; fi
        install -d -m 700 /etc/multidir/secrets
        (umask 077; echo reader-pw > /etc/multidir/secrets/reader)
        cat > /etc/multidir/multidir.conf <<C
[directory/posix]
type = ldap
preset = openldap-posix
uri = $uri
tls_ca_file = $D/tls/ca.crt
base = dc=example,dc=org
paged = 1000
bind_dn = $reader
bind_password_file = /etc/multidir/secrets/reader
${MORE:-}
[application/host]
directories = posix
[application/host/posix]
allow_all = yes
C
        chmod 755 "$MULTIDIR_TOP" "$D" "$D/tls"
        # pam_start reads this one too, with all the modules that it names: they would cost more than the ones that are measured.
        echo 'auth required pam_deny.so' > /etc/pam.d/other
        pam_service multidir pam_multidir.so; pam_service nslcd "pam_ldap.so minimum_uid=0"; pam_service sssd pam_sss.so; pam_service permit pam_permit.so
        service_start || exit 1
}
pam_service() { printf '%s required %s\n' auth "$2" account "$2" > "/etc/pam.d/bench-$1"; }

# The packages of the peers, unpacked over this namespace's folders: their installation scripts would change what the host has.
peers_unpack() {
        local root=${PEERS:-$here/../../build-peers/root}
        [ -d "$root" ] || return 0
        cp -a "$root/usr/." /usr/; cp -a "$root/lib/." /usr/lib/; cp -an "$root/etc/." /etc/; cp -a "$root/var/." /var/ 2>/dev/null
        ldconfig
}

waits() { local until=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $until ] || return 1; sleep 0.1; done; }

has_nslcd() { [ -x /usr/sbin/nslcd ] && ldconfig -p | grep -q libnss_ldap.so.2; }
nslcd_start() {
        getent passwd nslcd >/dev/null || useradd --system --user-group --no-create-home --shell /usr/sbin/nologin nslcd
        mkdir -p /run/nslcd; chown nslcd:nslcd /run/nslcd
        cat > /etc/nslcd.conf <<C
uid nslcd
gid nslcd
uri $uri/
base dc=example,dc=org
binddn $reader
bindpw reader-pw
tls_cacertfile $D/tls/ca.crt
C
        chmod 600 /etc/nslcd.conf
        /usr/sbin/nslcd -n 2>>"$MULTIDIR_TOP/nslcd.log" & nslcd_pid=$!
        waits 20 getent -s ldap passwd u1
}
nslcd_stop() { kill "$nslcd_pid" 2>/dev/null; wait "$nslcd_pid" 2>/dev/null; }

has_sssd() { [ -x /usr/sbin/sssd ] && ldconfig -p | grep -q libnss_sss.so.2; }
sssd_folders() {
        mkdir -p /var/lib/sss/{db,pipes/private,mc,pubconf/krb5.include.d,secrets,keytabs,gpo_cache,deskprofile} /var/log/sssd /run/sssd /etc/sssd
        chmod 700 /var/lib/sss/db /var/lib/sss/pipes/private
        (umask 077; : > /etc/sssd/sssd.conf)
}
sssd_start() {
        sssd_folders
        cat > /etc/sssd/sssd.conf <<C
[sssd]
services = nss, pam
domains = example
[domain/example]
id_provider = ldap
auth_provider = ldap
ldap_uri = $uri
ldap_search_base = dc=example,dc=org
ldap_default_bind_dn = $reader
ldap_default_authtok = reader-pw
ldap_tls_cacert = $D/tls/ca.crt
C
        sssd_run u1
}
sssd_run() { # A USER THAT IT KNOWS
        /usr/sbin/sssd -i >>"$MULTIDIR_TOP/sssd.log" 2>&1 & sssd_pid=$!
        waits 20 getent -s sss passwd "$1"
}
sssd_stop() { kill "$sssd_pid" 2>/dev/null; wait "$sssd_pid" 2>/dev/null; }
sssd_forget() { rm -rf /var/lib/sss/db/* /var/lib/sss/mc/*; }
