import CryptClient
import Glibc
import LinuxKit
import PacketIO
import Synchronization
import Testing

/// Four attackers who take the datagrams of a flow off the underlay and send each again at once.
private final class Replayers: Sendable {
    private let isOn = Atomic<Bool>(true)
    private let running = Atomic<Int>(4)
    private let sent = Atomic<UInt64>(0)

    /// Packets of `byteCount` bytes, of which the kernel may hand over several as one super-datagram.
    init(_ engines: TwoEngines, byteCount: Int) throws {
        let under = try #require(try engines.b.netlink.link(named: "under")).index
        for number in 0..<4 {
            let listener = try FrameSocket(in: engines.b.namespace, device: under)
            // By the loopback device, so that they do not hear themselves.
            let socket = try InnerSocket(in: engines.b.namespace, "192.0.2.2", port: 9_990 + UInt16(number))
            socket.connect("192.0.2.2", port: 4_500)
            let replayers = self
            _ = try PacketThread(name: "replay-\(number)") { replayers.run(listener, socket, byteCount) }
        }
    }

    private func run(_ listener: FrameSocket, _ socket: InnerSocket, _ byteCount: Int) {
        while isOn.load(ordering: .relaxed) {
            let frame = listener.receive(milliseconds: 50) {
                $0.count >= 42 + byteCount && $0[36] == 0x11 && $0[37] == 0x94
            }
            guard let frame else { continue }
            for start in stride(from: 42, through: frame.count - byteCount, by: byteCount) {
                guard socket.send(Array(frame[start..<start + byteCount])) == 0 else { continue }
                sent.add(1, ordering: .relaxed)
            }
        }
        running.subtract(1, ordering: .releasing)
    }

    func finish() -> UInt64 {
        isOn.store(false, ordering: .relaxed)
        while running.load(ordering: .acquiring) > 0 { usleep(1_000) }
        return sent.load(ordering: .relaxed)
    }
}

extension EngineTests {
    @Test(arguments: [1, 2])
    func `Packets that four attackers repeat at once arrive exactly once`(_ queues: Int) throws {
        try Self.with(queues: (queues, queues)) { engines in
            try engines.connect(engines.a, to: engines.b)
            // Inner packet 20 + 8 + 64, trailer 2, aligned 96, and 32 around it.
            let replayers = try Replayers(engines, byteCount: 128)
            let probe = try Probe(engines)
            usleep(2_000_000)
            let report = probe.finish()
            let sent = replayers.finish()
            print("\(sent) packets repeated by four attackers: \(report)")
            #expect(report.lost == 0 && report.duplicates == 0)
            #expect(sent > UInt64(report.sent), "many were repeated, most of them more than once")
            #expect(try engines.b.overflows() == 0)
            #expect(try engines.b.receiveDrops() == ["replay": sent])
            let group = try #require(try engines.b.client().counters(.receive).first)
            #expect(group.packets == UInt64(report.sent))
            #expect(group.replayed == sent && group.forged == 0)
        }
    }
}
