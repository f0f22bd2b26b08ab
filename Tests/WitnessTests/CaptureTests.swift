import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import Testing

/// One suite, one at a time: the tests share the names of two network namespaces.
@Suite(.serialized) struct WitnessTests {}

/// What a script that checks with python3-cryptography says of one association.
private struct Checked: Decodable, CustomStringConvertible {
    let spi: UInt32
    let packets, good, bad, gaps, counterIVs, v4, v6, fragments: UInt64
    var description: String { "SPI \(spi): \(good) good, \(bad) bad, \(gaps) gaps, \(v4) IPv4, \(v6) IPv6" }
}

/// Two engines talk; tshark and python3-cryptography read what was on the wire between them.
extension WitnessTests {
    @Test(.timeLimit(.minutes(2)), arguments: [Protection.conf, .auth], [false, true])
    func `A capture opens with the keys of the test`(_ protection: Protection, _ overIPv6: Bool) throws {
        let a = try Host("pbE-a", number: 1, queues: 2)
        let b = try Host("pbE-b", number: 2)
        try run("ip -n pbE-a link add under mtu 1500 type veth peer name under netns pbE-b")
        for host in [a, b] { try host.bringUpUnderlay() }
        for (host, far) in [(a, b), (b, a)] { try host.startEngine(far: far.number) }
        let there = Keys(spiBase: 4_096, protection)
        let back = Keys(spiBase: 8_192, protection)
        for (keys, from, to) in [(there, a, b), (back, b, a)] {
            try to.receives(keys, senderQueues: from.queues)
            try from.sends(keys, to: to.number, overIPv6: overIPv6)
        }

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pbE-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let outer = folder.appendingPathComponent("outer.pcap").path
        let inner = folder.appendingPathComponent("inner.pcap").path
        let capture = try Background(
            b.inside + [
                "tcpdump", "-i", "under", "-n", "-p", "-Z", "root", "-B", "65536", "-U",
                "--immediate-mode", "-w", outer, "udp",
            ])
        try capture.wait(for: "listening on", seconds: 10)
        try talk(a, b)
        usleep(200_000)
        let said = try capture.finish(seconds: 10, signal: SIGTERM)
        #expect(said.contains("\n0 packets dropped by kernel"), "\(said)")

        let sent = (try a.counters(.transmit), try b.counters(.transmit))
        let came = (try b.counters(.receive), try a.counters(.receive))
        #expect(came.0.packets == sent.0.packets && came.1.packets == sent.1.packets)
        let total = sent.0.packets + sent.1.packets
        #expect(total > 600, "TCP in segments is hundreds of packets")

        // 1. python3-cryptography, which knows extended sequence numbers: every ICV, every number, every trailer.
        let words = [there.words(queues: 2), back.words(queues: 1)]
        let checked = try report([Checked].self, in: run(try python("capture") + [outer, inner] + words))
        #expect(checked.reduce(0) { $0 + $1.good } == total)
        let fromA = checked.filter { $0.spi < back.spiBase }
        #expect(fromA.reduce(0) { $0 + $1.packets } == sent.0.packets)
        for row in checked {
            #expect(row.bad == 0 && row.gaps == 0 && row.fragments == 0 && row.good == row.packets, "\(row)")
            #expect(row.counterIVs == row.packets, "the IV is the sequence number: \(row)")
            #expect(row.v4 + row.v6 == row.packets, "\(row)")
        }

        // 2. tshark: the outer packets, what it deciphers by itself, and the inner packets.
        var associations: [String] = []
        for (keys, from, to) in [(there, a, b), (back, b, a)] {
            for queue in 0..<from.queues {
                associations.append(
                    try association(keys, queue, from.underlay(isIPv6: overIPv6), to.underlay(isIPv6: overIPv6)))
            }
        }
        let deciphered = try dissect(outer, associations: protection == .conf ? associations : [])
        #expect(deciphered.count == Int(total))
        #expect(deciphered.allSatisfy { $0.contains("esp.spi") })
        let insides = protection == .conf ? deciphered : try dissect(inner, associations: [])
        #expect(insides.count == Int(total))
        try judge(insides, nested: protection == .conf)
        print("\(protection) over IPv\(overIPv6 ? 6 : 4): \(total) packets, \(checked)")
    }

