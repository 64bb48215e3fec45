# bench/compare.py without a peer: it says so, measures decant alone, writes its tables, measures nothing twice, starts nothing that
# its budget does not hold, and refuses a row that there is not.
set -eu
source=$1 program=$2 folder=$3
rm -rf "$folder" && mkdir -p "$folder"
compare() {
    DECANT_PEER_PYTHON=/nonexistent python3 "$source/bench/compare.py" --decant "$program" --out "$folder" --rounds 1 --seconds 1 "$@" \
        >"$folder/said" 2>"$folder/errors"
}
fail() {
    echo "$1" >&2
    cat "$folder/said" "$folder/errors" >&2
    exit 1
}

compare --budget 0.001 airline || fail "a small budget is no failure"
[ ! -e "$folder/runs.jsonl" ] || fail "something was measured beyond the budget"
grep -q "goes on where this one stopped" "$folder/said" || fail "it is not said that something is missing"

compare airline || fail "decant alone was not measured"
grep -q "decant alone" "$folder/said" || fail "it is not said that there is no peer"
grep -q "^| airline |" "$folder/results.md" || fail "the table has no such row"
python3 -c "
import json, sys
row, = json.load(open('$folder/results.json'))['rows']
ours = row['decant'][0]
assert ours['slowest'] <= ours['images_per_second'] <= ours['fastest'], ours
assert 0 < ours['ready_seconds'] < ours['first_step_seconds'] and ours['peak_rss_bytes'] > 0, ours
assert row['peer'] == [] and 'ratio' not in row, row" || fail "results.json does not hold what was measured"

before=$(wc -l <"$folder/runs.jsonl")
compare airline || fail "a second call failed"
[ "$(wc -l <"$folder/runs.jsonl")" = "$before" ] || fail "what was there was measured again"

if compare airlines; then fail "an unknown row was taken"; fi
grep -q "there is no row airlines" "$folder/errors" || fail "the unknown row is not named"
