#!/bin/bash
# The unit under a real systemd: boots a container on a private copy of this host with the build installed, and asks the service there.
# Usage: systemd.sh BUILD. Relies on: root, systemd-nspawn, overlayfs, cgroup2. Prints "ok"/"not ok" lines.
# Must never: write outside its namespace; everything lies on a tmpfs that vanishes with it.
set -uo pipefail
if [ -z "${MULTIDIR_IN_NAMESPACE:-}" ]; then
        [ "$(id -u)" = 0 ] || { echo "systemd.sh: needs root" >&2; exit 2; }
        top=$(mktemp -d /tmp/multidir-systemd.XXXXXX)
        status=0
        env MULTIDIR_IN_NAMESPACE=1 MULTIDIR_TOP="$top" unshare --mount "$0" "$@" || status=$?
        rmdir "$top" # empty out here: what was mounted on it is gone
        exit $status
fi
build=$(realpath "$1")
failed=0
ck() { # WHAT GOT PATTERN
        # shellcheck disable=SC2053
        if [[ "$2" == $3 ]]; then echo "ok - $1"; else echo "not ok - $1: got '$2', want '$3'"; failed=1; fi
}
mount --make-rprivate /
top=$MULTIDIR_TOP
mount -t tmpfs tmpfs "$top"
mkdir -p "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root" || exit 1
umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup || exit 1
root=$top/root

DESTDIR=$root meson install -C "$build" --no-rebuild --quiet >"$top/install.log" 2>&1 || { cat "$top/install.log"; exit 1; }
rm -rf "$root/var/lib/multidir" "$root/etc/multidir"
systemd-sysusers --root="$root" multidir.conf 2>/dev/null
mkdir -p "$root/etc/multidir/multidir.conf.d" "$root/etc/systemd/system"
cp "$root/usr/share/doc/multidir/multidir.conf" "$root/etc/multidir/"
ldconfig -r "$root"
cp -r "$(dirname "$(realpath "$0")")/../servers" "$root/servers"
mkdir -p -m 700 "$root/etc/multidir/secrets"
(umask 077; echo reader-pw > "$root/etc/multidir/secrets/people")
cat > "$root/people.conf" <<'C'
[directory/people]
type = ldap
preset = openldap
uri = ldaps://ldap.test
tls_ca_file = /srv/slapd/tls/ca.crt
base = dc=example,dc=org
user_name = uid
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/secrets/people
[application/host]
directories = staff, people
[application/host/people]
allow_all = yes
C
sed -i -E 's/^(passwd|group):.*/\1: files systemd/' "$root/etc/nsswitch.conf"
cat > "$root/ask.sh" <<'A'
say() { printf '%s=%s\n' "$1" "$(eval "$2" 2>&1 | tr '\n' ' ')"; }
say started 'systemctl is-active multidird'
say type 'systemctl show -p Type --value multidird'
say add 'echo pw | multidirctl --directory staff user add zed --password-stdin'
say enable 'multidirctl enable >/dev/null; grep -c "^passwd:.*multidir" /etc/nsswitch.conf'
say getent 'getent passwd zed | cut -d: -f1'
say login 'echo pw | multidirctl explain login zed --password-stdin | tail -n 1'
say wrong 'echo no | multidirctl explain login zed --password-stdin | tail -n 1'
say reload 'systemctl reload multidird; echo $?'
say restart 'systemctl restart multidird; systemctl is-active multidird'
say again 'echo pw | multidirctl explain login zed --password-stdin | tail -n 1'
say server '/servers/slapd.sh start /srv/slapd 389 636; echo $?; echo 127.0.0.1 ldap.test >> /etc/hosts'
say ldap 'cp /people.conf /etc/multidir/multidir.conf.d/; systemctl reload multidird; for i in $(seq 100); do getent passwd alice | cut -d: -f1 | grep . && break; sleep 0.1; done'
say ldap_test 'multidirctl directory test people | grep result'
say ldap_login 'echo alice-pw | multidirctl explain login alice --password-stdin | tail -n 1'
say ldap_wrong 'echo no | multidirctl explain login alice --password-stdin | tail -n 1'
say killed 'kill -9 $(systemctl show -p MainPID --value multidird); for i in $(seq 100); do sleep 0.1; multidirctl status >/dev/null 2>&1 && break; done; systemctl is-active multidird'
say stopped 'systemctl stop multidird; getent passwd zed | cut -d: -f1'
say failed 'systemctl show -p Result --value multidird'
A
cat > "$root/etc/systemd/system/ask.service" <<'U'
[Unit]
Wants=multidird.service
After=multi-user.target multidird.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'bash /ask.sh > /said 2>&1; journalctl -u multidird --no-pager > /journal; systemctl exit 0 --force --force'
U
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=ask.service\n' > "$root/etc/systemd/system/ask.target"
timeout 120 systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network --link-journal=no --boot --console=pipe -- \
        --unit=ask.target --log-level=warning > "$top/boot.log" 2>&1
said() { sed -n "s/^$1=//p" "$root/said" 2>/dev/null; }
ck "the unit starts, and says when it is ready" "$(said started)$(said type)" 'active notify '
ck "a user is added" "$(said add)" 'done:*'
ck "enable" "$(said enable)" '1 '
ck "the name resolves" "$(said getent)" 'zed '
ck "the password opens" "$(said login)" 'allow:*'
ck "another does not" "$(said wrong)" 'deny: wrong-password*'
ck "reload" "$(said reload)" '0 '
ck "restart" "$(said restart)" 'active '
ck "and the password opens again" "$(said again)" 'allow:*'
ck "a server is there" "$(said server)" '0 '
ck "LDAP: its names come after a reload" "$(said ldap)" 'alice '
ck "LDAP: test" "$(said ldap_test)" '*ok*'
ck "LDAP: the password opens" "$(said ldap_login)" 'allow:*owner people*'
ck "LDAP: another does not" "$(said ldap_wrong)" 'deny: wrong-password*'
ck "killed, it comes back" "$(said killed)" 'active '
ck "stopped, names resolve as ever" "$(said stopped)" 'zed '
ck "nothing failed" "$(said failed)" 'success '
[ $failed = 0 ] || { cat "$top/boot.log" "$root/said" "$root/journal" 2>/dev/null | tail -n 60; }
exit $failed
