#!/bin/bash
# A real 389 Directory Server on 127.0.0.1, in a folder of its own, without systemd.
#   ds389.sh start DIR PORT SPORT [SEED.ldif]   the seed (default: seeds/389.ldif) goes into a new DIR only; a new one takes ten seconds
#   ds389.sh stop DIR
#   ds389.sh wipe DIR
# Base dc=example,dc=org; administrator "cn=Directory Manager" with manager-pw-1, reader cn=reader,dc=example,dc=org with reader-pw. ldaps and
# StartTLS with DIR/tls/server.crt. Three wrong passwords lock. DS389_SYNC: a server that tells of changes (RFC 4533).
# Relies on: 389-ds-base, python3-lib389, libnss3-tools, ldap-utils, openssl. As root it runs the server as dirsrv, which the package makes.
# Must never: touch another instance. Outside DIR it leaves /dev/shm/sem.slapd-test.stats, which wipe removes: one instance at a time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
export LDAPNOINIT=1
suffix=dc=example,dc=org password=manager-pw-1

usage() { sed -n '3,5s/^# \{0,3\}//p' "$0" >&2; exit 2; }

as_server() {
        local drop=()
        [ "$(id -u)" != 0 ] || drop=(setpriv --reuid=dirsrv --regid="$(id -g dirsrv)" --clear-groups)
        "${drop[@]}" env HOME="$dir" PATH="$dir/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}
give() { [ "$(id -u)" != 0 ] || chown -R dirsrv: "$@"; }

create() { # PORT SPORT
        mkdir -p "$dir"; chmod 755 "$dir"; give "$dir"
        as_server dscreate ds-root "$dir/root" "$dir/bin" > "$dir/create.log" 2>&1 || { cat "$dir/create.log" >&2; exit 1; }
        # ds-root guesses /usr/lib64, Debian has them elsewhere.
        sed -i "s|^plugin_dir = .*|plugin_dir = $(dirname "$(find /usr/lib -path '*/dirsrv/plugins/libmemberof-plugin.so' | head -n 1)")|" "$dir/root/share/dirsrv/inf/defaults.inf"
        cat > "$dir/instance.inf" <<I
[general]
full_machine_name = localhost
strict_host_checking = False
start = False
[slapd]
instance_name = test
port = $1
secure_port = $2
root_password = $password
self_sign_cert = False
[backend-userroot]
suffix = $suffix
create_suffix_entry = True
sample_entries = no
I
        as_server dscreate from-file "$dir/instance.inf" >> "$dir/create.log" 2>&1 || { tail -n 20 "$dir/create.log" >&2; exit 1; }
        make_ca "$dir/tls" ds389.test
        openssl pkcs12 -export -in "$dir/tls/server.crt" -inkey "$dir/tls/server.key" -name Server-Cert -passout pass: -out "$dir/tls/server.p12"
        give "$dir/tls/server.p12"
        as_server certutil -A -d "$settings" -n 'multidir test CA' -t CT,, -a -i "$dir/tls/ca.crt" -f "$settings/pwdfile.txt"
        as_server pk12util -i "$dir/tls/server.p12" -d "$settings" -k "$settings/pwdfile.txt" -W '' >> "$dir/create.log"
}

launch() { # PORT
        local pid
        rm -f "$pidfile"
        as_server setsid /usr/sbin/ns-slapd -D "$settings" -i "$pidfile" -d 0 >> "$dir/log" 2>&1 < /dev/null &
        pid=$!
        answers "ldap://127.0.0.1:$1" 60 "$pid" || { tail "$dir/log" >&2; echo 'ds389.sh: ns-slapd did not start' >&2; exit 1; }
        serving "$pidfile" "$settings" >/dev/null || { echo "ds389.sh: port $1 is another server's" >&2; exit 1; }
}

as_manager() { ldapmodify -x -H "ldap://127.0.0.1:$1" -D 'cn=Directory Manager' -w "$password" "${@:2}"; }

fill() { # PORT SEED
        as_manager "$1" > "$dir/fill.log" <<L
dn: cn=config
changetype: modify
replace: nsslapd-listenhost
nsslapd-listenhost: 127.0.0.1
-
replace: nsslapd-securelistenhost
nsslapd-securelistenhost: 127.0.0.1
-
replace: nsslapd-security
nsslapd-security: on
-
replace: passwordLockout
passwordLockout: on
-
replace: passwordMaxFailure
passwordMaxFailure: 3

dn: cn=RSA,cn=encryption,cn=config
changetype: modify
replace: nsSSLPersonalitySSL
nsSSLPersonalitySSL: Server-Cert
-
replace: nsSSLActivation
nsSSLActivation: on

dn: cn=MemberOf Plugin,cn=plugins,cn=config
changetype: modify
replace: nsslapd-pluginEnabled
nsslapd-pluginEnabled: on
-
replace: memberOfGroupAttr
memberOfGroupAttr: member
memberOfGroupAttr: uniqueMember
L
        [ -z "${DS389_SYNC:-}" ] || as_manager "$1" >> "$dir/fill.log" <<'L'
dn: cn=Retro Changelog Plugin,cn=plugins,cn=config
changetype: modify
replace: nsslapd-pluginEnabled
nsslapd-pluginEnabled: on
-
add: nsslapd-attribute
nsslapd-attribute: nsuniqueid:targetUniqueId

dn: cn=Content Synchronization,cn=plugins,cn=config
changetype: modify
replace: nsslapd-pluginEnabled
nsslapd-pluginEnabled: on
L
        stop_serving "$pidfile" "$settings" TERM
        launch "$1"
        as_manager "$1" < "$2" >> "$dir/fill.log"
}

start() { # PORT SPORT SEED
        serving "$pidfile" "$settings" >/dev/null && { echo 'ds389.sh: it runs already'; return; }
        if [ -e "$dir/seeded" ]; then launch "$1"; return; fi
        create "$1" "$2"
        launch "$1"
        fill "$1" "$3"
        touch "$dir/seeded"
}

[ $# -ge 2 ] || usage
command=$1 dir=$(realpath -m "$2"); shift 2
pidfile=$dir/root/run/dirsrv/slapd-test.pid settings=$dir/root/etc/dirsrv/slapd-test
case $command in
        start) [ $# -ge 2 ] || usage; start "$1" "$2" "$(realpath "${3:-$here/seeds/389.ldif}")" ;;
        stop) stop_serving "$pidfile" "$settings" TERM ;;
        wipe) stop_serving "$pidfile" "$settings" TERM; rm -rf "$dir"; rm -f /dev/shm/sem.slapd-test.stats ;;
        *) usage ;;
esac
