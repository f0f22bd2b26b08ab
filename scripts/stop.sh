#!/usr/bin/env bash
# make stop: removes the lab, also the remains of one that crashed.
set -euo pipefail
cd "$(dirname "$0")/.."

for bin in .build-release/release .build/debug; do
    [ -x $bin/patchbay ] && exec $bin/patchbay lab down
done
if [ -e /run/patchbay ] || compgen -G '/run/netns/pb-*' >/dev/null; then
    echo "There is a lab, but no program to remove it (make clean?): building one."
    scripts/build.sh debug
    exec .build/debug/patchbay lab down
fi
echo "There is no lab; nothing to remove."
