#!/bin/bash
# What no compiler says: man pages, the modules' ELF files, calls that do not belong in code that runs as root, the arrows between folders.
# Usage: tests/lint/run.sh BUILD. Prints "ok"/"not ok" lines.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
build=$1
failed=0
check() { # WHAT OUTPUT: passes when OUTPUT is empty
        if [ -z "$2" ]; then echo "ok - $1"; else echo "not ok - $1"; printf '%s\n' "$2" | head -n 20; failed=1; fi
}

# By their places, not by git: a tree without its history is tested too.
files() { find common conf multidirctl multidird nss_multidir pam_multidir tests -type f "$@" | sort; }
pages=$(files -name '*.[1-8]')
check "there are man pages" "$([ "$(wc -w <<<"$pages")" -ge 5 ] || echo "only: $pages")"
for page in $pages; do
        check "mandoc -Tlint $page" "$(mandoc -Tlint -Wwarning "$page" 2>&1)"
done
check "no call that does not belong in code that runs as root" \
        "$(files -name '*.[ch]' | grep -v '^tests/' | xargs grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|system|popen|select|atoi|atol|signal)[[:space:]]*\(')"
check "the rules and the model do no I/O" \
        "$(grep -nE '#include (<(fcntl|unistd|stdio|sys/|time|sqlite3|systemd/)|"(config|view|directory|replica|wire)/)' common/rules/*.[ch] common/model/*.[ch] | grep -vE 'stdio.h')"
check "one interface only: shims do not reach into the service" \
        "$(grep -nE '#include "(config|rules|directory|replica)/' nss_multidir/*.[ch] pam_multidir/*.[ch])"
check "no file of code is longer than 400 lines" \
        "$(files -name '*.c' | grep -v '^tests/' | xargs wc -l | awk '$1 > 400 && $2 != "total" {print $2 ": " $1}')"
named=$(grep -ohE '`[a-z_]+/[A-Za-z0-9_./-]+`' CONTRIBUTING.md SECURITY.md tests/scenarios/README.md | tr -d '`' | grep -v KIND | sort -u)
check "the guides name files that exist" "$(for f in $named; do [ -e "$f" ] || echo "$f"; done)"
check "the guides name functions that exist" \
        "$(grep -ohE '`[a-z]+(_[a-z]+)+`' CONTRIBUTING.md | tr -d '`' | grep -v '^nss_multidir$\|^pam_multidir$' | sort -u |
           while read -r name; do files -name '*.[ch]' | xargs grep -qwE "$name" || echo "$name"; done)"
elf() { readelf -W "$@"; }
nss=$build/nss_multidir/libnss_multidir.so.2 pam=$build/pam_multidir/pam_multidir.so
check "libnss_multidir.so.2 needs libc only" "$(elf -d "$nss" | grep NEEDED | grep -v 'libc.so.6')"
check "libnss_multidir.so.2 has no thread-local storage" "$(elf -l "$nss" | grep TLS)"
check "libnss_multidir.so.2 is linked with -z nodelete" "$(elf -d "$nss" | grep -q NODELETE || echo missing)"
check "libnss_multidir.so.2 exports _nss_multidir_* only" "$(nm -D --defined-only "$nss" | awk '$3 !~ /^_nss_multidir_/ {print $3}' | grep -v '^NSS_MULTIDIR')"
check "pam_multidir.so needs libc and libpam only" "$(elf -d "$pam" | grep NEEDED | grep -vE 'libc.so.6|libpam.so.0')"
check "pam_multidir.so exports pam_sm_* only" "$(nm -D --defined-only "$pam" | awk '$3 !~ /^pam_sm_/ {print $3}')"
check "pam_multidir.so has all six entry points" "$([ "$(nm -D --defined-only "$pam" | grep -c ' T pam_sm_')" = 6 ] || echo no)"
score=$(systemd-analyze security --offline=true multidird/multidird.service 2>/dev/null | sed -n 's/^.*\(Overall exposure level[^🙂]*[A-Z]*\) .*$/\1/p')
check "SECURITY.md quotes the unit's score" "$(grep -qF "${score:-none}" SECURITY.md || echo "it is: $score")"
check "the unit is ordered before what needs users" "$(grep -q '^Before=nss-user-lookup.target$' multidird/multidird.service || echo no)"
check "bash completion loads" "$(bash -n multidirctl/multidirctl.bash 2>&1)"
check "shell scripts parse" "$(for f in bootstrap.sh tests/*.sh tests/*/*.sh; do bash -n "$f" 2>&1; done)"
exit $failed
