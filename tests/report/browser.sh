#!/bin/sh
# Pages of `decant report` in headless Chromium: of ordinary runs, and of runs whose every name tries to become markup.
# Usage: browser.sh DECANT MAKE_TINY WORK_DIR
set -eu
DECANT=$1 MAKE_TINY=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
rm -rf "$work"
mkdir -p "$work"
cd "$work"
. "$here/../cli/lib.sh"
tiny_data
tiny_recipe 2 >tiny.yaml
"$DECANT" run tiny.yaml -q >run.txt
"$DECANT" report runs/tiny -o page.html
cp page.html again.html
"$DECANT" report runs/tiny -o again.html
cmp page.html again.html # the same runs make the same page

cp -r runs hostile
python3 - <<'END'
import glob, json
ATTACK = '</script><script>window.hacked=1</script><img src="http://127.0.0.1:9/x" onerror="window.hacked=2">'
NAMES = ["<!--<script>", '"><svg onload=window.hacked=3>', "' onmouseover='window.hacked=4", "\u001b[2J\u202ehostile &amp; ]]>"]
for path in glob.glob("hostile/tiny/*/result.json"):
    result = json.load(open(path))
    for key in ("run", "model", "recipe", "teacher", "baseline"):
        if result.get(key):
            result[key] += ATTACK
    result["classes"] = [name + ATTACK for name in NAMES]
    json.dump(result, open(path, "w"))
for path in glob.glob("hostile/tiny/*/metrics.jsonl"):
    lines = [json.loads(line) for line in open(path)]
    for line in lines:
        line["terms"] = {name + ATTACK: value for name, value in line["terms"].items()}
    open(path, "w").write("".join(json.dumps(line) + "\n" for line in lines))
for path in glob.glob("hostile/tiny/*/losses.json"):
    sheet = json.load(open(path))
    for term in sheet["terms"]:
        term.update(name=term["name"] + ATTACK, formula=ATTACK, reduction=ATTACK, weight=ATTACK)
    json.dump(sheet, open(path, "w"))
for path in glob.glob("hostile/tiny/*/run.json"):
    run = json.load(open(path))
    run["text"] += ATTACK
    run["file"] += ATTACK
    run["overrides"] = [ATTACK]
    json.dump(run, open(path, "w"))
END
"$DECANT" report hostile -o hostile.html

python3 "$here/look_at_page.py" page.html page.png light
python3 "$here/look_at_page.py" hostile.html hostile.png dark
