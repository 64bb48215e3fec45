# Transfer sets and the correction of biases: a class left out, a pool without labels, and the mistakes one can make with them.
tiny_data
cat >transfer.yaml <<END
decant: 1
name: transfer
threads: 1
data: {source: {format: idx, path: data}, unlabelled: 0.2}
models:
  teacher: [flatten, linear: 16, relu, linear: 4]
  student: [flatten, linear: 8, relu, linear: 4]
runs:
  teacher: {model: teacher, epochs: 4, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
  alone: {model: student, epochs: 4, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
  no-twos:
    like: alone
    teacher: teacher
    loss: {ce: 0.3, kd: {weight: 0.7, temperature: 4}}
    transfer: {leave_out: [2]}
    correct_bias: frequencies
  pool:
    like: alone
    teacher: teacher
    loss: {logits: 1}
    transfer: {unlabelled: also}
END
show lint transfer.yaml
show data check transfer.yaml -o data.validation=40
NUMBERS=hidden
show run transfer.yaml
show run transfer.yaml no-twos --json -q
show compare runs/transfer/no-twos --json
show eval runs/transfer/no-twos/model.safetensors --data data | head -15
show eval runs/transfer/pool/model.safetensors --data data --split train --json | sed "s/,\"calibration.*//"
show report runs/transfer -o page.html
grep -o "before its biases were corrected</th><td class=n>[0-9.]* %</td>" page.html | sed "s/[0-9.]* %/N %/"
NUMBERS=
show lint transfer.yaml -o 'runs.no-twos.transfer={leave_out: [7]}'  | grep "^error"
show lint transfer.yaml -o 'runs.no-twos.transfer={leaveout: [2]}'
show lint transfer.yaml -o 'runs.no-twos.transfer={keep: [0, 1], labels: false}' | grep "^error"
show lint transfer.yaml -o 'runs.no-twos.correct_bias=validation' | grep "^error"
show lint transfer.yaml -o 'data.unlabelled=0' | grep "^error"
show lint transfer.yaml -o 'models.student=[flatten, linear: {features: 4, bias: false}]' | grep "^error"
echo "a student that knows one class:"
"$DECANT" run transfer.yaml alone --dir one -o 'runs.alone.transfer={keep: [1]}' -o runs.alone.epochs=100 \
    -o 'models.student=[flatten, {linear: 1}, relu, {linear: 4}]' 2>&1 >out.txt | grep "every test sample"
