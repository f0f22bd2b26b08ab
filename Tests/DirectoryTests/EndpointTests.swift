import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("Endpoints and groups")
struct EndpointTests {
    @Test(
        "An endpoint has an identity in the platform's prefix and the next free address", arguments: StoreKind.allCases)
    func create(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let web2 = try await fixture.endpoint("acme/web2", on: "h1", kind: .tap)
        #expect(fixture.platform.name.contains(web1.identity) && web1.identity != web2.identity)
        #expect(web1.ipv4 == IPv4Address(10, 0, 0, 1) && web2.ipv4 == IPv4Address(10, 0, 0, 2))
        #expect(web1.attachment == "acme-web1" && web2.attachment.utf8.count == 11)
        #expect(web1.state == .waiting && web1.epoch == 0)
        #expect(try await fixture.directory.endpoint(web1.name) == web1)
        #expect(try await fixture.directory.endpoint(web2.identity) == web2)
        let ports = try await fixture.directory.desiredPorts(of: leaf.id)
        #expect(Set(ports.map(\.endpoint)) == [web1, web2])
        #expect(ports.allSatisfy { $0.epoch == 1 && $0.prefix.description == "10.0.0.0/24" })
    }

    @Test("What an endpoint needs must be there and be free", arguments: StoreKind.allCases)
    func refusals(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1", ipv4: "10.0.0.7", attachment: "ns1")
        await expectRefusal(.conflict, at: "/name", mentions: "acme/web1") {
            try await fixture.endpoint("acme/web1", on: "h1")
        }
        await expectRefusal(.conflict, at: "/ipv4", mentions: "10.0.0.7", "acme/web1") {
            try await fixture.endpoint("acme/web2", on: "h1", ipv4: "10.0.0.7")
        }
        for address in ["10.0.0.0", "10.0.0.255", "10.0.1.1", "127.0.0.1"] {
            await expectRefusal(.invalid, at: "/ipv4", mentions: address, "10.0.0.0/24") {
                try await fixture.endpoint("acme/web2", on: "h1", ipv4: address)
            }
        }
        await expectRefusal(.notFound, at: "/host", mentions: "h9") {
            try await fixture.endpoint("acme/web2", on: "h9")
        }
        await expectRefusal(.notFound, at: "/groups/0", mentions: "acme/web") {
            try await fixture.endpoint("acme/web2", on: "h1", groups: ["web"])
        }
        await expectRefusal(.notFound, mentions: "globex") { try await fixture.endpoint("globex/web2", on: "h1") }
        await expectRefusal(.conflict, at: "/attachment", mentions: "ns1", "acme/web1") {
            try await fixture.endpoint("acme/web2", on: "h1", attachment: "ns1")
        }
        for (text, device) in [("", false), ("..", false), ("a/b", false), ("0123456789abcdef", true), ("a b", true)] {
            await expectRefusal(.invalid, at: "/attachment") {
                try await fixture.endpoint("acme/web2", on: "h1", kind: device ? .tap : .namespace, attachment: text)
            }
        }
        // Nothing of all this has left anything behind.
        #expect(try await fixture.directory.endpoints(of: try name("acme")) == [web1])
        #expect(try await fixture.directory.vnet(try tenantName("acme/lan")).endpointCount == 1)
        #expect(try await fixture.endpoint("acme/web2", on: "h1").ipv4 == IPv4Address(10, 0, 0, 1))
    }

    @Test("Addresses run round the prefix, and a full one says so")
    func addresses() async throws {
        let fixture = try Fixture()
        _ = try await fixture.directory.createTenant(try name("acme"))
        _ = try await fixture.directory.createVNet(
            try tenantName("acme/lan"), prefix: try IPv4Prefix(parsing: "10.0.0.0/29"))
        _ = try await fixture.host("h1")
        for index in 1...6 {
            #expect(try await fixture.endpoint("acme/e\(index)", on: "h1").ipv4.value & 7 == UInt32(index))
        }
        await expectRefusal(.exhausted, at: "/vnet", mentions: "10.0.0.0/29") {
            try await fixture.endpoint("acme/e7", on: "h1")
        }
        for index in [5, 2] { try await fixture.directory.deleteEndpoint(try tenantName("acme/e\(index)")) }
        #expect(try await fixture.endpoint("acme/e8", on: "h1").ipv4.value & 7 == 2)
        #expect(try await fixture.endpoint("acme/e9", on: "h1").ipv4.value & 7 == 5)
        // A freed address is not at once another's while others are free.
        for index in [1, 4] { try await fixture.directory.deleteEndpoint(try tenantName("acme/e\(index)")) }
        #expect(try await fixture.endpoint("acme/e10", on: "h1").ipv4.value & 7 == 1)
    }

    @Test("Lists come in pages", arguments: StoreKind.allCases)
    func pages(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        _ = try await fixture.directory.createGroup(try tenantName("acme/all"))
        for index in 10...19 { _ = try await fixture.endpoint("acme/e\(index)", on: "h1", groups: ["all"]) }
        let page = try await fixture.directory.endpoints(
            of: try name("acme"), page: Page(after: try name("e12"), limit: 3))
        #expect(page.map(\.name.name.text) == ["e13", "e14", "e15"])
        let members = try await fixture.directory.members(
            of: try tenantName("acme/all"), page: Page(after: try name("e17"), limit: 5))
        #expect(members.map(\.text) == ["e18", "e19"])
    }

