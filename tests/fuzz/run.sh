#!/bin/bash
# Runs every fuzz target on its corpus, then on new inputs, SECONDS in all. Usage: tests/fuzz/run.sh BUILD SECONDS
# A target that finds something leaves the input in build-logs/. Prints "ok"/"not ok" lines.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
build=$1 seconds=$2 failed=0
mapfile -t targets < <(find "$build/tests/fuzz" -maxdepth 1 -type f -executable -name 'fuzz_*' | sort)
[ ${#targets[@]} -gt 0 ] || { echo "not ok - there are no fuzz targets"; exit 1; }
each=$(( (seconds + ${#targets[@]} - 1) / ${#targets[@]} ))
mkdir -p build-logs
for target in "${targets[@]}"; do
        name=$(basename "$target"); corpus=tests/fuzz/corpus/${name#fuzz_}; grown=$(mktemp -d)
        if "$target" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build-logs/$name-" "$grown" "$corpus" > "build-logs/$name.log" 2>&1
        then echo "ok - $name: $(awk '/stat::number_of_executed_units/ {print $2}' "build-logs/$name.log") inputs"
        else echo "not ok - $name"; tail -n 30 "build-logs/$name.log"; failed=1; fi
        rm -rf "$grown"
done
exit $failed
