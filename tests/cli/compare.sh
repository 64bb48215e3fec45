# Runs of two recipes side by side, what tells rows of one name apart, and data that is not the same.
tiny_data
tiny_recipe 1 >tiny.yaml
NUMBERS=hidden
sed 's/^name: tiny/name: second/' tiny.yaml >second.yaml
"$DECANT" run tiny.yaml -q >out.txt 2>err.txt
"$DECANT" run second.yaml -q alone >out.txt 2>err.txt
show compare runs
show compare runs --against runs/second/alone-seed1/
show compare runs/tiny/alone-seed0/ runs//tiny/alone-seed1 runs/tiny/distilled-seed*/ | sed 1d
echo "the mean of five equal numbers is not one of them in binary, and they do not spread:"
for seed in 0 1 2 3 4; do
    cp -r runs/tiny/distilled-seed0 five-$seed
    sed -i "s/\"seed\":0/\"seed\":$seed/; s/\"teacher_accuracy\":[0-9.]*/\"teacher_accuracy\":0.9927/g" five-$seed/result.json
done
"$DECANT" compare five-* --json 2>/dev/null | grep -o '"teacher_accuracy":{"mean":[0-9.]*,"spread":[0-9.]*'
show compare runs --against alone
show compare runs --against alon
sed -i 's/"data_hash":"[0-9a-f]*"/"data_hash":"another"/' runs/second/alone-seed*/result.json
show compare runs/tiny/alone-seed* runs/second
show compare runs/tiny/distilled-seed* runs/second --against runs/second/alone-seed0 --json
sed -i 's/"predictions":\[[0-9]/"predictions":[9/' runs/second/alone-seed0/result.json
show compare runs/second
sed -i 's/"by":"decant [^"]*"/"by":"decant N on another"/' runs/tiny/distilled-seed1/result.json
"$DECANT" compare runs/tiny 2>&1 >out.txt | sed -E 's/by decant [0-9.]+( \([0-9a-f]+(-dirty)?\))? on [^,:]*/by THIS/'
"$DECANT" compare runs/tiny -q 2>&1 >out.txt
"$DECANT" compare runs/tiny --json 2>/dev/null | grep -o '"made_by":.*on another"'  | sed -E 's/"decant [0-9.]+( \([0-9a-f]+(-dirty)?\))? on [^"]*",/THIS,/'
echo "a damaged result of a run that nobody asked for is told and left out:"
sed -i 's/"predictions":\[[0-9]/"predictions":[9/' runs/tiny/alone-seed0/result.json
"$DECANT" run tiny.yaml distilled 2>&1 >out.txt | grep -o 'it is damaged:.*'
grep -cE '^(alone|distilled) ' out.txt
echo "a baseline of another folder is one only if the user says so; one seed in two directories is nobody's to choose:"
rm runs/tiny/alone-seed0/result.json
"$DECANT" run tiny.yaml -q >out.txt 2>err.txt
mkdir -p apart/tiny && mv runs/tiny/distilled-seed* apart/tiny
"$DECANT" compare runs/tiny apart/tiny -q | grep 'not judged'
"$DECANT" compare runs/tiny apart/tiny --against alone -q | grep -c 'points'
cp -r runs/tiny/alone-seed0 runs/tiny/alone
show compare runs/tiny
echo "folders are told apart by what they are, not by how they are written; two recipes of one folder by their directories:"
(cd runs/tiny/alone-seed0 && "$DECANT" compare . ../alone-seed1 -q | grep -c '^alone  *2 ')
"$DECANT" compare runs/tiny/alone-seed0 "$PWD/runs/tiny/alone-seed1" --against ./runs/tiny/alone-seed1 -q | grep -c '^alone  *2 '
mkdir runs/tiny/other-seed0 && cp runs/second/alone-seed1/result.json runs/tiny/other-seed0
"$DECANT" compare runs/tiny/alone-seed* runs/tiny/other-seed0 -q 2>err.txt | grep -oE "^runs/[^ ]*"
rm -r runs/tiny/other-seed0
echo "seeds of different experiments are no row, pruned seeds differ in size, and numbers that contradict each other are damage:"
cp -r runs/tiny mixed && rm -rf mixed/distilled* mixed/teacher mixed/alone
sed -i 's/"epochs":1,"batch"/"epochs":2,"batch"/; s/"parameters":556/"parameters":500/' mixed/alone-seed1/result.json
show compare mixed
"$DECANT" compare mixed --json 2>/dev/null | grep -o '"mixed":"[^"]*","parameters":[0-9]*\|"sizes_differ":true'
"$DECANT" report mixed -o mixed.html 2>/dev/null | sed 's/:.*//' && grep -o 'Mixed seeds.</b>[^<]*' mixed.html
sed -i 's/"accuracy":\([0-9.]*\),"errors"/"accuracy":5,"errors"/' mixed/alone-seed1/result.json
"$DECANT" compare mixed 2>&1 | sed 's/with .* errors/with N errors/'
echo "a baseline that was made by another version is told:"
"$DECANT" run tiny.yaml distilled -q --dir stale >out.txt 2>err.txt
"$DECANT" run tiny.yaml alone -q --dir stale -o runs.alone.batch=10 >out.txt 2>err.txt
"$DECANT" run tiny.yaml distilled --dir stale 2>&1 >out.txt | grep 'left out'
echo "a run that was renamed is its students' baseline under its new name:"
mv apart/tiny/* runs/tiny && rm -r runs/tiny/alone && sed 's/alone/solo/' tiny.yaml >renamed.yaml
"$DECANT" run renamed.yaml -q >out.txt 2>err.txt
grep -c 'against solo' out.txt
grep -q alone out.txt || echo "nothing is called alone"
rm -r runs/tiny/alone-seed*
"$DECANT" compare runs/tiny -q | grep -c 'against solo'
ln -s distilled-seed0 runs/tiny/latest
"$DECANT" compare runs/tiny -q | grep -c '^distilled '
