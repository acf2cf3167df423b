#!/bin/bash
# Runs a command on a private copy of this host: `namespace.sh BUILD COMMAND…` installs the build there, creates the service's users, and
# leaves the host untouched.
# Relies on: root, unshare, overlayfs. Mount, network, process and host-name namespaces of its own; everything written lies on a tmpfs
# that vanishes with them.
# Must never: write outside the namespace. The build folder and the project are only read.
set -euo pipefail

if [ -z "${MULTIDIR_IN_NAMESPACE:-}" ]; then
        [ "$(id -u)" = 0 ] || { echo "namespace.sh: needs root" >&2; exit 2; }
        top=$(mktemp -d /tmp/multidir-namespace.XXXXXX)
        status=0
        env MULTIDIR_IN_NAMESPACE=1 MULTIDIR_TOP="$top" unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc "$0" "$@" || status=$?
        rmdir "$top" # empty out here: what was mounted on it is gone
        exit $status
fi

build=$(realpath "$1"); shift
mount --make-rprivate /
ip link set lo up
hostname multidir-test

# A writable copy of a folder: reads come from the host's, writes go to the tmpfs.
top=$MULTIDIR_TOP
mount -t tmpfs -o mode=0755 tmpfs "$top"
cover() {
        local name=${1//\//_}
        mkdir -p "$top/$name/upper" "$top/$name/work"
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$top/$name/upper,workdir=$top/$name/work" "$1"
}
cover /etc
cover /usr
cover /var
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /home
mkdir -p -m 755 /run/sshd /run/lock /run/user
: > /run/utmp
install -m 664 -g utmp /dev/null /var/log/lastlog
install -m 664 -g utmp /dev/null /var/log/wtmp
install -m 660 -g utmp /dev/null /var/log/btmp
mount -t devpts devpts /dev/pts -o newinstance,ptmxmode=0666,mode=0620,gid=5
mount --bind /dev/pts/ptmx /dev/ptmx
echo '127.0.0.1 localhost multidir-test' > /etc/hosts
# The host's own name services other than files would only add noise.
sed -i -E 's/^(passwd|group|shadow|gshadow):.*/\1:         files/' /etc/nsswitch.conf

DESTDIR='' meson install -C "$build" --no-rebuild --quiet >"$top/install.log" 2>&1 || { cat "$top/install.log" >&2; exit 1; }
rm -rf /etc/multidir /var/lib/multidir
mkdir -p /etc/multidir/multidir.conf.d
for user in multidir multidir-worker; do
        getent passwd "$user" >/dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
done
ldconfig
export LANG=C.UTF-8 MULTIDIR_TOP
cd /
set +e
"$@"
status=$?
cd /
exit $status
