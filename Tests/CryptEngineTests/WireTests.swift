import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import Testing

/// One suite, one at a time: the tests share the names of two network namespaces, and some measure time.
@Suite(.serialized) struct EngineTests {
    static func with(
        queues: (Int, Int) = (1, 1), options: [String] = [], _ body: (TwoEngines) throws -> Void
    ) throws {
        let engines = try TwoEngines(queues: queues, options: options)
        do {
            try body(engines)
        } catch {
            for side in [engines.a, engines.b] { print(side.name, try side.logText()) }
            try? engines.close()
            throw error
        }
        try engines.close()
    }

    @Test(arguments: [(Protection.conf, false), (.auth, false), (.conf, true), (.auth, true)])
    func `Packets of both families pass whole over both underlays`(
        _ protection: Protection, _ overIPv6: Bool
    ) throws {
        try Self.with { engines in
            try engines.connectBoth(protection: protection, overIPv6: overIPv6)
            for (near, far) in [("10.9.0.1", "10.9.0.2"), ("fd09::1", "fd09::2")] {
                let left = try InnerSocket(in: engines.a.namespace, near, port: 9_000)
                let right = try InnerSocket(in: engines.b.namespace, far, port: 9_000)
                left.connect(far, port: 9_000)
                right.connect(near, port: 9_000)
                for count in [0, 1, 2, 3, 100, 1_000, 1_350] {
                    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) }
                    #expect(left.send(bytes) == 0)
                    let there = right.receive(milliseconds: 1_000) == bytes
                    #expect(there, "\(count) bytes to \(far)")
                    #expect(right.send(bytes) == 0)
                    let back = left.receive(milliseconds: 1_000) == bytes
                    #expect(back, "\(count) bytes to \(near)")
                }
            }
            let sent = try #require(try engines.a.client().counters(.transmit).first)
            let came = try #require(try engines.b.client().counters(.receive).first)
            #expect(sent.packets == 14)
            #expect(came.packets == 14)
            #expect(sent.bytes == came.bytes)
            #expect(came.replayed == 0 && came.forged == 0)
            #expect(sent.slot == TwoEngines.transmitSlot && came.slot == TwoEngines.receiveSlot)
            #expect(sent.spiBase == came.spiBase)
        }
    }

    @Test func `A frame that is not IP passes in EtherIP`() throws {
        try Self.with { engines in
            try engines.connectBoth()
            let link = try #require(try engines.b.netlink.link(named: "crypt")).index
            let listener = try FrameSocket(in: engines.b.namespace, device: link)
            let out = try #require(try engines.a.netlink.link(named: "crypt")).index
            let body: [UInt8] = (0..<46).map { UInt8($0) }
            let source: [UInt8] = [2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee]
            try PacketSocket(in: engines.a.namespace).send(
                [2, 0x50, 0, 0, 0, UInt8(TwoEngines.transmitSlot)] + source + [0x88, 0xb5] + body, to: out)
            let frame = try #require(
                listener.receive(milliseconds: 1_000) { Array($0[12..<14]) == [0x88, 0xb5] })
            #expect(Array(frame[0..<6]) == [2, 0x50, 0, 0, 0, UInt8(TwoEngines.receiveSlot)])
            #expect(Array(frame[6..<12]) == [2, 0x50, 0, 0, 0, 0])
            #expect(Array(frame[14...]) == body)
        }
    }

    @Test(arguments: [1, 2])
    func `TCP fills super-packets that stay whole`(_ queues: Int) throws {
        try Self.with(queues: (queues, queues)) { engines in
            try engines.connectBoth()
            let server = try engines.b.serveTransfers("-1")
            let text = try run(
                "ip", "netns", "exec", "pbB-a", "iperf3", "-c", "10.9.0.2", "-t", "2", "-f", "m", "-P", "2")
            while try server.poll() == nil { usleep(2_000) }
            print(text.split(separator: "\n").filter { $0.contains("SUM") }.joined(separator: "\n"))
            // What came is read first: a packet may still be under way.
            let came = try #require(try engines.b.client().counters(.receive).first)
            let sent = try #require(try engines.a.client().counters(.transmit).first)
            #expect(sent.packets > 10_000)
            #expect(sent.packets >= came.packets && sent.packets - came.packets < sent.packets / 100)
            #expect(came.forged == 0)
            // What the kernel got are super-packets: far fewer than the packets on the wire.
            let frames = try deviceFrames(engines.b)
            print("queues \(queues): \(came.packets) packets came as \(frames) frames")
            #expect(frames * 4 < came.packets)
        }
    }

    /// Frames that a side's TAP handed to its host.
    private func deviceFrames(_ side: TwoEngines.Side) throws -> UInt64 {
        let text = try run("ip", "netns", "exec", side.name, "cat", "/proc/net/dev")
        let line = try #require(text.split(separator: "\n").first { $0.contains("crypt:") })
        return try #require(UInt64(line.split(separator: " ")[2]))
    }
}
