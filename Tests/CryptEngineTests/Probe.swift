import Glibc
import LinuxKit
import PacketIO
import Synchronization

/// 10,000 numbered datagrams a second from one host to the other, until it is stopped.
final class Probe: Sendable {
    /// What became of them.
    struct Report: CustomStringConvertible {
        var sent = 0
        var received = 0
        var reordered = 0
        var duplicates = 0
        /// The longest time without a datagram, in nanoseconds.
        var longestGap: UInt64 = 0
        var lost: Int { sent - received + duplicates }

        var description: String {
            "sent \(sent), lost \(lost), reordered \(reordered), twice \(duplicates), longest gap "
                + "\(longestGap / 1_000) µs"
        }
    }

    private let isSending = Atomic<Bool>(true)
    private let sent = Atomic<Int>(0)
    private let report = Mutex(Report())
    private let threads: Mutex<[Int: Bool]> = Mutex([:])
    private let sender: InnerSocket
    private let receiver: InnerSocket
    private static let interval: UInt64 = 100_000

    init(_ engines: TwoEngines, port: UInt16 = 9_100) throws {
        sender = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: port)
        receiver = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: port)
        sender.connect("10.9.0.2", port: port)
        let probe = self
        _ = try PacketThread(name: "probe-receive") { probe.receive() }
        _ = try PacketThread(name: "probe-send") { probe.send() }
    }

    private func send() {
        var next = PacketWait.now
        var number: UInt32 = 0
        while isSending.load(ordering: .relaxed) {
            let now = PacketWait.now
            guard now >= next else {
                if next - now > 60_000 { usleep(20) }
                continue
            }
            next += Self.interval
            let bytes = [
                UInt8(truncatingIfNeeded: number >> 24), UInt8(truncatingIfNeeded: number >> 16),
                UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number),
            ]
            sender.send(bytes + [UInt8](repeating: 9, count: 60))
            number += 1
            sent.store(Int(number), ordering: .relaxed)
        }
        threads.withLock { $0[1] = true }
    }

    private func receive() {
        var seen = Set<UInt32>()
        var highest: Int64 = -1
        var last = PacketWait.now
        var quiet = 0
        while quiet < 3 {
            guard let bytes = receiver.receive(milliseconds: 200) else {
                if !isSending.load(ordering: .relaxed) { quiet += 1 }
                continue
            }
            let now = PacketWait.now
            let number = bytes.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let isNew = seen.insert(number).inserted
            let isLate = Int64(number) < highest
            highest = max(highest, Int64(number))
            let gap = seen.count > 1 ? now - last : 0
            last = now
            report.withLock { report in
                report.received += 1
                if !isNew { report.duplicates += 1 }
                if isLate { report.reordered += 1 }
                report.longestGap = max(report.longestGap, gap)
            }
        }
        threads.withLock { $0[0] = true }
    }

    /// How many were sent so far.
    var count: Int { sent.load(ordering: .relaxed) }

    /// Ends it and says what became of the datagrams.
    func finish() -> Report {
        isSending.store(false, ordering: .relaxed)
        while threads.withLock({ $0.count }) < 2 { usleep(10_000) }
        var result = report.withLock { $0 }
        result.sent = count
        return result
    }
}
