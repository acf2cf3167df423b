#!/bin/bash
# The only thing a newcomer types (Debian 12, root):
#   ./bootstrap.sh demo [--shell]   builds, and shows the main job in a namespace of its own; the host stays untouched
#   ./bootstrap.sh demo --ldap      the same with a real OpenLDAP server above an internal directory
#   ./bootstrap.sh test             every test, then "N passed, N failed"
#   ./bootstrap.sh install          builds and installs on this host
#   ./bootstrap.sh bench            the measurements, beside nscd, nslcd and SSSD in the same run
# Build folders lie in ./build-*, and the peers' packages, unpacked, in ./build-peers; nothing else is written here.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")"

build_packages=(gcc libc6-dev meson ninja-build pkg-config libpam0g-dev libsqlite3-dev libcrypt-dev libsystemd-dev libseccomp-dev
                libjansson-dev libldap-dev libcmocka-dev)
login_packages=(openssh-server openssh-client sudo sshpass expect iproute2 util-linux passwd login python3 pamtester)
ldap_packages=(slapd ldap-utils openssl)
# The other servers that the LDAP kind is tested against (tests/servers).
server_packages=(389-ds-base python3-lib389 libnss3-tools samba samba-ad-dc samba-ad-provision samba-dsdb-modules winbind ldb-tools python3-samba
                 apacheds openjdk-17-jre-headless libapache-directory-api-java libapache-directory-jdbm-java libbcprov-java libcommons-pool-java libdom4j-java
                 libcommons-lang-java libxpp3-java libmavibot-java libmina2-java libcaffeine-java libcommons-lang3-java libcommons-codec-java
                 libcommons-collections4-java libcommons-text-java libslf4j-java) # all but the first two: what apacheds needs, and its package does not say
test_packages=(clang llvm libclang-rt-14-dev mandoc strace binutils systemd systemd-container attr bash-completion e2fsprogs procps)
bench_packages=(nscd bc perl)
# Others that do what this does: measured, and asked for the same answers. Unpacked below build-peers, never installed: their installation scripts
# would change the host's nsswitch.conf and PAM.
peer_packages=(sssd-common sssd-ldap libnss-sss libpam-sss nslcd libnss-ldapd libpam-ldapd)

# Installs what is missing. Services that a package would start stay down.
need() {
        local missing=() package
        for package in "$@"; do
                dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
        done
        [ ${#missing[@]} = 0 ] && return
        [ "$(id -u)" = 0 ] || { echo "bootstrap.sh: run as root, or install: ${missing[*]}" >&2; exit 2; }
        echo "Installing: ${missing[*]}"
        local policy=''
        if [ ! -e /usr/sbin/policy-rc.d ]; then
                printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; policy=ours
        fi
        local status=0
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } \
                > build-packages.log 2>&1 || status=$?
        [ -z "$policy" ] || rm -f /usr/sbin/policy-rc.d
        [ $status = 0 ] || { tail -n 20 build-packages.log >&2; exit 1; }
}

# The peers and what they need of the libraries that are not here.
need_peers() {
        [ ! -e build-peers/done ] || return 0
        echo "Unpacking: ${peer_packages[*]}"
        local debs=$PWD/build-peers/debs file
        rm -rf build-peers; mkdir -p "$debs/partial" build-peers/root
        { apt-get update -q && apt-get install -q -y --no-install-recommends --download-only -o Dir::Cache::archives="$debs" "${peer_packages[@]}" &&
          for file in "$debs"/*.deb; do dpkg-deb -x "$file" build-peers/root || exit 1; done; } > build-packages.log 2>&1 ||
                { tail -n 20 build-packages.log >&2; exit 1; }
        touch build-peers/done
}

# build FOLDER MESON-OPTION…
build() {
        local folder=$1; shift
        if [ -f "$folder/build.ninja" ]; then meson configure "$folder" "$@" >/dev/null
        else meson setup "$folder" "$@" > "$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }; fi
        ninja -C "$folder" > "$folder.log" 2>&1 || { grep -E 'error|FAILED|warning' "$folder.log" >&2 || tail -n 40 "$folder.log" >&2; exit 1; }
}

must_be_root() { [ "$(id -u)" = 0 ] || { echo "bootstrap.sh $1: needs root" >&2; exit 2; }; }

do_demo() {
        must_be_root demo
        local script=demo.sh
        need "${build_packages[@]}" "${login_packages[@]}"
        if [ "${1:-}" = --ldap ]; then script=demo_ldap.sh; shift; need "${ldap_packages[@]}"; fi
        echo "Building …"
        build build-demo --buildtype=release -Dtests=false
        exec tests/e2e/namespace.sh build-demo "$PWD/tests/e2e/$script" "$@"
}

do_test() {
        must_be_root test
        need "${build_packages[@]}" "${login_packages[@]}" "${ldap_packages[@]}" "${server_packages[@]}" "${test_packages[@]}"
        need_peers
        exec tests/all.sh "$@"
}

do_bench() {
        must_be_root bench
        need "${build_packages[@]}" "${login_packages[@]}" "${ldap_packages[@]}" "${bench_packages[@]}"
        need_peers
        build build-bench --buildtype=release
        exec tests/bench/all.sh build-bench "$@"
}

do_install() {
        must_be_root install
        need "${build_packages[@]}"
        echo "Building …"
        build build-install --buildtype=release -Dtests=false
        meson install -C build-install --no-rebuild --quiet
        if command -v systemd-sysusers >/dev/null; then systemd-sysusers /usr/lib/sysusers.d/multidir.conf
        else
                for user in multidir multidir-worker; do
                        getent passwd "$user" >/dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
                done
        fi
        install -d -m 755 /etc/multidir /etc/multidir/multidir.conf.d
        install -d -m 700 /etc/multidir/secrets
        # An upgrade keeps the configuration that is there.
        [ -e /etc/multidir/multidir.conf ] || install -m 644 /usr/share/doc/multidir/multidir.conf /etc/multidir/multidir.conf
        ldconfig
        if [ -d /run/systemd/system ]; then
                systemctl daemon-reload
                systemctl enable --quiet multidird.service
                systemctl restart multidird.service
        else
                echo "No systemd here: start /usr/sbin/multidird by hand."
        fi
        cat <<'T'
Installed. What comes next:
  edit /etc/multidir/multidir.conf, then   multidirctl check && multidirctl reload
  add people                               multidirctl --directory staff user add NAME --password-stdin
  let logins and getent use it             multidirctl enable        (and out again: multidirctl disable)
T
}

command=${1:-}; shift || true
case $command in
        demo) do_demo "$@" ;;
        test) do_test "$@" ;;
        install) do_install ;;
        bench) do_bench "$@" ;;
        *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
