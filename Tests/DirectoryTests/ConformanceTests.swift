import DirectoryCore
import NetTypes
import StoreSQLite
import Testing
import Trust

@Suite("SQLite conforms to what a store must do")
struct SQLiteConformanceTests {
    @Test("Conformance", arguments: StoreKind.allCases, DirectoryStoreConformance.all)
    func conforms(_ kind: StoreKind, _ check: DirectoryStoreConformance) async throws {
        let fixture = try Fixture(kind)
        try await check.run(fixture.store)
    }
}

/// What is asked of every ``DirectoryStore``, whatever it is made of. Each check begins with an empty store.
struct DirectoryStoreConformance: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run: @Sendable (any DirectoryStore) async throws -> Void

    private init(_ name: String, _ run: @escaping @Sendable (any DirectoryStore) async throws -> Void) {
        testDescription = name
        self.run = run
    }

    static let all = [
        Self("an empty store answers with nothing", empty),
        Self("what was put is read back, and put again replaces it", roundTrip),
        Self("an endpoint is found by each of its keys", keys),
        Self("an error takes everything back, the announcements too", rollback),
        Self("announcements come in the order of the commits", announcements),
        Self("a read sees one state", snapshot),
        Self("free addresses are found at both ends and in gaps", freeAddress),
        Self("policies keep their newest revisions", policies),
        Self("policies keep no more bytes than they may", policyBytes),
        Self("guardrails keep their newest revisions", guardrails),
        Self("a tenant is kept with its locks", locks),
        Self("deletion takes along what belongs to the thing, and no more", deletion),
        Self("what has expired is forgotten, to the second", expiry),
        Self("pages are complete and in order", pages),
        Self("a query finds what looking at each endpoint would find", queries),
        Self("members and endpoints are counted as they come and go", counts),
        Self("endpoints are counted by what they belong to and how far they are", tallies),
    ]
}

/// `#expect` for bodies with typed errors, which its expansion does not keep.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

extension DirectoryStoreConformance {
    static let octets16 = [UInt8](repeating: 0xff, count: 16)

    static func tenant(_ text: String, renewAt: Int64 = 100) -> Tenant {
        Tenant(
            name: Samples.known(text), createdAt: Timestamp(1), authority: [1, 0, 255], authorityKey: "a-\(text)",
            authorityKeyHash: [3], authorityNotAfter: Timestamp(1_000), policyCertificate: [4], policyKey: "p-\(text)",
            renewAt: Timestamp(renewAt))
    }

    static func vnet(_ id: UInt128, _ tenant: String, _ text: String = "lan") throws -> VNet {
        VNet(
            id: VNetID(id), name: TenantName(Samples.known(tenant), Samples.known(text)),
            prefix: try IPv4Prefix(parsing: "0.0.0.0/0"), createdAt: Timestamp(-5),
            nextAddress: IPv4Address(.max), endpointCount: .max)
    }

    static func host(_ text: String, _ id: UInt128) throws -> LeafHost {
        LeafHost(
            name: Samples.known(text), id: LeafID(id), enrolledAt: Timestamp(9),
            locators: [try IPAddress(parsing: "192.0.2.1"), try IPAddress(parsing: "2001:db8::1")], plugPort: .max,
            createdAt: Timestamp(0))
    }

    static func endpoint(
        _ number: UInt128, _ text: String, vnet: UInt128 = 1, tenant: String = "acme", host: String = "h1",
        state: Endpoint.State = .waiting, groups: [String] = [], labels: [PolicyLabel] = [], level: UInt8 = 0,
        networks: [String] = []
    ) throws -> Endpoint {
        let identity = try #require(Identity(IPv6Address(0xfd << 120 | number)))
        return Endpoint(
            identity: identity, name: TenantName(Samples.known(tenant), Samples.known(text)), vnet: VNetID(vnet),
            vnetName: Samples.known("lan"), ipv4: IPv4Address(UInt32(truncatingIfNeeded: number)),
            groups: groups.map(Samples.known), labels: labels, level: level,
            networks: try networks.map { try IPPrefix(parsing: $0) }, kind: .tap, attachment: text,
            host: Samples.known(host), state: state,
            epoch: UInt64(Int64.max), publishedBy: LeafID(.max), createdAt: Timestamp(2))
    }

