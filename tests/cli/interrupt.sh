# Ctrl-C in the middle saves and gives 130; the same command goes on, and ends with the same bytes as a run that was left alone.
tiny_data
tiny_recipe 30 | sed "s/batch: 20/batch: 1/" >tiny.yaml
for signal in INT TERM; do
    "$DECANT" run tiny.yaml teacher -q --dir $signal >out.txt 2>err.txt &
    child=$!
    lines=0
    while kill -0 $child 2>/dev/null && [ "$lines" -lt 1 ]; do
        lines=$(cat $signal/tiny/teacher/metrics.jsonl 2>/dev/null | wc -l)
    done
    kill -$signal $child
    status=0
    wait $child || status=$?
    echo "$signal: $status"
    sed -E 's/[0-9]+/N/g' err.txt
    ls $signal/tiny/teacher
    "$DECANT" run tiny.yaml teacher -q --dir $signal >out.txt || echo "failed: $?"
done
"$DECANT" run tiny.yaml teacher -q --dir whole >out.txt || echo "failed: $?"
cmp INT/tiny/teacher/model.safetensors whole/tiny/teacher/model.safetensors && echo same
cmp TERM/tiny/teacher/model.safetensors whole/tiny/teacher/model.safetensors && echo same
ls INT/tiny/teacher
