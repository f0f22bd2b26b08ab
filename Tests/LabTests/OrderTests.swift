import Foundation
import KernelPath
import Lab
import Testing

/// The same changes in any order come to the same, down to the maps of every kernel.
extension LabTests.OverIPv4 {
    /// A change of the platform, by what it says to the controller.
    struct Change: Sendable {
        let words: [String]
        /// Of acme; nil where the words are everything.
        var document: String?
        var entry: String?

        static let all: [Change] = [
            Change(
                words: ["document"],
                document: """
                    groups:
                      web: {label: tier=web}
                      db: {all: [{label: tier=db}, {not: {label: env=test}}]}
                      crew: {label: group=batch}
                    rules:
                      - {name: crew, from: group:crew, to: db1, verdict: plug, ports: [udp/7]}
                      - {name: shop, from: group:web, to: group:db, verdict: plug, ports: [tcp/7, udp/7], rate: 50 Mbit/s}
                      - {name: safe, from: web2, to: batch1, verdict: plug, security: auth}
                      - {name: tools, from: any, to: batch1, verdict: plug, ports: [udp/7-9], log: true}
                      - {name: told, from: batch1, to: any, verdict: reject, ports: [tcp/25]}
                    """),
            Change(words: ["plug", "acme/web1", "acme/web2"]),
            Change(words: ["plug", "acme/batch1", "acme/db1"]),
            // An entry, and no wish: what `unplug` has to write depends on what there is.
            Change(words: ["entry"], entry: #"{"action":"unplug","from":"web1","to":"batch1"}"#),
            Change(words: ["plug", "globex/web1", "globex/db1"]),
            Change(words: ["endpoint", "label", "acme/web1", "tier=web"]),
            Change(words: ["endpoint", "label", "acme/web2", "tier=web"]),
            Change(words: ["endpoint", "label", "acme/db1", "tier=db"]),
            Change(words: ["endpoint", "move", "acme/db1", "h3"]),
            Change(words: ["endpoint", "move", "acme/batch1", "h1"]),
            Change(words: ["group", "add", "acme/batch", "web2"]),
        ]

        /// The labels that changes give, to take them away again.
        static let labels = [("acme/web1", "tier-"), ("acme/web2", "tier-"), ("acme/db1", "tier-")]
    }

    @Test(.timeLimit(.minutes(4))) func changesInAnyOrderComeToTheSameMaps() async throws {
        let lab = try TestLab.current()
        var expected: [String: PathContents]?
        for seed in UInt64(1)...4 {
            try await lab.reset()
            do {
                let found = try await lab.make(Change.all, seed: seed, like: expected)
                for (host, contents) in found {
                    let held = (contents.sending.keys.map(\.rules) + contents.receiving.keys.map(\.rules)).compactMap {
                        $0
                    }
                    #expect(held.allSatisfy { contents.rules[$0] != nil }, "wires of \(host) without their rules")
                }
                if let expected {
                    try lab.compare(found, with: expected, "seed \(seed)")
                } else {
                    // What is compared is there, and enough of it.
                    let wires = found.values.reduce(0) { $0 + $1.sending.count }
                    let rules = found.values.reduce(0) { $0 + $1.rules.count }
                    #expect(wires > 10 && rules > 2, "\(wires) wires, \(rules) rules: \(found)")
                    #expect(found.values.contains { $0.rules.values.contains { !$0.limits.isEmpty } }, "\(found)")
                    expected = found
                }
                if seed == 4 {
                    // One change less is seen: the comparison can fail.
                    try await lab.succeed("endpoint", "label", "acme/web1", "tier-")
                    let other = try await lab.settledContents(like: nil)
                    #expect(other != expected)
                }
            } catch {
                Issue.record(error)
            }
            try await lab.apply(document: "")
            for (name, label) in Change.labels { _ = try await lab.patchbay("endpoint", "label", name, label) }
            _ = try await lab.patchbay("group", "remove", "acme/batch", "web2")
        }
        try await lab.reset()
    }
}

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

extension TestLab {
    /// Makes changes in an order of its own, and tells what the kernels have when all is done.
    fileprivate func make(
        _ changes: [LabTests.OverIPv4.Change], seed: UInt64, like expected: [String: PathContents]?
    ) async throws -> [String: PathContents] {
        var random = Seeded(state: seed)
        for change in changes.shuffled(using: &random) {
            try await make(change)
            // Some wires are plugged under way, by what was in force then; the next change has to lead them on.
            if Bool.random(using: &random) { try await talk() }
        }
        return try await settledContents(like: expected)
    }

    fileprivate func compare(
        _ found: [String: PathContents], with expected: [String: PathContents], _ name: String
    ) throws {
        for (host, contents) in found {
            let differences = contents.differences(from: try #require(expected[host]))
            #expect(differences.isEmpty, "\(name), \(host): \(differences.joined(separator: "\n"))")
        }
    }

    fileprivate func make(_ change: LabTests.OverIPv4.Change) async throws {
        if let document = change.document {
            try await apply(document: document)
        } else if let entry = change.entry {
            let answer = try await rest("POST", "/v1/tenants/acme/policy/entries", entry)
            #expect(answer.status < 300, "\(answer)")
        } else {
            try await Command(["\(programs)/patchbay"] + change.words).succeed()
            if change.words[1] == "move" { try await waitUntilRunning(change.words[2]) }
        }
    }

    /// Everybody tries to reach everybody, at once.
    fileprivate func talk() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in endpoints {
                group.addTask {
                    let others = self.endpoints.filter { $0.tenant == source.tenant && $0 != source }
                    _ = try await self.reach(
                        from: source.name, to: others.flatMap { [$0.identity, $0.ipv4] }, seconds: 0.5)
                }
            }
            try await group.waitForAll()
        }
    }

    /// What the kernels of the hosts have in their maps.
    fileprivate func contents() async throws -> [String: PathContents] {
        var found: [String: PathContents] = [:]
        for host in hosts { found[host.name] = try PathContents(pinnedIn: "\(LabLayout.pinDirectory)/\(host.name)") }
        return found
    }

    /// The same when everybody has talked and nothing changes any more; what is waited for, if it comes.
    fileprivate func settledContents(like expected: [String: PathContents]?) async throws -> [String: PathContents] {
        var last: [String: PathContents] = [:]
        _ = try await eventually(within: 20, every: 0.5) {
            try await talk()
            let before = last
            last = try await contents()
            return expected.map { $0 == last } ?? (last == before)
        }
        return last
    }
}
