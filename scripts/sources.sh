#!/usr/bin/env bash
# Names the Swift files that people write (generated code is left as its generator wrote it).
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard 'Package.swift' 'Sources/*.swift' 'Tests/*.swift' 'Plugins/*.swift' |
    grep -v '^Sources/LeafProtocol/'
