# The exit statuses: 0 done, 1 failed, 2 wrong input, 3 numbers went bad (130 is in interrupt.sh).
tiny_data
tiny_recipe 2 >tiny.yaml
status_of() {
    "$DECANT" "$@" >out.txt 2>err.txt
    echo "$? decant $*"
}
status_of info
status_of data list
status_of run tiny.yaml teacher -q
status_of run tiny.yaml teacher -q -o runs.teacher.epochs=3
status_of lint tiny.yaml -o 'runs.alone.loss={kd: 1}'
status_of run tiny.yaml teacher -q --dir bad -o 'runs.teacher.optimizer={sgd: {lr: 1e30}}'
sed -E -e 's/-?(nan|inf)/BAD/' -e 's/[0-9][0-9.e+-]*/N/g' err.txt
find bad -name result.json -o -name model.safetensors
status_of run tiny.yaml -q -o data.source=mnist --dir none
