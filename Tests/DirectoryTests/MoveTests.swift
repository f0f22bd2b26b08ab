import DirectoryCore
import NetTypes
import Testing
import Trust

@Suite("Moves")
struct MoveTests {
    struct World {
        let fixture: Fixture
        let h1, h2, h3: TestLeaf
        let web1: Endpoint
        var directory: Directory { fixture.directory }

        init(_ kind: StoreKind) async throws {
            fixture = try Fixture(kind)
            try await fixture.tenant()
            h1 = try await fixture.host("h1")
            h2 = try await fixture.host("h2")
            h3 = try await fixture.host("h3")
            web1 = try await fixture.endpoint("acme/web1", on: "h1")
            try await h1.run(web1.identity)
        }

        /// The hosts whose leaf is to have the port now.
        func holders() async throws -> [String] {
            var names: [String] = []
            for leaf in [h1, h2, h3] where try await !directory.desiredPorts(of: leaf.id).isEmpty {
                names.append(leaf.host.name.text)
            }
            return names
        }
    }

    @Test("The port is on no list until the former leaf has closed it", arguments: StoreKind.allCases)
    func move(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, h2, web1, directory) = (world.h1, world.h2, world.web1, world.directory)
        let before = try await directory.published(of: web1.name)?.facts
        let stream = directory.changes()
        let moved = try await directory.moveEndpoint(web1.name, to: h2.host.name)
        #expect(moved.state == .moving(from: h1.host.name, deadline: world.fixture.now + 10))
        #expect(moved.identity == web1.identity && moved.ipv4 == web1.ipv4)
        #expect(try await world.holders() == [])
        await expectRefusal(.forbidden) { try await h2.certify(web1.identity) }
        await expectRefusal(.forbidden) { try await h1.certify(web1.identity) }
        // The new leaf cannot speak for the former.
        try await directory.report(leaf: h2.id, identity: web1.identity, .closed)
        #expect(try await world.holders() == [])
        try await directory.report(leaf: h1.id, identity: web1.identity, .closed)
        #expect(try await world.holders() == ["h2"])
        #expect(try await directory.desiredPorts(of: h2.id).first?.epoch == 2)
        // Peers keep what they know until there is something newer.
        #expect(try await directory.published(of: web1.name)?.facts == before)

        let certified = try await h2.certify(web1.identity)
        await expectRefusal(.olderEpoch) {
            try await directory.publish(leaf: h2.id, try h2.facts(web1.identity, certified, epoch: 1))
        }
        try await directory.publish(leaf: h2.id, try h2.facts(web1.identity, certified))
        let after = try await directory.endpoint(web1.name)
        #expect(after.state == .running && after.epoch == 2 && after.publishedBy == h2.id)
        #expect(try await directory.endpoints(on: h1.host.name).isEmpty)
        await expectRefusal(.forbidden) { try await h1.run(web1.identity) }

