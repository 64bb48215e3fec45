#!/bin/sh
# Who may include whom. The rooms and their order are those of src/CMakeLists.txt: a room sees itself and those before it.
# Two exceptions: device sees only base, tensor and the op table, and what lies in a device's folder is that device's own.
# The program sees the public headers and its own.
# Usage: layering.sh SOURCE_DIR
set -eu
cd "$1"
rooms=$(sed -n 's/^set(DECANT_ROOMS \(.*\))$/\1/p' src/CMakeLists.txt)
if [ -z "$rooms" ]; then
    echo "layering: src/CMakeLists.txt names no rooms" >&2
    exit 1
fi

grep -rnE '^[[:space:]]*#[[:space:]]*include' src cli --include='*.c' --include='*.h' --include='*.def' --include='*.inc' |
    awk -v rooms="$rooms" '
    function complain(why) { print where ": " why ": " $0; bad++ }
    BEGIN {
        n = split(rooms, list, " ")
        for (i = 1; i <= n; i++) place[list[i]] = i
    }
    {
        seen++
        split($0, part, ":")
        file = part[1]
        where = part[1] ":" part[2]
        split(file, folder, "/")
        room = folder[2]
        if ($0 ~ /<dnnl/ && file !~ /^src\/device\/cpu\//) complain("oneDNN stays in src/device/cpu")
        if ($0 !~ /"/) next # a system header
        split($0, quoted, "\"")
        header = quoted[2]
        split(header, into, "/")
        target = into[1]

        if (folder[1] == "cli") {
            if (header !~ /^(decant\/|cli\/)/ && header ~ /\//) complain("cli sees only decant/*.h and its own")
            next
        }
        if (header !~ /\//) { complain("write the room: \"" room "/" header "\""); next }
        if (target == "decant") next
        if (!(target in place)) { complain("no such room"); next }
        if (header ~ /^device\/[a-z0-9]+\// && file !~ ("^src/device/" into[2] "/")) complain("private to its device")
        if (room == "device" && target != "device") {
            if (header !~ /^(base|tensor)\/|^graph\/op\.(h|def)$/) complain("a device sees base, tensor and graph/op.h only")
        } else if (place[target] > place[room]) complain(target " comes after " room)
    }
    END {
        if (seen < 20) { print "layering: hardly any includes were found; is the test looking in the right place?"; bad++ }
        exit bad > 0
    }'
