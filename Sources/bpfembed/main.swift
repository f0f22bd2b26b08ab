// Compiles BPF C with the toolchain's clang and writes the object as a Swift array.
//
// bpfembed CLANG SOURCE INCLUDE-DIRECTORY OUTPUT.o OUTPUT.swift
// Names inside the object are relative to the source's directory, so that the result is the same everywhere.

import Foundation

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("bpfembed: error: \(message)\n".utf8))
    exit(1)
}

guard CommandLine.arguments.count == 6 else { fail("expected CLANG SOURCE INCLUDES OBJECT SWIFT") }
let (clang, source) = (CommandLine.arguments[1], URL(fileURLWithPath: CommandLine.arguments[2]))
let (includes, object, swift) = (CommandLine.arguments[3], CommandLine.arguments[4], CommandLine.arguments[5])

#if arch(arm64)
    let multiarch = "aarch64-linux-gnu"
#else
    let multiarch = "x86_64-linux-gnu"
#endif

/// `spi_filter.bpf.c` becomes the constant `spiFilterObject`.
let words = source.lastPathComponent.split(separator: ".")[0].split(separator: "_")
let name = words.dropFirst().reduce(String(words[0])) { $0 + $1.capitalized } + "Object"

let compiler = Process()
compiler.executableURL = URL(fileURLWithPath: clang)
compiler.currentDirectoryURL = source.deletingLastPathComponent()
compiler.arguments = [
    "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-std=gnu11",
    "-fdebug-compilation-dir=.", "-ffile-prefix-map=\(includes)=include", "-isystem", "/usr/include/\(multiarch)",
    "-I", includes, "-c", source.lastPathComponent, "-o", object,
]
do {
    try compiler.run()
} catch {
    fail("\(clang) does not start: \(error)")
}
compiler.waitUntilExit()
guard compiler.terminationStatus == 0 else { fail("\(source.lastPathComponent) does not compile") }

guard var bytes = FileManager.default.contents(atPath: object) else { fail("no object at \(object)") }
let count = bytes.count
while !bytes.count.isMultiple(of: 8) { bytes.append(0) }
var text = "// Made by bpfembed from \(source.lastPathComponent).\n\n"
text += "/// The bytes of the object file, and how many of them count.\nlet \(name)ByteCount = \(count)\n"
text += "let \(name): [UInt64] = [\n"
for start in stride(from: 0, to: bytes.count, by: 64) {
    let row = stride(from: start, to: min(start + 64, bytes.count), by: 8).map { offset in
        let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        return "0x" + String(word, radix: 16)
    }
    text += "    " + row.joined(separator: ", ") + ",\n"
}
text += "]\n"
do {
    try text.write(toFile: swift, atomically: true, encoding: .utf8)
} catch {
    fail("\(swift) cannot be written: \(error)")
}