    static func facts(_ identity: Identity) throws -> PublishedFacts {
        PublishedFacts(
            identity: identity, leaf: LeafID(1), epoch: 7, recordNotAfter: Timestamp(50),
            certificateNotAfter: Timestamp(60), locator: try IPAddress(parsing: "2001:db8::1"),
            facts: EndpointFacts(certificate: [0, 1], issuer: [], record: [255]))
    }

    /// Two tenants with a vnet each, two hosts and a group.
    static func furnish(_ store: any DirectoryStore) async throws {
        let vnets = [try vnet(1, "acme"), try vnet(.max, "globex")]
        let hosts = [try host("h1", 1), try host("h2", .max)]
        try await store.write { (tx) throws(DirectoryError) in
            for name in ["acme", "globex"] { try tx.put(tenant(name)) }
            for vnet in vnets { try tx.put(vnet) }
            for host in hosts { try tx.put(host) }
            for group in ["web", "all"] {
                try tx.put(Group(name: TenantName(Samples.acme, Samples.known(group)), createdAt: Timestamp(3)))
            }
        }
    }

    @Sendable static func empty(_ store: any DirectoryStore) async throws {
        let name = TenantName(Samples.acme, Samples.h1)
        let identity = try endpoint(1, "x").identity
        let isEmpty = try await store.read { (tx) throws(DirectoryError) in
            let lists: [Int] = [
                try tx.tenants().count, try tx.tenants(renewingAt: Timestamp(.max)).count, try tx.hosts().count,
                try tx.vnets(of: Samples.acme).count, try tx.endpoints(of: Samples.acme, page: Page()).count,
                try tx.endpoints(on: Samples.h1, limit: nil).count, try tx.endpoints(movingFrom: Samples.h1).count,
                try tx.endpoints(movingUntil: Timestamp(.max)).count, try tx.groups(of: Samples.acme).count,
                try tx.members(of: name, page: Page()).count, try tx.policyRevisions(of: Samples.acme).count,
                try tx.borders(of: VNetID(1)).count, try tx.issued(for: identity).count,
                try tx.issued(to: LeafID(1)).count, try tx.revocations().count,
            ]
            let revoked = try tx.isRevoked(.identity(identity))
            let values: [Any?] = [
                try tx.tenant(Samples.acme), try tx.vnet(VNetID(1)), try tx.vnet(name), try tx.endpoint(identity),
                try tx.endpoint(name), try tx.endpoint(IPv4Address(1), in: VNetID(1)), try tx.group(name),
                try tx.endpoint(kind: .tap, attachment: "x", on: Samples.h1), try tx.host(Samples.h1),
                try tx.host(LeafID(1)), try tx.joinGrant(secretHash: octets16 + octets16),
                try tx.policy(of: Samples.acme), try tx.policy(of: Samples.acme, revision: 1),
                try tx.guardrails(), try tx.guardrails(revision: 1),
                try tx.facts(of: identity), try tx.issued(serial: [1]),
            ]
            return lists.allSatisfy { $0 == 0 } && values.allSatisfy { $0 == nil }
                && !revoked
        }
        #expect(isEmpty)
    }

