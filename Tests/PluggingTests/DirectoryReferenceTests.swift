import NetTypes
import Plugging
import Policy
import PolicyLanguage
import Testing
import Trust

/// Both algorithms over random directories, against a reference that knows how every fact was made and so needs no
/// cryptography: it reads the flaw from a note.
@Suite("The two algorithms against a dumb reference")
struct DirectoryReferenceTests {
    static let seed: UInt64 = 0x5eed_d1c7
    static let cases = 2_000

    /// Facts, and how they were made.
    struct Noted: Sendable {
        let facts: EndpointFacts
        let endpoint: World.Endpoint
        let leaf: LeafID
        let epoch: Epoch
        let notAfter: Timestamp
        /// The code by which they are refused for ever; nil for honest ones.
        let flaw: String?
    }

    struct Pool: Sendable {
        let world: World
        let endpoints: [World.Endpoint]
        let facts: [[Noted]]

        init() throws {
            world = try World()
            let acme = [
                try world.endpoint("acme/web1", 1, groups: ["web"]),
                try world.endpoint("acme/db1", 2, groups: ["db", "all"]),
                try world.endpoint("acme/ops1", 3, groups: ["web", "db", "all"]),
                try world.endpoint("acme/lone", 4),
            ]
            let globex = [
                try world.endpoint("globex/web1", 5, groups: ["web", "all"]),
                try world.endpoint("globex/db1", 6, groups: ["db"]),
            ]
            endpoints = acme + globex
            var all: [[Noted]] = []
            for (index, endpoint) in endpoints.enumerated() {
                var mine: [Noted] = []
                let other = endpoints[(index + 1) % endpoints.count]
                for (leaf, epoch, lifetime) in [
                    (World.here, 6 as Epoch, 3_600 as Int64), (World.there, 7, 3_600), (World.here, 8, 7_200),
                    (World.there, 9, 60),
                ] {
                    let notAfter = World.now + lifetime
                    func note(_ facts: EndpointFacts, _ flaw: String?) {
                        mine.append(
                            Noted(
                                facts: facts, endpoint: endpoint, leaf: leaf, epoch: epoch, notAfter: notAfter,
                                flaw: flaw))
                    }
                    let honest = try endpoint.facts(on: leaf, epoch: epoch, notAfter: notAfter)
                    // Honest facts twice, so that a good part of the cases gets as far as the policy.
                    note(honest, nil)
                    note(honest, nil)
                    guard epoch == 7 else { continue }
                    note(
                        try endpoint.facts(on: leaf, epoch: epoch, notAfter: notAfter, signedBy: other.key),
                        "bad-signature")
                    note(
                        try endpoint.facts(on: leaf, epoch: epoch, notAfter: notAfter, identity: other.identity),
                        "record-identity")
                    let wrong = endpoint.name.tenant.text == "acme" ? world.globex : world.acme
                    note(
                        try endpoint.facts(on: leaf, epoch: epoch, notAfter: notAfter, issuer: wrong.certificate),
                        "wrong-issuer")
                }
                all.append(mine)
            }
            facts = all
        }
    }

    /// The deliberately dumb policy: three ranks, each read from top to bottom, unplug first.
    static func plugs(_ document: PolicyDocument, _ source: Subject, _ destination: Subject) -> Bool {
        func isIn(_ subject: Subject, _ selector: Selector) -> Bool {
            switch selector {
            case .endpoint(let name): name == subject.name
            case .group(let name): subject.groups.contains(name)
            }
        }
        for names in [2, 1, 0] {
            for action in [PolicyEntry.Action.unplug, .plug] {
                for entry in document.entries where entry.action == action {
                    if (entry.from.isEndpoint ? 1 : 0) + (entry.to.isEndpoint ? 1 : 0) != names { continue }
                    if isIn(source, entry.from), isIn(destination, entry.to) { return action == .plug }
                    if !entry.oneWay, isIn(destination, entry.from), isIn(source, entry.to) { return action == .plug }
                }
            }
        }
        return false
    }

