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

passed=0
failed=0
# run OPTION...: runs some tests and counts them.
run() {
    local log status total bad skipped
    log=$(mktemp)
    PATCHBAY_BIN=$(swift build --show-bin-path) swift test --skip-build "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    # The summary counts tests, not their cases: "Test run with 12 tests in 3 suites passed after 1.5 seconds."
    total=$(sed -n 's/.*Test run with \([0-9]*\) tests* in .*/\1/p' "$log" | tail -n 1)
    total=${total:-0}
    bad=$(grep -E '^. Test .* failed after' "$log" | grep -cv 'Test run with')
    skipped=$(grep -E '^. Test .* skipped' "$log" | grep -cv 'Test run with')
    rm -f "$log"
    if [ "$skipped" -gt 0 ]; then
        echo "$skipped tests were skipped; here a skipped test is a failed one." >&2
        bad=$((bad + skipped))
    fi
    # A crash ends the run before the failed test is named; no test at all is a failure too.
    if { [ "$status" -ne 0 ] || [ "$total" -eq 0 ]; } && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$total" -gt "$bad" ]; then passed=$((passed + total - bad)); fi
    failed=$((failed + bad))
}

# What only computes, on all processors.
computing='^(AEAD|Accounts|AuditLog|CryptProtocol|NetTypes|PacketFormats|Plugging|Policy|PolicyImport|PolicyLanguage|Trust)Tests[.]'
echo "== tests that only compute"
run --filter "$computing"

# The suites of the kernel path and the lab share devices and processors with each other: one at a time.
echo "== tests"
run --no-parallel --skip "$computing"

# The console, in Chromium before a lab.
echo "== browser"
log=$(mktemp)
PATCHBAY_BIN=$(swift build --show-bin-path) scripts/browser-tests.sh 2>&1 | tee "$log"
counts=$(sed -n 's/^browser: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
rm -f "$log"
read -r good bad <<<"${counts:-0 1}"
passed=$((passed + good))
failed=$((failed + bad))

# No test at all is a failure too.
if [ "$passed" -le 0 ]; then
    passed=0
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
