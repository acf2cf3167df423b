# Shell functions shared by the demonstration and the end-to-end tests. Sourced inside namespace.sh.
# Relies on: multidird and multidirctl installed in this namespace.

passed=0 failed=0
service_log=${MULTIDIR_TOP:-/tmp}/multidird.log

# ck WHAT GOT PATTERN: one test; PATTERN is a shell pattern.
ck() {
        # shellcheck disable=SC2053
        if [[ "$2" == $3 ]]; then
                passed=$((passed + 1)); echo "ok - $1"
        else
                failed=$((failed + 1)); echo "not ok - $1: got '$2', want '$3'"
        fi
}

# service_start: returns when `multidirctl status` says that the service is ready.
service_start() {
        /usr/sbin/multidird 2>>"$service_log" &
        service_pid=$!
        for _ in $(seq 200); do
                multidirctl status >/dev/null 2>&1 && return 0
                kill -0 $service_pid 2>/dev/null || break
                sleep 0.05
        done
        echo "multidird did not become ready:" >&2
        tail -n 20 "$service_log" >&2
        return 1
}

service_stop() {
        kill "$service_pid" 2>/dev/null
        wait "$service_pid" 2>/dev/null
}

# field KEY…: of the object on standard input.
field() { python3 -c 'import json, sys; o = json.load(sys.stdin); print(*[json.dumps(o.get(k)) if isinstance(o.get(k), (list, dict)) else o.get(k) for k in sys.argv[1:]])' "$@"; }
# explain USER PASSWORD [SERVICE]: "verdict reason owner"
explain() { printf '%s\n' "$2" | multidirctl --json explain login "$1" --service "${3:-sshd}" --password-stdin 2>/dev/null | field verdict reason owner; }
# state DIRECTORY KEY…: of its row in status.
state() {
        multidirctl --json status 2>/dev/null | python3 -c '
import json, sys
for d in json.load(sys.stdin)["directories"]:
    if d["name"] == sys.argv[1]: print(*[d.get(k) for k in sys.argv[2:]])' "$@"
}
# did COMMAND…: "result reason WHAT@DIRECTORY… EXIT"; what it says is added to $did_out.
did_out=${MULTIDIR_TOP:-/tmp}/did.out
did() {
        local out status
        out=$(multidirctl --json "$@" 2>/dev/null); status=$?
        printf '%s\n' "$out" >> "$did_out"
        printf '%s' "$out" | python3 -c '
import json, sys
o = json.load(sys.stdin)
print(o.get("result") or "error", o.get("reason") or o.get("error", {}).get("reason"), *[c["what"] + "@" + c["directory"] for c in o.get("changed", [])], sys.argv[1])' "$status"
}

# sshd_start: a real sshd with PAM on 127.0.0.1:2222.
sshd_start() {
        local folder=$MULTIDIR_TOP/ssh
        mkdir -p "$folder"
        ssh-keygen -q -t ed25519 -N '' -f "$folder/host_key"
        cat > "$folder/sshd_config" <<S
ListenAddress 127.0.0.1
Port 2222
HostKey $folder/host_key
PidFile $folder/pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
AuthorizedKeysCommand /usr/sbin/multidirctl ssh-keys %u
AuthorizedKeysCommandUser nobody
PermitRootLogin no
UseDNS no
MaxStartups 100
S
        /usr/sbin/sshd -D -e -f "$folder/sshd_config" 2>"$folder/log" &
        sshd_pid=$!
        for _ in $(seq 100); do
                ss -ltn 2>/dev/null | grep -q :2222 && return 0
                sleep 0.05
        done
        cat "$folder/log" >&2
        return 1
}
sshd_stop() { kill "$sshd_pid" 2>/dev/null; wait "$sshd_pid" 2>/dev/null; }

ssh_options=(-F none -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
             -o NumberOfPasswordPrompts=1 -o ConnectTimeout=10)

# ssh_password USER PASSWORD COMMAND…: password authentication, nothing else.
ssh_password() {
        local user=$1 password=$2; shift 2
        sshpass -p "$password" ssh "${ssh_options[@]}" -o PubkeyAuthentication=no -o PreferredAuthentications=password \
                "$user@127.0.0.1" "$@" 2>&1
}

# change USER OLD NEW: what passwd(1) shows, and "=> STATUS"
change() {
        expect -c "set timeout 20; spawn -noecho setpriv --reuid=$(id -u "$1") --regid=$(id -g "$1") --init-groups passwd
                expect -re {[Cc]urrent.*assword|assword:}; send \"$2\r\"; expect -re {[Nn]ew.*assword} {} eof {catch wait r; puts \"=> [lindex \$r 3]\"; exit}
                send \"$3\r\"; expect -re {[Rr]etype|again}; send \"$3\r\"; expect eof; catch wait r; puts \"=> [lindex \$r 3]\"" 2>&1 | tr -d '\r' | tr '\n' ' '
}

# must_change USER OLD NEW: sshd asks for the new one in the middle of the login; "WHAT WAS SAID, USER"
must_change() {
        expect -c "log_user 0; set timeout 20; set all {}; spawn ssh ${ssh_options[*]} -o PubkeyAuthentication=no -o PreferredAuthentications=keyboard-interactive $1@127.0.0.1 {echo MARK=\$USER}
                expect assword:; send \"$2\r\"
                expect -re {(.*)[Cc]urrent password:} {append all \$expect_out(1,string)} timeout {puts TIMEOUT; exit} eof {puts \"EOF \$expect_out(buffer)\"; exit}; send \"$2\r\"
                expect -re {[Nn]ew.*assword:}; send \"$3\r\"; expect -re {[Rr]etype|again}; send \"$3\r\"
                expect -re {MARK=(\\w+)} {append all \$expect_out(1,string)} timeout {append all TIMEOUT} eof {append all \"EOF \$expect_out(buffer)\"}; puts \$all" | tr -d '\r' | tr '\n' ' '
}

# For demonstrations.
wrong=0
say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# show PATTERN COMMAND: prints the command, runs it, prints what it said, and minds whether that matches.
show() {
        local out pattern=$1; shift
        printf '$ %s\n' "$*"
        out=$(bash -c "$*" 2>&1 </dev/null); local status=$?
        [ -n "$out" ] && printf '%s\n' "$out"
        # shellcheck disable=SC2053
        if [[ "$out => $status" != $pattern ]]; then
                wrong=$((wrong + 1)); printf '>>> NOT as it should be: wanted %s, exit status %s\n' "$pattern" "$status"
        fi
}

finish() {
        echo "$passed passed, $failed failed"
        [ "$failed" = 0 ]
}
