#!/bin/sh
# A file includes what it uses of the C library. The compiler cannot tell: base/banned.h, put before every file by the
# build, declares these three headers for all.
# Usage: includes.sh SOURCE_DIR
set -eu
cd "$1"
status=0
own_headers() { # FILE: the headers of its own folder that it includes
    sed -n 's/^#include "\(.*\)"/\1/p' "$1" | while read -r header; do
        for path in "src/$header" "$header"; do
            if [ "${path%/*}" = "${1%/*}" ] && [ -f "$path" ]; then echo "$path"; fi
        done
    done
}
check() { # HEADER PATTERN: files that use the one without the other
    for file in $(find src cli -name '*.c' -exec grep -lE "(^|[^_[:alnum:]>.\"])($2)\(" {} +); do
        # shellcheck disable=SC2046 # a list of files
        grep -q "^#include <$1>" "$file" $(own_headers "$file") && continue
        echo "$file uses <$1> and does not include it"
        status=1
    done
}
check string.h 'mem(cpy|set|cmp|move|chr)|str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn|pbrk|errordesc_np)'
check stdio.h 'v?snprintf|fopen|fclose|fread|fwrite|fputs|fputc|fflush|v?fprintf|printf|puts|putchar|rename|fileno|perror'
check stdlib.h 'qsort|bsearch|getenv|setenv|strto(d|l|ll|ul|ull)|realpath|free|exit|abs|mkstemp|mkdtemp'
exit $status
