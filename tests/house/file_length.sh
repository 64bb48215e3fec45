#!/bin/sh
# A file is a room. Above 900 lines there is a second room in it; what is wider than 120 bytes nobody reads to its end
# (clang-format sees that, too, but runs only when somebody asks). Tables of numbers that a generator wrote are no rooms.
# Usage: file_length.sh SOURCE_DIR
set -eu
cd "$1"
# shellcheck disable=SC2046 # folders that nobody has needed yet are left out
find $(ls -d src cli include tests bench tools cmake 2>/dev/null) \( -name '*.[ch]' -o -name '*.def' -o -name '*.inc' -o -name '*.cmake' -o -name '*.sh' \
    -o -name '*.py' \) ! -path '*/golden/*' -exec awk '
    FNR == 901 { print FILENAME ": more than 900 lines"; bad++ }
    length($0) > 120 && FILENAME ~ /^(src|cli|include)\/.*\.[ch]$/ {
        print FILENAME ":" FNR ": wider than 120 columns"; bad++
    }
    FNR == 1 && FILENAME ~ /^(src|cli|include)\// && FILENAME ~ /\.[ch]$/ && !/^\/\*/ {
        print FILENAME ": does not open by saying what lives there"; bad++
    }
    END { exit bad > 0 }' {} +
