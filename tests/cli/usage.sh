# Wrong usage: the message names what was probably meant, and the exit status is 2.
tiny_data
tiny_recipe 1 >tiny.yaml
show runn
show frobnicate
show help lnit
"$DECANT" help >overview.txt && "$DECANT" help help | cmp - overview.txt && echo same
show run
show run --fource tiny.yaml
show run --dir
show run --json=1 tiny.yaml
show run --threads many tiny.yaml
show run --threads 99999 tiny.yaml
show eval a b
show eval missing.safetensors
show eval tiny.yaml
show data
show data lits
show summary zoo:resnet51
show summary tiny.yaml student --batch 3
show summary zoo:lightnn --threads 1
show summary tiny.yaml student --classes 3
show summary zoo:lightnn -o runs.alone.epochs=1
show data check data --validation 1000
show data list --mirror http://x.invalid
show data check data --mirror http://x.invalid
show bench list --seconds 4
show bench list nonsense
show bench train lightnn --batch 9
show prune model.safetensors -o small.safetensors --keep 0.5 --seed 9
show lint --schema-docs tiny.yaml
show summary tiny.yaml student --plan --precision bf16 -o runs.alone.precision=f32 | grep own
show summary tiny.yaml
show summary tiny.yaml teachr
show run missing.yaml
show run tiny.yaml alon
show lint tiny.yaml -o runs.alone.epoch=1
show lint tiny.yaml -o runs.alone.epochs
show lint tiny.yaml -o 'runs.p={like: alone, prune: {from: teacher, keep: 0.5}}'
sed 's/epochs: 1/epochs: none/' tiny.yaml >typo.yaml
show lint typo.yaml
printf 'decant: 1\nname: [unclosed\n' >broken.yaml
show lint broken.yaml
show run tiny.yaml --device gpu
show compare data
echo "not a model" >model.safetensors
show predict model.safetensors data:test:0
"$DECANT" run tiny.yaml teacher -q >out.txt 2>err.txt || cat err.txt
model=runs/tiny/teacher/model.safetensors
show predict $model data:tset:0
show predict $model data:test:9-2
show predict $model data:test
show predict $model data
show predict $model data/t10k-images-idx3-ubyte:9-2
show predict $model nothing:test:0-9x
