# The plan lists steps and memory; kernels differ between machines, so only its form is looked at.
tiny_data
tiny_recipe 2 >tiny.yaml
"$DECANT" summary tiny.yaml student --plan >training.txt && grep -c adam_update training.txt
grep -A1 'training step' training.txt
"$DECANT" summary tiny.yaml student --plan -o teacher_cache=off >taught.txt && grep 'training step' taught.txt
"$DECANT" summary tiny.yaml student --plan -o 'runs.distilled.augment={mixup: 0.2}' | grep 'training step'
"$DECANT" summary tiny.yaml teacher --plan | grep 'training step'
grep -c conv2d training.txt # the teacher's: none, for its answers are looked up
grep -c conv2d taught.txt | sed 's/^[1-9][0-9]*$/some/'
"$DECANT" summary tiny.yaml student --plan --json | grep -o '"run":.*"teacher_cached":[a-z]*'
"$DECANT" summary tiny.yaml student --plan --batch 7 | grep -c '\[7, 4\]' | sed 's/^[1-9][0-9]*$/some/'
"$DECANT" summary zoo:lightnn --plan --batch 3 | grep -cE 'adam|loss|grad'
"$DECANT" summary zoo:lightnn --plan --json | grep -o '"memory":{[^}]*}' | sed -E 's/[0-9]+/N/g'
"$DECANT" summary zoo:resnet50 --json | grep -o '"parameters":[0-9]*,"trainable":[0-9]*'
"$DECANT" run tiny.yaml teacher distilled --dir with 2>&1 | grep -c 'came from the cache'
"$DECANT" run tiny.yaml teacher distilled --no-teacher-cache --dir without 2>&1 | grep -c 'came from the cache'
cmp with/tiny/distilled-seed0/model.safetensors without/tiny/distilled-seed0/model.safetensors && echo "asked or looked up: the same model"
"$DECANT" run tiny.yaml teacher distilled --dir mixed -o 'runs.distilled.augment={mixup: 0.2}' 2>&1 | grep -m1 'the teacher is asked'
