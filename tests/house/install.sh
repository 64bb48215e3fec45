#!/bin/sh
# What `make install` leaves can be used: from C through pkg-config, from C++ with every public header, through
# find_package (shared and static), as a program with a man page; and the shared library shows decant_* only.
# Usage: install.sh SOURCE_DIR BUILD_DIR C_COMPILER SANITIZERS(may be empty)
set -eu
source=$1 build=$2 compiler=$3 sanitize=${4:-}
work=$build/tests/installed
rm -rf "$work"
mkdir -p "$work"
cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/moved" # nothing in it may remember where it was put
prefix=$work/moved
libdir=$(dirname "$(find "$prefix" -name libdecant.so)")
flags="-Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize=$sanitize}"
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"

cat >"$work/use.c" <<'END'
#include <decant/decant.h>
#include <stdio.h>

int main(void)
{
    const int64_t dims[] = {2, 3};
    decant_shape shape = decant_shape_make(2, dims);
    decant_tensor tensor;
    if (decant_tensor_create(DECANT_F32, &shape, &tensor) != DECANT_OK) return 1;
    decant_tensor_destroy(&tensor);
    shape.dim[0] = -1;
    if (decant_tensor_create(DECANT_F32, &shape, &tensor) != DECANT_INVALID_ARG) return 2;
    printf("%s\n", decant_status_name(DECANT_INVALID_ARG));
    return decant_error_message()[0] == '\0';
}
END
for header in "$prefix"/include/decant/*.h; do # each works alone
    # shellcheck disable=SC2086 # the flags are words
    "$compiler" -std=c11 $flags -I"$prefix/include" -fsyntax-only -x c "$header"
done
{ for header in "$prefix"/include/decant/*.h; do echo "#include <decant/$(basename "$header")>"; done
    echo 'int main() { decant_shape shape = decant_shape_make(0, 0); return decant_shape_count(&shape) == 1 ? 0 : 1; }'
} >"$work/use.cpp"

expect() { # COMMAND prints INVALID_ARG
    said=$("$@") && [ "$said" = INVALID_ARG ] || { echo "install: $* said \"$said\""; exit 1; }
}

# shellcheck disable=SC2046,SC2086
"$compiler" -std=c11 $flags "$work/use.c" $(pkg-config --cflags --libs decant) -o "$work/use_pkgconfig"
expect "$work/use_pkgconfig"
case $compiler in *clang*) cpp=clang++ ;; *) cpp=g++ ;; esac
# shellcheck disable=SC2046,SC2086
$cpp -std=c++17 $flags "$work/use.cpp" $(pkg-config --cflags --libs decant) -o "$work/use_cpp"
"$work/use_cpp"
[ "$(pkg-config --modversion decant)" = "$(sed -n 's/^project(decant VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ]

mkdir "$work/project"
cp "$work/use.c" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(use LANGUAGES C)
find_package(decant 0.1 REQUIRED COMPONENTS static)
add_executable(use_shared use.c)
target_link_libraries(use_shared PRIVATE decant::decant)
add_executable(use_static use.c)
target_link_libraries(use_static PRIVATE decant::static)
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_C_FLAGS="$flags" >"$work/log" 2>&1 && cmake --build "$work/project/build" >>"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
expect "$work/project/build/use_shared"
expect "$work/project/build/use_static"

# The example of docs/library.md: it builds, and without arguments it is wrong usage.
sed -n '/^```c$/,/^```$/{/^```/d;p}' "$source/docs/library.md" >"$work/example.c"
# shellcheck disable=SC2046,SC2086
"$compiler" -std=c11 $flags "$work/example.c" $(pkg-config --cflags --libs decant) -o "$work/example"
said=0
"$work/example" 2>/dev/null || said=$?
[ "$said" = 2 ] || { echo "install: the example of docs/library.md ended with $said"; exit 1; }

"$prefix/bin/decant" info >/dev/null
[ -s "$prefix/share/man/man1/decant.1" ]
if nm -D --defined-only "$libdir/libdecant.so" | awk '{print $3}' | grep -vE '^decant_|^__(asan|odr_asan|ubsan|tsan|sancov|start_|stop_)' ; then
    echo "install: the shared library shows the names above, which are not public"
    exit 1
fi
# The headers promise what the library has: no declared function is missing.
sed -n '/^typedef/d; s/^[A-Za-z].*[ *]\(decant_[a-z0-9_]*\)(.*/\1/p' "$prefix"/include/decant/*.h | sort -u >"$work/declared"
nm -D --defined-only "$libdir/libdecant.so" | awk '{print $3}' | sort -u >"$work/defined"
if comm -23 "$work/declared" "$work/defined" | grep .; then
    echo "install: the functions above are declared in the public headers and not in the library"
    exit 1
fi
