import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import PacketIO
import Testing

/// Floods from a host of the underlay that has no keys.
extension EngineTests {
    @Test(arguments: [(false, false), (true, false), (false, true)])
    func `A flood of unknown SPIs costs the engine nothing and the wire no packet`(
        _ isJoined: Bool, _ overIPv6: Bool
    ) throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b, overIPv6: overIPv6)
            let probe = try Probe(engines)
            usleep(300_000)
            let flood = try Flood(engines, .randomSPIs, rate: 150_000, isJoined: isJoined, overIPv6: overIPv6)
            usleep(1_500_000)
            let sent = flood.finish()
            let report = probe.finish()
            print("beside \(sent) datagrams of unknown SPIs: \(report)")
            #expect(sent > 50_000)
            #expect(report.lost == 0 && report.duplicates == 0 && report.reordered == 0)
            #expect(try engines.b.receiveDrops() == ["unknown-spi": sent])
            #expect(try engines.b.overflows() == 0)
            #expect(try #require(try engines.b.client().counters(.receive).first).packets == UInt64(report.sent))
        }
    }

    @Test func `A datagram of an unknown SPI takes no time of the engine, one of a known SPI does`() throws {
        try Self.with(queues: (2, 2)) { engines in
            try engines.connect(engines.a, to: engines.b)
            func cost(_ kind: Flood.Kind, rate: Int) throws -> (nanoseconds: Double, share: Double, sent: UInt64) {
                let (start, before) = (PacketWait.now, try engines.b.processorTime())
                let flood = try Flood(engines, kind, rate: rate)
                usleep(1_000_000)
                let sent = flood.finish()
                usleep(50_000)
                let time = Double(try engines.b.processorTime() - before)
                return (time / Double(sent), time / Double(PacketWait.now - start), sent)
            }
            let unknown = try cost(.randomSPIs, rate: 150_000)
            let known = try cost(.rightSPI(4_096), rate: 20_000)
            print("unknown SPIs: \(unknown); a known SPI: \(known)")
            #expect(unknown.share < 0.05, "the engine sleeps")
            #expect(unknown.nanoseconds * 5 < known.nanoseconds)
            // Who has seen an SPI has each datagram looked at, and none accepted.
            #expect(
                try engines.b.receiveDrops() == ["unknown-spi": unknown.sent, "authentication": known.sent])
            #expect(try engines.b.overflows() == 0)
            let group = try #require(try engines.b.client().counters(.receive).first)
            #expect(group.packets == 0 && group.forged == known.sent)
        }
    }

    @Test func `Garbage with the right SPI beside a wire is counted and nothing of the wire is lost`() throws {
        try Self.with { engines in
            try engines.connect(engines.a, to: engines.b)
            let probe = try Probe(engines)
            usleep(300_000)
            let flood = try Flood(engines, .rightSPI(4_096), rate: 10_000)
            usleep(1_500_000)
            let sent = flood.finish()
            let report = probe.finish()
            print("beside \(sent) datagrams of garbage with the right SPI: \(report)")
            #expect(report.lost == 0 && report.duplicates == 0 && report.reordered == 0)
            #expect(try engines.b.receiveDrops() == ["authentication": sent])
            #expect(try engines.b.overflows() == 0)
        }
    }

    @Test(arguments: [1, 2])
    func `No drop is forgotten while engines take over`(_ queues: Int) throws {
        try Self.with(queues: (queues, queues)) { engines in
            try engines.connect(engines.a, to: engines.b)
            let probe = try Probe(engines)
            let floods = [
                try Flood(engines, .randomSPIs, rate: 50_000), try Flood(engines, .rightSPI(4_096), rate: 10_000),
            ]
            var last: [String: UInt64] = [:]
            for _ in 1...3 {
                usleep(300_000)
                let former = engines.b.process
                engines.b.process = try engines.b.launch(["--take-over", "--user", "nobody"])
                _ = try engines.b.client()
                while try former.poll() == nil { usleep(1_000) }
                let now = try engines.b.receiveDrops()
                for reason in ["unknown-spi", "authentication"] { #expect(now[reason, default: 0] > last[reason] ?? 0) }
                last = now
            }
            let sent = floods.map { $0.finish() }
            let report = probe.finish()
            print("three engines after each other in floods of \(sent): \(report)")
            #expect(report.lost == 0 && report.duplicates == 0 && report.reordered == 0)
            #expect(try engines.b.receiveDrops() == ["unknown-spi": sent[0], "authentication": sent[1]])
            #expect(try engines.b.overflows() == 0)
        }
    }
}
