#!/bin/bash
# A real OpenLDAP server on 127.0.0.1, everything in a folder of its own.
#   slapd.sh start DIR PORT SPORT [SEED.ldif]   returns when it answers; the seed is loaded only into a new DIR (default: seeds/people.ldif)
#   slapd.sh stop DIR                           waits until it is gone; start takes it up again with what it had
#   slapd.sh wipe DIR
#   slapd.sh change DIR < LDIF                  as its administrator, with the relax control; slapd.sh config DIR < LDIF: its own settings (cn=config)
# Base dc=example,dc=org; administrator cn=admin,dc=example,dc=org with admin-pw; a reader, cn=reader,dc=example,dc=org with reader-pw, in every
# seed. ldaps on SPORT with DIR/tls/server.crt, signed by DIR/tls/ca.crt (StartTLS on PORT too); ldapi on DIR/ldapi.
# Schema: nis.schema, or rfc2307bis if the seed's first line says "# schema: rfc2307bis" (posixGroup is another class there, they exclude each
# other). What follows the seed's line "# online" is added to the running server, so that overlays see it: slapadd passes memberOf by.
# SLAPD_NO_SYNCPROV: a server that does not tell of changes (RFC 4533). SLAPD_EXTRA: a file whose lines are added to the database's settings. SLAPD_CERT: another certificate of DIR/tls (wrong, expired).
# SLAPD_MAXSIZE: bytes that the database may take, where 4 GiB are not enough.
# Relies on: slapd, ldap-utils, openssl. No root needed.
# Must never: touch /etc/ldap or another slapd.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
export LDAPNOINIT=1 # no ldap.conf of this host
suffix=dc=example,dc=org

usage() { sed -n '3,6s/^# \{0,3\}//p' "$0" >&2; exit 2; }

# rfc2307bis has no schema of its own in Debian: nis.schema with an auxiliary posixGroup, and groups that may be empty.
schema_rfc2307bis() {
        sed -e "/NAME 'posixGroup'/,/)\$/ s/SUP top STRUCTURAL/SUP top AUXILIARY/" -e "/NAME 'posixGroup'/,/)\$/ s/MUST ( cn \\$ gidNumber )/MUST gidNumber/" \
                /etc/ldap/schema/nis.schema
        echo "objectclass ( 1.3.6.1.1.1.2.18 NAME 'groupOfMembers' SUP top STRUCTURAL MUST cn MAY ( description \$ member ) )"
}

configure() { # SEED
        mkdir -p "$dir/db"
        make_ca "$dir/tls" ldap.test
        case $(head -n 1 "$1") in
                '# schema: rfc2307bis') schema_rfc2307bis > "$dir/posix.schema" ;;
                *) cp /etc/ldap/schema/nis.schema "$dir/posix.schema" ;;
        esac
        cat > "$dir/slapd.conf" <<C
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include $dir/posix.schema
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MAY ( sshPublicKey $ uid ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
moduleload retcode
moduleload syncprov
pidfile $dir/slapd.pid
argsfile $dir/slapd.args
TLSCACertificateFile $dir/tls/ca.crt
TLSCertificateFile $dir/tls/${SLAPD_CERT:-server}.crt
TLSCertificateKeyFile $dir/tls/${SLAPD_CERT:-server}.key
sizelimit 500
threads 8
database config
rootdn cn=config
rootpw admin-pw
database mdb
suffix "$suffix"
directory $dir/db
maxsize ${SLAPD_MAXSIZE:-4294967296}
dbnosync
rootdn "cn=admin,$suffix"
rootpw admin-pw
index objectClass,entryUUID,entryCSN,uid,cn,uidNumber,gidNumber,memberUid,member,uniqueMember eq
limits dn.exact="cn=reader,$suffix" size.soft=1000 size.hard=unlimited size.prtotal=unlimited time=unlimited
access to attrs=userPassword by self =xw by anonymous auth by * none
access to * by dn.exact="cn=reader,$suffix" read by users read by * none
overlay memberof
overlay ppolicy
ppolicy_default "cn=default,ou=policies,$suffix"
ppolicy_use_lockout
ppolicy_hash_cleartext
overlay syncprov
C
        [ -z "${SLAPD_NO_SYNCPROV:-}" ] || sed -i '/syncprov$/d' "$dir/slapd.conf"
        [ -z "${SLAPD_EXTRA:-}" ] || cat "$SLAPD_EXTRA" >> "$dir/slapd.conf"
}

admin() { ldapmodify -x -H "ldapi://${dir//\//%2F}%2Fldapi" -D "$1" -w admin-pw "${@:2}"; }

start() { # PORT SPORT SEED
        local first='' pid seed=$3
        serving "$dir/slapd.pid" "$dir/slapd.conf" >/dev/null && { echo 'slapd.sh: it runs already'; return; }
        [ -r "$seed" ] || { echo "slapd.sh: no such seed: $seed" >&2; exit 2; }
        configure "$seed"
        if [ ! -e "$dir/seeded" ]; then
                first=1
                sed '/^# online/,$d' "$seed" > "$dir/offline.ldif"; sed '1,/^# online/d' "$seed" > "$dir/online.ldif"
                slapadd -q -f "$dir/slapd.conf" -b "$suffix" -l "$dir/offline.ldif"
        fi
        rm -f "$dir/ldapi" "$dir/slapd.pid"
        setsid slapd -d 0 -f "$dir/slapd.conf" -h "ldap://127.0.0.1:$1 ldaps://127.0.0.1:$2 ldapi://${dir//\//%2F}%2Fldapi" \
                >> "$dir/log" 2>&1 < /dev/null &
        pid=$!
        answers "ldap://127.0.0.1:$1" 20 "$pid" || { cat "$dir/log" >&2; echo 'slapd.sh: slapd did not start' >&2; exit 1; }
        # Somebody else's server on that port would have answered too.
        serving "$dir/slapd.pid" "$dir/slapd.conf" >/dev/null || { echo "slapd.sh: port $1 is another server's" >&2; exit 1; }
        if [ -n "$first" ]; then
                [ ! -s "$dir/online.ldif" ] || admin "cn=admin,$suffix" -a -e relax < "$dir/online.ldif" > "$dir/online.log" 2>&1 || { tail "$dir/online.log" >&2; exit 1; }
                touch "$dir/seeded"
        fi
}

[ $# -ge 2 ] || usage
command=$1 dir=$(realpath -m "$2"); shift 2
# Overlays and TLS need a path that fits a socket's name.
[ ${#dir} -le 90 ] || { echo "slapd.sh: the folder's name is too long: $dir" >&2; exit 2; }
case $command in
        start) [ $# -ge 2 ] || usage; start "$1" "$2" "${3:-$here/seeds/people.ldif}" ;;
        stop) stop_serving "$dir/slapd.pid" "$dir/slapd.conf" INT ;;
        wipe) stop_serving "$dir/slapd.pid" "$dir/slapd.conf" INT; rm -rf "$dir" ;;
        change) admin "cn=admin,$suffix" -e relax ;;
        config) admin cn=config ;;
        *) usage ;;
esac
