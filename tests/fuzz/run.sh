#!/bin/sh
# Runs every fuzzer for some seconds, beginning with its stored inputs; new ones go to the build folder. A crash is
# reported by libFuzzer, which leaves the input as BUILD_DIR/crash-*: fix it, then keep the input in the corpus.
# Usage: run.sh BUILD_DIR SECONDS
set -eu
corpus=$(cd "$(dirname "$0")" && pwd)/corpus
cd "$1"
for name in $(ls "$corpus"); do
    mkdir -p "found/$name"
    echo "fuzz_$name for $2 seconds"
    ./fuzz_"$name" -max_total_time="$2" -max_len=65536 -rss_limit_mb=1024 -timeout=10 -verbosity=1 -print_final_stats=1 \
        "found/$name" "$corpus/$name" >"found/$name.log" 2>&1 || { tail -40 "found/$name.log"; exit 1; }
    grep -E '^stat::number_of_executed_units|^Done' "found/$name.log"
done
