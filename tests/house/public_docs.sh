#!/bin/sh
# Every declaration of the public headers stands directly below its own doc comment (/** ... */), every header can be
# used from C++, and decant.h includes them all.
# Usage: public_docs.sh SOURCE_DIR
set -eu
cd "$1/include/decant"
awk '
    FNR == 1 { inside = ""; in_comment = 0; documented = 0 }
    # A comment that opens in the first column.
    /^\/\*/ { in_comment = 1; is_doc = /^\/\*\*/ }
    in_comment {
        if (/\*\//) { in_comment = 0; documented = is_doc }
        next
    }
    /^[[:space:]]*$/ { if (!inside) documented = 0; next } # the comment must touch what it documents
    /^#|^extern "C"|^}$/ { documented = 0; next }
    inside { # the body of a struct or enum, up to its closing brace, or the further lines of a declaration
        if (inside == "body" ? /^}/ : /;/) inside = ""
        next
    }
    {
        declarations++
        if (!documented) { print FILENAME ":" FNR ": no doc comment (/** ... */) directly above: " $0; bad++ }
        documented = 0
        inside = /{[^}]*$/ ? "body" : /;/ ? "" : "declaration"
    }
    END {
        if (declarations < 15) { print "public_docs: hardly any declarations were found"; bad++ }
        exit bad > 0
    }' *.h
for header in *.h; do
    if [ "$header" = decant.h ]; then
        continue
    fi
    grep -q "#include \"decant/$header\"" decant.h || { echo "decant.h does not include $header"; exit 1; }
    grep -q '^extern "C" {' "$header" || { echo "$header cannot be used from C++"; exit 1; }
done
