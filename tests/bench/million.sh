#!/bin/bash
# From a store of 1,000,000 users, 50,000 groups and 10 million memberships (nested three deep, about a third of them direct) to a published view, by
# the real service; what all its processes take together once idle, and how long one changed user takes to be published; then the same at 100,000. Run by tests/bench/all.sh through namespace.sh: million.sh BUILD
# Relies on: namespace.sh, bench_store. The stores lie on the namespace's tmpfs.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "million.sh: run it through namespace.sh" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bench=$1/tests/bench/bench_store
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
# shellcheck source=tests/bench/idle.sh
. "$here/idle.sh"
wrong=0
printf '[directory/bench]\ntype = internal\n[application/host]\ndirectories = bench\n[application/host/bench]\nallow_all = yes\n' > /etc/multidir/multidir.conf

# change_within SECONDS: five changes of one user, an addition among them, each until it is published; the median
change_within() {
        local started i times=() verdict=PASS
        for i in 1 2 3 4 5; do
                started=$(date +%s.%N)
                if [ "$i" = 3 ]; then multidirctl user add newcomer --display-name "Some Body" >/dev/null || wrong=1
                else multidirctl user modify "user000004$i" --display-name "Changed $i" >/dev/null || wrong=1; fi
                times+=("$(printf '%.2f' "$(echo "$(date +%s.%N) - $started" | bc)")")
        done
        mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
        [ "$(echo "${times[2]} < $1" | bc)" = 1 ] || { verdict=FAIL; wrong=1; }
        getent -s multidir passwd newcomer >/dev/null || { verdict=FAIL; wrong=1; }
        echo "  one changed user published in ${times[*]} s (target for the median: $1) $verdict"
}

# measure USERS GROUPS DIRECT-MEMBERSHIPS SECONDS MEGABYTES CHANGE-SECONDS IDLE-MEGABYTES (0: no target: bench_compile has the one for a million, which is from replicas in
# memory; here are also the service's start, the store's loading and the first save of a million ids)
measure() {
        rm -rf /var/lib/multidir
        install -d -m 755 /var/lib/multidir
        install -d -m 700 -o multidir -g multidir /var/lib/multidir/stores
        "$bench" "$1" "$2" "$3" /var/lib/multidir/stores fill >/dev/null || return 1
        chown multidir:multidir /var/lib/multidir/stores/*
        local started took keeper memory verdict=PASS
        started=$(date +%s.%N)
        /usr/sbin/multidird 2>>"$service_log" & service_pid=$!
        until [ -e /var/lib/multidir/view ] && multidirctl status >/dev/null 2>&1; do sleep 0.02; kill -0 $service_pid || return 1; done
        took=$(echo "$(date +%s.%N) - $started" | bc)
        keeper=$(pgrep -f 'role=keeper' | head -n 1)
        memory=$(($(awk '/VmHWM/ {print $2}' "/proc/$keeper/status") / 1024))
        [ "$4" = 0 ] || [ "$(echo "$took < $4" | bc)" = 1 ] || verdict=FAIL
        [ "$5" = 0 ] || [ "$memory" -lt "$5" ] || verdict=FAIL
        [ $verdict = PASS ] || wrong=1
        echo "$1 users, $2 groups, $3 direct memberships: started, loaded, built and published in $took s ($([ "$4" = 0 ] && echo "no target" || echo "target: $4")), keeper at most $memory MB ($([ "$5" = 0 ] && echo "no target" || echo "target: $5")), view $(($(stat -c %s /var/lib/multidir/view) / 1048576)) MB $verdict"
        idle_within "$7" || wrong=1
        change_within "$6"
        idle_within "$7" || wrong=1
        service_stop
}
measure 1000000 50000 3500000 0 1200 3 400 || { wrong=1; tail "$service_log"; }
measure 100000 10000 350000 1 0 1 60 || { wrong=1; tail "$service_log"; }
exit $wrong
