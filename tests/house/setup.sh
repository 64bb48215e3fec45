#!/bin/sh
# tools/setup.sh says what is missing where it cannot install it, and is silent and quick where nothing is.
# Usage: setup.sh SOURCE_DIR WORK_DIR
set -eu
setup=$1/tools/setup.sh work=$2
rm -rf "$work"
mkdir -p "$work"
for tool in sh env sed; do
    ln -s "$(command -v $tool)" "$work/$tool"
done
fake() { # NAME SCRIPT
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}

# Everything is there: nothing is said and nothing is called.
fake apt-get 'echo "apt-get was called" >&2; exit 1'
fake dpkg-query 'shift 3; for package; do printf "installed:%s " "$package"; done'
fake id 'echo 1000'
said=$(PATH=$work "$setup" clang 2>&1)
[ -z "$said" ] || { echo "setup.sh said: $said"; exit 1; }

# One is missing, and there is neither root nor sudo: it is named, and nothing is tried.
fake dpkg-query 'shift 3; for package; do [ $package = libyaml-dev ] || printf "installed:%s " "$package"; done; exit 1'
if said=$(PATH=$work "$setup" 2>&1 </dev/null); then
    echo "setup.sh passed without a package that it could not install"
    exit 1
fi
case "$said" in *"apt-get install libyaml-dev"*) ;; *) echo "setup.sh said: $said"; exit 1 ;; esac

# As root the missing one, and only that, is installed.
fake id 'echo 0'
fake apt-get "echo \"\$*\" >>$work/calls"
PATH=$work "$setup" 2>/dev/null
grep -q 'install --no-install-recommends libyaml-dev$' "$work/calls" || { cat "$work/calls"; exit 1; }

# Not Debian: what is needed is named, and the build may try.
rm "$work/dpkg-query"
said=$(PATH=$work "$setup" 2>&1)
case "$said" in *"not Debian"*libdnnl-dev*) ;; *) echo "setup.sh said: $said"; exit 1 ;; esac
