import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import PacketIO
import SPIFilter
import Testing

/// What the filter of the receive sockets lets pass, and whose it is when engines change.
extension EngineTests {
    @Test(arguments: [false, true])
    func `What is dropped in the kernel has the reason that the engine would have given`(_ overIPv6: Bool) throws {
        try Self.with { engines in
            let attacker = try attacker(engines, overIPv6: overIPv6)
            var expected: [String: UInt64] = [:]
            // The engine's threads stand still, so it is the kernel that counts.
            let reached = try engines.b.queues {
                for (spi, word) in [(UInt32(0), "not-esp"), (4_096, "unknown-spi"), (0xffff_ffff, "unknown-spi")] {
                    for count in 0..<200 {
                        let head = withBigEndian(spi)
                        let bytes = Array((head + [UInt8](repeating: 7, count: 200)).prefix(count))
                        attacker.send(bytes)
                        let reason =
                            count == 1 && bytes[0] == 0xff
                            ? "keepalive"
                            : count < 4
                                ? "malformed" : spi == 0 ? word : count < 36 || count % 4 != 0 ? "malformed" : word
                        expected[reason, default: 0] += 1
                    }
                }
            }
            #expect(!reached)
            #expect(try engines.b.receiveDrops() == expected)
        }
    }

    @Test func `SPIs pass from their installation to their retirement`() throws {
        try Self.with(queues: (2, 2)) { engines in
            let attacker = try attacker(engines)
            let client = try engines.b.client()
            /// Whether a datagram reaches a socket.
            func passes(_ spi: UInt32) throws -> Bool {
                try engines.b.queues { attacker.send(withBigEndian(spi) + [UInt8](repeating: 1, count: 60)) }
            }
            // 64 places: 4,096 and 4,608 would have the same one.
            for base in [4_096, 4_104, 0xffff_fff8] as [UInt32] {
                #expect(try !passes(base))
                try client.install(
                    ReceiveGroup(
                        slot: 7, spiBase: base, protection: .conf, queues: 2, secret: try wireSecret(randomSecret())))
                #expect(try passes(base) && passes(base + 1))
                #expect(try !passes(base + 2) && !passes(base + 7))
                #expect(try !passes(base &+ 512) && !passes(base &- 512))
            }
            for base in [4_096, 4_104, 0xffff_fff8] as [UInt32] {
                try client.retireReceive(spiBase: base)
                #expect(try !passes(base) && !passes(base + 1))
            }
        }
    }

