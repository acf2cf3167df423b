#!/bin/bash
# Real logins: sshd, sudo, su, login and passwd, with the PAM stacks that `multidirctl enable` makes.
# Relies on: namespace.sh BUILD tests/e2e/logins.sh; sshpass, expect, openssh, sudo.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "logins.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

# Local people first: they must not notice anything, at any time.
useradd -m -s /bin/bash localann
echo 'localann:local-pw' | chpasswd
local_before=$(id localann; getent passwd localann)

cat > /etc/multidir/multidir.conf <<'C'
[directory/customers]
type = internal

[directory/partners]
type = internal

[application/host]
directories = customers, partners
local_groups = customers/linux-admins:sudo

[application/host/customers]
allow_groups = linux-users

[application/host/partners]
allow_all = yes

[application/second]          # looks at partners alone, so that a password there can be asked about
directories = partners
services = second
allow_other_owner = yes

[application/second/partners]
allow_all = yes
C
service_start || exit 1
m() { multidirctl "$@" >/dev/null || { echo "multidirctl $* failed" >&2; exit 1; }; }
customers() { m --directory customers "$@"; }
customers user add zed --password-stdin <<< 'first-pw'
customers user add amy --password-stdin <<< 'amy-pw'
customers user add out --password-stdin <<< 'out-pw'
customers group add linux-users
customers group add linux-admins
customers group add ops
customers member add linux-users zed amy
customers member add linux-admins zed
customers member add ops zed
m --directory partners user add zed --password-stdin <<< 'second-pw'
m --directory partners user add pat --password-stdin <<< 'pat-pw'
cp -a /etc/nsswitch.conf "$MULTIDIR_TOP/nsswitch.before"
mkdir "$MULTIDIR_TOP/pam.before"; cp -a /etc/pam.d/. "$MULTIDIR_TOP/pam.before/"
m enable
for u in zed amy out pat; do install -d -m 755 -o "$(id -u $u)" -g "$(id -g $u)" /home/$u; done
echo '%ops ALL=(ALL:ALL) NOPASSWD: /usr/bin/true' > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/ops
sshd_start || exit 1
uid=$(id -u zed); gid=$(id -g zed)
as_zed() { setpriv --reuid="$uid" --regid="$gid" --init-groups "$@"; }

# --- names
ck "getent passwd" "$(getent passwd zed)" 'zed:*:/home/zed:/bin/bash'
ck "id shows the groups that the rules give" "$(id -Gn zed)" '*linux-users*'
ck "id shows the local group" " $(id -Gn zed) " '* sudo *'
ck "a local user resolves as before" "$(id localann; getent passwd localann)" "$local_before"

# --- sshd
ck "ssh: the first directory's password opens" "$(ssh_password zed first-pw 'id -un')" 'zed'
ck "ssh: the second directory's does not" "$(ssh_password zed second-pw 'id -un')" '*Permission denied*'
ck "ssh: a user of the second directory" "$(ssh_password pat pat-pw 'id -un')" 'pat'
ck "ssh: outside the gate" "$(ssh_password out out-pw 'id -un')" '*Permission denied*'
ck "ssh: an unknown user" "$(ssh_password nobody-here x 'id -un')" '*Permission denied*'
ck "ssh: a local user" "$(ssh_password localann local-pw 'id -un')" 'localann'
ck "ssh: a local user's wrong password" "$(ssh_password localann bad 'id -un')" '*Permission denied*'
keyboard() { # USER PASSWORD
        expect -c "log_user 0; set timeout 20; spawn ssh ${ssh_options[*]} -o PubkeyAuthentication=no -o PreferredAuthentications=keyboard-interactive $1@127.0.0.1 {echo MARK=\$USER}
                expect assword:; send \"$2\r\"; expect -re {MARK=(\\w+)} {puts \$expect_out(1,string)} timeout {puts TIMEOUT} eof {puts EOF}"
}
ck "ssh: keyboard-interactive" "$(keyboard zed first-pw)" 'zed'
ck "ssh: keyboard-interactive, wrong" "$(keyboard zed second-pw)" 'EOF'
ssh-keygen -q -t ed25519 -N '' -f "$MULTIDIR_TOP/key"
add_key() { install -d -m 700 -o "$1" -g "$(id -g "$1")" "/home/$1/.ssh"; install -m 600 -o "$1" -g "$(id -g "$1")" "$MULTIDIR_TOP/key.pub" "/home/$1/.ssh/authorized_keys"; }
for u in zed amy out localann; do add_key $u; done
ssh_key() { ssh "${ssh_options[@]}" -i "$MULTIDIR_TOP/key" -o BatchMode=yes "$1@127.0.0.1" "${@:2}" 2>&1 || echo "ends with $?"; }
ck "ssh: a key, account phase lets in" "$(ssh_key zed id -un)" 'zed'
ck "ssh: a key, account phase keeps out" "$(ssh_key out id -un)" '*ends with 255'
m user deactivate amy
ck "ssh: a key of an inactive user" "$(ssh_key amy id -un)" '*ends with 255'
m user activate amy
ck "ssh: a key of the user activated again" "$(ssh_key amy id -un)" 'amy'

