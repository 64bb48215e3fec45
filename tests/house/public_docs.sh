#!/bin/sh
# Every declaration of the public headers stands directly below its own doc comment (/** ... */), every header can be
# used from C++, decant.h includes them all, and a function that can fail is marked so, says how, and is tried with NULL.
# Usage: public_docs.sh SOURCE_DIR
set -eu
source=$1
cd "$source/include/decant"
awk '
    FNR == 1 { inside = ""; in_comment = 0; documented = 0 }
    # A comment that opens in the first column.
    /^\/\*/ { in_comment = 1; is_doc = /^\/\*\*/; says_errors = 0 }
    in_comment {
        if (/Errors:|otherwise as decant_/) says_errors = 1
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
        if (/^DECANT_MUST_USE/ && !says_errors) { print FILENAME ":" FNR ": it is not said how it fails (Errors:): " $0; bad++ }
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
if grep -n '^decant_status' *.h; then
    echo "public_docs: the functions above can fail and lack DECANT_MUST_USE"
    exit 1
fi
for function in $(sed -n 's/^DECANT_MUST_USE decant_status \(decant_[a-z0-9_]*\)(.*/\1/p' *.h); do
    grep -q "refused($function(" "$source/tests/api/test_null.c" ||
        { echo "public_docs: tests/api/test_null.c does not say what $function does with NULL"; exit 1; }
done
