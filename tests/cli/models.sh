# Model files that teach or start a run on data that they were not made for, or whose test rows they learnt.
awk 'BEGIN { print "a,b,kind,y"; for (i = 0; i < 200; i++) printf "%d,%d,%s,%s\n", i % 17, (i * 7) % 13, substr("uvw", 1 + i % 3, 1),
    (i % 17 > 8) ? "large" : "small" }' >rows.csv
awk -F, '{ print $2 "," $1 "," $3 "," $4 }' rows.csv >swapped.csv
sed 's/,w,/,x,/' rows.csv >kinds.csv
sed -e 's/large/a-lot/' rows.csv >classes.csv
cat >table.yaml <<END
decant: 1
name: table
threads: 1
data:
  source: {format: csv, path: rows.csv, target: y, test: 0.2}
  normalize: none
  allow_overlap: true
models:
  net: [linear: 4, relu, linear: 2]
runs:
  net: {model: net, epochs: 2, batch: 16, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
END
show run table.yaml -q >/dev/null
sed -e 's/name: table/name: taught/' -e '/^runs:/,$d' table.yaml >taught.yaml
cat >>taught.yaml <<END
  small: [linear: 3, relu, linear: 2]
runs:
  alone: {model: small, epochs: 2, batch: 16, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
  taught: {like: alone, teacher: runs/table/net/model.safetensors, loss: {kd: 1}}
  more: {like: alone, model: net, init: runs/table/net/model.safetensors}
END
show lint taught.yaml
show lint taught.yaml -o data.source.path=swapped.csv
show lint taught.yaml -o data.source.path=kinds.csv
show lint taught.yaml -o data.source.path=classes.csv
show lint taught.yaml -o data.seed=5 -o data.allow_overlap=false
show lint taught.yaml -o data.seed=5
echo "pictures whose test part is drawn"
"${MAKE_TINY%make_tiny}make_pictures" own
sed -e 's/name: table/name: pictures/' -e 's|source: .*|source: {format: images, path: own/pictures, test: 0.25}|' -e 's/net: \[.*/net: [flatten, linear: 4]/' \
    table.yaml >pictures.yaml
show run pictures.yaml -q >/dev/null
sed -e 's/^runs:/runs:\n  kd: {like: net, teacher: runs\/pictures\/net\/model.safetensors, loss: {kd: 1}}/' pictures.yaml >again.yaml
show lint again.yaml -o data.allow_overlap=false -o data.seed=3
show lint again.yaml -o data.allow_overlap=false -o data.source.test=0.5
show lint taught.yaml -o 'runs.taught.optimizer={sgd: {lr: 1}}' -o 'runs.taught.loss={kd: 1, ce: 1}'
echo "what else is not equal between compared runs"
show lint taught.yaml -o runs.more.teacher=runs/table/net/model.safetensors -o 'runs.more.loss={kd: 1}' -o runs.more.model=net \
    -o 'runs.alone={model: net, epochs: 2, batch: 16, optimizer: {adam: {lr: 1e-3}}, loss: {ce: 1}}' -o 'runs.taught={like: alone}'
echo "a class without a test sample, a table of semicolons"
awk 'NR == 1 || $0 !~ /large/ || NR < 13' rows.csv >rare.csv
sed 's/,/;/g' rows.csv >semicolons.csv
show lint table.yaml -o data.source.path=rare.csv -o data.source.test=0.02 | grep -v '^note'
show lint table.yaml -o data.source.path=semicolons.csv
echo "a baseline that was made before stands beside the run that was asked for"
NUMBERS=hidden
show run taught.yaml alone -q >/dev/null
show run taught.yaml taught -q
show run taught.yaml again -q -o 'runs.again={like: taught, batch: 8}'
show run taught.yaml more -q >/dev/null
show run taught.yaml most -q -o 'runs.most={like: more, batch: 8}'
NUMBERS=
echo "other inputs than the file was trained on, and a pool that holds what is tested"
show lint taught.yaml -o data.normalize=train | grep -v '^note'
{ cat rows.csv; sed 1d rows.csv; } >twice.csv
show lint taught.yaml -o data.source.path=twice.csv -o data.source.unlabelled=0.3 -o 'runs.taught.transfer={unlabelled: also}' \
    -o data.allow_overlap=false | grep pool
show lint taught.yaml -o data.source.path=twice.csv -o data.source.unlabelled=0.3 -o 'runs.taught.transfer={unlabelled: also}' | grep pool
