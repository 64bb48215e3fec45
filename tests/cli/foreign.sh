# Directories of others are not written into, with --force neither.
tiny_data
tiny_recipe 1 >tiny.yaml
sed 's/name: tiny/name: other/' tiny.yaml >other.yaml
"$DECANT" run other.yaml teacher -q >out.txt
mv runs/other runs/tiny
show run tiny.yaml teacher -q
show run tiny.yaml teacher -q --force
mkdir -p mine/tiny/teacher && echo hello >mine/tiny/teacher/thesis.txt
show run tiny.yaml teacher -q --dir mine
ls mine/tiny/teacher
