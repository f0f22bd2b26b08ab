import Foundation
import Glibc
import LinuxKit
import NetTypes
import PacketIO
import Synchronization

/// Datagrams of 64 bytes to an engine's port, at a fixed rate, from a host that has no keys.
final class Flood: Sendable {
    /// What the datagrams look like.
    enum Kind: Sendable {
        /// Random SPIs that no group has.
        case randomSPIs
        /// The SPI of a group that is installed, numbers that were never used, and garbage.
        case rightSPI(UInt32)
    }

    static let byteCount = 64
    /// Datagrams of one call.
    private static let batch = 64

    private let socket: DatagramSocket
    private let peer: SocketAddress
    private let kind: Kind
    private let isJoined: Bool
    private let isOn = Atomic<Bool>(true)
    private let isOver = Atomic<Bool>(false)
    private let sent = Atomic<UInt64>(0)

    /// Begins. Joined: the receiver gets each batch as one super-datagram, as from a device that joins.
    init(
        _ engines: TwoEngines, _ kind: Kind, rate: Int, isJoined: Bool = false, overIPv6: Bool = false
    ) throws {
        let local = overIPv6 ? try engines.a.underlay6 : engines.a.underlay
        let opened = try engines.a.namespace.perform {
            Opened(try DatagramSocket(local: local, port: 0))
        }
        socket = try DatagramSocket(adopting: try opened.socket.descriptor.duplicate())
        peer = SocketAddress(overIPv6 ? try engines.b.underlay6 : engines.b.underlay, port: 4_500)
        self.kind = kind
        self.isJoined = isJoined
        let flood = self
        _ = try PacketThread(name: "flood") { flood.run(interval: UInt64(Self.batch * 1_000_000_000 / rate)) }
    }

    private final class Opened: Sendable {
        let socket: DatagramSocket
        init(_ socket: consuming DatagramSocket) { self.socket = socket }
    }

    private func run(interval: UInt64) {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<Self.batch * Self.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var number: UInt32 = 1 << 28
        var next = PacketWait.now
        while isOn.load(ordering: .relaxed) {
            let now = PacketWait.now
            guard now >= next else {
                usleep(UInt32(min(1_000, (next - now) / 1_000)))
                continue
            }
            // What was missed is not made up for: a burst would be another test.
            next = max(next + interval, now)
            for index in 0..<Self.batch {
                let at = index * Self.byteCount
                switch kind {
                case .randomSPIs: store(.random(in: 1 << 16 ... .max, using: &generator), at, &bytes)
                case .rightSPI(let spi):
                    store(spi, at, &bytes)
                    store(number, at + 4, &bytes)
                    number += 1
                }
            }
            let result =
                isJoined
                ? socket.port.send(bytes.span, segment: Self.byteCount, to: peer)
                : socket.port.sendEach(bytes.span, segment: Self.byteCount, to: peer)
            guard case .sent = result else { break }
            sent.add(UInt64(Self.batch), ordering: .relaxed)
        }
        isOver.store(true, ordering: .releasing)
    }

    private func store(_ word: UInt32, _ at: Int, _ bytes: inout [UInt8]) {
        for byte in 0..<4 { bytes[at + byte] = UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * byte)) }
    }

    /// How many were sent so far.
    var count: UInt64 { sent.load(ordering: .relaxed) }

    /// Ends it; how many were sent.
    func finish() -> UInt64 {
        isOn.store(false, ordering: .relaxed)
        while !isOver.load(ordering: .acquiring) { usleep(1_000) }
        return count
    }
}

extension TwoEngines.Side {
    /// The time that the engine's threads had a processor, in nanoseconds (/proc/PID/task/TID/schedstat, first number).
    func processorTime() throws -> UInt64 {
        let tasks = "/proc/\(process.pid)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { sum, task in
            let text = try String(contentsOfFile: "\(tasks)/\(task)/schedstat", encoding: .utf8)
            return sum + (text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0)
        }
    }

    /// Datagrams that the kernel dropped because a socket of the host was full (/proc/net/snmp and snmp6).
    func overflows() throws -> UInt64 {
        let text = try run("ip", "netns", "exec", name, "cat", "/proc/net/snmp", "/proc/net/snmp6")
        let udp = text.split(separator: "\n").filter { $0.hasPrefix("Udp: ") }.map { $0.split(separator: " ") }
        guard udp.count == 2, let at = udp[0].firstIndex(of: "RcvbufErrors"), let four = UInt64(udp[1][at]) else {
            throw CommandFailed(description: "/proc/net/snmp is not as expected:\n\(text)")
        }
        let six = text.split(separator: "\n").first { $0.hasPrefix("Udp6RcvbufErrors") }?.split(separator: " ").last
        return four + (six.flatMap { UInt64($0) } ?? 0)
    }

    /// Whether anything of what is sent while the engine's threads stand still gets as far as its sockets.
    func queues(_ send: () -> Void) throws -> Bool {
        while try waitingBytes() > 0 { usleep(1_000) }
        ChildProcess.signal(SIGSTOP, to: process.pid)
        defer { ChildProcess.signal(SIGCONT, to: process.pid) }
        let tasks = "/proc/\(process.pid)/task"
        for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
            // The state stands behind the name, which is in brackets.
            while !(try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8).contains(") T ")) {
                usleep(1_000)
            }
        }
        send()
        return try waitingBytes() > 0
    }

    /// Bytes that wait in the engine's receive sockets (/proc/net/udp and udp6, `rx_queue`).
    func waitingBytes() throws -> UInt64 {
        let text = try run("ip", "netns", "exec", name, "cat", "/proc/net/udp", "/proc/net/udp6")
        return text.split(separator: "\n").map { $0.split(separator: " ") }.reduce(0) { sum, words in
            guard words.count > 4, words[1].hasSuffix(":1194") else { return sum }
            return sum + (words[4].split(separator: ":").last.flatMap { UInt64($0, radix: 16) } ?? 0)
        }
    }

    /// All drops of received datagrams by reason.
    func receiveDrops() throws -> [String: UInt64] {
        usleep(20_000)
        let drops = try client().drops().filter { $0.direction == .receive }
        return Dictionary(uniqueKeysWithValues: drops.map { ($0.reason, $0.count) })
    }
}
