#!/usr/bin/env bash
# Builds the programs. Usage: scripts/build.sh release|debug
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:?usage: scripts/build.sh release|debug} in
release) options=(-c release --scratch-path .build-release) ;;
debug) options=(--scratch-path .build) ;;
*) echo "usage: scripts/build.sh release|debug" >&2; exit 64 ;;
esac
for product in patchbay patchbay-controller patchbay-leaf patchbay-crypt; do
    swift build "${options[@]}" --product "$product"
done
