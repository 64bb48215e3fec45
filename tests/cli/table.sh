# A table from end to end: learnt, evaluated and predicted from raw rows, and what is said when rows are wrong.
awk 'BEGIN { print "id,size,kind,note,y"; for (i = 0; i < 120; i++) printf "%d,%s,%s,%s,%s\n", i,
    i % 10 == 7 ? "" : i % 3 == 0 ? i % 7 : 10 + i % 7, substr("uvw", 1 + i % 3, 1), i % 2 ? "\"a, b\"" : "c",
    i % 3 == 0 ? "small" : "large" }' >rows.csv
cat >table.yaml <<END
decant: 1
name: table
threads: 1
data:
  source: {format: csv, path: rows.csv, target: y, drop: [id], unlabelled: 0.1, test: 0.2}
  allow_overlap: true
models:
  net: [linear: 4, relu, linear: 2]
runs:
  net: {model: net, epochs: 30, batch: 8, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
END
show lint table.yaml
show run table.yaml -q >/dev/null
model=runs/table/net/model.safetensors
show eval $model | sed -e 's/loss .*/loss N/' -e '/ to .* %/d' -e 's/^calibration.*/calibration error N/'
show eval $model --split train | sed -n -e 's/loss .*/loss N/p' -e '/^[[$]/p'
printf 'kind,size,note\nu,1,c\nw,15,"a, b"\n' >new.csv
show predict $model new.csv | sed 's/[0-9.]* %/N %/'
show predict $model rows.csv:3 | sed 's/[0-9.]* %/N %/'
show predict $model new.csv:1-2
cp new.csv NEW.CSV
show predict $model NEW.CSV:0 | sed 's/[0-9.]* %/N %/'
printf '\357\273\277kind,size,note\r\nu,1,c\n\nx,2,c\r\n' >bad.csv
show predict $model bad.csv
printf 'kind,size,note\nu,many,c\n' >bad.csv
show predict $model bad.csv
printf 'kind,size\nu,1\n' >bad.csv
show predict $model bad.csv
printf 'kind,size,note\nu,1\n' >bad.csv
show predict $model bad.csv
show eval $model --data new.csv
show eval $model --data absent.csv | sed 's/, nor .*//'
show lint table.yaml -o data.source.target=z
show lint table.yaml -o data.source.drop=[idd]
show lint table.yaml -o data.source.columns={kind:\ number}
show lint table.yaml -o data.source.test=1.5
show lint table.yaml -o data.source.test=other.csv | sed 's/, nor .*//'
show lint table.yaml -o data.source.targets=y
show data check table.yaml | tail -4
show data check table.yaml --seed 1
show data check table.yaml -o data.source.target=z
show data check rows.csv -o data.seed=1
echo "the same rows in another order are no test"
(head -1 rows.csv && tail -n +2 rows.csv | LC_ALL=C sort -r) >turned.csv
show eval $model --data turned.csv
show lint table.yaml -o data.source.path=turned.csv -o runs.net.init=./$model | grep learnt
echo "the table has changed since"
echo '200,1,u,c,small' >>rows.csv
show eval $model
show eval $model --data ./rows.csv
cp rows.csv other-rows.csv
show eval $model --data other-rows.csv | sed -n 's/ 121 .*/ all rows/p'
echo "rows whose class nobody knows yet"
printf 'kind,size,note,y\nu,1,c,?\nw,15,"a, b",large\n' >open.csv
show predict $model open.csv | sed 's/[0-9.]* %/N %/'
echo "the pool's file is not needed for a test"
awk 'NR % 4 || NR == 1' rows.csv >some.csv
grep -v '"' some.csv | cut -d, -f1-4 >pool.csv
show run table.yaml -q --dir pooled -o data.source.path=some.csv -o data.source.unlabelled=pool.csv >/dev/null
rm pool.csv
"$DECANT" eval pooled/table/net/model.safetensors | grep -c 'errors in'
echo "another share set aside tests other rows"
show lint table.yaml -o data.source.path=some.csv -o data.source.unlabelled=0.3 -o data.allow_overlap=false -o data.normalize=none \
    -o runs.net.init=pooled/table/net/model.safetensors | grep learnt
echo "identifiers that are one number in f32"
awk 'BEGIN { print "id,y"; for (i = 0; i < 60; i++) printf "%d,%s\n", 1000000000 + i, i % 2 ? "p" : "q" }' >id.csv
sed -e 's/, drop: \[id\]//' -e 's/rows.csv/id.csv/' -e '/allow_overlap/d' table.yaml >id.yaml
show lint id.yaml | grep overlap
