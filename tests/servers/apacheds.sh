#!/bin/bash
# A real Apache Directory Server (2.0.0-M26, as Debian has it) on 127.0.0.1, in a folder of its own.
#   apacheds.sh check                             whether it can run here: exit 0, or 77 and why not
#   apacheds.sh start DIR PORT SPORT [SEED.ldif]  the seed (default: seeds/apacheds.ldif) goes into a new DIR only
#   apacheds.sh stop DIR
#   apacheds.sh wipe DIR
#   apacheds.sh change DIR < LDIF                 as its administrator
# Base dc=example,dc=com; administrator uid=admin,ou=system with secret, reader cn=reader,dc=example,dc=com with reader-pw. ldaps on SPORT with
# DIR/tls/server.crt. Three wrong passwords lock.
# APACHEDS_ROOT: the folder into which the packages were unpacked, where they are not installed.
# Debian's package does not name all that it needs, and stands on a library of another version.
# Relies on: apacheds and the packages beside it in bootstrap.sh, java 17, ldap-utils, openssl. No root needed.
# Must never: touch another instance.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
export LDAPNOINIT=1
root=${APACHEDS_ROOT:-}
administrator=(-x -D 'uid=admin,ou=system' -w secret)

usage() { sed -n '3,7s/^# \{0,3\}//p' "$0" >&2; exit 2; }

# What its own package forgets.
forgotten=(caffeine commons-lang3 commons-codec commons-collections4 commons-text)
class_path() {
        local name jar
        printf '%s' "$root/usr/share/apacheds/lib/*"
        # Installed or unpacked: its own folder has links, some of them to packages that every Java has.
        for name in "${forgotten[@]}" commons-io slf4j-api slf4j-log4j12 log4j-1.2; do
                for jar in "$root/usr/share/java/$name.jar" "/usr/share/java/$name.jar"; do
                        [ ! -e "$jar" ] || { printf ':%s' "$jar"; break; }
                done
        done
}

check() {
        local file jar
        command -v java >/dev/null || { echo 'there is no java'; exit 77; }
        for file in "$root/etc/default/apacheds" "$root/etc/apacheds/config.ldif"; do
                [ -r "$file" ] || { echo "apacheds is not installed: no $file"; exit 77; }
        done
        for jar in "${forgotten[@]}"; do
                [ -e "$root/usr/share/java/$jar.jar" ] || [ -e "/usr/share/java/$jar.jar" ] || { echo "apacheds needs $jar.jar"; exit 77; }
        done
}

create() { # PORT SPORT
        mkdir -p "$dir"/{conf,cache,partitions,log,run}
        make_ca "$dir/tls" ldap.test
        openssl pkcs12 -export -in "$dir/tls/server.crt" -inkey "$dir/tls/server.key" -certfile "$dir/tls/ca.crt" -name apacheds -passout pass:changeit \
                -out "$dir/tls/server.p12"
        cp "$root/etc/apacheds/log4j.properties" "$dir/conf/"
        sed -e "s/^ads-systemport: 10389/ads-systemport: $1/" -e "s/^ads-systemport: 10636/ads-systemport: $2/" \
                -e 's/^ads-transportaddress: 0.0.0.0/ads-transportaddress: 127.0.0.1/' -e 's/^ads-pwdMaxFailure: .*/ads-pwdMaxFailure: 3/' \
                -e 's/^ads-pwdFailureCountInterval: .*/ads-pwdFailureCountInterval: 300/' \
                -e "s|^ads-confidentialityRequired: FALSE|&\nads-keystoreFile: $dir/tls/server.p12\nads-certificatePassword: changeit|" \
                "$root/etc/apacheds/config.ldif" > "$dir/conf/config.ldif"
}

launch() { # PORT
        # shellcheck disable=SC1091
        . "$root/etc/default/apacheds"
        # It looks into Java's own classes, which Java 17 has to be told to allow.
        setsid java -Djava.awt.headless=true -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto \
                --add-exports java.base/sun.security.x509=ALL-UNNAMED --add-exports java.base/sun.security.util=ALL-UNNAMED \
                --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED -Djavax.net.ssl.keyStoreType=PKCS12 \
                -Dapacheds.controls="$ADS_CONTROLS" -Dapacheds.extendedOperations="$ADS_EXTENDED_OPERATIONS" \
                -Dlog4j.configuration="file:$dir/conf/log4j.properties" -Dapacheds.log.dir="$dir/log" -cp "$(class_path)" \
                org.apache.directory.server.UberjarMain "$dir/" >> "$dir/log/out" 2>&1 < /dev/null &
        echo $! > "$dir/pid"
        answers "ldap://127.0.0.1:$1" 60 "$!" || { tail -n 20 "$dir/log/out" >&2; echo 'apacheds.sh: it did not start' >&2; exit 1; }
}

start() { # PORT SPORT SEED
        serving "$dir/pid" "UberjarMain $dir/" >/dev/null && { echo 'apacheds.sh: it runs already'; return; }
        if [ -e "$dir/seeded" ]; then launch "$1"; return; fi
        create "$1" "$2"
        launch "$1"
        echo "$1" > "$dir/port"
        ldapmodify -a "${administrator[@]}" -H "ldap://127.0.0.1:$1" < "$3" > "$dir/fill.log" 2>&1 || { tail "$dir/fill.log" >&2; exit 1; }
        touch "$dir/seeded"
}

[ $# -ge 1 ] || usage
command=$1; shift
[ "$command" = check ] && { check; exit 0; }
[ $# -ge 1 ] || usage
dir=$(realpath -m "$1"); shift
case $command in
        start) [ $# -ge 2 ] || usage; check; start "$1" "$2" "$(realpath "${3:-$here/seeds/apacheds.ldif}")" ;;
        stop) stop_serving "$dir/pid" "UberjarMain $dir/" TERM ;;
        wipe) stop_serving "$dir/pid" "UberjarMain $dir/" TERM; rm -rf "$dir" ;;
        change) ldapmodify "${administrator[@]}" -H "ldap://127.0.0.1:$(cat "$dir/port")" ;;
        *) usage ;;
esac