    static func document(_ tenant: Name, using random: inout SeededGenerator) throws -> PolicyDocument {
        var document = PolicyDocument(tenant: tenant, revision: 1)
        let selectors = try ["web1", "db1", "ops1", "lone", "group:web", "group:db", "group:all"].map {
            try Selector(parsing: $0)
        }
        for _ in 0..<(random.next() % 10) {
            try document.add(
                random.one(in: 3) ? .unplug : .plug, from: random.pick(selectors), to: random.pick(selectors),
                oneWay: random.one(in: 3))
        }
        return document
    }

    /// The codes by which facts may be refused at a moment; empty for good ones. With two faults either may be named.
    static func faults(_ noted: Noted, at now: Timestamp, revoked: Identity?) -> Set<String> {
        var codes = Set<String>()
        if let flaw = noted.flaw { codes.insert(flaw) }
        if noted.notAfter < now { codes.insert("record-expired") }
        if noted.endpoint.identity == revoked { codes.insert("revoked") }
        return codes
    }

    @Test("1: the sender's protocol")
    func sender() async throws {
        let pool = try Pool()
        let algorithm = SenderProtocol(anchor: pool.world.anchor)
        var random = SeededGenerator(seed: Self.seed)
        var seen: [String: Int] = [:]
        for round in 0..<Self.cases {
            // A directory: what it holds of the destination, which may be anybody's.
            let source = random.pick(pool.endpoints)
            let wanted = Int(random.next() % UInt64(pool.endpoints.count))
            let destination = pool.endpoints[wanted]
            let noted = random.pick(random.one(in: 12) ? random.pick(pool.facts) : pool.facts[wanted])
            let known = !random.one(in: 12)
            let running = !random.one(in: 12)
            let floor: Epoch = random.pick([0, 0, 6, 7, 8])
            let now = World.now + random.pick([0, 0, 60, 61, 3_600, 3_601])
            let revoked = random.one(in: 10) ? random.pick(pool.endpoints).identity : nil
            let tenant = random.one(in: 12) ? random.pick(pool.endpoints).name.tenant : source.name.tenant
            let document = random.one(in: 12) ? nil : try Self.document(tenant, using: &random)
            var revocations = Revocations.none
            if let revoked { revocations.revoke(identity: revoked) }

            let word = await algorithm.decide(
                SenderInput(
                    source: source.local, destination: destination.identity, known: known,
                    facts: running ? noted.facts : nil,
                    policy: try document.map { PolicyInForce(try TenantPolicy(entries: $0)) }, epochFloor: floor,
                    revocations: revocations, now: now)
            ).word

            // The reference: the algorithm's steps, on the notes.
            let expected: Set<String>
            let faults = Self.faults(noted, at: now, revoked: revoked)
            let target = noted.endpoint
            if source.identity == destination.identity {
                expected = ["same-endpoint"]
            } else if source.identity == revoked {
                expected = ["revoked"]
            } else if !known {
                expected = ["unknown-destination"]
            } else if !running {
                expected = ["not-running"]
            } else if !faults.isEmpty {
                expected = faults
            } else if target.identity != destination.identity {
                expected = ["another-identity"]
            } else if target.name.tenant != source.name.tenant {
                expected = ["tenant-mismatch"]
            } else if noted.epoch < floor {
                expected = ["older-epoch"]
            } else if let document, document.tenant == source.name.tenant {
                let there = Self.plugs(document, source.subject, target.subject)
                let back = Self.plugs(document, target.subject, source.subject)
                expected = [there ? (back ? "plug" : "plug one-way") : "policy"]
            } else {
                expected = ["no-policy"]
            }
            #expect(expected.contains(word), "seed \(Self.seed), round \(round): \(word), not \(expected)")
            seen[word, default: 0] += 1
        }
        for word in [
            "plug", "plug one-way", "policy", "no-policy", "older-epoch", "tenant-mismatch", "another-identity",
            "revoked",
            "record-expired", "bad-signature", "record-identity", "wrong-issuer", "not-running", "unknown-destination",
            "same-endpoint",
        ] {
            #expect(seen[word, default: 0] > 3, "'\(word)' is hardly tried: \(seen); seed \(Self.seed)")
        }
    }