    @Sendable static func roundTrip(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        var changed = try endpoint(
            5, "web1", groups: ["all", "web"],
            labels: [PolicyLabel(parsing: "a.b/c=1"), PolicyLabel(parsing: "tier=web")], level: 255,
            networks: ["0.0.0.0/0", "2001:db8::/32"])
        let states: [Endpoint.State] = [
            .waiting, .running, .failed(detail: "é'\";--"), .failed(detail: ""),
            .moving(from: Samples.known("h2"), deadline: Timestamp(-3)),
        ]
        for state in states {
            changed.state = state
            changed.groups = state == .running ? [] : [Samples.known("all"), Samples.known("web")]
            changed.publishedBy = state == .waiting ? nil : LeafID(.max)
            let wanted = changed
            let read = try await store.write { (tx) throws(DirectoryError) in
                try tx.put(wanted)
                return try tx.endpoint(wanted.identity)
            }
            #expect(read == wanted)
            #expect(try await store.read { (tx) throws(DirectoryError) in try tx.endpoint(wanted.name) } == wanted)
            #expect(try await store.read { (tx) throws(DirectoryError) in try tx.borders(of: wanted.vnet) } == [wanted])
            #expect(try await store.read { (tx) throws(DirectoryError) in try tx.borders(of: VNetID(77)) } == [])
        }
        let grant = JoinGrant(secretHash: octets16 + octets16, host: Samples.h1, expiresAt: Timestamp(5), usedAt: nil)
        let certificate = IssuedCertificate(
            serial: [0x80, 0], keyHash: [], leaf: LeafID(1), identity: changed.identity, notAfter: Timestamp(4))
        let own = IssuedCertificate(serial: [1], keyHash: [2], leaf: LeafID(1), identity: nil, notAfter: Timestamp(4))
        let published = try facts(changed.identity)
        let revocations = [
            Revocation(.identity(changed.identity), expiresAt: Timestamp(9)),
            Revocation(.key([1, 2]), expiresAt: Timestamp(9)),
            Revocation(.serial([1, 2]), expiresAt: Timestamp(9)),
        ]
        let identity = changed.identity
        try await store.write { (tx) throws(DirectoryError) in
            var used = grant
            used.usedAt = Timestamp(1)
            try tx.put(used)
            try tx.put(grant)
            try tx.put(certificate)
            try tx.put(own)
            try tx.put(published)
            for revocation in revocations {
                try tx.add(revocation)
                try tx.add(Revocation(revocation.subject, expiresAt: Timestamp(2)))
            }
        }
        let tenants = ["acme", "globex"].map { tenant($0) }
        let hosts = [try host("h1", 1), try host("h2", .max)]
        let vnet = try vnet(.max, "globex")
        try await store.read { (tx) throws(DirectoryError) in
            check(try tx.joinGrant(secretHash: grant.secretHash) == grant)
            check(try tx.issued(serial: certificate.serial) == certificate)
            check(try tx.issued(for: identity) == [certificate])
            check(try Set(tx.issued(to: LeafID(1))) == [own, certificate])
            check(try tx.facts(of: identity) == published)
            check(try Set(tx.revocations()) == Set(revocations))
            for revocation in revocations { check(try tx.isRevoked(revocation.subject)) }
            check(try !tx.isRevoked(.key([1, 2, 3])))
            check(try tx.tenants() == tenants)
            check(try tx.tenant(Samples.acme) == tenants[0])
            check(try tx.hosts() == hosts)
            check(try tx.vnet(VNetID(.max)) == vnet)
        }
    }

    @Sendable static func keys(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let all = [
            try endpoint(3, "web1"),
            try endpoint(4, "web2", state: .moving(from: Samples.known("h2"), deadline: Timestamp(10))),
            try endpoint(3 | 1 << 64, "web1", vnet: .max, tenant: "globex", host: "h2"),
        ]
        try await store.write { (tx) throws(DirectoryError) in for endpoint in all { try tx.put(endpoint) } }
        try await store.read { (tx) throws(DirectoryError) in
            for endpoint in all {
                check(try tx.endpoint(endpoint.identity) == endpoint)
                check(try tx.endpoint(endpoint.name) == endpoint)
                check(try tx.endpoint(endpoint.ipv4, in: endpoint.vnet) == endpoint)
                check(try tx.endpoint(kind: .tap, attachment: endpoint.attachment, on: endpoint.host) == endpoint)
                check(try tx.endpoint(kind: .namespace, attachment: endpoint.attachment, on: endpoint.host) == nil)
            }
            check(try tx.endpoints(on: Samples.h1, limit: nil) == Array(all.prefix(2)))
            check(try tx.endpoints(on: Samples.h1, limit: 1) == [all[0]])
            check(try tx.endpoints(movingFrom: Samples.known("h2")) == [all[1]])
            check(try tx.endpoints(movingUntil: Timestamp(9)).isEmpty)
            check(try tx.endpoints(movingUntil: Timestamp(10)) == [all[1]])
            check(try tx.endpoint(all[1].ipv4, in: VNetID(.max)) == nil)
            check(try tx.endpoint(TenantName(Samples.known("globex"), Samples.known("web2"))) == nil)
        }
    }

