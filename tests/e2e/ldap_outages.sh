#!/bin/bash
# LDAP servers that fail: limits, losses and referrals (D5), servers that stop, hang, are somebody else or no LDAP servers at all, and a first start
# without them (D6). Names and key logins go on; password logins end as unavailable, within the deadline.
# Relies on: namespace.sh BUILD tests/e2e/ldap_outages.sh; ldap_world.sh, tests/servers/hostile.py.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_outages.sh: run it through namespace.sh" >&2; exit 2; }
# shellcheck source=tests/e2e/ldap_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/ldap_world.sh"

world_start
uid=$(uid_of bob)
# --- D5: incomplete is nothing
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcLimits
olcLimits: {0}dn.exact="cn=reader,dc=example,dc=org" size.soft=5 size.hard=5
C
sync_full() { multidirctl directory sync --full "$1" >"$L/sync.out" 2>&1; echo $?; }
ck "D5: a size limit" "$(sync_full people)" '[1-9]*'
ck "D5: says so" "$(state people error; cat "$L/sync.out")" '*[Ll]imit*'
ck "D5: everything as before" "$(members_of devs; uid_of bob; explain alice alice-pw)" "alice bob john *$uid*allow ok people"
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcLimits
olcLimits: {0}dn.exact="cn=reader,dc=example,dc=org" size.soft=5 size.hard=unlimited size.prtotal=unlimited
-
add: olcAccess
olcAccess: {0}to dn.children="ou=groups,dc=example,dc=org" by * none
C
ck "D5: the shrink guard" "$(sync_full people)" '[1-9]*'
ck "D5: the shrink guard says so" "$(state people error; cat "$L/sync.out")" '*shrink_guard*'
ck "D5: the groups are still there" "$(groups_of alice)" 'alice devs login ops wheelers '
server config people <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
delete: olcAccess
olcAccess: {0}
C
ck "D5: and good again, by pages" "$(sync_now people; state people state)" $'0\nready'
server change people <<'C'
dn: ou=elsewhere,ou=people,dc=example,dc=org
changetype: add
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:9/ou=elsewhere,dc=example,dc=org
C
ck "D5: a referral that is not followed" "$(sync_now people; state people error; cat "$L/sync.out")" '[1-9]*eferral*'
# -M: the referral itself, not where it leads.
LDAPNOINIT=1 ldapdelete -M -x -H ldap://127.0.0.1:3389 -D cn=admin,dc=example,dc=org -w admin-pw ou=elsewhere,ou=people,dc=example,dc=org
ck "D5: without it" "$(sync_now people)" 0

# --- the server stops
ssh-keygen -q -t ed25519 -N '' -f "$MULTIDIR_TOP/key"
install -d -m 700 -o "$(id -u alice)" -g "$(id -g alice)" /home/alice/.ssh
install -m 600 -o "$(id -u alice)" -g "$(id -g alice)" "$MULTIDIR_TOP/key.pub" /home/alice/.ssh/authorized_keys
ssh_key() { ssh "${ssh_options[@]}" -i "$MULTIDIR_TOP/key" -o BatchMode=yes "$1@127.0.0.1" "${@:2}" 2>&1 || echo "ends with $?"; }
names() { getent passwd alice carol paul tess stan; getent group devs ops team crew; id alice; id paul; }
names_before=$(names)
server stop people
ck "stopped: unavailable, within the deadline" "$(below "$(ms explain alice alice-pw)" 8500)" 'below *'
ck "stopped: its reason" "$(explain alice alice-pw)" 'deny unavailable people'
ck "stopped: known to be down, at once" "$(below "$(ms explain alice alice-pw)" 700)" 'below *'
ck "stopped: ssh with a password ends" "$(ssh_password alice alice-pw 'id -un')" '*Permission denied*'
ck "stopped: names go on" "$(names)" "$names_before"
ck "stopped: a key login" "$(ssh_key alice id -un)" 'alice'
ck "stopped: sudo without a password" "$(ssh_key alice sudo -n true && echo yes)" 'yes'
ck "L6: the replica proves that others are not in it" "$(explain stan stan-pw; explain paul paul-pw)" $'allow ok staff\nallow ok posix'
ck "stopped: sync says unavailable" "$(sync_now people)" 6
ck "stopped: status" "$(state people state; multidirctl status >/dev/null; echo $?)" $'failed\n0'
service_stop; service_start || exit 1
ck "stopped: a new start has the names" "$(names)" "$names_before"
ck "stopped: a new start, and others log in" "$(explain stan stan-pw)" 'allow ok staff'
server start people
back() { [[ $(explain alice alice-pw) == 'allow ok people' ]]; }
ck "back: a password login" "$(eventually 20 back)" '[0-9]*'
ready() { [ "$(state people state)" = ready ]; }
ck "back: synchronised again by itself" "$(eventually 30 ready)" '[0-9]*'

