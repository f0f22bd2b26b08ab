import Foundation
import LinuxKit
import Synchronization

/// The processes that this one started and that still run. The mutex protects their ids, which ^C needs as well.
final class RunningChildren: Sendable {
    static let shared = RunningChildren()
    private let ids = Mutex<Set<Int32>>([])

    func insert(_ pid: Int32) { ids.withLock { _ = $0.insert(pid) } }
    func remove(_ pid: Int32) { ids.withLock { _ = $0.remove(pid) } }

    /// Ends what still runs, by its id.
    func killAll() {
        for pid in ids.withLock({ Array($0) }) { ChildProcess.signal(SIGKILL, to: pid) }
    }
}

/// A program that runs beside the benchmark, its output kept in memory.
final class Running {
    let name: String
    private let child: ChildProcess
    private let out: MemoryFile
    private let err: MemoryFile
    private var code: Int32?

    /// Starts it; once a signal has ended the run only what removes things is started.
    init(_ arguments: [String], evenAtEnd: Bool = false) throws {
        guard evenAtEnd || !Interruption.isEnding else { throw BenchError("interrupted") }
        name = arguments.joined(separator: " ")
        out = try MemoryFile(name: "out")
        err = try MemoryFile(name: "err")
        child = try ChildProcess.start(
            arguments, output: .memory(out), error: .memory(err), newSession: true)
        RunningChildren.shared.insert(child.pid)
    }

    deinit { stop() }

    /// Its process id.
    var id: Int32 { child.pid }

    /// What it has written to its standard output so far.
    func output() throws -> String { String(decoding: try out.bytes(), as: UTF8.self) }

    /// Waits until it wrote the text.
    func waitFor(_ text: String, seconds: Double = 5) throws {
        let end = Date().addingTimeInterval(seconds)
        while !(try output().contains(text)) {
            if try hasEnded() { throw try failure("ended early") }
            guard Date() < end else { throw try failure("did not say \"\(text)\" in \(seconds) s") }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Waits until it ends, and returns its output; an exit code other than 0 is an error.
    @discardableResult
    func finish(seconds: Double) throws -> String {
        let end = Date().addingTimeInterval(seconds)
        while !(try hasEnded()) {
            guard Date() < end else {
                stop()
                throw try failure("did not end in \(seconds) s")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
        guard code == 0 else { throw try failure("exit code \(code ?? -1)") }
        return try output()
    }

    /// Ends it: SIGTERM, then SIGKILL after a second.
    func stop() {
        for (signal, patience) in [(SIGTERM, 1.0), (SIGKILL, 5.0)] {
            let end = Date().addingTimeInterval(patience)
            guard (try? hasEnded()) == false else { return }
            ChildProcess.signal(signal, to: child.pid)
            while (try? hasEnded()) == false, Date() < end { Thread.sleep(forTimeInterval: 0.002) }
        }
    }

    /// Whether it has ended.
    func hasEnded() throws -> Bool {
        if code != nil { return true }
        code = try child.poll()
        if code != nil { RunningChildren.shared.remove(child.pid) }
        return code != nil
    }

    /// An error with the last of what it said.
    func failure(_ what: String) throws -> BenchError {
        BenchError("\(name.prefix(200)): \(what): \(said())")
    }

    /// The last of what it wrote, on one line.
    func said() -> String {
        let bytes = ((try? err.bytes()) ?? []) + ((try? out.bytes()) ?? [])
        return String(decoding: bytes, as: UTF8.self).suffix(600).split(separator: "\n").joined(separator: " | ")
    }
}

/// Commands that the benchmark runs and waits for.
enum Command {
    /// The words in front of a command that is to run in a namespace.
    static func inside(_ namespace: String) -> [String] { ["ip", "netns", "exec", namespace] }

    @discardableResult
    static func run(_ arguments: [String], seconds: Double = 60, evenAtEnd: Bool = false) throws -> String {
        try Running(arguments, evenAtEnd: evenAtEnd).finish(seconds: seconds)
    }

    /// Runs lines of shell, stopping at the first that fails; inside a namespace where one is named.
    @discardableResult
    static func script(in namespace: String? = nil, _ lines: [String]) throws -> String {
        try run((namespace.map(inside) ?? []) + ["sh", "-ec", lines.joined(separator: "\n")])
    }

    /// This program, for the hidden subcommands that make load.
    static func own(in namespace: String, _ arguments: [String]) throws -> Running {
        try Running(inside(namespace) + ["/proc/\(ChildProcess.ownID)/exe"] + arguments)
    }
}
