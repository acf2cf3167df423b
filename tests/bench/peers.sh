#!/bin/bash
# This service beside nslcd and SSSD, on one slapd in one run. Run by tests/bench/all.sh through namespace.sh: peers.sh BUILD [logins|faults]
#   logins   whole PAM logins, over plain LDAP on loopback and over LDAPS: lines with targets
#   faults   the table of RESULTS.md: cold look-ups, a server that is stopped, killed, and back; takes some minutes, most of them a peer's
# Peers that are not there are skipped, and their column says so.
# Relies on: peers_world.sh.
# Must never: be run outside a namespace of its own.
# shellcheck source=tests/bench/peers_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/peers_world.sh"
pam=$1/tests/bench/bench_pam floor=$1/tests/bench/bench_floor part=${2:-all} wrong=0
trap '"$slapd" stop "$D"' EXIT
peers_unpack
peers=(multidir)
if has_nslcd; then peers+=(nslcd); else echo "nslcd is not here: skipped"; fi
if has_sssd; then peers+=(sssd); else echo "SSSD is not here: skipped"; fi
has() { [[ " ${peers[*]} " == *" $1 "* ]]; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
below() { awk -v a="$1" -v b="$2" 'BEGIN {exit !(a <= b)}'; }

# --- logins
# login_round PEER NAME: appends a p50 of one at a time and a rate of four at a time.
login_round() {
        local p50 rate refused
        read -r p50 _ _ refused _ < <("$pam" "bench-$1" u pw 1 "${3:-500}" 1000)
        [ "$refused" = 0 ] || { echo "$1: $refused logins were refused: FAIL"; wrong=1; }
        echo "$p50" >> "$MULTIDIR_TOP/$2-$1-p50"
        read -r _ _ rate _ _ < <("$pam" "bench-$1" u pw 4 "${4:-1500}" 1000)
        echo "$rate" >> "$MULTIDIR_TOP/$2-$1-rate"
}
# What no service can fall below that binds as the user and asks whose entry that is on the same connection: those two ("alone"), and a PAM stack that asks nobody. At four at
# a time both keep the processors busy, so that their costs add up. "apart": the same two asked by a process behind the one that takes requests, as a service must be built whose
# part that reads what a server sends is not the one that decides.
floor_round() { # NAME HOW
        local p50 rate
        read -r p50 _ < <("$floor" "$2" "$uri" uid=u ,ou=people,dc=example,dc=org pw 1 1500 1000)
        read -r _ rate < <("$floor" "$2" "$uri" uid=u ,ou=people,dc=example,dc=org pw 4 6000 1000)
        echo "$p50" >> "$MULTIDIR_TOP/$1-$2-p50"; echo "$rate" >> "$MULTIDIR_TOP/$1-$2-rate"
}
say_floor() { # NAME HOW
        echo "$1: a bind, then a base search on its connection, without a login, $2: p50 $(of "$1" "$2" p50) us, $(of "$1" "$2" rate) a second; with pam_permit's:" \
             "$(($(of "$1" "$2" p50) + $(of "$1" permit p50))) us," \
             "$(awk -v a="$(of "$1" "$2" rate)" -v b="$(of "$1" permit rate)" 'BEGIN {printf "%.0f", a && b ? 1 / (1 / a + 1 / b) : 0}') a second"
}
of() { median < "$MULTIDIR_TOP/$1-$2-$3"; }
compare() { # NAME: with nslcd
        local p50 rate their_p50 their_rate verdict=PASS
        p50=$(of "$1" multidir p50) rate=$(of "$1" multidir rate) their_p50=$(of "$1" nslcd p50) their_rate=$(of "$1" nslcd rate)
        below "$((3 * p50))" "$their_p50" || verdict=FAIL
        echo "$1: one login at a time: p50 $p50 us, nslcd $their_p50 us: $(awk -v a="$p50" -v b="$their_p50" 'BEGIN {printf "%.2f", a / b}') (target: 0.33) $verdict"
        [ $verdict = PASS ] || wrong=1
        verdict=PASS; below "$((4 * their_rate))" "$rate" || verdict=FAIL
        echo "$1: four at a time: $rate a second, nslcd $their_rate: $(awk -v a="$rate" -v b="$their_rate" 'BEGIN {printf "%.1f", a / b}') times (target: 4) $verdict"
        [ $verdict = PASS ] || wrong=1
}
# Processor time of one login, in microseconds, by process: what multidir's are made of, whatever else the machine does.
ticks() { # PATTERN
        local pid
        for pid in $(pgrep -f "$1"); do cut -d' ' -f14,15 "/proc/$pid/stat"; done 2>/dev/null | awk '{n += $1 + $2} END {print n + 0}'
}
breakdown() { # NAME
        local -A before=() patterns=([supervisor]='^/usr/sbin/multidird' [checkers]='role=checker' [workers]='role=worker' [slapd]="$D/slapd.conf")
        local who line="$1: processor time of one login, us:" count=5000
        for who in supervisor checkers workers slapd; do before[$who]=$(ticks "${patterns[$who]}"); done
        "$pam" bench-multidir u pw 1 $count 1000 >/dev/null
        for who in supervisor checkers workers slapd; do
                line+=" $who $((($(ticks "${patterns[$who]}") - before[$who]) * 1000000 / $(getconf CLK_TCK) / count))"
        done
        echo "$line"
}
logins() { # NAME ldap|ldaps
        world_start "$2"
        ! has nslcd || nslcd_start || { echo "nslcd does not start: FAIL"; wrong=1; }
        "$pam" bench-multidir u pw 4 400 1000 >/dev/null # connections are made
        for _ in 1 2 3; do
                [ "$2" = ldaps ] || { floor_round "$1" alone; floor_round "$1" apart; }
                login_round permit "$1"; login_round multidir "$1"; ! has nslcd || login_round nslcd "$1"
        done
        echo "$1: pam_permit: p50 $(of "$1" permit p50) us, $(of "$1" permit rate) a second"
        [ "$2" = ldaps ] || { say_floor "$1" alone; say_floor "$1" apart; }
        ! has nslcd || { compare "$1"; nslcd_stop; }
        breakdown "$1"
        if has sssd && [ "$2" = ldaps ]; then # it sends passwords over TLS only
                sssd_start && login_round sssd "$1" 100 200
                echo "$1: SSSD: one login at a time: p50 $(of "$1" sssd p50) us; four at a time: $(of "$1" sssd rate) a second"
                sssd_stop; sssd_forget
        fi
        service_stop
}

# --- faults
declare -A cell
patience=30
ms_of() { local from; from=$(date +%s%N); "$@" >/dev/null 2>&1; local status=$?; echo "$((($(date +%s%N) - from) / 1000000)) ms$([ $status = 0 ] || echo ', fails')"; }
look_up() { timeout $patience getent -s "$(module_of "$1")" passwd "$2"; }
module_of() { case $1 in multidir) echo multidir ;; nslcd) echo ldap ;; sssd) echo sss ;; esac; }
peer_start() { case $1 in multidir) service_start ;; nslcd) nslcd_start ;; sssd) sssd_start ;; esac; }
peer_stop() { case $1 in multidir) service_stop ;; nslcd) nslcd_stop ;; sssd) sssd_stop; sssd_forget ;; esac; }
name_service() { sed -i -E "s/^(passwd|group):.*/\1: files $1/" /etc/nsswitch.conf; }
login_of() { timeout $patience "$pam" "bench-$1" "$2" pw 1 1 | grep -q ' 0 [0-9]*$'; }
# Seconds until a user that nobody has asked for yet resolves and logs in.
back() { # PEER USER
        local from; from=$(date +%s%N)
        until look_up "$1" "$2" >/dev/null 2>&1 && login_of "$1" "$2"; do
                [ $((($(date +%s%N) - from) / 1000000000)) -lt 150 ] || { echo "not within 150 s"; return; }
                sleep 0.05
        done
        awk -v ns=$(($(date +%s%N) - from)) 'BEGIN {printf "%.1f s\n", ns / 1e9}'
}
put() { cell["$1|$2"]=$3; }
cold() { # PEER
        peer_start "$1" || { echo "$1 does not start: FAIL"; wrong=1; return 1; }
        put "$1" id "$(ms_of id u0)"; put "$1" id2 "$(ms_of id u0)"
        put "$1" group "$(ms_of getent group everybody)"; put "$1" group2 "$(ms_of getent group everybody)"
        put "$1" first "$(ms_of login_of "$1" u1)"; put "$1" second "$(ms_of login_of "$1" u1)"
}
outage() { # PEER HOW A-NAME
        put "$1" "$2 known" "$(ms_of look_up "$1" u1)"
        put "$1" "$2 new" "$(ms_of look_up "$1" "u$3")"
        put "$1" "$2 login" "$(ms_of login_of "$1" u1)"; put "$1" "$2 again" "$(ms_of login_of "$1" u1)"
}
faults_of() { # PEER
        name_service "$(module_of "$1")"
        cold "$1" || return
        kill -STOP "$(cat "$D/slapd.pid")"
        outage "$1" stopped 5001
        kill -CONT "$(cat "$D/slapd.pid")"
        put "$1" "stopped back" "$(back "$1" u5002)"
        kill -KILL "$(cat "$D/slapd.pid")"
        outage "$1" killed 6001
        sleep 2; "$slapd" start "$D" 389 636 "$MULTIDIR_TOP/seed.ldif"
        put "$1" "killed back" "$(back "$1" u6002)"
        peer_stop "$1"
        name_service ''
}
row() { # WHAT KEY
        local line="| $1 |" peer
        for peer in multidir nslcd sssd; do line+=" ${cell["$peer|$2"]:-not here} |"; done
        echo "$line"
}
faults() {
        world_start ldaps; service_stop
        for peer in "${peers[@]}"; do faults_of "$peer"; done
        echo "What takes $patience s is given up by this script."
        printf '| | multidir | nslcd | SSSD |\n|---|---|---|---|\n'
        row "cold: \`id\` of a user in 1,000 groups" id; row "... again" id2
        row "cold: \`getent group\`, 10,000 members" group; row "... again" group2
        row "first login" first; row "second login" second
        for how in stopped killed; do
                row "server $how: a name that was asked for before" "$how known"; row "... a name that was not" "$how new"
                row "... a login" "$how login"; row "... and one more" "$how again"
                row "... back, until a user not asked for before resolves and logs in" "$how back"
        done
}
[ "$part" = faults ] || { logins plain ldap; logins LDAPS ldaps; }
[ "$part" = logins ] || faults
exit $wrong
