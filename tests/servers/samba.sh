#!/bin/bash
# A real Active Directory domain controller (Samba, its LDAP service alone) on 127.0.0.1, in a folder of its own.
#   samba.sh start DIR PORT SPORT [SEED.ldif]   the seed (default: seeds/ad.ldif) goes into a new DIR only; a new one takes five seconds
#   samba.sh stop DIR
#   samba.sh wipe DIR
#   samba.sh add DIR RID < SEED.ldif            while it is stopped: what is added gets the numbers from RID on in its SIDs
#   samba.sh restored DIR                       another invocationId, as after a restore from a backup
#   samba.sh reveal DIR [no]                    lets the reader see what is deleted, or not any more
# Base dc=ad,dc=test; administrator administrator@ad.test with Adm1n-Passw0rd, reader reader@ad.test with reader-pw-12345. ldaps and StartTLS with
# DIR/tls/server.crt; a bind without TLS is refused, but with SAMBA_STRONG_AUTH=no. Samba cannot be told its ports: it runs in a network namespace, forward.py leads in.
# Relies on: samba, samba-ad-dc, samba-ad-provision, samba-dsdb-modules, winbind, ldb-tools, python3-samba, openssl; root.
# Must never: read or write /etc/samba, /var/lib/samba.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/servers/lib.sh
. "$here/lib.sh"
export LDAPNOINIT=1

usage() { sed -n '3,8s/^# \{0,3\}//p' "$0" >&2; exit 2; }

provision() {
        rm -rf "$dir"; mkdir -p "$dir"; : > "$dir/empty.conf"
        samba-tool domain provision -s "$dir/empty.conf" --targetdir="$dir" --realm=AD.TEST --domain=ADTEST --host-name=dc1 \
                --adminpass=Adm1n-Passw0rd --server-role=dc --dns-backend=NONE --use-rfc2307 --host-ip=127.0.0.1 --function-level=2008_R2 \
                --option='interfaces=lo' --option='bind interfaces only=yes' > "$dir/create.log" 2>&1 || { tail "$dir/create.log" >&2; exit 1; }
        mkdir -p "$dir/run" "$dir/ncalrpc"
        make_ca "$dir/tls" dc1.ad.test
        cat > "$dir/smb.conf" <<C
[global]
workgroup = ADTEST
realm = AD.TEST
netbios name = DC1
server role = active directory domain controller
server services = ldap
interfaces = lo
bind interfaces only = yes
private dir = $dir/private
state directory = $dir/state
cache directory = $dir/cache
lock directory = $dir
pid directory = $dir/run
ncalrpc dir = $dir/ncalrpc
binddns dir = $dir/bind-dns
ntp signd socket directory = $dir/ntp_signd
winbindd socket directory = $dir/winbindd
log file = $dir/samba.log
log level = 0
tls enabled = yes
tls certfile = $dir/tls/server.crt
tls keyfile = $dir/tls/server.key
tls cafile = $dir/tls/ca.crt
idmap_ldb:use rfc2307 = yes
old password allowed period = 0
ldap server require strong auth = ${SAMBA_STRONG_AUTH:-yes}
load printers = no
disable spoolss = yes
C
}

# Passwords stand in clear in the seed ("# password: …" before an entry), because Active Directory takes them as UTF-16 only.
readable_seed() {
        python3 -c '
import base64, sys
password = None
for line in sys.stdin:
    if line.startswith("# password: "):
        password = line[12:].rstrip("\n")
    elif not line.startswith("#"):
        if password is not None and line == "\n":
            print("clearTextPassword:: " + base64.b64encode(password.encode("utf-16-le")).decode())
            password = None
        print(line, end="")
'
}

fill() { # SEED
        local where=(--configfile="$dir/smb.conf" -H "$dir/private/sam.ldb")
        samba-tool domain passwordsettings set "${where[@]}" --complexity=off --min-pwd-age=0 --max-pwd-age=42 --history-length=2 --min-pwd-length=7 \
                --account-lockout-threshold=3 --account-lockout-duration=30 --reset-account-lockout-after=30 >> "$dir/create.log"
        readable_seed < "$1" > "$dir/seed.ldif"
        ldbadd "${where[@]}" --controls=relax:0 "$dir/seed.ldif" >> "$dir/create.log"
        # A password that is really too old cannot be had through Samba: below it, while the server is down.
        ldbmodify -H "$dir/private/sam.ldb.d/DC=AD,DC=TEST.ldb" >> "$dir/create.log" <<'L'
dn: CN=Old,OU=people,DC=ad,DC=test
changetype: modify
replace: pwdLastSet
pwdLastSet: 130000000000000000
L
}