    @Test("A deleted endpoint is revoked, its entries are gone, and a later one of its name inherits nothing")
    func delete() async throws {
        let fixture = try Fixture()
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        _ = try await fixture.endpoint("acme/db1", on: "h1")
        let acme = try name("acme")
        let (a, b) = (Selector.endpoint(try name("web1")), Selector.endpoint(try name("db1")))
        _ = try await fixture.directory.plug(acme, from: a, to: b)
        try await leaf.run(web1.identity)
        let stream = fixture.directory.changes()
        try await fixture.directory.deleteEndpoint(web1.name)
        _ = try await fixture.directory.createHost(try name("marker"), controllerURL: Fixture.url)
        let seen = await changes(stream, until: try name("marker"))
        let revocation = try #require(try await fixture.directory.revocations().first)
        #expect(revocation.subject == .identity(web1.identity))
        #expect(
            Set(seen) == [
                .policyChanged(tenant: acme), .endpointChanged(web1.identity), .revoked(revocation),
                .portsChanged(leaf.id),
            ])
        #expect(try await fixture.directory.policy(of: acme).entries.isEmpty)
        #expect(try await fixture.directory.state(of: web1.identity) == .deleted)
        let again = try await fixture.endpoint("acme/web1", on: "h1")
        #expect(again.identity != web1.identity && again.epoch == 0)
        #expect(
            try await fixture.directory.explain(acme, from: try name("web1"), to: try name("db1")).forward.isPlugged
                == false)
        // Forgotten when the last certificate has expired, and not before.
        fixture.advance(TrustLimits.endpointLifetime)
        try await fixture.directory.upkeep()
        #expect(try await fixture.directory.revocations().count == 1)
        fixture.advance(1)
        try await fixture.directory.upkeep()
        #expect(try await fixture.directory.revocations().isEmpty)
    }

    @Test("Groups: refusals", arguments: StoreKind.allCases)
    func groupRefusals(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        try await fixture.tenant("globex")
        _ = try await fixture.host("h1")
        let web = try tenantName("acme/web")
        _ = try await fixture.directory.createGroup(web)
        await expectRefusal(.conflict, at: "/name") { try await fixture.directory.createGroup(web) }
        await expectRefusal(.notFound) { try await fixture.directory.createGroup(try tenantName("initech/web")) }
        _ = try await fixture.endpoint("globex/web1", on: "h1")
        await expectRefusal(.notFound, mentions: "acme/web1") {
            try await fixture.directory.addMember(try name("web1"), to: web)
        }
        _ = try await fixture.endpoint("acme/web1", on: "h1", groups: ["web"])
        await expectRefusal(.inUse, mentions: "web1") { try await fixture.directory.deleteGroup(web) }
        try await fixture.directory.removeMember(try name("web1"), from: web)
        let entry = try await fixture.directory.addPolicyEntry(
            to: try name("acme"), .plug, from: .group(web.name), to: .endpoint(try name("web1")))
        await expectRefusal(.inUse, mentions: "1") { try await fixture.directory.deleteGroup(web) }
        try await fixture.directory.removePolicyEntry(entry.id, of: try name("acme"))
        try await fixture.directory.deleteGroup(web)
        await expectRefusal(.notFound, mentions: "acme/web") { try await fixture.directory.group(web) }
        await expectRefusal(.invalid, at: "/groups/1", mentions: "twice") {
            _ = try await fixture.directory.createGroup(web)
            return try await fixture.endpoint("acme/web2", on: "h1", groups: ["web", "web"])
        }
    }

    @Test("A membership that is over is revoked at once", arguments: StoreKind.allCases)
    func membership(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let web = try tenantName("acme/web")
        _ = try await fixture.directory.createGroup(web)
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let before = try await leaf.run(web1.identity)
        try await fixture.directory.addMember(web1.name.name, to: web)
        try await fixture.directory.addMember(web1.name.name, to: web)
        #expect(try await fixture.directory.members(of: web) == [web1.name.name])
        // The certificate without the group stays good: it claims too little, not too much.
        try await fixture.directory.publish(leaf: leaf.id, try leaf.facts(web1.identity, before))
        let with = try await leaf.run(web1.identity)
        let certified = await fixture.platform.anchor.verify(
            endpoint: try leaf.facts(web1.identity, with), at: fixture.now, revocations: .none)
        #expect(try certified.get().groups == [web.name])

        try await fixture.directory.removeMember(web1.name.name, from: web)
        #expect(try await fixture.directory.state(of: web1.identity) == .notRunning)
        #expect(try await fixture.directory.endpoint(web1.name).state == .waiting)
        let serial = try certified.get().serial
        #expect(try await fixture.directory.revocations().contains { $0.subject == .serial(serial) })
        await expectRefusal(.untrusted, mentions: "acme/web1") {
            try await fixture.directory.publish(leaf: leaf.id, try leaf.facts(web1.identity, with))
        }
        try await leaf.run(web1.identity)
        #expect(try await fixture.directory.endpoint(web1.name).state == .running)
    }
}