# --- keys that the directory has, through sshd's AuthorizedKeysCommand
ssh-keygen -q -t ed25519 -N '' -f "$MULTIDIR_TOP/directory-key"
ssh_directory_key() { ssh "${ssh_options[@]}" -i "$MULTIDIR_TOP/directory-key" -o IdentitiesOnly=yes -o BatchMode=yes "$1@127.0.0.1" id -un 2>&1 || echo "ends with $?"; }
ck "ssh-keys: none yet" "$(ssh_directory_key amy)" '*ends with 255'
customers user modify amy --ssh-keys "$MULTIDIR_TOP/directory-key.pub"
customers user modify out --ssh-keys "$MULTIDIR_TOP/directory-key.pub"
ck "ssh-keys: a key of the directory opens" "$(ssh_directory_key amy)" 'amy'
ck "ssh-keys: not another user's session" "$(ssh_directory_key zed)" '*ends with 255'
ck "ssh-keys: outside the gate the account phase keeps out" "$(ssh_directory_key out)" '*ends with 255'

# --- sudo
ck "sudo through a directory group in a local group" "$(ssh_password zed first-pw "echo first-pw | sudo -S -p '' id -u")" '0'
ck "sudo: wrong password" "$(ssh_password zed first-pw "echo second-pw | sudo -S -p '' id -u 2>&1 | tail -n 1")" '*incorrect password*'
ck "sudo: without the group" "$(ssh_password pat pat-pw "echo pat-pw | sudo -S -p '' id -u 2>&1 | tail -n 1")" '*not in the sudoers file*'
ck "sudo: NOPASSWD through a directory group" "$(as_zed sudo -n true && echo yes)" 'yes'

# --- su and login
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
ck "su" "$(echo first-pw | as_nobody su zed -c 'id -un' 2>/dev/null)" 'zed'
ck "su: wrong password" "$(echo second-pw | as_nobody su zed -c 'id -un' 2>&1)" '*failure*'
ck "su: root needs no password" "$(su zed -c 'id -un')" 'zed'
ck "su: a local user" "$(echo local-pw | as_nobody su localann -c 'id -un' 2>/dev/null)" 'localann'
on_console() { # USER PASSWORD
        expect -c "log_user 0; set timeout 20; spawn login; expect login:; send \"$1\r\"; expect assword:; send \"$2\r\"
                expect -re {\\\$ } {send \"echo L=\\\$(id -un):\r\"} -re {incorrect} {puts INCORRECT; exit} timeout {puts TIMEOUT}
                expect -re {L=(\\w+):} {puts \$expect_out(1,string)} timeout {puts TIMEOUT}; send \"exit\r\""
}
ck "login" "$(on_console zed first-pw)" 'zed'
ck "login: wrong password" "$(on_console zed second-pw)" 'INCORRECT'
ck "login: a local user" "$(on_console localann local-pw)" 'localann'

# --- passwd
change() { # OLD NEW
        expect -c "log_user 0; set timeout 20; spawn setpriv --reuid=$uid --regid=$gid --init-groups passwd
                expect -re {[Cc]urrent.*assword|assword:}; send \"$1\r\"; expect -re {[Nn]ew.*assword} {} eof {catch wait r; puts [lindex \$r 3]; exit}
                send \"$2\r\"; expect -re {[Rr]etype|again}; send \"$2\r\"; expect eof {} timeout {close}; catch wait r; puts [lindex \$r 3]"
}
ck "passwd: a user changes the own password" "$(change first-pw changed-1st)" '0'
ck "passwd: the new one works" "$(ssh_password zed changed-1st 'id -un')" 'zed'
ck "passwd: the old one no more" "$(ssh_password zed first-pw 'id -un')" '*Permission denied*'
ck "passwd: the second directory's was not touched" "$(multidirctl explain login zed --service second --password-stdin <<< second-pw >/dev/null; echo $?)" 0
ck "passwd: wrong old password" "$(change bad whatever)" '[1-9]*'
ck "passwd: root sets it without the old one" "$(printf 'by-root-1\nby-root-1\n' | passwd zed >/dev/null 2>&1; echo $?; ssh_password zed by-root-1 'id -un')" $'0\nzed'
ck "passwd: a local user" "$(printf 'local-2\nlocal-2\n' | passwd localann >/dev/null 2>&1; ssh_password localann local-2 'id -un')" 'localann'

# --- multidirctl's own questions
set_password() { # NEW AGAIN
        expect -c "log_user 0; set timeout 20; spawn multidirctl --directory partners user password pat
                expect {New password:}; send \"$1\r\"; expect again:; send \"$2\r\"; expect eof {} timeout {close}; catch wait r; puts [lindex \$r 3]"
}
ck "user password at a terminal" "$(set_password pat-2 pat-2; ssh_password pat pat-2 'id -un')" $'0\npat'
ck "user password: two that differ" "$(set_password pat-3 pat-4; ssh_password pat pat-2 'id -un')" $'2\npat'
ck "user password: an interrupt gives the echo back" "$(expect -c "log_user 0; set timeout 20
        spawn bash -c {trap : INT; multidirctl --directory partners user password pat; echo ends with \$?; stty -a}
        expect {New password:}; send \"\003\"; expect -re {ends with (\d+)} {puts \$expect_out(1,string)}; expect -re { (-?echo) } {puts \$expect_out(1,string)}")" $'130\necho'
