import DirectoryCore
import NetTypes
import Testing
import Trust

@Suite("Borders in the directory")
struct DirectoryBorderTests {
    @Test(
        "What is set is certified, told to the leaf, and withdraws what was certified before",
        arguments: StoreKind.allCases)
    func certified(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let directory = fixture.directory
        let border = try await fixture.endpoint("acme/gw", on: "h1", networks: ["2001:db8::/32", "203.0.113.0/24"])
        #expect(border.networks.map(\.description) == ["203.0.113.0/24", "2001:db8::/32"])
        #expect(try await directory.desiredPorts(of: leaf.id).map(\.endpoint.networks) == [border.networks])
        let certified = try await leaf.run(border.identity)
        let summary = try CertificateSummary(parsing: certified.answer.certificate)
        #expect(summary.networks == border.networks)
        let after = try await directory.setNetworks([IPPrefix(parsing: "::/0")], of: border.name)
        #expect(after.networks.map(\.description) == ["::/0"] && after.state == .waiting)
        #expect(try await directory.revocations().contains { $0.subject == .serial(summary.serial) })
        try await leaf.run(border.identity)
        #expect(try await directory.setNetworks([IPPrefix(parsing: "::/0")], of: border.name).state == .running)
        #expect(try await directory.setNetworks([], of: border.name).networks == [])
    }

    @Test("What a border cannot speak for is refused")
    func refusals() async throws {
        let fixture = try Fixture()
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        let directory = fixture.directory
        let border = try await fixture.endpoint("acme/gw", on: "h1", networks: ["10.0.0.0/8"])
        let many = try (0...TrustLimits.networks).map { try IPPrefix(parsing: "10.1.\($0).0/24") }
        await expectRefusal(.invalid, at: "/networks", mentions: "65") {
            try await directory.setNetworks(many, of: border.name)
        }
        let twice = [IPPrefix](repeating: try IPPrefix(parsing: "::/0"), count: 2)
        await expectRefusal(.invalid, at: "/networks/1") { try await directory.setNetworks(twice, of: border.name) }
        let platform = border.identity.platform
        for own in ["\(platform)", "\(border.identity)/128"] {
            await expectRefusal(.invalid, at: "/networks/0", mentions: "platform's own") {
                try await directory.setNetworks([IPPrefix(parsing: own)], of: border.name)
            }
        }
        await expectRefusal(.invalid, at: "/networks/0") {
            try await fixture.endpoint("acme/gw2", on: "h1", networks: ["\(platform)"])
        }
        await expectRefusal(.notFound) { try await directory.setNetworks([], of: try tenantName("acme/none")) }
        #expect(try await directory.endpoint(border.name) == border)
    }

    struct Found: Equatable {
        let identity: Identity
        let isOutside: Bool
    }

    @Test(
        "A look-up finds the border of the longest prefix, of these one that runs, by name",
        arguments: StoreKind.allCases)
    func lookup(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        try await fixture.tenant("globex")
        let (h1, h2) = (try await fixture.host("h1"), try await fixture.host("h2"))
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let stranger = try await fixture.endpoint("globex/web1", on: "h1")
        let a = try await fixture.endpoint("acme/a", on: "h2", networks: ["0.0.0.0/0", "::/0"])
        let b = try await fixture.endpoint("acme/b", on: "h2", networks: ["203.0.113.0/24", "2001:db8::/32"])
        let c = try await fixture.endpoint("acme/c", on: "h2", networks: ["203.0.113.0/24"])
        func find(_ text: String, from source: Endpoint? = nil) async throws -> Found? {
            let target: LookupTarget =
                switch try IPAddress(parsing: text) {
                case .v4(let address): .ipv4(address)
                case .v6(let address): Identity(address).map(LookupTarget.identity) ?? .ipv6(address)
                }
            let found = try await fixture.directory.lookup(leaf: h1.id, source: (source ?? web1).identity, target)
            return found.map { Found(identity: $0.identity, isOutside: $0.isOutside) }
        }
        // None runs: the first by name. One that runs comes before one that does not.
        #expect(try await find("203.0.113.9") == Found(identity: b.identity, isOutside: true))
        try await h2.run(c.identity)
        #expect(try await find("203.0.113.9") == Found(identity: c.identity, isOutside: true))
        try await h2.run(b.identity)
        #expect(try await find("203.0.113.9") == Found(identity: b.identity, isOutside: true))
        #expect(try await find("198.51.100.1") == Found(identity: a.identity, isOutside: true))
        #expect(try await find("2001:db8::1") == Found(identity: b.identity, isOutside: true))
        #expect(try await find("2001:db9::1") == Found(identity: a.identity, isOutside: true))
        // Another ULA may well be outside, an identity of the platform never is, nor an address of the vnet.
        #expect(try await find("fd99::1") == Found(identity: a.identity, isOutside: true))
        #expect(try await find("\(web1.identity)") == Found(identity: web1.identity, isOutside: false))
        let free = IPv6Address(web1.identity.address.value ^ 1)
        #expect(try await find("\(free)") == nil)
        #expect(try await find("\(web1.ipv4)") == Found(identity: web1.identity, isOutside: false))
        #expect(try await find("10.0.0.200") == nil)
        for text in [
            "127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "fe80::1", "ff02::1", "::ffff:1.2.3.4",
        ] {
            #expect(try await find(text) == nil, "\(text)")
        }
        // Borders are those of the source's own vnet.
        #expect(try await find("203.0.113.9", from: stranger) == nil)
        // The question of a person names the border too.
        let explained = try await fixture.directory.explain(
            name("acme"), from: .endpoint(web1.name.name), to: .outside(IPAddress(parsing: "203.0.113.9")))
        #expect(explained.to.endpoint.identity == b.identity && explained.to.label == "203.0.113.9")
        await expectRefusal(.invalid) {
            try await fixture.directory.explain(
                name("acme"), from: .outside(IPAddress(parsing: "203.0.113.8")),
                to: .outside(IPAddress(parsing: "203.0.113.9")))
        }
        await expectRefusal(.notFound, at: "/to", mentions: "speaks for") {
            try await fixture.directory.explain(
                name("globex"), from: .endpoint(stranger.name.name), to: .outside(IPAddress(parsing: "203.0.113.9")))
        }
    }
}
