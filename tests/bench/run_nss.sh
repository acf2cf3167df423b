#!/bin/bash
# The name service beside nscd, over the same people, in one run: run_nss.sh BUILD. Exit 0 only if every target was met.
# Relies on: root, nscd, unshare; bench_nss and the module in BUILD. Everything happens in a mount namespace of its own, with its own /etc, /run and
# /var/lib: the host is untouched. nscd is given tables large enough for all names, and its cache is filled before anything is measured.
set -uo pipefail
build=$(realpath "${1:?run_nss.sh BUILD}")
if [ -z "${MULTIDIR_BENCH_NAMESPACE:-}" ]; then
        exec env MULTIDIR_BENCH_NAMESPACE=1 unshare -m --propagation private "$(realpath "$0")" "$build"
fi
bench=$build/tests/bench/bench_nss module=$build/nss_multidir/libnss_multidir.so.2 users=10000 groups=1000 wrong=0
top=$(mktemp -d /tmp/multidir-bench-XXXXXX)
daemon=
finish() {
        [ -z "$daemon" ] || { kill "$daemon"; wait "$daemon"; } 2>/dev/null
        umount -R "$top" 2>/dev/null
        rmdir "$top" 2>/dev/null
}
trap finish EXIT
mount -t tmpfs tmpfs "$top" && cp -a /etc "$top/etc" && mount --bind "$top/etc" /etc || exit 2
mount -t tmpfs tmpfs /run && mkdir -p /run/nscd && mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/multidir || exit 2
printf 'passwd: files\ngroup: files\n' > /etc/nsswitch.conf
cat > "$top/nscd.conf" <<'CONF'
threads 4
max-threads 4
paranoia no
enable-cache passwd yes
positive-time-to-live passwd 36000
suggested-size passwd 40009
check-files passwd no
persistent passwd no
shared passwd yes
max-db-size passwd 268435456
enable-cache group yes
positive-time-to-live group 36000
suggested-size group 40009
check-files group no
persistent group no
shared group yes
max-db-size group 268435456
CONF
"$bench" world $users $groups /var/lib/multidir/view /etc/passwd /etc/group || { echo "run_nss.sh: cannot write the people" >&2; exit 2; }
nscd -F -f "$top/nscd.conf" > "$top/nscd.log" 2>&1 &
daemon=$!
for _ in $(seq 50); do [ -S /run/nscd/socket ] && break; sleep 0.1; done
[ -S /run/nscd/socket ] || { echo "run_nss.sh: nscd does not start" >&2; cat "$top/nscd.log" >&2; exit 2; }

"$bench" compare "$module" $users $groups || wrong=1

# The first look-up of a process that has made none, beyond loading the module.
median_first() { for _ in $(seq 101); do "$bench" first "$1" user000007; done | sort -n | sed -n 51p; }
ours=$(median_first "$module")
theirs=$(median_first nscd)
if [ "${ours:-999999}" -lt 60000 ]; then verdict=PASS; else verdict=FAIL; wrong=1; fi
echo "first look-up of a new process, the module loaded: $ours ns; through nscd: $theirs ns (target: below 60,000 ns)  $verdict"

started=$(date +%s%N)
"$bench" world 1000000 50000 /var/lib/multidir/view.large && mv /var/lib/multidir/view.large /var/lib/multidir/view || exit 2
echo "a view of 1,000,000 users, 50,000 groups, 10,000,000 memberships: $(($(stat -c %s /var/lib/multidir/view) / 1000000)) MB, written in $((($(date +%s%N) - started) / 1000000)) ms"
"$bench" large "$module" 1000000 || wrong=1
exit $wrong
