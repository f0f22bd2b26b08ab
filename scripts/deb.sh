#!/usr/bin/env bash
# Makes the Debian packages. Usage: scripts/deb.sh [release|debug]; release by default.
# They come to lie in .build-deb, and are looked over by lintian.
set -euo pipefail
cd "$(dirname "$0")/.."
configuration=${1:-release}
case $configuration in
release) bin=.build-release/release ;;
debug) bin=.build/debug ;;
*) echo "usage: scripts/deb.sh [release|debug]" >&2; exit 64 ;;
esac
scripts/prepare.sh deb
[ -n "${PATCHBAY_BIN:-}" ] || scripts/build.sh "$configuration"
PATCHBAY_BIN=$(realpath "${PATCHBAY_BIN:-$bin}")
export PATCHBAY_BIN

# dpkg-buildpackage writes beside its tree, and into it: it gets one of its own.
out=.build-deb
rm -rf $out
mkdir -p $out/patchbay
cp -a --parents debian docs share scripts/manual.py README.md LICENSE CHANGELOG.md $out/patchbay/
(cd $out/patchbay && DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage --build=binary --no-sign)
rm -rf $out/patchbay
# The packages are nobody's upload to Debian (no address there), and programs hold what Swift packages bring along.
accepted=bogus-mail-host,bogus-mail-host-in-debian-changelog,embedded-library
lintian --fail-on error,warning --suppress-tags $accepted $out/*.changes
ls -l $out/*.deb
