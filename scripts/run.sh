#!/usr/bin/env bash
# make run: installs what is missing, builds, makes the lab and gives the tour. The lab stays up.
# Usage: scripts/run.sh [debug|release]; debug by default, for it is built in half the time, and 'make test' builds on it.
set -euo pipefail
cd "$(dirname "$0")/.."
trap 'echo "patchbay: interrupted; \"make stop\" removes what there is of the lab" >&2; exit 130' INT

configuration=${1:-debug}
case $configuration in
debug) bin=.build/debug ;;
release) bin=.build-release/release ;;
*) echo "usage: scripts/run.sh [debug|release]" >&2; exit 64 ;;
esac

scripts/prepare.sh run
if [ ! -x $bin/patchbay ]; then
    echo "Building the programs, $configuration. The first time this takes some ten minutes."
else
    echo "Building the programs, $configuration: what has changed."
fi
scripts/build.sh "$configuration"
$bin/patchbay lab up
$bin/patchbay lab tour
