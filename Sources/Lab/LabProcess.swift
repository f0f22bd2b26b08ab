import FoundationEssentials
import LinuxKit

/// A daemon of the lab. It is recognised by its process id together with the moment at which it started, so that a
/// later process with the same id is never taken for it.
public struct LabProcess: Codable, Sendable, Hashable {
    /// What it is: `controller`, `leaf h1`, `nginx acme/web1`.
    public var name: String
    /// The process id.
    public var pid: Int32
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    public var startTime: UInt64
    /// The file with what it says.
    public var log: String

    enum CodingKeys: String, CodingKey {
        case name, pid, log
        case startTime = "start_time"
    }

    /// Starts a daemon in a session of its own, with its output at the end of its log.
    static func start(
        _ name: String, _ arguments: [String], in place: Command.Place = .here
    ) throws(LabError) -> LabProcess {
        let file = name.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let log = "\(LabLayout.logDirectory)/\(String(file)).log"
        do {
            let child = try ChildProcess.start(
                place.command(arguments), output: .appended(path: log), error: .appended(path: log), newSession: true)
            // Nobody has reaped it yet, so its entry is there even if it has ended already.
            return LabProcess(
                name: name, pid: child.pid, startTime: Self.startTime(of: child.pid)?.ticks ?? 0, log: log)
        } catch {
            throw LabError("cannot start \(name): \(error)")
        }
    }

    /// Whether it runs. A zombie does not.
    public var isRunning: Bool {
        _ = try? ChildProcess(pid: pid).poll()
        guard let now = Self.startTime(of: pid) else { return false }
        return now.ticks == startTime && now.state != "Z"
    }

    /// Asks a daemon to end, if it is ours still; says whether it was.
    func signal(_ signal: Int32) -> Bool { isRunning && ChildProcess.signal(signal, to: pid) }

    /// The state and the start of a process; nil when there is none.
    static func startTime(of pid: Int32) -> (state: Substring, ticks: UInt64)? {
        // The second field, the name in parentheses, may hold anything: what follows the last ')' counts.
        guard let text = Files.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        return (fields[0], ticks)
    }

    /// The error that says that it has ended, with the last it said.
    func failure(_ what: String) -> LabError {
        LabError("\(name) \(what)", remedy: "its log is \(log)", log: Files.tail(log), logFile: log)
    }
}