    @Test func `A bad datagram takes no good one with it`() throws {
        try Self.with { engines in
            // 1. Catch a packet, as an attacker who sends from the peer's address and port would have them joined.
            let secret = randomSecret()
            try engines.send(engines.a, to: engines.b, spiBase: 4_096, secret: secret)
            let under = try #require(try engines.b.netlink.link(named: "under")).index
            let listener = try FrameSocket(in: engines.b.namespace, device: under)
            let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_000)
            let right = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: 9_000)
            left.connect("10.9.0.2", port: 9_000)
            left.send(Array("sixteen bytes ok".utf8))
            let frame = try #require(
                listener.receive(milliseconds: 1_000) { $0.count > 60 && Array($0[36..<38]) == [0x11, 0x94] })
            let packet = Array(frame[42...])
            try engines.b.client().install(
                ReceiveGroup(
                    slot: 7, spiBase: 4_096, protection: .conf, queues: 1, secret: try wireSecret(secret)))
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 1])
            // 2. The same with bad ones before and behind it, in one super-datagram.
            let bad = withBigEndian(9_000) + [UInt8](repeating: 3, count: packet.count - 4)
            let attacker = try attacker(engines)
            attacker.setSegment(Int32(packet.count))
            attacker.send(Array(repeating: bad, count: 10).joined() + packet + bad)
            #expect(right.receive(milliseconds: 1_000) == Array("sixteen bytes ok".utf8))
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 12])
            // 3. Only bad ones, the last of them shorter.
            let reached = try engines.b.queues {
                attacker.send(Array(Array(repeating: bad, count: 9).joined()) + [0, 0, 0, 0, 0])
            }
            #expect(!reached)
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 21, "not-esp": 1])
        }
    }

    @Test func `An engine that adopts has its own filter and goes on counting`() throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b)
            let kept = try engines.b.client().descriptors()
            let attacker = try attacker(engines)
            for _ in 0..<100 { attacker.send(withBigEndian(9_000) + [UInt8](repeating: 3, count: 60)) }
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 100])
            try engines.b.end(engines.b.process, SIGKILL)
            engines.b.process = try engines.b.launch(["--adopt", "--user", "nobody"])
            try engines.b.client().adopt(kept)
            for _ in 0..<10 { attacker.send(withBigEndian(9_000) + [UInt8](repeating: 3, count: 60)) }
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 110])
            try followsTheTable(engines)
        }
    }

    @Test func `A successor that goes away leaves no filter behind`() throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b)
            do {
                let connection = try ControlConnection(path: engines.b.control)
                var list = DescriptorList()
                try askToTakeOver(connection, &list)
                // Table, listener, TAP queue, then the sockets: to receive and to send by IPv4, the same by IPv6.
                for _ in 0..<3 { _ = list.removeFirst() }
                let filter = try SPIFilter()
                filter.setCapacity(64)
                for _ in 0..<2 {
                    guard let descriptor = list.removeFirst() else { throw CommandFailed(description: "no socket") }
                    try filter.attach(to: try DatagramSocket(adopting: descriptor))
                    _ = list.removeFirst()
                }
                #expect(refused { try engines.b.client().retireReceive(spiBase: 4_096) }.reason == .busy)
            }
            try followsTheTable(engines)
        }
    }

    @Test func `Successors that come and go cost no packet`() throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b)
            let probe = try Probe(engines)
            for _ in 0..<20 {
                usleep(20_000)
                var list = DescriptorList()
                try askToTakeOver(try ControlConnection(path: engines.b.control), &list)
            }
            usleep(100_000)
            let report = probe.finish()
            #expect(report.lost == 0 && report.duplicates == 0 && report.reordered == 0)
            #expect(try engines.b.receiveDrops().isEmpty)
            try followsTheTable(engines)
        }
    }

    private func askToTakeOver(_ connection: borrowing ControlConnection, _ list: inout DescriptorList) throws {
        var buffer = MessageBuffer()
        Request.takeOver.emit(number: 1, into: &buffer)
        try buffer.withMessage { try connection.send($0) }
        try buffer.fill { try connection.receive(into: &$0, descriptors: &list) }
    }

    @Test func `Without the right to load a filter the engine says so and goes on`() throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b)
            let former = engines.b.process
            engines.b.process = try engines.b.launch(
                ["--take-over", "--user", "nobody"], by: ["setpriv", "--bounding-set=-bpf,-sys_admin"])
            _ = try engines.b.client()
            while try former.poll() == nil { usleep(1_000) }
            let lines = try engines.b.logText().split(separator: "\n").filter {
                $0.contains("no filter on the receive")
            }
            #expect(lines.count == 1)
            let attacker = try attacker(engines)
            let reached = try engines.b.queues {
                attacker.send(withBigEndian(9_000) + [UInt8](repeating: 3, count: 60))
            }
            #expect(reached, "the former engine's filter is off")
            #expect(try engines.b.receiveDrops() == ["unknown-spi": 1])
            try carries(engines, spiBase: 4_104)
        }
    }

    /// New keys carry, the retired ones' packets do not reach the sockets.
    private func followsTheTable(_ engines: TwoEngines) throws {
        try carries(engines, spiBase: 4_104)
        try engines.b.client().retireReceive(spiBase: 4_096)
        let attacker = try attacker(engines)
        for (spi, isThere) in [(4_096, false), (4_104, true)] as [(UInt32, Bool)] {
            let reached = try engines.b.queues {
                attacker.send(withBigEndian(spi) + [UInt8](repeating: 3, count: 60))
            }
            #expect(reached == isThere, "SPI \(spi)")
        }
    }

    private func carries(_ engines: TwoEngines, spiBase: UInt32) throws {
        try engines.connect(engines.a, to: engines.b, spiBase: spiBase)
        let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_001)
        let right = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: 9_001)
        left.connect("10.9.0.2", port: 9_001)
        left.send([1, 2, 3])
        #expect(right.receive(milliseconds: 1_000) == [1, 2, 3])
    }

    private func attacker(_ engines: TwoEngines, overIPv6: Bool = false) throws -> InnerSocket {
        let socket = try InnerSocket(
            in: engines.a.namespace, overIPv6 ? "2001:db8::1" : "192.0.2.1", port: 0)
        socket.connect(overIPv6 ? "2001:db8::2" : "192.0.2.2", port: 4_500)
        return socket
    }

    private func withBigEndian(_ word: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
    }
}
