#!/bin/bash
# Passwords that an LDAP server keeps, changed from this host: passwd, sshd, root and multidirctl, against a real slapd with password policies
# (L7, P5, P6, U2, U12).
# Relies on: namespace.sh BUILD tests/e2e/ldap_passwords.sh; slapd, ldap-utils, sshpass, expect, openssh.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_passwords.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
slapd=$here/../servers/slapd.sh
L=$MULTIDIR_TOP/ldap; mkdir -p "$L"
server() { # start|stop|change|config
        if [ "$1" = start ]; then "$slapd" start "$L/people" 3389 3636; else "$slapd" "$1" "$L/people"; fi >> "$L/servers.log" 2>&1
}
server start || { cat "$L/servers.log" >&2; exit 1; }
trap 'server stop' EXIT

policy() { # NAME LINE…
        printf 'dn: cn=%s,ou=policies,dc=example,dc=org\nchangetype: add\nobjectClass: device\nobjectClass: pwdPolicy\ncn: %s\npwdAttribute: userPassword\npwdAllowUserChange: TRUE\n' "$1" "$1"
        printf '%s\n' "${@:2}" ''
}
person() { # NAME POLICY LINE…: with the password NAME-pw
        printf 'dn: uid=%s,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nuserPassword: %s-pw\n' "$1" "$1" "$1" "$1" "$1"
        [ -z "$2" ] || echo "pwdPolicySubentry: cn=$2,ou=policies,dc=example,dc=org"
        printf '%s\n' "${@:3}" ''
}
old='pwdChangedTime: 20200101000000Z'
{
        policy three 'pwdMaxAge: 86400' 'pwdGraceAuthNLimit: 3'
        policy soon 'pwdMaxAge: 864000' 'pwdExpireWarning: 8640000'
        policy history 'pwdInHistory: 3' 'pwdMinLength: 6' 'pwdCheckQuality: 1'
        policy never 'pwdAllowUserChange: FALSE' | sed '0,/pwdAllowUserChange: TRUE/{/pwdAllowUserChange: TRUE/d}'
        person greta three "$old"
        person gus three "$old"
        person wanda soon
        person hank history
        person nick never
        person mia '' 'pwdReset: TRUE'
        person max '' 'pwdReset: TRUE'
        person moe '' 'pwdReset: TRUE'
} > "$L/people.ldif"
server change < "$L/people.ldif" || { cat "$L/servers.log" >&2; exit 1; }

install -d -m 700 /etc/multidir/secrets
(umask 077; echo reader-pw > /etc/multidir/secrets/reader)
cat > /etc/multidir/multidir.conf <<C
[directory/people]
type = ldap
preset = openldap
uri = ldaps://127.0.0.1:3636
tls_ca_file = $L/people/tls/ca.crt
base = dc=example,dc=org
user_base = ou=people
group_base = ou=groups
user_name = uid
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/reader

[directory/staff]
type = internal

[application/host]
directories = people, staff

[application/host/people]
allow_all = yes

[application/host/staff]
allow_all = yes
C
service_start || exit 1
m() { multidirctl "$@" >/dev/null || { echo "multidirctl $* failed" >&2; exit 1; }; }
m enable
for u in alice bob hank greta gus wanda mia max moe; do install -d -m 755 -o "$(id -u $u)" -g "$(id -g $u)" /home/$u; done
sshd_start || exit 1

