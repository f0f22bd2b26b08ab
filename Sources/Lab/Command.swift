import LinuxKit
import NetTypes

/// What a command said and how it ended.
public struct CommandResult: Sendable, Hashable {
    /// The exit code; 128 + the signal when one ended it.
    public var code: Int32
    /// Its standard output.
    public var output: String
    /// Its standard error.
    public var error: String

    /// The last lines of what it said, errors last.
    public var lastLines: [String] {
        Array((output + error).split(separator: "\n").map(String.init).suffix(8))
    }
}

/// A command that runs, with its output in memory.
public struct Command: Sendable {
    /// Where a command runs.
    public enum Place: Sendable, Hashable {
        /// As this process.
        case here
        /// In a network namespace only; files are as here.
        case network(String)
        /// In a network namespace, with the files of `/etc/netns` laid over `/etc`.
        case namespace(String)

        func command(_ arguments: [String]) -> [String] {
            switch self {
            case .here: arguments
            case .network(let name): ["nsenter", "--net=\(LabLayout.path(ofNamespace: name))", "--"] + arguments
            case .namespace(let name): ["ip", "netns", "exec", name] + arguments
            }
        }
    }

    private let process: ChildProcess
    private let output: MemoryFile
    private let error: MemoryFile
    private let title: String

    /// Starts a command, with a text as its standard input.
    public init(_ arguments: [String], in place: Place = .here, input: String = "") throws(LabError) {
        title = arguments.joined(separator: " ")
        do {
            output = try MemoryFile()
            error = try MemoryFile(name: "error")
            process = try ChildProcess.start(
                place.command(arguments),
                input: input.isEmpty ? .null : .memory(MemoryFile(contents: Array(input.utf8))),
                output: .memory(output), error: .memory(error))
        } catch {
            throw LabError("cannot start '\(title)': \(error)")
        }
    }

    /// The id of its process.
    public var pid: Int32 { process.pid }

    /// What it has written to its standard output so far.
    public func outputSoFar() throws(LabError) -> String { try text(output) }

    /// Waits until it ends; ends it itself when it takes longer than the limit or this task is cancelled.
    public func wait(limit: Duration = .seconds(30)) async throws(LabError) -> CommandResult {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        var pause = Duration.milliseconds(1)
        while true {
            if let code = try poll() {
                return CommandResult(code: code, output: try text(output), error: try text(error))
            }
            guard clock.now < deadline, !Task.isCancelled else { break }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(20))
        }
        let interrupted = Task.isCancelled
        try await stop()
        if interrupted { throw LabError("'\(title)' was interrupted") }
        throw LabError("'\(title)' did not end within \(limit)", log: try text(error).lastLines)
    }

    /// Ends it: asks first, then insists.
    @discardableResult
    public func stop() async throws(LabError) -> CommandResult {
        for signal in [Int32(2), 15, 9] {
            ChildProcess.signal(signal, to: process.pid)
            for _ in 0..<100 {
                if let code = try poll() {
                    return CommandResult(code: code, output: try text(output), error: try text(error))
                }
                await pauseEvenIfCancelled(milliseconds: 5)
            }
        }
        throw LabError("'\(title)' (process \(process.pid)) does not end")
    }

    private func poll() throws(LabError) -> Int32? {
        do { return try process.poll() } catch { throw LabError("\(error)") }
    }

    private func text(_ file: MemoryFile) throws(LabError) -> String {
        do { return String(decoding: try file.bytes(), as: UTF8.self) } catch { throw LabError("\(error)") }
    }

    /// Runs a command to its end.
    public static func run(
        _ arguments: [String], in place: Place = .here, input: String = "", limit: Duration = .seconds(30)
    ) async throws(LabError) -> CommandResult {
        try await Command(arguments, in: place, input: input).wait(limit: limit)
    }

    /// Runs a command to its end; it has failed when its exit code is not 0.
    @discardableResult
    public static func check(
        _ arguments: [String], in place: Place = .here, input: String = "", limit: Duration = .seconds(30)
    ) async throws(LabError) -> CommandResult {
        let result = try await run(arguments, in: place, input: input, limit: limit)
        guard result.code == 0 else {
            let title = place.command(arguments).joined(separator: " ")
            throw LabError("'\(title)' failed with exit code \(result.code)", log: result.lastLines)
        }
        return result
    }
}

/// Sleeps; unlike `Task.sleep` also in a cancelled task, where what was made must still be removed.
func pauseEvenIfCancelled(milliseconds: Int) async {
    await Task.detached { try? await Task.sleep(for: .milliseconds(milliseconds)) }.value
}

extension String {
    var lastLines: [String] { Array(split(separator: "\n").map(String.init).suffix(8)) }
}
