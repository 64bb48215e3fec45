# NumPy's arrays as inputs of predict: what is no image of the model's is refused, not classified.
tiny_data
tiny_recipe 1 >tiny.yaml
"$DECANT" run tiny.yaml teacher -q >out.txt
model=runs/tiny/teacher/model.safetensors
array() { # array TYPE VALUE > FILE: one image of 8x8, every element the escape VALUE
    text="{'descr': '$1', 'fortran_order': False, 'shape': (8, 8), }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$text"
    for row in 1 2 3 4 5 6 7 8; do
        for column in 1 2 3 4 5 6 7 8; do printf "$2"; done
    done
}
NUMBERS=hidden
array '|u1' '\377' >bytes.npy
show predict $model bytes.npy
array '<f4' '\000\000\200\077' >one.npy # 1: what 255 is as a byte
show predict $model one.npy
echo "doubles are numbers too:"
array '<f8' '\000\000\000\000\000\000\340\077' >doubles.npy # 0.5
show predict $model doubles.npy
show predict $model doubles.npy:0
echo "bytes kept as floats, images normalised before, another size, half a file:"
array '<f4' '\000\000\177\103' >bytes_as_floats.npy # 255
show predict $model bytes_as_floats.npy
array '<f4' '\000\000\000\277' >normalised.npy # -0.5
show predict $model normalised.npy
sed 's/(8, 8), /(4, 16),/' bytes.npy >wide.npy
show predict $model wide.npy
head -c 150 bytes.npy >half.npy
show predict $model half.npy
echo "a data set without its part:"
show predict $model fashion-mnist:0-4
show predict $model nowhere:0-4
echo "an IDX file is an array as well, and no other file is:"
{ printf '\000\000\010\003\000\000\000\001\000\000\000\010\000\000\000\010'; head -c 64 /dev/zero; } >one-idx3-ubyte
show predict $model one-idx3-ubyte
gzip -k one-idx3-ubyte
show predict $model one-idx3-ubyte.gz:0
show predict $model tiny.yaml
{ printf '\000\000\010\003\000\000\000\003\000\000\000\010\000\000\000\010'; head -c 192 /dev/zero; } >three-idx3-ubyte
show predict $model three-idx3-ubyte:1-2
show predict $model three-idx3-ubyte:2-3
