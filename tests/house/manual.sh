#!/bin/sh
# The manual page knows every verb of the program and every option of every verb.
# Usage: manual.sh SOURCE_DIR PROGRAM
set -eu
page=$(sed 's/\\-/-/g; s/\\f[BIR]//g' "$1/man/decant.1")
status=0
verbs=$("$2" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
[ "$(echo "$verbs" | wc -l)" -ge 8 ] || { echo "manual: the program names hardly any verbs: $verbs"; exit 1; }
for verb in $verbs; do
    echo "$page" | grep -qE "^(\.B )?$verb( |\$)" || { echo "decant.1 does not have the verb $verb"; status=1; }
    [ "$verb" != help ] || continue
    for option in $("$2" "$verb" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        echo "$page" | grep -qE -- "(^|[ ,])$option([ ,]|\$)" || { echo "decant.1 does not have $verb $option"; status=1; }
    done
done
exit $status