    /// Traffic of every kind and both directions.
    private func talk(_ a: Host, _ b: Host) throws {
        let echoes = [try a.echo(), try b.echo()]
        let sizes = [1, 2, 3, 4, 5, 63, 64, 500, 1_000, 1_300] + (0..<20).map { 100 + $0 }
        for (near, far) in [(a, b), (b, a)] {
            for address in [far.inner, far.inner6] {
                try near.ping(address, count: 5, bytes: 56)
                try near.ping(address, count: 3, bytes: 1_200)
                try near.converse(with: address, udp: sizes, tcp: 200_000)
            }
        }
        _ = echoes
    }

    /// A line of tshark's table of associations.
    private func association(_ keys: Keys, _ queue: Int, _ source: some Any, _ target: some Any) throws -> String {
        let family = "\(source)".contains(":") ? "IPv6" : "IPv4"
        let fields = [
            family, "\(source)", "\(target)", "0x" + hex(UInt64(keys.spiBase) + UInt64(queue), 8),
            "AES-GCM with 16 octet ICV [RFC4106]", "0x" + (try keys.packetKey(queue: queue)), "NULL", "",
        ]
        return "uat:esp_sa:" + fields.map { "\"\($0)\"" }.joined(separator: ",")
    }

    /// The fields of every packet of a file, as tshark reads them with all checksums checked.
    private func dissect(_ path: String, associations: [String]) throws -> [String] {
        var words = ["tshark", "-n", "-r", path, "-o", "tcp.desegment_tcp_streams:FALSE"]
        for layer in ["ip", "tcp", "udp"] { words += ["-o", "\(layer).check_checksum:TRUE"] }
        words += ["-o", "esp.enable_encryption_decode:TRUE"]
        for line in associations { words += ["-o", line] }
        words += ["-T", "fields", "-E", "separator=;"]
        let text = try run(words + Self.fields.flatMap { ["-e", $0] }, seconds: 60)
        return text.split(separator: "\n").filter { $0.contains(";") }.map { line in
            let values = line.split(separator: ";", omittingEmptySubsequences: false)
            return zip(Self.fields, values).filter { !$0.1.isEmpty }.map { "\($0)=\($1)" }.joined(separator: " ") + " "
        }
    }

    private static let fields = [
        "frame.protocols", "esp.spi", "esp.sequence", "ip.src", "ipv6.src", "ip.checksum.status",
        "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status",
        "_ws.malformed", "_ws.expert.message",
    ]

    /// Every inner packet is from one of the two endpoints, and every checksum in it is right.
    private func judge(_ packets: [String], nested: Bool) throws {
        var kinds: [String: Int] = [:]
        for packet in packets {
            let inside = packet.contains("10.9.0.1") || packet.contains("10.9.0.2") || packet.contains("fd09::")
            let kind = ["tcp", "icmpv6", "icmp"].first { packet.contains("\($0).checksum.status=") } ?? "udp"
            kinds[kind, default: 0] += 1
            let isWrong = ["malformed", "should be", "Bad"].contains { packet.contains($0) }
            #expect(inside && !isWrong, "\(packet)")
            // 1: good. Of a nested UDP packet the first status is the tunnel's: 1, or 3 where it has none (RFC 3948).
            let good = kind == "udp" ? (nested ? ["=3,1 ", "=1,1 "] : ["=1 "]) : ["=1 "]
            #expect(good.contains { packet.contains("\(kind).checksum.status\($0)") }, "\(packet)")
        }
        print("inner packets: \(kinds)")
        // Two runs of 30 datagrams and two of 8 pings in each direction, with their answers.
        #expect(kinds["udp"] == 240 && kinds["icmp"] == 32 && kinds["icmpv6"] == 32)
        #expect(kinds["tcp", default: 0] > 400)
    }
}
