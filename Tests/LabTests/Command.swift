import Foundation
import LinuxKit
import Synchronization

/// What a finished program left: its exit status and everything that it wrote.
struct Finished: Sendable, CustomStringConvertible {
    let words: [String]
    let status: Int32
    let output: String
    let errors: String
    let seconds: Double

    var succeeded: Bool { status == 0 }
    /// Both streams, for tools that cannot decide which one to use.
    var text: String { output + errors }

    var description: String {
        "`\(words.joined(separator: " "))` ended with \(status) after \(seconds) s\n\(output)\(errors)"
    }
}

/// A program, its words as given, without a shell in between.
struct Command: Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    let words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// Runs to the end. Output goes through files in memory, not pipes: a daemon that the program leaves behind
    /// must not keep us waiting.
    func run(seconds limit: Double = 30) async throws -> Finished {
        let begin = ContinuousClock.now
        let running = try start()
        try await running.wait(seconds: limit)
        let elapsed = ContinuousClock.now - begin
        return Finished(
            words: words, status: running.status, output: running.output, errors: running.errors,
            seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    }

    /// Runs to the end and throws unless it succeeds.
    @discardableResult
    func succeed(seconds limit: Double = 30) async throws -> Finished {
        let finished = try await run(seconds: limit)
        guard finished.succeeded else { throw Failed(description: "\(finished)") }
        return finished
    }

    func start() throws -> RunningCommand {
        try RunningCommand(words: words)
    }
}

/// A program that still runs. `deinit` ends it, so that a test that throws leaves nothing.
final class RunningCommand: Sendable {
    let words: [String]
    private let process: ChildProcess
    private let outputFile: MemoryFile
    private let errorsFile: MemoryFile
    /// Protects the exit code; the call that sees it first reaps the process.
    private let code = Mutex<Int32?>(nil)

    init(words: [String]) throws {
        self.words = words
        outputFile = try MemoryFile()
        errorsFile = try MemoryFile(name: "errors")
        process = try ChildProcess.start(words, output: .memory(outputFile), error: .memory(errorsFile))
    }

    var isRunning: Bool {
        code.withLock { code in
            if code == nil { code = try? process.poll() }
            return code == nil
        }
    }

    var status: Int32 { isRunning ? -1 : code.withLock { $0 ?? -1 } }
    var processID: Int32 { process.pid }
    var output: String { Self.text(of: outputFile) }
    var errors: String { Self.text(of: errorsFile) }

    /// Waits for the end; past the limit the program is killed and this throws with what it had written.
    func wait(seconds limit: Double) async throws {
        let end = ContinuousClock.now + .seconds(limit)
        while isRunning {
            guard ContinuousClock.now < end else {
                await stop()
                throw Command.Failed(
                    description: "`\(words.joined(separator: " "))` ran over \(limit) s\n\(output)\(errors)")
            }
            try await Task.sleep(for: .milliseconds(4))
        }
    }

    func signal(_ number: Int32) {
        if isRunning { ChildProcess.signal(number, to: process.pid) }
    }

    /// Asks it to end and, after two seconds, ends it.
    func stop() async {
        signal(SIGTERM)
        for _ in 0..<200 where isRunning { try? await Task.sleep(for: .milliseconds(10)) }
        signal(SIGKILL)
        for _ in 0..<200 where isRunning { try? await Task.sleep(for: .milliseconds(10)) }
    }

    deinit {
        guard isRunning else { return }
        ChildProcess.signal(SIGKILL, to: process.pid)
        let process = process
        Task.detached {
            for _ in 0..<200 {
                if (try? process.poll()) != Int32?.none { return }
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func text(of file: MemoryFile) -> String {
        String(decoding: (try? file.bytes()) ?? [], as: UTF8.self)
    }
}

/// Tries until it is true or the time is over; answers whether it became true.
func eventually(
    within limit: Double, every pause: Double = 0.1, _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(limit)
    repeat {
        if try await condition() { return true }
        try await Task.sleep(for: .seconds(pause))
    } while ContinuousClock.now < end
    return try await condition()
}

/// Starts an iperf3 that serves one client; it listens when this returns. A client tries only once.
func transferServer(_ inside: [String], port: Int = 5201) async throws -> RunningCommand {
    let server = try Command(inside + ["iperf3", "-s", "-1", "-p", "\(port)", "--forceflush"]).start()
    let listens = try await eventually(within: 10, every: 0.02) { server.output.contains("listening") }
    guard listens else { throw Command.Failed(description: "no iperf3 listens: \(server.output)\(server.errors)") }
    return server
}
