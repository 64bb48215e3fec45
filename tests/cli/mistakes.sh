# The guard rails of docs/mistakes.md: each is provoked here, and what the page quotes must have been said.
tiny_data
tiny_recipe 2 >tiny.yaml
said() { # runs decant and keeps what it says, whatever its exit status
    "$DECANT" "$@" >>said.txt 2>&1 || true
}
lint() {
    said lint tiny.yaml "$@"
}
cp -r data leaked
for part in images-idx3 labels-idx1; do cp leaked/train-$part-ubyte leaked/t10k-$part-ubyte; done
lint -o data.source.path=leaked
lint -o data.validation=0 -o runs.alone.select=best
lint -o 'data.normalize={mean: 0.5, std: 0.5}'
lint -o 'models.student=[flatten, {dropout: 0.2}, {linear: 8}, relu, {linear: 4}]'
lint -o 'models.student={zoo: fashion-1, channels: 3}'
lint -o 'models.student=[flatten, {linear: 64}, {linear: 8}, {linear: 4}]'
lint -o 'models.student=[flatten, {linear: 80}, relu, {linear: 4}]'
lint -o 'models.student=[flatten, {linear: 8}, relu, {linear: 4}, softmax]'
lint -o runs.distilled.loss.kd.temprature=20
lint -o 'runs.distilled.loss={ce: 0.5, cosine: {weight: 0.5, student: "1", teacher: "3"}}'
lint -o 'runs.distilled.loss={hint: {weight: 1, student: "2", teacher: "3", regressor: [{linear: 128}]}}'
lint -o 'runs.distilled.loss={ce: 1}'
lint -o runs.distilled.teacher=null
lint -o runs.distilled.teacher=techer
lint -o 'models.spare=[flatten, {linear: 4}]'
lint -o runs.distilled.epochs=3
lint -o runs.distilled.seeds=1 -o runs.alone.seeds=1
grep -v '^  alone:' tiny.yaml | sed 's/like: alone/model: student, epochs: 2, batch: 20, optimizer: adam/' >lonely.yaml
said lint lonely.yaml

said run tiny.yaml
said run tiny.yaml -o runs.teacher.epochs=3
said run tiny.yaml teacher --dir bad -o 'runs.teacher.optimizer={sgd: {lr: 1e30}}'
alone=runs/tiny/alone-seed0/model.safetensors
said run tiny.yaml distilled -q --dir self -o runs.distilled.teacher=$alone -o runs.distilled.init=$alone -o runs.distilled.seeds=1
sed 's/\\"op\\":\\"maxpool\\"/\\"op\\":\\"avgpool\\"/' runs/tiny/teacher/model.safetensors >pasted.safetensors
said eval pasted.safetensors

echo "a model file that was exchanged is noticed:"
cp runs/tiny/teacher/model.safetensors runs/tiny/distilled-seed0/model.safetensors
"$DECANT" run tiny.yaml distilled 2>&1 >out.txt | grep -E '^(alone|distilled) seed [01]: (already|model)' | sed 's/,.*//'
echo "a regressor is not shipped:"
"$DECANT" run tiny.yaml distilled -q --dir hint -o runs.distilled.seeds=1 \
    -o 'runs.distilled.loss={ce: 0.5, hint: {weight: 0.5, student: "2", teacher: "3", regressor: [{linear: 128}]}}' >out.txt
for model in $alone hint/tiny/distilled/model.safetensors; do "$DECANT" summary $model | grep '^Total parameters'; done
echo "nothing drops at inference:"
"$DECANT" run tiny.yaml alone -q --dir drop -o runs.alone.seeds=1 -o 'models.student=[flatten, {linear: 8}, relu, {dropout: 0.5}, {linear: 4}]' >out.txt
"$DECANT" summary drop/tiny/alone/model.safetensors --plan | grep -cE '^ +[0-9]+ .*dropout'

sed -i 's/"data_hash":"[0-9a-f]*"/"data_hash":"another"/' runs/tiny/alone-seed*/result.json
said compare runs/tiny/distilled-seed0 runs/tiny/alone-seed0

# Of each quoted line, what stands behind its first word; the sign of a NaN is the processor's.
echo "quoted in docs/mistakes.md and never said:"
sed -n '/^```$/,/^```$/{/^```$/d;p}' "$1/../../docs/mistakes.md" >quoted.txt
sed -i 's/-nan/nan/' quoted.txt said.txt
while read -r line; do
    grep -qF -- "${line#*error: }" said.txt || grep -qF -- "${line#*warning: }" said.txt || grep -qF -- "${line#*note: }" said.txt || echo "$line"
done <quoted.txt
echo "quotations: $(grep -c . quoted.txt)"