    @Sendable static func rollback(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let stream = store.changes()
        let web1 = try endpoint(3, "web1", groups: ["web"])
        await expectRefusal(.expired) {
            try await store.write { (tx) throws(DirectoryError) in
                try tx.put(web1)
                try tx.delete(group: TenantName(Samples.acme, Samples.known("all")))
                tx.announce(.endpointChanged(web1.identity))
                throw DirectoryError(.expired, "on purpose")
            }
        }
        try await store.read { (tx) throws(DirectoryError) in
            check(try tx.endpoint(web1.identity) == nil)
            check(try tx.members(of: TenantName(Samples.acme, Samples.known("web")), page: Page()).isEmpty)
            check(try tx.groups(of: Samples.acme).count == 2)
        }
        // Breaking a promise of the schema is an error as well, and takes back the rest too.
        let lost = try endpoint(4, "web2", vnet: 77)
        await expectRefusal(.storage) {
            try await store.write { (tx) throws(DirectoryError) in
                try tx.put(web1)
                try tx.put(lost)
            }
        }
        try await store.write { (tx) throws(DirectoryError) in
            check(try tx.endpoint(web1.identity) == nil)
            tx.announce(.hostChanged(Samples.h1))
        }
        #expect(await changes(stream, until: Samples.h1).isEmpty)
    }

    @Sendable static func announcements(_ store: any DirectoryStore) async throws {
        let stream = store.changes()
        let order = try await withThrowingTaskGroup(of: (Int, UInt128).self) { group in
            for index in 0..<50 {
                group.addTask {
                    let leaf = UInt128(index)
                    let position = try await store.write { (tx) throws(DirectoryError) in
                        let count = try tx.hosts().count
                        try tx.put(
                            LeafHost(
                                name: Samples.known("n\(index)"), id: LeafID(leaf), enrolledAt: nil, locators: [],
                                plugPort: 0, createdAt: Timestamp(0)))
                        tx.announce(.portsChanged(LeafID(leaf)))
                        tx.announce(.portsChanged(LeafID(leaf + 1_000)))
                        return count
                    }
                    return (position, leaf)
                }
            }
            var order: [(Int, UInt128)] = []
            for try await entry in group { order.append(entry) }
            return order.sorted { $0.0 < $1.0 }.map(\.1)
        }
        try await store.write { (tx) throws(DirectoryError) in tx.announce(.hostChanged(Samples.h1)) }
        let seen = await changes(stream, until: Samples.h1)
        #expect(seen == order.flatMap { [.portsChanged(LeafID($0)), .portsChanged(LeafID($0 + 1_000))] })
    }

    @Sendable static func snapshot(_ store: any DirectoryStore) async throws {
        // Two tenants are always written together: no reader may see one without the other.
        let writer = Task {
            for index in 0..<60 {
                try await store.write { (tx) throws(DirectoryError) in
                    if index.isMultiple(of: 2) {
                        for name in ["acme", "globex"] { try tx.put(tenant(name)) }
                    } else {
                        for name in ["acme", "globex"] { try tx.delete(tenant: Samples.known(name)) }
                    }
                }
            }
        }
        for _ in 0..<200 {
            let seen = try await store.read { (tx) throws(DirectoryError) in
                let first = try tx.tenant(Samples.acme) != nil
                let count = try tx.tenants().count
                return (first, count, try tx.tenant(Samples.known("globex")) != nil)
            }
            #expect(seen == (false, 0, false) || seen == (true, 2, true))
        }
        try await writer.value
    }

    @Sendable static func freeAddress(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        func free(_ range: ClosedRange<UInt32>) async throws -> UInt32? {
            try await store.read { (tx) throws(DirectoryError) in try tx.freeAddress(in: VNetID(1), range: range)?.value
            }
        }
        #expect(try await free(0...3) == 0)
        for number: UInt128 in [1, 2, 4, UInt128(UInt32.max)] {
            let taken = try endpoint(number, "e\(number)")
            try await store.write { (tx) throws(DirectoryError) in try tx.put(taken) }
        }
        #expect(try await free(0...3) == 0)
        #expect(try await free(1...3) == 3)
        #expect(try await free(1...2) == nil)
        #expect(try await free(4...4) == nil)
        #expect(try await free(4...5) == 5)
        #expect(try await free(UInt32.max...UInt32.max) == nil)
        #expect(try await free((UInt32.max - 1)...UInt32.max) == UInt32.max - 1)
    }

    static func revision(_ number: UInt64, _ tenant: String, bytes: Int = 2) -> PolicyRevision {
        PolicyRevision(
            tenant: Samples.known(tenant), revision: number, body: [UInt8](repeating: UInt8(number), count: bytes),
            signature: [9], text: number.isMultiple(of: 2) ? nil : [0x23, 0xc3, 0xa4, UInt8(number)],
            summary: "é \(number)", changedAt: Timestamp(Int64(number)))
    }

