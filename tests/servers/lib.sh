# What the scripts for the servers share: a throw-away certification authority, and how a server of ours is found again and stopped.
# Relies on: openssl. Sourced by the scripts beside it.
# Must never: end a process that is not the one it started.
# shellcheck shell=bash

# make_ca FOLDER [NAME…]: once; ca.crt signs server.crt (127.0.0.1, localhost and the names), other-ca.crt signs nothing, wrong.crt is ca.crt's
# for a name that nobody asks for, expired.crt ran out yesterday.
make_ca() {
        local tls=$1 names='IP:127.0.0.1,IP:::1,DNS:localhost' name; shift
        [ -s "$tls/expired.crt" ] && return
        for name in "$@"; do names=$names,DNS:$name; done
        mkdir -p "$tls"
        {
                for name in ca other-ca; do
                        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/O=multidir test/CN=$name" \
                                -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout "$tls/$name.key" -out "$tls/$name.crt"
                done
                sign server "$names" 3650
                sign wrong 'DNS:elsewhere.test' 3650
                sign expired "$names" -1
        } > "$tls/openssl.log" 2>&1 || { cat "$tls/openssl.log" >&2; return 1; }
        chmod 600 "$tls"/*.key
}
# sign NAME SUBJECT-ALT-NAMES DAYS
sign() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.csr"
        printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2" > "$tls/$1.ext"
        openssl x509 -req -in "$tls/$1.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -sha256 -extfile "$tls/$1.ext" -days "$3" -out "$tls/$1.crt"
}

# A zombie waits for its parent only: it serves nobody.
gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# serving PIDFILE WORDS: prints the pid if the process of that file runs with those words in its command line.
serving() {
        local pid
        [ -s "$1" ] && pid=$(cat "$1") && [ -n "$pid" ] && ! gone "$pid" || return 1
        case "$(tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline")" in *"$2"*) echo "$pid" ;; *) return 1 ;; esac
}

# stop_serving PIDFILE WORDS SIGNAL: returns when the process is gone.
stop_serving() {
        local pid
        if pid=$(serving "$1" "$2"); then
                kill -s "$3" "$pid" 2>/dev/null || : # it may have ended by itself
                for _ in $(seq 500); do gone "$pid" && break; sleep 0.02; done
                gone "$pid" || kill -KILL "$pid" 2>/dev/null || :
        fi
        rm -f "$1"
}

# answers URI SECONDS PID: waits until the server answers a look at its root entry.
answers() {
        local until=$((SECONDS + $2))
        while [ $SECONDS -le $until ]; do
                ldapsearch -x -o nettimeout=2 -H "$1" -s base -b '' -LLL 1.1 >/dev/null 2>&1 && return
                gone "$3" && return 1
                sleep 0.03
        done
        return 1
}