listens() { grep -q ':0185 ' "/proc/$1/net/tcp" 2>/dev/null; } # 389, in its own namespace

start() { # PORT SPORT SEED
        local pid
        serving "$dir/samba.pid" samba >/dev/null && { echo 'samba.sh: it runs already'; return; }
        [ -e "$dir/seeded" ] || { provision; fill "$3"; touch "$dir/seeded"; }
        setsid unshare -n sh -c 'ip link set lo up && exec samba -i -M single --no-process-group -s "$1"' sh "$dir/smb.conf" >> "$dir/log" 2>&1 < /dev/null &
        pid=$!
        echo $pid > "$dir/samba.pid"
        for _ in $(seq 600); do listens $pid && break; gone $pid && break; sleep 0.05; done
        listens $pid || { tail "$dir/log" >&2; echo 'samba.sh: samba did not start' >&2; exit 1; }
        setsid python3 "$here/forward.py" $pid "$1:389" "$2:636" >> "$dir/log" 2>&1 < /dev/null &
        echo $! > "$dir/forward.pid"
        answers "ldap://127.0.0.1:$1" 20 $pid || { tail "$dir/log" >&2; exit 1; }
        serving "$dir/forward.pid" forward.py >/dev/null || { echo "samba.sh: port $1 is another server's" >&2; exit 1; }
}

# The next numbers that this controller gives out, as if it had given out all before them.
add() { # RID
        local where=(--configfile="$dir/smb.conf" -H "$dir/private/sam.ldb" --controls=relax:0) pool=$((($1 + 1000 << 32) | $1 - 1))
        ldbmodify "${where[@]}" >> "$dir/create.log" <<L
dn: CN=RID Set,CN=DC1,OU=Domain Controllers,DC=ad,DC=test
changetype: modify
replace: rIDAllocationPool
rIDAllocationPool: $pool
-
replace: rIDPreviousAllocationPool
rIDPreviousAllocationPool: $pool
-
replace: rIDNextRID
rIDNextRID: $(($1 - 1))
L
        readable_seed > "$dir/more.ldif"
        ldbadd "${where[@]}" "$dir/more.ldif" >> "$dir/create.log"
}

# Below Samba's own rules, which let nobody do that.
restored() {
        ldbmodify -H "$dir/private/sam.ldb.d/CN=CONFIGURATION,DC=AD,DC=TEST.ldb" >> "$dir/create.log" <<'L'
dn: CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=ad,DC=test
changetype: modify
replace: invocationId
invocationId:: AAECAwQFBgcICQoLDA0ODw==
L
}

# As `dsacls "CN=Deleted Objects,…" /G reader:LCRP` does.
reveal() { # yes or no
        local where=(--configfile="$dir/smb.conf" -H "$dir/private/sam.ldb") sid ace=''
        sid=$(ldbsearch "${where[@]}" '(sAMAccountName=reader)' objectSid | sed -n 's/^objectSid: //p')
        [ "$1" = no ] || ace="(A;;RPLC;;;$sid)"
        ldbmodify "${where[@]}" --controls=show_deleted:1 --controls=sd_flags:1:4 >> "$dir/create.log" <<L
dn: CN=Deleted Objects,DC=ad,DC=test
changetype: modify
replace: nTSecurityDescriptor
nTSecurityDescriptor: D:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)$ace
L
}

stop() {
        stop_serving "$dir/forward.pid" forward.py TERM
        stop_serving "$dir/samba.pid" samba TERM
}

[ $# -ge 2 ] || usage
command=$1 dir=$(realpath -m "$2"); shift 2
case $command in
        start) [ $# -ge 2 ] || usage; start "$1" "$2" "$(realpath "${3:-$here/seeds/ad.ldif}")" ;;
        stop) stop ;;
        add) [ $# = 1 ] || usage; add "$1" ;;
        restored) restored ;;
        reveal) reveal "${1:-yes}" ;;
        wipe) stop; rm -rf "$dir" ;;
        *) usage ;;
esac
