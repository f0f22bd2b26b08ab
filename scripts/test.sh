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
export PATCHBAY_BIN
PATCHBAY_BIN=$(swift build --show-bin-path)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# count LOG STATUS: counts the tests of a run.
count() {
    local total bad skipped
    # The summary counts tests, not their cases: "Test run with 12 tests in 3 suites passed after 1.5 seconds."
    total=$(sed -n 's/.*Test run with \([0-9]*\) tests* in .*/\1/p' "$1" | tail -n 1)
    total=${total:-0}
    bad=$(grep -E '^. Test .* failed after' "$1" | grep -cv 'Test run with')
    skipped=$(grep -E '^. Test .* skipped' "$1" | grep -cv 'Test run with')
    if [ "$skipped" -gt 0 ]; then
        echo "$skipped tests were skipped; here a skipped test is a failed one." >&2
        bad=$((bad + skipped))
    fi
    # A crash ends the run before the failed test is named; no test at all is a failure too.
    if { [ "$2" -ne 0 ] || [ "$total" -eq 0 ]; } && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$total" -gt "$bad" ]; then passed=$((passed + total - bad)); fi
    failed=$((failed + bad))
    # Said again at the end: of a long log often nothing else is kept.
    if [ "$bad" -gt 0 ]; then
        # With the lines that an issue goes on in: the last of them is often the reason.
        awk '/^[^ ]+ (Test|Suite) .*(recorded an issue|failed after|skipped)|error: |Fatal error/ { print; more = 8; next }
            /^[^ -~]+ / && !/^↳/ { more = 0 }
            more-- > 0' "$1" | cut -c 1-600 | tail -n 60 >>"$logs/complaints"
    fi
}

# run OPTION...: runs some tests.
run() {
    swift test --skip-build "$@" 2>&1 | tee "$logs/run"
    count "$logs/run" "${PIPESTATUS[0]}"
}

# together FILTER OPTION...: runs the tests that match one by one, and at the same time those of the options. Without SwiftPM,
# which begins one run at a time.
together() {
    local other status=0
    "$PATCHBAY_BIN/patchbayPackageTests.xctest" --testing-library swift-testing --no-parallel --filter "$1" \
        >"$logs/other" 2>&1 &
    other=$!
    shift
    run "$@"
    wait "$other" || status=$?
    cat "$logs/other"
    count "$logs/other" "$status"
}

# What only computes, on all processors.
computing='^(AEAD|Accounts|AuditLog|CryptProtocol|NetTypes|PacketFormats|Plugging|Policy|PolicyImport|PolicyLanguage|Trust)Tests[.]'
echo "== tests that only compute"
run --filter "$computing"

# What waits more than it computes: the controller's suites, and beside them the console, in Chromium before a lab.
waiting='^(ControllerAPI|Directory|PlatformBackup|WebAuthn)Tests[.]'
echo "== tests of the controller and the console"
scripts/browser-tests.sh >"$logs/browser" 2>&1 &
browser=$!
run --no-parallel --filter "$waiting"
wait "$browser"
cat "$logs/browser"
counts=$(sed -n 's/^browser: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/browser" | tail -n 1)
read -r good bad <<<"${counts:-0 1}"
passed=$((passed + good))
failed=$((failed + bad))
if [ "$bad" -gt 0 ]; then grep -E -A 12 '^(FAIL|ERROR): ' "$logs/browser" >>"$logs/complaints"; fi

# The suites on real packets share processors, and those in a lab its names: one at a time. The lab whose certificates live
# seconds sleeps while they end, and the kernel path has devices of its own; only its limits want to be alone.
kernel='^KernelPathTests[.]KernelPathTests/(?!limit)'
sleeping='^LabTests[.]LabTests/WithShortLives'
echo "== tests of the kernel path, and of lives of seconds"
together "$sleeping" --no-parallel --filter "$kernel"
echo "== tests"
run --no-parallel --skip "$computing" --skip "$waiting" --skip "$kernel" --skip "$sleeping"

# No test at all is a failure too.
if [ "$passed" -le 0 ]; then
    passed=0
    failed=$((failed + 1))
fi
if [ -s "$logs/complaints" ]; then
    echo "== what failed"
    cat "$logs/complaints"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