ck "user password: stopped and continued, it asks again" "$(expect -c "log_user 0; set timeout 20
        spawn bash -mic {multidirctl --directory partners user password pat; fg; echo ends with \$?}
        expect {New password:}; send \"\032\"; expect {New password:}; send \"pat-5\r\"; expect again:; send \"pat-5\r\"
        expect -re {ends with (\d+)} {puts \$expect_out(1,string)} timeout {puts TIMEOUT}"; ssh_password pat pat-5 'id -un')" $'0\npat'

# --- service stopped
service_stop
ck "stopped: getent and id as ever" "$(getent passwd zed; id -Gn zed)" 'zed:*linux-users*'
ck "stopped: a key login" "$(ssh_key zed id -un)" 'zed'
ck "stopped: a key of the directory" "$(ssh_directory_key amy)" 'amy'
ck "stopped: a key kept out as ever" "$(ssh_key out id -un)" '*ends with 255'
ck "stopped: a password login ends" "$(ssh_password zed by-root-1 'id -un')" '*Permission denied*'
ck "stopped: sudo without a password" "$(as_zed sudo -n true && echo yes)" 'yes'
ck "stopped: a local password login" "$(ssh_password localann local-2 'id -un')" 'localann'
ck "stopped: su of a local user" "$(echo local-2 | as_nobody su localann -c 'id -un' 2>/dev/null)" 'localann'
ck "stopped: login of a local user" "$(on_console localann local-2)" 'localann'

# --- service and view gone
rm -rf /var/lib/multidir
ck "gone: a directory user does not resolve" "$(getent passwd zed; echo $?)" '2'
ck "gone: local names" "$(id localann; getent passwd localann)" "$local_before"
ck "gone: a local password login" "$(ssh_password localann local-2 'id -un')" 'localann'
ck "gone: a local key login" "$(ssh_key localann id -un)" 'localann'
ck "gone: su and login" "$(echo local-2 | as_nobody su localann -c 'id -un' 2>/dev/null; on_console localann local-2)" $'localann\nlocalann'
ck "gone: passwd" "$(printf 'local-3\nlocal-3\n' | passwd localann >/dev/null 2>&1; ssh_password localann local-3 'id -un')" 'localann'

# --- taken out again
ck "disable" "$(multidirctl disable >/dev/null 2>&1; echo $?)" '0'
ck "disable leaves nsswitch.conf as it was" "$(cmp /etc/nsswitch.conf "$MULTIDIR_TOP/nsswitch.before" && echo same)" 'same'
ck "disable leaves the PAM stacks as they were" "$(diff -r "$MULTIDIR_TOP/pam.before" /etc/pam.d && echo same)" 'same'
sshd_stop
finish