    @Sendable static func policies(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        try await store.write { (tx) throws(DirectoryError) in
            for number in UInt64(1)...5 { try tx.add(revision(number, "acme"), keep: 3, bytes: 1_000) }
            try tx.add(revision(1, "globex"), keep: 3, bytes: 1_000)
        }
        try await store.read { (tx) throws(DirectoryError) in
            let notes = try tx.policyRevisions(of: Samples.acme)
            check(notes.map(\.revision) == [5, 4, 3])
            check(notes[0] == RevisionNote(revision: 5, changedAt: Timestamp(5), summary: "é 5"))
            check(try tx.policy(of: Samples.acme) == revision(5, "acme"))
            check(try tx.policy(of: Samples.acme, revision: 4) == revision(4, "acme"))
            check(try tx.policy(of: Samples.acme, revision: 3) == revision(3, "acme"))
            check(try tx.policy(of: Samples.acme, revision: 2) == nil)
            check(try tx.policyRevisions(of: Samples.known("globex")).map(\.revision) == [1])
        }
        // A revision is never written twice.
        await expectRefusal(.storage) {
            try await store.write { (tx) throws(DirectoryError) in
                try tx.add(revision(5, "acme"), keep: 3, bytes: 1_000)
            }
        }
    }

    @Sendable static func policyBytes(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        try await store.write { (tx) throws(DirectoryError) in
            // Of body and text together: 100 and 104 bytes by turns.
            for number in UInt64(1)...5 { try tx.add(revision(number, "acme", bytes: 100), keep: 9, bytes: 308) }
            check(try tx.policyRevisions(of: Samples.acme).map(\.revision) == [5, 4, 3])
            try tx.add(revision(6, "acme", bytes: 100), keep: 9, bytes: 203)
            check(try tx.policyRevisions(of: Samples.acme).map(\.revision) == [6])
            // The newest stays, however large.
            try tx.add(revision(7, "acme", bytes: 1_000), keep: 9, bytes: 0)
            check(try tx.policyRevisions(of: Samples.acme).map(\.revision) == [7])
        }
    }

    @Sendable static func guardrails(_ store: any DirectoryStore) async throws {
        @Sendable func revision(_ number: UInt64) -> GuardrailsRevision {
            GuardrailsRevision(
                revision: number, body: [UInt8(number)], signature: [0, 1], text: [0x23, 0x0a], summary: "s",
                changedAt: Timestamp(Int64(number)))
        }
        try await store.write { (tx) throws(DirectoryError) in
            check(try tx.guardrails() == nil)
            check(try tx.guardrailsRevisions().isEmpty)
            for number in UInt64(1)...4 { try tx.add(revision(number), keep: 2, bytes: 1_000) }
        }
        try await store.read { (tx) throws(DirectoryError) in
            check(try tx.guardrails() == revision(4))
            check(try tx.guardrails(revision: 3) == revision(3))
            check(try tx.guardrails(revision: 2) == nil)
            check(try tx.guardrailsRevisions().map(\.revision) == [4, 3])
        }
        await expectRefusal(.storage) {
            try await store.write { (tx) throws(DirectoryError) in try tx.add(revision(4), keep: 2, bytes: 1_000) }
        }
    }

    @Sendable static func locks(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        var locked = tenant("acme")
        locked.locks = [
            SignedLock(body: [1], signature: [2], key: [3]), SignedLock(body: [0, 4], signature: [], key: []),
        ]
        let written = locked
        try await store.write { (tx) throws(DirectoryError) in
            try tx.put(written)
            check(try tx.tenant(Samples.acme) == written)
            check(try tx.tenants().map(\.locks.count) == [2, 0])
            var fewer = written
            fewer.locks.removeLast()
            try tx.put(fewer)
            check(try tx.tenant(Samples.acme) == fewer)
            try tx.delete(tenant: Samples.acme)
            try tx.put(tenant("acme"))
            check(try tx.tenant(Samples.acme)?.locks == [])
        }
    }

