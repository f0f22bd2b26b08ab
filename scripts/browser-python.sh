#!/usr/bin/env bash
# Installs what drives the browser from PyPI, if it is not there, and prints the path of its Python.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.build/browser-python
if ! cmp -s Tests/BrowserTests/requirements.txt "$python/requirements.txt"; then
    echo "Installing the driver of the browser from PyPI" >&2
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check -r Tests/BrowserTests/requirements.txt >&2
    cp Tests/BrowserTests/requirements.txt "$python/"
fi
echo "$python/bin/python"