# Without the owner, which is always the one.
explain() { printf '%s\n' "$2" | multidirctl --json explain login "$1" --service sshd --password-stdin 2>/dev/null | field verdict reason; }
binds() { LDAPNOINIT=1 ldapwhoami -x -H ldap://127.0.0.1:3389 -D "uid=$1,ou=people,dc=example,dc=org" -w "$2" >/dev/null 2>&1; echo $?; }

# --- passwd
ck "passwd: a user changes the own password at the server" "$(change alice alice-pw alice-2nd)" '*=> 0*'
ck "passwd: the server has the new one, and not the old one" "$(binds alice alice-2nd) $(binds alice alice-pw)" '0 49'
ck "passwd: the new one opens" "$(ssh_password alice alice-2nd 'id -un')" 'alice'
ck "passwd: the old one no more" "$(ssh_password alice alice-pw 'id -un')" '*Permission denied*'
ck "passwd: wrong old password" "$(change bob bad whatever-1)" '*=> [1-9]*'
ck "passwd: nothing changed" "$(binds bob bob-pw)" 0
ck "passwd: too short: the server's words" "$(change bob bob-pw abc)" '*[Pp]assword*short*=> [1-9]*'
ck "passwd: in the history: the server's words" "$(change hank hank-pw hank-2nd; change hank hank-2nd hank-pw)" '*=> 0 *refuses*old passwords*=> [1-9]*'
ck "passwd: the policy lets nobody" "$(change nick nick-pw nick-2nd)" '*people*=> [1-9]*'
ck "passwd: they have their old ones" "$(binds bob bob-pw) $(binds hank hank-2nd) $(binds nick nick-pw)" '0 0 0'
ck "log: no password in it" "$(grep -cE '(alice|bob|hank|nick)-(pw|2nd)|whatever-1' "$service_log")" 0

# --- an expired password
ck "L7: expired, and nobody lets him in" "$(explain erin erin-pw)" 'deny password-expired'
ck "L7: expired: a wrong password is wrong" "$(explain greta bad)" 'deny wrong-password'
ck "L7: must change: ssh asks for a new one" "$(must_change mia mia-pw mia-2nd)" '*must be changed*mia*'
ck "L7: must change: it is changed" "$(binds mia mia-2nd) $(explain mia mia-2nd)" '0 allow ok'
ck "L7: three grace logins are enough to change it" "$(must_change greta greta-pw greta-2nd)" '*Logins left*2*greta*'
ck "L7: grace: it is changed" "$(binds greta greta-2nd) $(explain greta greta-2nd)" '0 allow ok'
ck "L7: must change: passwd" "$(change max max-pw max-2nd; binds max max-2nd)" '*=> 0 0'
ck "L7: soon" "$(echo wanda-pw | pamtester sshd wanda authenticate acct_mgmt 2>&1)" '*expires in [0-9] days*'

# --- by an administrator
by_root() { printf '%s\n%s\n' "$2" "$2" | passwd "$1" 2>&1 | tr '\n' ' '; }
by_command() { multidirctl --json "${@:3}" user password "$1" --password-stdin <<< "$2" | tee -a "$L/command.out" | field result reason changed; }
ck "P6: the server's account may not: root's passwd" "$(by_root bob bob-2nd)" '*server of directory people itself refuses*'
ck "P6: the server's account may not: user password" "$(by_command bob bob-2nd)" 'refused permission-denied \[\]'
ck "P6: exit status" "$(multidirctl user password bob --password-stdin <<< bob-2nd >/dev/null 2>&1; echo $?)" 5
server config <<'C'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
add: olcAccess
olcAccess: {0}to attrs=userPassword by dn.exact="cn=reader,dc=example,dc=org" =w by self =xw by anonymous auth by * none
C
ck "user password" "$(by_command bob bob-2nd)" 'done ok \[{"directory": "people", "what": "set-password"}\]'
ck "user password: its owner changes it again" "$(change bob bob-2nd bob-3rd; explain bob bob-3rd)" '*=> 0 *allow ok'
ck "user password: the console" "$(by_command bob bob-4th --directory people; binds bob bob-4th)" 'done ok *0'
ck "user password: the policy's words" "$(by_command bob abc; multidirctl user password bob --password-stdin <<< abc 2>&1)" 'refused policy-rejected *too short*'
ck "user password: L8" "$(by_command bob '')" 'refused empty-password *'
ck "user password: nobody" "$(by_command nobody-here new-pw-1)" '* user-not-found *'
ck "user password: explain update" "$(multidirctl --json explain update user password bob 2>/dev/null | field verdict reason)" '@(allow ok|)'
ck "root's passwd" "$(by_root bob bob-5th; binds bob bob-5th)" '*updated successfully*0'
ck "P6: nothing else" "$(multidirctl --json user modify bob --display-name Robert | field result reason)" 'refused permission-denied'
ck "P6: nor a password with something else" "$(multidirctl --json user modify bob --display-name Robert --password-stdin <<< bob-6th | field result reason changed)" 'refused permission-denied \[\]'
ck "P6: nor a new user" "$(multidirctl --json --directory people user add newbie --password-stdin <<< newbie-pw | field result reason)" 'refused permission-denied'
ck "nothing of this reached the server" "$(binds bob bob-5th)" 0
ck "a password alone, as a modification" "$(multidirctl --json user modify bob --password-stdin <<< bob-6th | field result reason changed; binds bob bob-6th)" 'done ok *set-password*0'
m user password bob --password-stdin <<< bob-5th
m --directory staff user add stan --password-stdin <<< stan-pw
ck "an internal user beside them" "$(by_command stan stan-2nd; explain stan stan-2nd)" 'done ok *staff*allow ok'

# --- what this host says
sed -i 's/^user_base = .*/&\npermissions = read-only/' /etc/multidir/multidir.conf
m reload
ck "P2: modify-user is off" "$(change bob bob-5th bob-6th)" '*modify-user*people*=> [1-9]*'
ck "L7: then who must change is denied" "$(explain moe moe-pw)" 'deny password-expired'
sed -i '/^permissions = read-only/d' /etc/multidir/multidir.conf
m reload
ck "L7: and else let in to change it" "$(explain moe moe-pw)" 'allow ok'

# --- wrong passwords, and a server that is not there
ck "L11: wrong old passwords count" "$(for _ in 1 2 3 4 5 6; do change hank bad-pw new-pw-1 >/dev/null; done; explain hank hank-2nd)" 'deny throttled'
pid=$(cat "$L/people/slapd.pid")
kill -STOP "$pid"
ck "hung: passwd ends, and says so" "$(from=$SECONDS; timeout 60 true; change alice alice-2nd alice-3rd; [ $((SECONDS - from)) -le 20 ] && echo in time)" '*=> [1-9]*in time'
ck "hung: user password" "$(by_command bob bob-6th)" 'refused unavailable *'
kill -CONT "$pid"
back() { [[ $(explain alice alice-2nd) == 'allow ok' ]]; }
for _ in $(seq 100); do back && break; sleep 0.2; done
ck "back: the old one is still valid" "$(explain alice alice-2nd)" 'allow ok'
ck "back: passwd" "$(change alice alice-2nd alice-3rd)" '*=> 0*'
server stop
ck "stopped: user password" "$(by_command bob bob-6th; multidirctl user password bob --password-stdin <<< bob-6th >/dev/null 2>&1; echo $?)" 'refused unavailable *6'
server start

service_stop
ck "log: no password in it, after all" "$(grep -cE -- '-(pw|2nd|3rd|4th|5th|6th)' "$service_log")" 0
ck "no sanitizer and no assertion spoke" "$(grep -cE 'Sanitizer|runtime error|Assertion' "$service_log")" 0
sshd_stop
finish
