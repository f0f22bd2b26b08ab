#!/usr/bin/env bash
# Makes the Debian packages. Usage: scripts/deb.sh [release|debug]; release by default.
# They come to lie in .build-deb, and are looked over by lintian where it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
configuration=${1:-release}
case $configuration in
release) bin=.build-release/release ;;
debug) bin=.build/debug ;;
*) echo "usage: scripts/deb.sh [release|debug]" >&2; exit 64 ;;
esac
[ -n "${PATCHBAY_BIN:-}" ] || scripts/build.sh "$configuration"
PATCHBAY_BIN=$(realpath "${PATCHBAY_BIN:-$bin}")
export PATCHBAY_BIN

missing=()
for tool in dpkg-buildpackage:dpkg-dev dh:debhelper patchelf:patchelf python3:python3; do
    command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
done
[ ${#missing[@]} -eq 0 ] || { echo "patchbay: apt-get install ${missing[*]}" >&2; exit 1; }

# dpkg-buildpackage writes beside its tree, and into it: it gets one of its own.
out=.build-deb
rm -rf $out
mkdir -p $out/patchbay
cp -a --parents debian docs share scripts/manual.py README.md LICENSE CHANGELOG.md $out/patchbay/
(cd $out/patchbay && DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage --build=binary --no-sign)
rm -rf $out/patchbay
# The packages are nobody's upload to Debian (no address there), and programs hold what Swift packages bring along.
accepted=bogus-mail-host,bogus-mail-host-in-debian-changelog,embedded-library
if command -v lintian >/dev/null; then lintian --fail-on error --suppress-tags $accepted $out/*.changes; fi
ls -l $out/*.deb
