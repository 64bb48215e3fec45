# Two classes with a single logit, from end to end: bce, a teacher's logit to mimic, evaluation and prediction, and which losses
# have no meaning for it.
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 160; i++) printf "%d,%d,%s\n", i % 16, i * 7 % 13, (i % 16 + i * 7 % 13 > 13 ? "yes" : "no") }' >rows.csv
cat >binary.yaml <<END
decant: 1
name: binary
threads: 1
data:
  source: {format: csv, path: rows.csv, target: y, test: 0.25}
  validation: 20
  allow_overlap: true
models:
  teacher: [linear: 16, relu, linear: 16, relu, linear: 1]
  student: [linear: 4, relu, linear: 1]
  two: [linear: 4, relu, linear: 2]
runs:
  teacher: {model: teacher, epochs: 30, batch: 8, optimizer: {adam: {lr: 1e-2}}, loss: {bce: 1}}
  alone: {model: student, epochs: 20, batch: 8, optimizer: {adam: {lr: 1e-2}}, loss: {bce: 1}}
  mimic: {like: alone, teacher: teacher, loss: {bce: 0.5, logits: 0.5}}
  two: {model: two, epochs: 2, batch: 8, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
END
NUMBERS=hidden show lint binary.yaml
NUMBERS=hidden show run binary.yaml teacher alone mimic -q
model=runs/binary/teacher/model.safetensors
NUMBERS=hidden show eval $model
printf 'a,b\n1,2\n15,12\n' >new.csv
show predict $model new.csv | sed 's/[0-9.]* %/N %/'
"$DECANT" predict $model new.csv --json | sed -E 's/.*"probabilities":\[([0-9.e-]*),([0-9.e-]*)\].*/\1 \2/' |
    awk '{ exit !($1 + $2 > 0.999999 && $1 + $2 < 1.000001) }' && echo "the two probabilities add up to 1"
show lint binary.yaml -o runs.alone.loss={ce:\ 1} | grep error
show lint binary.yaml -o 'runs.mimic.loss={bce: 1, kd: 1}' | grep error
show lint binary.yaml -o 'runs.mimic.loss={dkd: 1}' | grep error
show lint binary.yaml -o 'runs.mimic.loss={logits: {weight: 1, center: true}}' | grep error
show lint binary.yaml -o runs.mimic.model=two | grep error
show lint binary.yaml -o 'models.student=[linear: 3]' | grep error
show run binary.yaml mimic -q -o 'runs.mimic.loss={kd: 1}'
