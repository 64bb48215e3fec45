#!/bin/sh
# A library user's program trains, tests and saves; another predicts the test images one by one; the decant program finds in
# the file what the library measured.
# Usage: train_small.sh EXAMPLE PREDICT_EXAMPLE DECANT WORK_DIR      (exit 77: Fashion-MNIST is not installed)
set -eu
example=$1 predict=$2 decant=$3 work=$4
rm -rf "$work"
mkdir -p "$work"
cd "$work"
"$example" model.safetensors >out.txt 2>err.txt || {
    cat out.txt err.txt
    grep -q "fashion-mnist is not on this machine" err.txt && exit 77
    exit 1
}
cat out.txt
grep -qx "9122 parameters" out.txt
grep -qx "saved model.safetensors" out.txt
accuracy=$(sed -n 's/^test accuracy \([0-9.]*\) % on 10000 images$/\1/p' out.txt)
# One epoch gives about 87 %; what is linear in the pixels stays below 85 %.
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy >= 85) }' || { echo "the network did not learn: $accuracy %"; exit 1; }

"$decant" eval model.safetensors --data fashion-mnist >eval.txt
cat eval.txt
grep -q "accuracy $accuracy %" eval.txt || { echo "decant eval measures something else than the example"; exit 1; }
grep -q "Ankle boot" eval.txt || { echo "the model file has lost the class names"; exit 1; }

# One image at a time goes through other kernels than a batch: an image on the border may fall to the other side.
"$predict" model.safetensors fashion-mnist >predicted.txt
cat predicted.txt
alone=$(sed -n 's/^\([0-9]*\) errors in 10000 samples$/\1/p' predicted.txt)
batch=$(sed -n 's/^\([0-9]*\) errors in 10000 samples.*/\1/p' eval.txt)
awk -v a="$alone" -v b="$batch" 'BEGIN { exit !(a != "" && a - b <= 2 && b - a <= 2) }' || { echo "$alone errors one by one, $batch in batches"; exit 1; }

# More classes than a fixed array would have held.
awk 'BEGIN { print "x,y"; for (i = 0; i < 480; i++) printf "%d.%d,class%d\n", i % 120, i / 120, i % 120 }' >many.csv
cat >many.yaml <<END
decant: 1
name: many
threads: 1
data: {source: {format: csv, path: many.csv, target: y, test: 0.25}}
models: {net: [linear: 120]}
runs: {net: {model: net, epochs: 1, optimizer: adam, loss: {ce: 1}}}
END
"$decant" run many.yaml -q >out.txt 2>&1 || { cat out.txt; exit 1; }
"$predict" runs/many/net/model.safetensors many.csv >predicted.txt
cat predicted.txt
grep -qE '^[0-9]+ errors in [1-9][0-9]* samples$' predicted.txt || { echo "nothing was predicted among 120 classes"; exit 1; }
