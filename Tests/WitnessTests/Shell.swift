import Foundation
import Glibc
import LinuxKit
import Synchronization
import Testing

/// What a program left behind that failed, or why none could be run.
struct CommandFailed: Error, CustomStringConvertible {
    let description: String
}

/// A program that runs beside the test. `deinit` ends it, so that a test that throws leaves nothing.
final class Background: Sendable {
    private let words: [String]
    private let process: ChildProcess
    private let output: MemoryFile
    /// The exit code. The call that sees it first reaps the process, whose id then is free for another one.
    private let code = Mutex<Int32?>(nil)

    init(_ words: [String]) throws {
        self.words = words
        output = try MemoryFile()
        process = try ChildProcess.start(words, output: .memory(output), error: .memory(output))
    }

    deinit {
        signal(SIGKILL)
        for _ in 0..<1_000 where isRunning { usleep(2_000) }
    }

    var text: String { get throws { String(decoding: try output.bytes(), as: UTF8.self) } }
    var id: Int32 { process.pid }

    /// The exit code, once it has ended.
    func poll() throws -> Int32? {
        try code.withLock { code in
            if code == nil { code = try process.poll() }
            return code
        }
    }

    private var isRunning: Bool { (try? poll()) == Int32?.none }

    private func signal(_ number: Int32) {
        if isRunning { ChildProcess.signal(number, to: process.pid) }
    }

    /// Waits until it has printed a text.
    func wait(for wanted: String, seconds: Int) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !text.contains(wanted) {
            let code = try poll()
            guard code == nil, ContinuousClock.now < end else {
                let line = words.joined(separator: " ")
                throw CommandFailed(description: "\(line) did not print \(wanted), exit \(code ?? -1)\n\(try text)")
            }
            usleep(5_000)
        }
    }

    /// Waits for its end, at most so long; what it printed.
    @discardableResult
    func finish(seconds: Int, signal number: Int32? = nil) throws -> String {
        if let number { signal(number) }
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if let code = try poll() {
                guard code == 0 else {
                    throw CommandFailed(description: "\(words.joined(separator: " ")): exit \(code)\n\(try text)")
                }
                return try text
            }
            usleep(2_000)
        }
        throw CommandFailed(description: "\(words.joined(separator: " ")) ran over \(seconds) s\n\(try text)")
    }
}

/// Runs a program to its end; what it printed, or an error with it.
@discardableResult
func run(_ words: [String], seconds: Int = 30) throws -> String {
    try Background(words).finish(seconds: seconds)
}

/// Runs a line of plain words, without a shell.
@discardableResult
func run(_ line: String, seconds: Int = 30) throws -> String {
    try run(line.split(separator: " ").map(String.init), seconds: seconds)
}

/// A file among this target's resources.
func resource(_ name: String, _ kind: String) throws -> URL {
    try #require(
        Bundle.module.url(forResource: name, withExtension: kind, subdirectory: "Resources"),
        "\(name).\(kind) is no resource of this target")
}

/// The words that run a script of this target with Debian's Python, which has the packages that it needs.
func python(_ name: String) throws -> [String] {
    ["/usr/bin/python3", "-u", try resource(name, "py").path]
}

/// An object's fields that a script printed on its last line.
func report<Value: Decodable>(_ type: Value.Type, in text: String) throws -> Value {
    guard let line = text.split(separator: "\n").last else { throw CommandFailed(description: "nothing was printed") }
    do {
        return try JSONDecoder().decode(type, from: Data(line.utf8))
    } catch {
        throw CommandFailed(description: "no report: \(error)\n\(text)")
    }
}

/// Where the programs are that were built beside the tests.
func programs() throws -> String {
    if let directory = ProcessInfo.processInfo.environment["PATCHBAY_BIN"] { return directory }
    var directory = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
        directory = URL(fileURLWithPath: argument).resolvingSymlinksInPath()
    }
    while directory.path != "/" {
        directory.deleteLastPathComponent()
        if FileManager.default.isExecutableFile(atPath: directory.path + "/patchbay-crypt") { return directory.path }
    }
    throw CommandFailed(description: "patchbay-crypt was not built beside the tests")
}
