#!/usr/bin/env bash
# Measures: one interleaved run into bench/results.jsonl, and a table. Options go to patchbay-bench.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prepare.sh bench
scripts/build.sh release
swift build -c release --scratch-path .build-release --product patchbay-bench
PATCHBAY_BROWSER_PYTHON=$(scripts/browser-python.sh)
export PATCHBAY_BROWSER_PYTHON
exec "$(swift build -c release --scratch-path .build-release --show-bin-path)/patchbay-bench" \
    --output bench/results.jsonl "$@"
