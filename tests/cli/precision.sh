# What layers compute in: by the recipe, by one of its runs, by an option; what it changes, and that it repeats. And the
# short spin of waiting threads that the program gives itself.
tiny_data
tiny_recipe 2 >tiny.yaml
narrow() { # how many steps of a plan compute from bf16
    "$DECANT" summary "$@" --plan >plan.txt && grep -c ' bf16 ' plan.txt | sed 's/^[1-9][0-9]*$/some/'
}
narrow tiny.yaml teacher --precision f32
narrow tiny.yaml teacher --precision bf16
narrow tiny.yaml teacher -o precision=bf16
narrow tiny.yaml teacher -o precision=bf16 -o runs.teacher.precision=f32
narrow tiny.yaml teacher -o precision=f32 -o runs.teacher.precision=bf16
show summary tiny.yaml teacher --plan --precision half
show lint tiny.yaml -o precision=half
show lint tiny.yaml -o runs.teacher.precision=half

for name in once again; do
    "$DECANT" run tiny.yaml teacher -q -o precision=bf16 --dir $name >/dev/null || echo "$name failed"
done
"$DECANT" run tiny.yaml teacher -q -o precision=f32 --dir plain >/dev/null || echo "plain failed"
same() {
    cmp -s $1/tiny/teacher/model.safetensors $2/tiny/teacher/model.safetensors && echo "$1 and $2: the same model" || echo "$1 and $2 differ"
}
same once again
same once plain
"$DECANT" eval once/tiny/teacher/model.safetensors -q --precision bf16 --json | grep -o '"test_accuracy":\|"accuracy":' | head -1

show run tiny.yaml teacher -q -o precision=f32 --dir again # where a run in bf16 is

spin() { # what a program that was started so finds in its environment, whichever OpenMP it was built with
    env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY "$@" "$DECANT" run tiny.yaml teacher -q --dir spin -o runs.teacher.epochs=1000000 >/dev/null 2>&1 &
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        tr '\0' '\n' </proc/$!/environ | grep '^GOMP_SPINCOUNT=' && break
        sleep 0.2
    done
    kill -9 $!
    wait $! 2>/dev/null
    rm -rf spin
}
spin
spin GOMP_SPINCOUNT=77

threads() { # how many it computes with; OpenMP complains where it finds no /sys
    env -u GOMP_SPINCOUNT "$@" "$DECANT" info 2>/dev/null | grep -o 'cpu: .*, [0-9]* threads*' | grep -o '[0-9]* threads*'
}
# Of two OpenMPs (clang's beside oneDNN's) the second finds what the first has bound itself to: that build is not asked.
openmps=$(ldd "$DECANT" | grep -c 'lib[a-z]*omp')
{ [ "$openmps" -gt 1 ] || [ "$(threads)" = "$(threads OMP_PROC_BIND=true OMP_PLACES=threads)" ]; } && echo "bound threads: as many"
core=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
[ "$(threads taskset -c "$core")" = "1 thread" ] && echo "one core: one thread"
