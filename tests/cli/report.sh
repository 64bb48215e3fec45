# A page of finished runs: what it is called, what is in it, and what keeps it from being made.
tiny_data
tiny_recipe 1 >tiny.yaml
"$DECANT" run tiny.yaml -q -o runs.distilled.loss.kd.temperature=3 >out.txt 2>err.txt
show report
show report runs/tiny -q
show report runs/tiny -o page.html --json -q | sed 's/"charts":[a-z]*/"charts":BUILT/'
cmp report.html page.html && echo "the same runs make the same page"
has() { # has WHAT TEXT: the page says it
    grep -qF -- "$2" page.html && echo "page: $1" || echo "page: NO $1"
}
has "its title" '<title>tiny – decant</title>'
has "the verdict" 'against <b>alone</b>'
has "calibration" 'Answers by their confidence'
has "agreement with the teacher" 'Student and teacher on the test samples'
has "the confusion matrix" 'class="heat confusion"'
has "the curves in numbers" 'alone, epoch by epoch in numbers'
has "the recipe" 'budget: {model: student, parameters: 1000}'
has "the override" '<code>-o runs.distilled.loss.kd.temperature=3</code>'
has "a policy against the network" "default-src 'none'"
grep -oE '(src|href)="?(https?:|//)' page.html || echo "page: no address of the network"
show report runs/tiny/alone-seed0 runs/tiny/teacher --against teacher -o one.html -q
show report runs/tiny --against nobody -o none.html
show report data -o none.html
show report runs/tiny -o no/such/folder/page.html
mkdir folder
show report runs/tiny -o folder
sed -i '1s/.*/{"epoch":7}/' runs/tiny/alone-seed1/metrics.jsonl
show report runs/tiny -o none.html
rm runs/tiny/alone-seed1/metrics.jsonl runs/tiny/alone-seed1/run.json
show report runs/tiny/alone-seed1 -o alone.html -q
ls
echo "runs of one name in two folders: each student stands beside its own teacher"
"$DECANT" run tiny.yaml -q --dir other >out.txt 2>err.txt
"$DECANT" report runs/tiny other/tiny -o both.html
grep -o '<th scope=row>[a-z/]*</th><td>[a-z/]*teacher</td>' both.html
"$DECANT" report runs/tiny --against teacher -o against.html -q
grep -o '<th scope=row>[a-z/]*</th><td>[a-z/]*teacher</td>' against.html
echo "a teacher that is no row"
"$DECANT" report runs/tiny/alone-seed* runs/tiny/distilled-seed* -o taught.html -q
grep -o '<th scope=row colspan=5>teacher of [a-z]*</th>' taught.html
"$DECANT" report runs/tiny/distilled-seed* -o single.html -q
grep -o '<td>– (no alone)</td>' single.html
sed -i 's/"with":"[^"]*"/"without":""/' runs/tiny/distilled-seed0/result.json # a signature that somebody cut
"$DECANT" report runs/tiny/distilled-seed0 -o cut.html -q && ! grep -q '<dt>made by</dt>' cut.html && echo "no signature"
