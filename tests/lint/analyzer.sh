#!/bin/bash
# gcc's static analyzer over everything that is installed. Prints "ok"/"not ok" lines, one a file.
# Two of its checks are left out: gcc 12 does not follow the cleanup attribute nor out-parameters that a failure leaves untouched, so what they say of
# leaks and of uninitialized values is wrong here. The sanitizers' runs, with every allocation failing in turn, look for both.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
analyze() {
        local file=$1 said
        said=$(gcc -std=gnu17 -O1 -D_GNU_SOURCE -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value -DCTL_VERSION='"0"' -Icommon -I. -Ipam_multidir -c -o /dev/null "$file" $(pkg-config --cflags jansson libsystemd libseccomp sqlite3) 2>&1 | grep -A12 'warning: .*\[-Wanalyzer\|CWE')
        if [ -z "$said" ]; then echo "ok - $file"; else echo "not ok - $file"; printf '%s\n' "$said"; fi
}
export -f analyze
find common multidirctl multidird nss_multidir pam_multidir -name '*.c' | sort | xargs -P "$(nproc)" -I{} bash -c 'analyze {}' | tee build-logs/analyzer.raw
! grep -q '^not ok' build-logs/analyzer.raw
