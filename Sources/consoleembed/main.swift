// Writes text files as Swift string literals, which compile in no time, as arrays of numbers do not.
//
// consoleembed OUTPUT.swift DIRECTORY FILE...

import Foundation

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("consoleembed: error: \(message)\n".utf8))
    exit(1)
}

guard CommandLine.arguments.count > 3 else { fail("expected OUTPUT DIRECTORY FILE...") }
let output = CommandLine.arguments[1]
let folder = URL(fileURLWithPath: CommandLine.arguments[2])
/// As many signs as no file has behind three quotation marks or a backslash.
let fence = "########"

var text = "// Made by consoleembed.\n\n/// Name and text of every file, by name.\n"
text += "let embeddedFiles: [(name: String, text: String)] = [\n"
for name in CommandLine.arguments.dropFirst(3).sorted() {
    guard let bytes = FileManager.default.contents(atPath: folder.appending(path: name).path) else {
        fail("\(name) cannot be read")
    }
    guard let content = String(validating: bytes, as: UTF8.self), !content.contains(fence), !content.contains("\r")
    else {
        fail("\(name) is no UTF-8 text with plain ends of lines, or it contains \(fence)")
    }
    text += "(\(fence)\"\(name)\"\(fence), \(fence)\"\"\"\n\(content)\n\"\"\"\(fence)),\n"
}
text += "]\n"
do {
    try text.write(toFile: output, atomically: true, encoding: .utf8)
} catch {
    fail("\(output) cannot be written: \(error)")
}
