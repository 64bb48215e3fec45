# Places that cannot be written, disks that are full, and files that are cut short: told, and nothing half-written is left.
tiny_data
tiny_recipe 2 >tiny.yaml
echo >file
show run tiny.yaml -q --dir file/runs
show run tiny.yaml -q --dir /proc/runs
echo "results that cannot be written:"
"$DECANT" info >/dev/full
echo "[$?]"
echo "a disk that fills:"
(
    trap '' XFSZ
    ulimit -f 4
    "$DECANT" run tiny.yaml -q teacher --dir full >out.txt 2>err.txt
    echo "[$?]"
)
grep -c 'error' err.txt
find full -name 'result.json' -o -name '*.tmp*'
"$DECANT" run tiny.yaml -q teacher --dir full >out.txt
echo "[$?]"
echo "a model that is cut short:"
NUMBERS=hidden
head -c 1500 full/tiny/teacher/model.safetensors >short.safetensors
show summary short.safetensors
show run tiny.yaml -q distilled --dir other -o runs.distilled.teacher=./short.safetensors
head -c 3 full/tiny/teacher/model.safetensors >short.safetensors
show eval short.safetensors --data data
echo "data that is cut short:"
head -c 5000 data/train-images-idx3-ubyte >cut && mv cut data/train-images-idx3-ubyte
show data check data
show run tiny.yaml -q --dir third
ls third 2>&1 | sed 's/.*No such.*/nothing/'