    @Test("2: the receiver's protocol")
    func receiver() async throws {
        let pool = try Pool()
        let algorithm = ReceiverProtocol(anchor: pool.world.anchor)
        var random = SeededGenerator(seed: Self.seed + 1)
        var seen: [String: Int] = [:]
        for round in 0..<Self.cases {
            let destination = random.pick(pool.endpoints)
            let claimed = Int(random.next() % UInt64(pool.endpoints.count))
            let noted = random.pick(pool.facts[claimed])
            let held: Noted? =
                random.one(in: 12)
                ? nil : random.pick(random.one(in: 12) ? random.pick(pool.facts) : pool.facts[claimed])
            let answered = !random.one(in: 3)
            let peer = random.one(in: 6) ? random.pick([World.here, World.there]) : noted.leaf
            let here = !random.one(in: 12)
            let oneWay = random.one(in: 4)
            let floor: Epoch = random.pick([0, 0, 6, 7, 8])
            let now = World.now + random.pick([0, 0, 60, 61, 3_600, 3_601])
            let revoked = random.one(in: 10) ? random.pick(pool.endpoints).identity : nil
            let tenant = random.one(in: 12) ? random.pick(pool.endpoints).name.tenant : destination.name.tenant
            let document = random.one(in: 12) ? nil : try Self.document(tenant, using: &random)
            var revocations = Revocations.none
            if let revoked { revocations.revoke(identity: revoked) }

            let word = await algorithm.decide(
                ReceiverInput(
                    peer: peer, presented: noted.facts, directory: held?.facts, directoryAnswered: answered,
                    claimedOneWay: oneWay, destination: here ? destination.local : nil,
                    destinationIdentity: destination.identity,
                    policy: try document.map { PolicyInForce(try TenantPolicy(entries: $0)) },
                    epochFloor: floor, revocations: revocations, now: now)
            ).word

            let expected: Set<String>
            let faults = Self.faults(noted, at: now, revoked: revoked)
            let heldFaults = held.map { Self.faults($0, at: now, revoked: revoked) } ?? []
            let source = noted.endpoint
            if !here {
                expected = ["not-here"]
            } else if destination.identity == revoked {
                expected = ["revoked"]
            } else if !faults.isEmpty {
                expected = faults
            } else if source.identity == destination.identity {
                expected = ["same-endpoint"]
            } else if noted.leaf != peer {
                expected = ["another-leaf"]
            } else if source.name.tenant != destination.name.tenant {
                expected = ["tenant-mismatch"]
            } else if noted.epoch < floor {
                expected = ["older-epoch"]
            } else if answered, held == nil {
                expected = ["unknown-source"]
            } else if answered, !heldFaults.isEmpty {
                expected = heldFaults
            } else if answered, let held, held.endpoint.identity != source.identity {
                expected = ["another-identity"]
            } else if answered, let held, held.epoch > noted.epoch {
                expected = ["older-epoch"]
            } else if let document, document.tenant == destination.name.tenant {
                let there = Self.plugs(document, source.subject, destination.subject)
                let back = Self.plugs(document, destination.subject, source.subject)
                expected = [there ? (back && !oneWay ? "plug" : "plug one-way") : "policy"]
            } else {
                expected = ["no-policy"]
            }
            #expect(expected.contains(word), "seed \(Self.seed + 1), round \(round): \(word), not \(expected)")
            seen[word, default: 0] += 1
        }
        for word in [
            "plug", "plug one-way", "policy", "no-policy", "older-epoch", "tenant-mismatch", "another-leaf", "revoked",
            "record-expired", "bad-signature", "record-identity", "wrong-issuer", "not-here", "unknown-source",
            "another-identity", "same-endpoint",
        ] {
            #expect(seen[word, default: 0] > 3, "'\(word)' is hardly tried: \(seen); seed \(Self.seed + 1)")
        }
    }
}
