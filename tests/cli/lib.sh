# What the scripts have in common. Standard error is shown behind standard output, each line after "! ".
set -u

show() { # shows a command, what it says, and its exit status
    echo "\$ decant $*"
    status=0
    "$DECANT" "$@" >out.txt 2>err.txt || status=$?
    mask out.txt
    mask err.txt | sed 's/^/! /'
    echo "[$status]"
}

mask() { # hides the folder that the tests run in; numbers too where a script sets NUMBERS=hidden
    if [ "${NUMBERS:-}" = hidden ]; then
        sed -E -e "s|$PWD|HERE|g" -e 's/"hash":"[0-9a-f]+"/"hash":"HASH"/' \
            -e 's/"made_(by|with|at)":"[^"]*"/"made_\1":"MADE"/g' -e 's/"made_by":\[[^]]*\]/"made_by":[MADE]/g' \
            -e 's/\b[0-9]+([.,][0-9]+)*(e[+-]?[0-9]+)?\b/N/g' \
            -e 's/not better|better|inconclusive/VERDICT/g' -e 's/ N [KM]?B/ SIZE/g' -e 's/[+-]N points/N points/' -e 's/:-N/:N/g' -e 's/·/N/g' \
            -e 's/paired t-test|sign test|McNemar.s exact test/TEST/g' -e 's/ \(± N over N seeds\)//' -e '/N to N %/d' \
            -e 's/( %) +(-|N.* \(N\))$/\1 MISTAKE/' \
            -e 's/ \(wrong: .*\)//' -e 's/( %, N errors) \*/\1/' -e 's/-{3,}/---/g' -e 's/ ± / +- /g' -e 's/  +/ /g' "$1"
    else
        sed -e "s|$PWD|HERE|g" "$1"
    fi
}

tiny_data() { # writes the tiny data set
    "$MAKE_TINY" data
}

tiny_recipe() { # tiny_recipe EPOCHS > FILE: a teacher, a student alone and distilled
    cat <<END
decant: 1
name: tiny
threads: 1
data:
  source: {format: idx, path: data}
  validation: 40
models:
  teacher:
    - conv: {channels: 8, kernel: 3, padding: 1}
    - relu
    - maxpool: 2
    - flatten
    - linear: 4
  student:
    - flatten
    - linear: 8
    - relu
    - linear: 4
runs:
  teacher: {model: teacher, epochs: $1, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
  alone: {model: student, epochs: $1, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}, seeds: 2}
  distilled: {like: alone, teacher: teacher, loss: {ce: 0.5, kd: {weight: 0.5, temperature: 2}}}
budget: {model: student, parameters: 1000}
END
}
