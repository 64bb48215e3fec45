#!/bin/sh
# Installs the Debian packages that are missing; takes milliseconds when none is.
# Usage: tools/setup.sh            what building, testing and the demo need
#        tools/setup.sh clang      and what the clang, sanitizer, fuzz, lint and format verbs need
#        tools/setup.sh browser    and the browser in which the test report.browser looks at pages (skipped without)
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libdnnl-dev libyaml-dev libjansson-dev zlib1g-dev libxxhash-dev \
    libzip-dev libpng-dev libturbojpeg0-dev libcurl4-openssl-dev libssl-dev libjs-chart.js"
data="dataset-fashion-mnist"
tests="libcmocka-dev g++ python3 locales"
clang="clang clang-format clang-tidy libomp-dev"
browser="chromium"

wanted="$build $data $tests"
case "${1:-}" in
clang) wanted="$wanted $clang" ;;
browser) wanted="$wanted $browser" ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "setup: this is not Debian; decant needs what these Debian packages hold: $wanted" >&2
    exit 0 # they may well be there; the build says what it does not find
fi

missing=
installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $wanted 2>/dev/null || true)"
for package in $wanted; do
    case "$installed" in
    *" installed:$package "*) ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -z "$missing" ]; then
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=sudo
else
    echo "setup: decant needs packages that are missing, and here is neither root nor sudo to install them." >&2
    echo "setup: ask an administrator for: apt-get install$missing" >&2
    exit 1
fi

echo "setup: installing$missing" >&2
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300"
if ! { $apt update && $apt install --no-install-recommends $missing; } >&2; then
    echo "setup: apt-get failed (see above); decant needs:$missing" >&2
    exit 1
fi
