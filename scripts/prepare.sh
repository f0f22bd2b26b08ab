#!/usr/bin/env bash
# Installs the Debian packages that a task needs and checks the Swift toolchain.
# Usage: scripts/prepare.sh run|test|bench|deb|trial
set -euo pipefail
cd "$(dirname "$0")/.."
task=${1:?usage: scripts/prepare.sh run|test|bench|deb|trial}

fail() { echo "patchbay: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "Patchbay runs on Linux; this is $(uname -s)."
# Packages are made by anybody, once what that takes is installed.
[ "$(id -u)" = 0 ] || [ "$task" = deb ] ||
    fail "make $task sets up network namespaces and BPF programs: run it as root (sudo make $task)."

# scripts/packages.txt: a package a line, followed by the tasks that need it.
missing=()
while read -r package tasks; do
    [[ -z $package || $package == \#* ]] && continue
    [[ " $tasks " == *" $task "* ]] || continue
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done <scripts/packages.txt
if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || fail "missing packages: ${missing[*]} (run as root, make $task installs them)."
    command -v apt-get >/dev/null || fail "missing packages: ${missing[*]} (apt-get not found: install them by hand)."
    echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    log=$(mktemp)
    # No service that a package brings is to start by itself: the lab runs its own.
    guard=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        guard=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >$guard
        chmod +x $guard
    fi
    trap '[ -z "$guard" ] || rm -f "$guard"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    # Progress: a line a package, as dpkg finishes it.
    show='/^Setting up / { n++; printf "  %d  %s\n", n, $3; fflush() }'
    if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } 2>&1 | tee "$log" | awk "$show"; then
        tail -n 15 "$log" >&2
        fail "apt-get could not install the packages; its whole output is in $log"
    fi
    rm -f "$log"
fi

needs="Swift 6.2 or later is needed (https://www.swift.org/install/linux/debian)"
command -v swift >/dev/null || fail "$needs, and no 'swift' is on the PATH."
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1 || true)
[ -n "$version" ] || fail "$needs; 'swift --version' does not answer."
[ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" = 6.2 ] || fail "$needs; this is Swift $version."

# Programs of PyPI with which the tests ask the API; see scripts/python-packages.txt.
if [ "$task" = test ]; then
    tools=.build/api-tests
    if ! cmp -s scripts/python-packages.txt "$tools/installed.txt"; then
        echo "Installing the programs of scripts/python-packages.txt"
        rm -rf "$tools"
        python3 -m venv "$tools" && "$tools/bin/pip" install -q --disable-pip-version-check -r scripts/python-packages.txt \
            || fail "the packages of scripts/python-packages.txt could not be installed from PyPI."
        cp scripts/python-packages.txt "$tools/installed.txt"
    fi
fi
