# A recipe from end to end without a data set: trained, told, skipped, refused when changed, made again, and its files used.
tiny_data
tiny_recipe 2 >tiny.yaml
NUMBERS=hidden
show run tiny.yaml
show run tiny.yaml
show run tiny.yaml --quiet
show run tiny.yaml --json -q
facts() { # the numbers of a JSON object about a run, sorted
    sed 's/"config":.*//' | grep -oE '"(recipe|run|model|teacher)":"[^"]*"|"(seed|parameters|mult_adds|bytes|epochs|steps|best_epoch|needed|computed)":[0-9]+|"errors":[0-9]+,"count":[0-9]+|"class_errors":[][0-9,]+' | sort
}
answers() { grep -oE '"errors":[0-9]+,"count":[0-9]+|"class_errors":[][0-9,]+|"confusion":[][0-9,]+' | sort; }
echo "--json says what result.json holds:"
"$DECANT" run tiny.yaml -q --json >said.txt
for run in teacher alone-seed1 distilled-seed0; do
    grep "\"runs/tiny/$run\"" said.txt | facts >run.txt
    facts <runs/tiny/$run/result.json | cmp - run.txt && echo "$run: $(grep -c . run.txt) facts"
    "$DECANT" eval runs/tiny/$run/model.safetensors --json 2>err.txt | answers >eval.txt
    answers <runs/tiny/$run/result.json | cmp - eval.txt && echo "$run: $(grep -c . eval.txt) answers"
done
"$DECANT" compare runs/tiny/alone-seed0 runs/tiny/alone-seed1 --json 2>err.txt | grep -oE '"each":\[[0-9.,]*' | sed 's/.*\[//' | tr , '\n' >each.txt
cat runs/tiny/alone-seed?/result.json | grep -o '"test":{"accuracy":[0-9.]*' | sed 's/.*://' | cmp - each.txt && echo "compare: $(grep -c . each.txt) accuracies"
echo "a second run elsewhere gives the same bits:"
"$DECANT" run tiny.yaml -q --dir twice >out.txt 2>err.txt
for run in teacher alone-seed1 distilled-seed0; do cmp runs/tiny/$run/model.safetensors twice/tiny/$run/model.safetensors && echo $run; done
rm -r twice
sed -i 's/lr: 1e-2/lr: 2e-2/' tiny.yaml
show run tiny.yaml -q
show run tiny.yaml -q alone --force
show compare runs/tiny
show compare runs/tiny/alone-seed0 runs/tiny/distilled-seed0 --json
show summary runs/tiny/teacher/model.safetensors
show summary tiny.yaml student --json
show summary zoo:lightnn --json
show eval runs/tiny/teacher/model.safetensors
show eval runs/tiny/teacher/model.safetensors --data data --split train --json
show eval runs/tiny/teacher/model.safetensors --split all
show predict runs/tiny/teacher/model.safetensors data:test:0-1 data/t10k-images-idx3-ubyte:2
show predict runs/tiny/teacher/model.safetensors data:test:0 --json
show predict runs/tiny/teacher/model.safetensors data/t10k-images-idx3-ubyte:9223372036854775807
show predict runs/tiny/teacher/model.safetensors data:test:9223372036854775807
show data check data --validation 40
show data check data --json
find runs -type f | sort