server stop people; server start people
ck "restarted between two logins: connections that were cut are made again" "$(explain alice alice-pw)" 'allow ok people'
# What they say is looked at afterwards: at the same time as the logins, that would be most of the work.
many() {
        local out=$MULTIDIR_TOP/many number who
        mkdir "$out"
        for number in $(seq 30); do
                for who in alice paul; do
                        multidirctl --json explain login $who --service sshd --password-stdin <<< "$who-pw" > "$out/$who$number" 2>/dev/null &
                done
        done
        wait
        for who in "$out"/*; do field verdict reason owner < "$who"; done
}
ck "60 logins at once" "$(many | sort | uniq -c | tr -s ' ')" $' 30 allow ok people\n 30 allow ok posix'

# --- the server hangs
pid=$(cat "$L/people/slapd.pid")
kill -STOP "$pid"
(explain alice alice-pw > "$L/hung.answer"; echo $SECONDS > "$L/hung.end") &
hung=$!; from=$SECONDS
sleep 0.5
ck "hangs: others log in meanwhile" "$(below "$(ms explain paul paul-pw)" 4000)" 'below *'
wait $hung
ck "hangs: unavailable" "$(cat "$L/hung.answer")" 'deny unavailable people'
ck "hangs: within the deadline" "$(($(cat "$L/hung.end") - from <= 9))" 1
kill -CONT "$pid"
ck "hangs no more" "$(eventually 20 back)" '[0-9]*'

# --- who the server says it is
cat > /etc/multidir/multidir.conf.d/tls.conf <<C
[directory/other-ca]
type = ldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/other-ca.crt
base = dc=example,dc=org
$reader
[directory/plain-ca]
type = ldap
uri = ldap://127.0.0.1:3389
starttls = yes
tls_ca_file = $L/people/tls/other-ca.crt
base = dc=example,dc=org
$reader
[directory/two]
type = ldap
uri = ldap://127.0.0.1:1, ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
user_name = uid
$reader
[directory/socket]
type = ldap
uri = ldapi://${L//\//%2F}%2Fpeople%2Fldapi
base = dc=example,dc=org
user_name = uid
$reader
[directory/hung-first]
type = ldap
uri = ldap://127.0.0.1:7389, ldaps://127.0.0.1:3636
insecure_plaintext = yes
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
user_name = uid
$reader
[application/tls]
directories = other-ca, plain-ca, two, socket, hung-first
services = tls
C
"$here/../servers/hostile.py" silent 7389 >> "$L/servers.log" 2>&1 & silent=$!
m reload
test_of() { multidirctl directory test "$@" >"$L/test.out" 2>&1 </dev/null; echo $?; }
ck "TLS: another authority" "$(test_of other-ca)" 6
ck "StartTLS: another authority" "$(test_of plain-ca)" 6
ck "TLS: not synchronised either" "$(sync_now other-ca; state other-ca state users)" $'6\n* 0'
ck "two servers, the first one down" "$(test_of two; sync_now two; state two state users)" $'0\n0\nready 10'
ck "a socket of this host" "$(test_of socket; sync_now socket; state socket state users)" $'0\n0\nready 10'
ck "two servers, the first one silent" "$(test_of hung-first; sync_now hung-first; state hung-first state users)" $'0\n0\nready 10'
ck "two servers, the first one silent: a password" "$(echo alice-pw | multidirctl directory test hung-first alice >/dev/null 2>&1; echo $?)" 0
kill $silent; wait $silent 2>/dev/null
rm /etc/multidir/multidir.conf.d/tls.conf; m reload
for certificate in wrong expired; do
        server stop people
        SLAPD_CERT=$certificate server start people
        ck "TLS: the certificate is $certificate" "$(test_of people; explain alice alice-pw)" $'6\ndeny unavailable people'
done
server stop people; server start people
ck "TLS: the good one again" "$(eventually 20 back)" '[0-9]*'
echo wrong-pw > /etc/multidir/secrets/reader
m reload
ck "a wrong bind password" "$(test_of people; sync_now people)" $'[16]\n[16]'
echo reader-pw > /etc/multidir/secrets/reader
m reload
ck "the right one again" "$(test_of people; sync_now people)" $'0\n0'

# --- servers that are none
cat > /etc/multidir/multidir.conf.d/evil.conf <<C
[directory/evil]
type = ldap
uri = ldap://127.0.0.1:7389
insecure_plaintext = yes
base = dc=example,dc=org
user_name = uid
paged = 5
shrink_guard = 100
$reader
[directory/evil-tls]
type = ldap
uri = ldap://127.0.0.1:7389
starttls = yes
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
$reader
[application/evil]
directories = evil, evil-tls
services = evil
C
m reload
# hostile MODE [DIRECTORY [KEY]]: "EXIT SECONDS USERS" of a synchronisation, and what else the state says
hostile() {
        "$here/../servers/hostile.py" "$1" 7389 >> "$L/servers.log" 2>&1 & local pid=$! from=$SECONDS code
        for _ in $(seq 100); do ss -ltn | grep -q :7389 && break; sleep 0.02; done
        code=$(sync_now "${2:-evil}")
        echo "$code $((SECONDS - from)) $(state "${2:-evil}" users ${3:+"$3"})"
        kill $pid; wait $pid 2>/dev/null
}
for mode in close reset silent garbage huge notice; do
        ck "hostile: $mode" "$(hostile $mode)" '[16] @(?|1?) 0'
        [ $mode != huge ] || ck "hostile: $mode: memory is bounded" "$(for pid in $(pgrep -f 'role=(worker|keeper)'); do awk '/VmHWM/ && $2 > 200000' "/proc/$pid/status"; done)" ''
done
ck "hostile: StartTLS answered in clear" "$(hostile starttls evil-tls)" '[16] @(?|1?) 0'
for mode in cut limit referral; do
        ck "D5: hostile: $mode" "$(hostile $mode)" '6 ? 0'
done
ck "D5: hostile: a page without its cookie" "$(hostile no-cookie evil error)" '6 ? 0 *the server does not page although it was asked to*'
# One of three entries has a name and an id, and nothing else that could be used.
ck "hostile: no text, no numbers, no names" "$(hostile binary; multidirctl user list --directory evil; multidirctl status | grep -o '[0-9]* entries are left out')" \
        $'0 ? 1\nevil1\n2 entries are left out'
ck "hostile: one id twice: what was there before stays" "$(hostile twice evil error; multidirctl user list --directory evil)" \
        $'6 ? 1 entry uid=evil1,dc=example,dc=org: another entry has the same external_id\nevil1'
ck "hostile: the service is as it was" "$(explain alice alice-pw; state people state)" $'allow ok people\nready'
rm /etc/multidir/multidir.conf.d/evil.conf; m reload

# --- D6: nothing from below before the first complete replica
service_stop
server stop people
rm -rf /var/lib/multidir
service_start || exit 1
ck "D6: no replica: nobody from below" "$(getent passwd alice paul stan; state people state)" '*'
ck "D6: not even their logins" "$(explain paul paul-pw)" 'deny unavailable *'
server start people
up() { getent passwd alice paul; }
ck "D6: the server is back: published by itself" "$(eventually 30 up)" '[0-9]*'
ck "D6: with the ids of before (I2)" "$(uid_of bob)" "$uid"
world_end
