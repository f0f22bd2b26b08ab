#!/usr/bin/env bash
# make run: installs what is missing, builds, makes the lab and gives the tour. The lab stays up.
set -euo pipefail
cd "$(dirname "$0")/.."
trap 'echo "patchbay: interrupted; \"make stop\" removes what there is of the lab" >&2; exit 130' INT

scripts/prepare.sh run
bin=.build-release/release
if [ ! -x $bin/patchbay ]; then
    echo "Building the programs, release. The first time this takes about a quarter of an hour."
else
    echo "Building the programs, release: what has changed."
fi
scripts/build.sh release
$bin/patchbay lab up
$bin/patchbay lab tour