    @Sendable static func deletion(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let web1 = try endpoint(3, "web1", groups: ["web"])
        let web2 = try endpoint(4, "web2", host: "h2", groups: ["web"])
        let published = [try facts(web1.identity), try facts(web2.identity)]
        let notes = [(web1.identity, LeafID(1), UInt8(1)), (web2.identity, LeafID(.max), 2), (nil, LeafID(1), 3)].map {
            IssuedCertificate(serial: [$0.2], keyHash: [], leaf: $0.1, identity: $0.0, notAfter: Timestamp(9))
        }
        let grant = JoinGrant(secretHash: octets16 + octets16, host: Samples.h1, expiresAt: Timestamp(5), usedAt: nil)
        let group = TenantName(Samples.acme, Samples.known("web"))
        try await store.write { (tx) throws(DirectoryError) in
            for endpoint in [web1, web2] { try tx.put(endpoint) }
            for facts in published { try tx.put(facts) }
            for note in notes { try tx.put(note) }
            try tx.put(grant)
            try tx.delete(endpoint: web1.identity)
            try tx.delete(endpoint: web1.identity)
        }
        try await store.write { (tx) throws(DirectoryError) in
            check(try tx.members(of: group, page: Page()) == [web2.name.name])
            check(try tx.facts(of: web1.identity) == nil)
            check(try tx.facts(of: web2.identity) == published[1])
            check(try tx.issued(to: LeafID(1)) == [notes[2]])
            try tx.delete(host: Samples.h1)
            check(try tx.joinGrant(secretHash: grant.secretHash) == nil)
            check(try tx.issued(to: LeafID(1)).isEmpty)
            check(try tx.issued(to: LeafID(.max)) == [notes[1]])
            try tx.delete(tenant: Samples.known("globex"))
            check(try tx.vnet(VNetID(.max)) == nil)
            check(try tx.vnet(VNetID(1)) != nil)
        }
        // What something depends on cannot go.
        for index in 0..<4 {
            await expectRefusal(.storage) {
                try await store.write { (tx) throws(DirectoryError) in
                    switch index {
                    case 0: try tx.delete(tenant: Samples.acme)
                    case 1: try tx.delete(vnet: VNetID(1))
                    case 2: try tx.delete(host: Samples.known("h2"))
                    default: try tx.delete(group: group)
                    }
                }
            }
        }
    }

    @Sendable static func expiry(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let grant = JoinGrant(secretHash: octets16 + octets16, host: Samples.h1, expiresAt: Timestamp(100), usedAt: nil)
        let note = IssuedCertificate(serial: [1], keyHash: [], leaf: LeafID(1), identity: nil, notAfter: Timestamp(100))
        let revocation = Revocation(.serial([1]), expiresAt: Timestamp(100))
        try await store.write { (tx) throws(DirectoryError) in
            try tx.put(grant)
            try tx.put(note)
            try tx.add(revocation)
            check(try tx.deleteExpired(at: Timestamp(100)) == 0)
            check(try tx.deleteExpired(at: Timestamp(101)) == 2)
            check(try tx.issued(serial: [1]) == nil)
            check(try tx.revocations().isEmpty)
            check(try tx.deleteExpired(at: Timestamp(100 + JoinGrant.memory)) == 0)
            check(try tx.deleteExpired(at: Timestamp(101 + JoinGrant.memory)) == 1)
            check(try tx.tenants(renewingAt: Timestamp(99)).isEmpty)
            check(try tx.tenants(renewingAt: Timestamp(100)).count == 2)
        }
    }

    @Sendable static func pages(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let all = try (10..<37).map { try endpoint(UInt128($0), "e\($0)", groups: ["all"]) }
        try await store.write { (tx) throws(DirectoryError) in for endpoint in all.reversed() { try tx.put(endpoint) } }
        for limit in [1, 5, 26, 27, 28] {
            var names: [Name] = []
            var members: [Name] = []
            while true {
                let (after, last) = (names.last, members.last)
                let page = try await store.read { (tx) throws(DirectoryError) in
                    (
                        try tx.endpoints(of: Samples.acme, page: Page(after: after, limit: limit)).map(\.name.name),
                        try tx.members(
                            of: TenantName(Samples.acme, Samples.known("all")), page: Page(after: last, limit: limit))
                    )
                }
                if page.0.isEmpty { break }
                #expect(page.0.count <= limit)
                names += page.0
                members += page.1
            }
            #expect(names == all.map(\.name.name) && members == names)
        }
    }
}
