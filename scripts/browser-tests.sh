#!/usr/bin/env bash
# The console's tests in Chromium, before a lab of their own. Ends with "browser: N passed, N failed".
# Usage: scripts/browser-tests.sh [TEST…]; PATCHBAY_BIN names the programs; PATCHBAY_LAB=keep uses the lab that is up.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
fail() { echo "$*" >&2; echo "browser: 0 passed, 1 failed"; exit 1; }

export PATCHBAY_BIN=${PATCHBAY_BIN:-$(swift build --show-bin-path)}
python=$(scripts/browser-python.sh) || fail "the driver of the browser could not be installed"
export PATCHBAY_PICTURES=$root/.build/browser-tests
rm -rf "$PATCHBAY_PICTURES"

if [ "${PATCHBAY_LAB:-}" != keep ]; then
    "$PATCHBAY_BIN/patchbay" lab down >/dev/null 2>&1
    log=$(mktemp)
    "$PATCHBAY_BIN/patchbay" lab up >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; fail "the lab does not come up"; }
    rm -f "$log"
    trap '"$PATCHBAY_BIN/patchbay" lab down >/dev/null 2>&1' EXIT
fi
cd Tests/BrowserTests && PYTHONDONTWRITEBYTECODE=1 "$python" run.py "$@"