        _ = try await directory.createHost(try name("marker"), controllerURL: Fixture.url)
        let seen = await changes(stream, until: try name("marker"))
        // The new place is told before the old certificate's end, so that peers switch instead of losing the wire.
        let change = try #require(seen.firstIndex(of: .endpointChanged(web1.identity)))
        let revocation = try #require(seen.firstIndex { if case .revoked = $0 { true } else { false } })
        #expect(change < revocation)
        #expect(seen.prefix(2).allSatisfy { [.portsChanged(h1.id), .portsChanged(h2.id)].contains($0) })
    }

    @Test("A leaf that does not answer is waited for until the deadline", arguments: StoreKind.allCases)
    func deadline(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        _ = try await world.directory.moveEndpoint(world.web1.name, to: world.h2.host.name)
        world.fixture.advance(9)
        #expect(try await world.directory.upkeep().overdueMoves.isEmpty)
        #expect(try await world.holders() == [])
        world.fixture.advance(1)
        #expect(try await world.directory.upkeep().overdueMoves == [world.web1.name])
        #expect(try await world.holders() == ["h2"])
        #expect(try await world.h2.run(world.web1.identity).answer.epoch == 2)
        // The former leaf comes back late: it is not to have the port.
        #expect(try await world.directory.upkeep().overdueMoves.isEmpty)
        await expectRefusal(.forbidden) { try await world.h1.certify(world.web1.identity) }
    }

    @Test("A leaf that attaches without the port has closed it", arguments: StoreKind.allCases)
    func attach(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let locators = [try IPAddress(parsing: "198.51.100.1")]
        _ = try await world.directory.moveEndpoint(world.web1.name, to: world.h2.host.name)
        let host = try await world.directory.attach(
            leaf: world.h1.id, locators: locators, plugPort: 7444, running: [world.web1.identity])
        #expect(host.locators == locators && host.plugPort == 7444)
        #expect(try await world.holders() == [])
        _ = try await world.directory.attach(leaf: world.h1.id, locators: locators, plugPort: 7444, running: [])
        #expect(try await world.holders() == ["h2"])
    }

    @Test("A move can be taken back, led on, repeated and refused", arguments: StoreKind.allCases)
    func change(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (directory, web1) = (world.directory, world.web1)
        #expect(try await directory.moveEndpoint(web1.name, to: world.h1.host.name).state == .running)
        _ = try await directory.moveEndpoint(web1.name, to: world.h2.host.name)
        // Back: it never left.
        #expect(try await directory.moveEndpoint(web1.name, to: world.h1.host.name).state == .running)
        #expect(try await world.holders() == ["h1"])
        // On to a third: the first is still the one that has to close it.
        _ = try await directory.moveEndpoint(web1.name, to: world.h2.host.name)
        world.fixture.advance(5)
        let moved = try await directory.moveEndpoint(web1.name, to: world.h3.host.name)
        #expect(moved.state == .moving(from: world.h1.host.name, deadline: world.fixture.now + 5))
        try await directory.report(leaf: world.h1.id, identity: web1.identity, .closed)
        #expect(try await world.holders() == ["h3"])
        await expectRefusal(.notFound, at: "/host", mentions: "h9") {
            try await directory.moveEndpoint(web1.name, to: try name("h9"))
        }
        await expectRefusal(.notFound, mentions: "acme/nobody") {
            try await directory.moveEndpoint(try tenantName("acme/nobody"), to: world.h1.host.name)
        }
        _ = try await world.fixture.endpoint("acme/web2", on: "h2", attachment: web1.attachment)
        await expectRefusal(.conflict, at: "/attachment", mentions: "acme/web2") {
            try await directory.moveEndpoint(web1.name, to: world.h2.host.name)
        }
        #expect(try await world.holders() == ["h2", "h3"])
    }

    @Test("From a host that never enrolled there is nothing to wait for")
    func pending() async throws {
        let fixture = try Fixture()
        try await fixture.tenant()
        _ = try await fixture.directory.createHost(try name("h1"), controllerURL: Fixture.url)
        let h2 = try await fixture.host("h2")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        #expect(try await fixture.directory.moveEndpoint(web1.name, to: h2.host.name).state == .waiting)
        #expect(try await h2.run(web1.identity).answer.epoch == 1)
    }

    @Test("The former leaf's certificate is revoked once the new one has published", arguments: StoreKind.allCases)
    func revocation(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let old = try await world.h1.certify(world.web1.identity)
        _ = try await world.directory.moveEndpoint(world.web1.name, to: world.h2.host.name)
        try await world.directory.report(leaf: world.h1.id, identity: world.web1.identity, .closed)
        #expect(try await world.directory.revocations().isEmpty)
        try await world.h2.run(world.web1.identity)
        let serial = try CertificateSummary(parsing: old.answer.certificate).serial
        #expect(try await world.directory.revocations().contains { $0.subject == .serial(serial) })
        // Back on the first host, its former certificate is no use: it must have a new one.
        _ = try await world.directory.moveEndpoint(world.web1.name, to: world.h1.host.name)
        try await world.directory.report(leaf: world.h2.id, identity: world.web1.identity, .closed)
        await expectRefusal(.untrusted) {
            try await world.directory.publish(
                leaf: world.h1.id, try world.h1.facts(world.web1.identity, old, epoch: 3))
        }
        #expect(try await world.h1.run(world.web1.identity).answer.epoch == 3)
    }
}
