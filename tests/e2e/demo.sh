#!/bin/bash
# The demonstration: the main job on internal directories, each command before its output. Run through `./bootstrap.sh demo`.
# Relies on: namespace.sh. Exit 0 only if everything came out as said.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "demo.sh: run ./bootstrap.sh demo" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

say "Two internal directories, in this order: customers, partners. Only the members of linux-users may log in from customers."
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
C
show '*=> 0' "cat /etc/multidir/multidir.conf"
show '*=> 0' "multidirctl check"
service_start || exit 1

say "jsmith is in both, with two passwords and different groups"
show '*=> 0' "echo first-pw | multidirctl --directory customers user add jsmith --display-name 'J. Smith' --password-stdin"
show '*=> 0' "multidirctl --directory customers group add linux-users; multidirctl --directory customers group add linux-admins; multidirctl --directory customers member add linux-users jsmith; multidirctl --directory customers member add linux-admins jsmith"
show '*=> 0' "echo second-pw | multidirctl --directory partners user add jsmith --password-stdin"
show '*=> 0' "multidirctl --directory partners group add suppliers; multidirctl --directory partners member add suppliers jsmith"
show '*=> 0' "multidirctl enable"
show '*=> 0' "multidirctl status"

say "The groups of the first directory that has the user"
show 'jsmith:*=> 0' "getent passwd jsmith"
show '*linux-users*=> 0' "id jsmith"
show '*:jsmith*=> 0' "getent group linux-users"
show 'suppliers:*: => 0' "getent group suppliers"

say "A real sshd: the first directory's password opens, the second's does not"
install -d -m 700 -o "$(id -u jsmith)" -g "$(id -g jsmith)" /home/jsmith
sshd_start || exit 1
cat > /etc/ssh/ssh_config.d/here.conf <<'C'
Host here
        HostName 127.0.0.1
        Port 2222
        StrictHostKeyChecking no
        UserKnownHostsFile /dev/null
        LogLevel ERROR
        PreferredAuthentications password
        NumberOfPasswordPrompts 1
C
show 'jsmith*=> 0' "sshpass -p first-pw ssh jsmith@here 'id -un; id -Gn'"
show '*Permission denied*' "sshpass -p second-pw ssh jsmith@here id"

say "sudo, through a directory group that stands for the local group sudo"
show '0 => 0' "sshpass -p first-pw ssh jsmith@here \"echo first-pw | sudo -S -p '' id -u\""

say "Why?"
show '*allow*=> 0' "echo first-pw | multidirctl explain login jsmith --service sshd --password-stdin"
show '*wrong-password*=> 1' "echo second-pw | multidirctl explain login jsmith --service sshd --password-stdin"
show '*partners*=> 0' "multidirctl masked"

if [ "${1:-}" = --shell ]; then
        say "A shell in the demonstration: root there, the host stays untouched. Leave with exit."
        bash --norc -i
fi
service_stop; sshd_stop
if [ $wrong = 0 ]; then say "Everything came out as it should."; else say "$wrong answers were not as they should be."; fi
exit $((wrong > 0))
