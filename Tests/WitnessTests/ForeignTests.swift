import CryptProtocol
import Glibc
import LinuxKit
import Testing

/// What the foreign end says that it saw.
private struct Seen: Decodable {
    let implementation: String
    let opened, refused, badChecksums, sent, echoes, answers, highest, lost: UInt64
}

/// An engine talks to an ESP endpoint in Python: scapy's IPsec layer for conf, python3-cryptography for auth.
extension WitnessTests {
    @Test(.timeLimit(.minutes(2)), arguments: [Protection.conf, .auth], [false, true])
    func `A foreign end in Python speaks with the engine`(_ protection: Protection, _ overIPv6: Bool) throws {
        let a = try Host("pbE-a", number: 1, queues: 2)
        let b = try Host("pbE-b", number: 2)
        try run("ip -n pbE-a link add under mtu 1500 type veth peer name under netns pbE-b")
        for host in [a, b] { try host.bringUpUnderlay() }
        try a.startEngine(far: 2)
        let there = Keys(spiBase: 4_096, protection)
        let back = Keys(spiBase: 8_192, protection)
        try a.receives(back, senderQueues: 1)
        try a.sends(there, to: 2, overIPv6: overIPv6)
        let foreign = try Background(
            b.inside + (try python("foreign"))
                + ["\(try b.underlay(isIPv6: overIPv6))", there.words(queues: 2), back.words(queues: 1)])
        try foreign.wait(for: "ready", seconds: 20)
        var isWhole = false
        defer { if !isWhole { print((try? foreign.text) ?? "", (try? a.log) ?? "") } }
        let echo = try a.echo()

        // Its numbers pass 2^32 here.
        for address in [b.inner, b.inner6] {
            try a.ping(address, count: 10, bytes: 56)
            try a.ping(address, count: 5, bytes: 1_300)
            try a.converse(with: address, udp: [0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 1_000, 1_350])
        }
        #expect(try say("ask", from: a, to: b) == 1)
        let before = try a.counters(.receive)
        #expect(before.forged == 0 && before.replayed == 0)
        #expect(try say("forge", from: a, to: b) == 1, "of four packets one is good")
        let came = try a.counters(.receive)
        #expect(came.forged == 2 && came.replayed == 1, "\(came)")
        _ = try? say("report", from: a, to: b)
        let seen = try report(Seen.self, in: foreign.finish(seconds: 5))
        withExtendedLifetime(echo) {}

        #expect(seen.implementation == (protection == .conf ? "Scapy" : "ByHand"))
        #expect(seen.refused == 0 && seen.badChecksums == 0 && seen.lost == 0, "\(seen)")
        #expect(seen.echoes == 30 && seen.answers == 20)
        // 30 pings, 24 datagrams, the 20 that it asked, and one answer to each of two texts.
        #expect(seen.sent == 76)
        #expect(came.packets == seen.sent)
        #expect(seen.highest > UInt64(UInt32.max))
        #expect(try a.counters(.transmit).packets == seen.opened)
        isWhole = true
        print("\(protection) over IPv\(overIPv6 ? 6 : 4): \(seen)")
    }

    /// Says a word to the foreign end; how often it came back.
    private func say(_ text: String, from a: Host, to b: Host) throws -> Int {
        let answer = try run(a.inside + (try python("say")) + [b.inner, text])
        return try #require(Int(answer.split(separator: "\n").last ?? ""))
    }
}
