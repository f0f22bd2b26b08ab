#!/usr/bin/env bash
# Writes Sources/LeafProtocol anew from proto/leaf.proto. Only needed after a change of the .proto file.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --product protoc-gen-swift
swift build --product protoc-gen-grpc-swift-2
bin=$(swift build --show-bin-path)
protoc -I proto proto/leaf.proto \
    --plugin=protoc-gen-swift="$bin/protoc-gen-swift" \
    --plugin=protoc-gen-grpc-swift-2="$bin/protoc-gen-grpc-swift-2" \
    --swift_out=Sources/LeafProtocol --swift_opt=Visibility=Public --swift_opt=UseAccessLevelOnImports=true \
    --grpc-swift-2_out=Sources/LeafProtocol --grpc-swift-2_opt=Visibility=Public \
    --grpc-swift-2_opt=UseAccessLevelOnImports=true
