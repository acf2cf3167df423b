# The world of the tests of LDAP directories: three slapds, an internal directory below them, and words to ask with. Sourced.
# Relies on: lib.sh, inside namespace.sh; slapd, ldap-utils, openssl, sshpass, openssh, sudo, pamtester.
# Must never: be used outside a namespace of its own.
# shellcheck shell=bash disable=SC2154
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
insecure_plaintext = yes
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

# world_start: the service, people in staff, both modules in use, homes, an sshd.
world_start() {
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
}

# world_end: what is true in the end of every test.
world_end() {
        service_stop
        ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
        sshd_stop
        finish
}
