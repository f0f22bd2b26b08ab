#!/usr/bin/env bash
# Every test: the format, the programs, all suites on real packets. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh test || exit 1

echo "== format"
mapfile -t sources < <(scripts/sources.sh)
swift format lint --strict --parallel "${sources[@]}" || {
    echo "The format differs: run 'make format'." >&2
    exit 1
}

echo "== build"
swift build --build-tests || exit 1

echo "== tests"
log=$(mktemp)
# The suites of the kernel path and the lab share devices and cores with each other: one at a time.
PATCHBAY_BIN=$(swift build --show-bin-path) swift test --skip-build --no-parallel 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

passed=$(grep -cE '^✔ Test .* passed after|^. Test .* passed after' "$log")
failed=$(grep -cE '^. Test .* failed after' "$log")
skipped=$(grep -cE '^. Test .* skipped' "$log")
rm -f "$log"
if [ "$skipped" -gt 0 ]; then
    echo "$skipped tests were skipped; here a skipped test is a failed one." >&2
    failed=$((failed + skipped))
fi
# A crash ends the run before the failed test is named.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$passed" -eq 0 ]; then failed=$((failed + 1)); fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
