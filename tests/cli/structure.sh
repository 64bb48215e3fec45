# Pruning and folding model files, and a recipe whose student is pruned: what is said, and what is refused.
tiny_data
cat >structure.yaml <<'RECIPE'
decant: 1
name: structure
threads: 1
data:
  source: {format: idx, path: data}
  validation: 40
models:
  big:
    - conv: {channels: 8, kernel: 3, padding: 1, bias: false}
    - batchnorm
    - relu
    - maxpool: 2
    - flatten
    - linear: {features: 16, bottleneck: 32, name: fc}
    - relu
    - dropout: 0.1
    - linear: 4
runs:
  big: {model: big, epochs: 2, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
  pruned: {like: big, prune: {from: big, parameters: 1000}, teacher: big, loss: {ce: 0.5, kd: 0.5}}
budget: {run: pruned, parameters: 1000}
RECIPE
model=runs/structure/big/model.safetensors
show summary structure.yaml big
NUMBERS=hidden
show run structure.yaml -q
NUMBERS=
show summary $model
NUMBERS=hidden # which channels go depends on the last bit of the weights
show prune $model -o small.safetensors --parameters 1000
show prune $model -o small.safetensors --keep 0.5 --criterion l2 --minimum 0.2 --json
show prune small.safetensors -o smaller.safetensors --mult-adds 3000
show prune $model -o asked.safetensors --parameters 1000 --criterion taylor
show prune $model -o asked.safetensors --parameters 1000 --criterion taylor --data data --samples 100 --threads 1 --json
show summary smaller.safetensors
show eval small.safetensors -q
show fold small.safetensors -o folded.safetensors
show fold small.safetensors -o folded.safetensors --json
show summary folded.safetensors
NUMBERS=
show prune $model -o x.safetensors
show prune $model --keep 0.5
sed 's/"decant.data":/"decant.dato":/' $model >nameless.safetensors
show prune nameless.safetensors -o x.safetensors --keep 0.5 --criterion taylor
show prune $model -o x.safetensors --keep 1.5
show prune $model -o x.safetensors --keep half
show prune $model -o x.safetensors --parameters 10
show prune $model -o x.safetensors --parameters 5000
show prune $model -o x.safetensors --keep 0.5 --criterion l3
show prune $model -o x.safetensors --keep 0.5 --minimum -1
show prune $model -o x.safetensors --keep 0.5 --samples 9
show prune $model -o x.safetensors --keep 0.5 --criterion taylor --data nowhere | sed 's/, nor .*//'
show prune nothing.safetensors -o x.safetensors --keep 0.5
show fold $model
show fold nothing.safetensors -o x.safetensors
show lint structure.yaml -o runs.pruned.prune.parameters=1001
show lint structure.yaml -o runs.pruned.prune.criterion=magnitude
show lint structure.yaml -o runs.pruned.prune.samples=9
[ ! -e x.safetensors ] || echo "x.safetensors was written"
echo "a file whose bottleneck was folded is pruned, too"
sed -e 's/^  pruned: .*/  again: {like: big, prune: {from: FILE, keep: 0.5}}\n  on: {like: again, prune: null, init: again}/; /^budget/d' -e "s|FILE|$model|" \
    structure.yaml >again.yaml
"$DECANT" run again.yaml again on --dir again -q | grep -cE '^(again|on) '
sed -e 's/^runs:/  other: [flatten, linear: 4]\nruns:/' -e 's/^  on: .*/  on: {like: again, prune: null, init: again, model: other}/' again.yaml >odd.yaml
show lint odd.yaml
echo "nothing but a file is written to, and never the one that is read"
show prune $model -o ./$model --keep 0.5
show fold $model -o "runs/../$model"
mkfifo pipe && show prune $model -o pipe --keep 0.5
