#!/bin/bash
# What the service has in memory when it has nothing to do; for the measurements of whole services.
# Relies on: /proc/PID/smaps_rollup, which root may read.
# Must never: count a page twice that processes share (PSS).

# pss: what all processes of the service have in memory, shared pages counted once, in MB
pss() {
        local total=0 pid kb
        for pid in $(pgrep multidird); do
                kb=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2>/dev/null)
                total=$((total + ${kb:-0}))
        done
        echo $((total / 1024))
}

# idle_within MEGABYTES: ten seconds after the last work. Status 1: it is more.
idle_within() {
        local now verdict=PASS
        sleep 10
        now=$(pss)
        [ "$now" -lt "$1" ] || verdict=FAIL
        echo "  idle: all processes together $now MB (target: $1) $verdict"
        [ $verdict = PASS ]
}
