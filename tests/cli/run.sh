#!/bin/sh
# Runs one script of this folder in an empty directory and compares what it printed with NAME.out, word for word.
# Usage: run.sh DECANT MAKE_TINY NAME WORK_DIR     (UPDATE=1 in the environment writes NAME.out anew)
set -eu
DECANT=$1 MAKE_TINY=$2 name=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)
VECTORS=$here/../format/vectors
XDG_CACHE_HOME=$work/cache
export DECANT MAKE_TINY VECTORS XDG_CACHE_HOME LC_ALL=C TERM=dumb
unset DECANT_CACHE DECANT_DATA NO_COLOR || true
rm -rf "$work"
mkdir -p "$work"
cd "$work"
sh -c '. "$1/lib.sh"; . "$1/$2.sh"' sh "$here" "$name" >actual.out 2>&1 || { cat actual.out; echo "$name.sh failed"; exit 1; }
if [ "${UPDATE:-}" = 1 ]; then cp actual.out "$here/$name.out"; fi
diff -u "$here/$name.out" actual.out
