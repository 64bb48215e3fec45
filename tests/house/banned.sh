#!/bin/sh
# Words that may not stand in the tree, and calls that the library may not make: it neither prints nor exits nor asserts,
# and takes memory through base/memory.c only. (base/banned.h catches the rest while compiling.)
# Usage: banned.sh SOURCE_DIR
set -eu
cd "$1"
status=0

refuse() { # WHY PATTERN FILES...: no line of the files may match
    why=$1 pattern=$2
    shift 2
    if grep -rnE --include='*.c' --include='*.h' --include='*.def' --include='*.inc' --include='*.sh' --include='*.cmake' \
        --include='CMakeLists.txt' --include='*.md' --include='*.yaml' --include='*.py' --include='*.1' \
        --exclude-dir=build --exclude-dir=house "$pattern" "$@"; then
        echo "banned: $why" >&2
        status=1
    fi
}

refuse "unfinished work is not committed" '\b(TODO|FIXME|XXX|HACK|WIP)\b|[Nn]ot (yet )?implemented' .
refuse "a path of somebody's machine" '(^|[^[:alnum:]._-])/(work|home|root|Users)/' .
refuse "the library neither prints nor ends the program" \
    '(^|[^_[:alnum:]>.])(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|exit|_exit|abort|assert|signal)\(' src
refuse "memory is taken and freed through base/memory.h" '(^|[^_[:alnum:]>.])(malloc|calloc|realloc|alloca|strdup|strndup|asprintf)\(' \
    $(find src cli -name '*.[ch]' ! -path src/base/memory.c ! -path src/base/banned.h)
refuse "these cut, overrun or guess in silence" '(^|[^_[:alnum:]>.])(strcpy|strcat|sprintf|strncpy|atoi|atol|atof|strtok|gets|rand|srand)\(' \
    $(find src cli -name '*.[ch]' ! -path src/base/banned.h)
exit $status
