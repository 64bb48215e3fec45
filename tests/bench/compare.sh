# bench/compare.py without a peer, and with one that is made up. Without: it says so, measures decant alone, writes its tables, measures nothing twice, starts nothing that
# its budget does not hold, and refuses a row that there is not.
set -eu
source=$1 program=$2 folder=$3
rm -rf "$folder" && mkdir -p "$folder"
compare() {
    DECANT_PEER_PYTHON=/nonexistent python3 "$source/bench/compare.py" --decant "$program" --out "$folder" --rounds 1 --seconds 1 --attempts 1 "$@" \
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
[ "$(grep -c "^| airline |" "$folder/results.md")" = 3 ] || fail "the tables of all, of steps and of starts have no such row"
python3 -c "
import json, sys
row, = json.load(open('$folder/results.json'))['rows']
ours = row['decant'][0]
assert ours['slowest'] <= ours['images_per_second'] <= ours['fastest'], ours
assert 0 < ours['ready_seconds'] < ours['first_step_seconds'] and ours['peak_rss_bytes'] > 0, ours
assert row['peer'] == [] and row['ratio'] is None, row" || fail "results.json does not hold what was measured"

before=$(wc -l <"$folder/runs.jsonl")
printf '{"row": "airline", "side"' >>"$folder/runs.jsonl" # a call that was killed
compare airline || fail "a second call failed"
[ "$(wc -l <"$folder/runs.jsonl")" = "$before" ] || fail "what was there was measured again"

if compare airlines; then fail "an unknown row was taken"; fi
grep -q "there is no row airlines" "$folder/errors" || fail "the unknown row is not named"

# A peer whose variants have known speeds: the fastest in f32 and the fastest in bf16 are found, and compared by their medians.
cat >"$folder/peer" <<'END'
#!/bin/sh
case "$*" in
    *"import torch"*) echo 9.1.0; exit ;;
    *compile*) echo "no compiler" >&2; exit 1 ;;
    *bf16*foreach*) seconds=0.003 ;;
    *bf16*) seconds=0.002 ;;
    *threads=1*) seconds=0.001 ;;
    *) seconds=0.004 ;;
esac
echo "a line of noise"
echo '{"batch": 64, "step_seconds": '$seconds', "images_per_second": '$(echo "64 $seconds" | awk '{print $1 / $2}')', "slowest": 1, "fastest": 1e6,
 "ready_seconds": 1, "first_step_seconds": 2, "peak_rss_bytes": 1048576}' | tr -d '\n'
END
chmod +x "$folder/peer"
beside() { # PEER OUT
    DECANT_PEER_PYTHON=$folder/$1 python3 "$source/bench/compare.py" --decant "$program" --out "$folder/$2" --rounds 2 --seconds 1 --attempts 1 airline \
        >"$folder/said" 2>"$folder/errors" || fail "the comparison with $1 failed"
}
beside peer peers
python3 -c "
import json
row, = json.load(open('$folder/peers/results.json'))['rows']
best, narrow = row['peer'][0], next(one for one in row['peer'] if 'bf16' in one['flags'])
assert best['flags'] == ['fused', 'threads=1'] and best['step_seconds'] == .001, best
assert narrow['flags'] == ['bf16', 'fused'] and narrow['rounds'] == 2, narrow
assert abs(row['ratio'] - .001 / row['decant'][0]['step_seconds']) < 1e-9, row['ratio']
assert row['ratio_of_fastest'] == max(one['fastest'] for one in row['decant']) / 1e6, row['ratio_of_fastest']
assert any(one['error'] == 'no compiler' for one in row['tried']), row['tried']" || fail "the peer's variants were not told apart"
grep -q "9.1.0 fused,threads=1 | 32000 (1-1000000) 9.1.0 bf16,fused" "$folder/peers/results.md" || fail "the table does not name the variants"

grep -q "^- airline, PyTorch 9.1.0 compile,fused: no compiler" "$folder/peers/results.md" || fail "what failed is not named"
before=$(grep -c '"wall"' "$folder/peers/runs.jsonl")
failed=$(grep -c '"error"' "$folder/peers/runs.jsonl")
beside peer peers
[ "$(grep -c '"wall"' "$folder/peers/runs.jsonl")" = "$before" ] && [ "$(grep -c "no compiler" "$folder/errors")" = "$failed" ] ||
    fail "what failed was not tried again, or something else was"

# A peer that is slow to answer, and one with another network.
sed 's/^echo "a line of noise"/case "$*" in *foreach*) sleep 30 ;; esac\n&/; s/"batch": 64/"batch": 64, "parameters": 1888/' "$folder/peer" >"$folder/other-peer"
chmod +x "$folder/other-peer"
cp "$folder/peers/runs.jsonl" "$folder/ours.jsonl"
mkdir -p "$folder/other-peers"
grep '"side": "decant"' "$folder/ours.jsonl" >"$folder/other-peers/runs.jsonl"
DECANT_PEER_PYTHON=$folder/other-peer python3 "$source/bench/compare.py" --decant "$program" --out "$folder/other-peers" --rounds 1 --seconds 1 \
    --attempts 1 --timeout 4 airline >"$folder/said" 2>"$folder/errors" || fail "the comparison with a slow peer failed"
grep -q "foreach: not done after 4 s" "$folder/said" || fail "a process that does not end was not given up"
grep -q "plain.*: another network: 1888 parameters, decant has 1889\|fused: another network: 1888 parameters, decant has 1889" "$folder/said" ||
    fail "another network was compared"

# One that fails in f32 is compared all the same.
sed 's/^case "$\*" in/&\n    *import*|*bf16*) ;;\n    *) exit 1 ;;\nesac\n&/' "$folder/peer" >"$folder/narrow-peer"
chmod +x "$folder/narrow-peer"
beside narrow-peer narrow-peers
python3 -c "
import json
row, = json.load(open('$folder/narrow-peers/results.json'))['rows']
assert row['ratio_f32'] is None and abs(row['ratio'] - .002 / row['decant'][0]['step_seconds']) < 1e-9, row" || fail "a peer in bf16 alone is not compared"
