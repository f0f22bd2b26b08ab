import Foundation
import LinuxKit
import Synchronization
import Testing

/// The lab's controller and leaves as processes: they can be killed and started again with the words they had.
final class Daemons: Sendable {
    private struct Daemon {
        var words: [String]
        /// Namespace of the process; nil for the plain one.
        var namespace: String?
        var log: String
        var pid: Int32
        /// Set when it was started here, so that it is reaped here.
        var process: ChildProcess?
    }

    /// Protects what runs now, by name: `controller`, `leaf h1`.
    private let daemons: Mutex<[String: Daemon]>

    init(_ processes: [JSONValue]) throws {
        var daemons: [String: Daemon] = [:]
        for process in processes {
            let name = try #require(process["name"].string)
            let pid = Int32(try #require(process["pid"].integer))
            let line = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/cmdline"))
            var words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            // The lab may have started it by way of nsenter, which then became the program itself.
            if words.first?.hasSuffix("nsenter") == true, let end = words.firstIndex(of: "--") {
                words.removeSubrange(...end)
            }
            let host = name.hasPrefix("leaf ") ? "pb-\(name.dropFirst("leaf ".count))" : nil
            daemons[name] = Daemon(
                words: words, namespace: host, log: try #require(process["log"].string), pid: pid, process: nil)
        }
        self.daemons = Mutex(daemons)
    }

    /// Sends a signal.
    func signal(_ name: String, _ number: Int32) throws {
        let pid = try daemons.withLock { try #require($0[name]?.pid, "there is no \(name)") }
        guard kill(pid, number) == 0 else {
            throw Command.Failed(description: "\(name) (process \(pid)) cannot be signalled: errno \(errno)")
        }
    }

    /// Ends it as a crash would, and waits until it is gone.
    func crash(_ name: String) async throws {
        let pid = try daemons.withLock { try #require($0[name]?.pid, "there is no \(name)") }
        try signal(name, SIGKILL)
        let child = daemons.withLock { $0[name]?.process }
        let gone = try await eventually(within: 5, every: 0.005) {
            if let child { return (try? child.poll()) != Int32?.none }
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
            // The first thread may be a zombie while others still hold the locks of the process.
            let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            return stat.drop { $0 != ")" }.dropFirst(2).first == "Z" && threads?.count ?? 0 <= 1
        }
        #expect(gone, "\(name) does not end when it is killed")
        daemons.withLock { $0[name]?.process = nil }
    }

    /// Starts it again with the words that it had, and maybe others behind them.
    func start(_ name: String, adding extra: [String] = []) throws {
        try daemons.withLock { daemons in
            var daemon = try #require(daemons[name], "there is no \(name)")
            let place = daemon.namespace.map { ["nsenter", "--net=/run/netns/\($0)", "--"] } ?? []
            let log = ChildProcess.Stream.appended(path: daemon.log)
            let process = try ChildProcess.start(
                place + daemon.words + extra, output: log, error: log, newSession: true)
            daemon.process = process
            daemon.pid = process.pid
            daemons[name] = daemon
        }
    }

    /// What was given with an option.
    func option(_ option: String, of name: String) throws -> String? {
        let words = try daemons.withLock { try #require($0[name]?.words, "there is no \(name)") }
        return words.firstIndex(of: option).flatMap { words.dropFirst($0 + 1).first }
    }

    /// The last of what it wrote.
    func log(of name: String, lines: Int = 20) -> String {
        guard let file = daemons.withLock({ $0[name]?.log }),
            let text = try? String(contentsOfFile: file, encoding: .utf8)
        else { return "" }
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// Ends those that were started here, of which the lab does not know.
    func stop() async {
        let own = daemons.withLock { $0.values.compactMap(\.process) }
        for process in own { ChildProcess.signal(SIGTERM, to: process.pid) }
        for process in own {
            for attempt in 0..<600 {
                if (try? process.poll()) != Int32?.none { break }
                if attempt == 300 { ChildProcess.signal(SIGKILL, to: process.pid) }
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
    }
}
