import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("Tenants and vnets")
struct TenantTests {
    @Test("A tenant has an authority under the root, and a signed, empty policy", arguments: StoreKind.allCases)
    func create(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let tenant = try await fixture.directory.createTenant(try name("acme"))
        let policy = try await fixture.directory.policy(of: tenant.name)
        #expect(policy.revision == 1 && policy.entries.isEmpty)
        let speaker = await fixture.platform.anchor.verify(policy: policy.signed, at: fixture.now, revocations: .none)
        #expect(speaker == .success(tenant.name))
        #expect(try await fixture.directory.tenant(tenant.name) == tenant)
        #expect(try await fixture.directory.tenants() == [tenant])
    }

    @Test("A name is given once", arguments: StoreKind.allCases)
    func duplicate(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let first = try await fixture.directory.createTenant(try name("acme"))
        await expectRefusal(.conflict, at: "/name", mentions: "acme") {
            try await fixture.directory.createTenant(first.name)
        }
        #expect(try await fixture.directory.tenants() == [first])
        // The key of the refused one is not left behind, and the first one's still signs.
        let keys = try FileKeyStore(directory: fixture.folder + "/keys").names()
        #expect(
            keys
                == ["audit", "controller", "guardrails", "people", "root", first.authorityKey, first.policyKey].sorted()
        )
    }

    @Test("A tenant with endpoints stays, and the refusal names them", arguments: StoreKind.allCases)
    func deleteInUse(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        for index in 1...5 { _ = try await fixture.endpoint("acme/web\(index)", on: "h1") }
        await expectRefusal(.inUse, mentions: "acme/web1", "acme/web3", "and others") {
            try await fixture.directory.deleteTenant(try name("acme"))
        }
        for index in 1...5 { try await fixture.directory.deleteEndpoint(try tenantName("acme/web\(index)")) }
        let authority = try await fixture.directory.tenant(try name("acme")).authorityKeyHash
        try await fixture.directory.deleteTenant(try name("acme"))
        #expect(try await fixture.directory.revocations().map(\.subject).contains(.key(authority)))
        #expect(
            try FileKeyStore(directory: fixture.folder + "/keys").names() == [
                "audit", "controller", "guardrails", "people", "root",
            ])
        await expectRefusal(.notFound, mentions: "acme") { try await fixture.directory.tenant(try name("acme")) }
        await expectRefusal(.notFound) { try await fixture.directory.vnets(of: try name("acme")) }
    }

    @Test("A tenant that is made anew shares nothing with the former", arguments: StoreKind.allCases)
    func recreate(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let first = try await fixture.directory.createTenant(try name("acme"))
        _ = try await fixture.directory.createGroup(try tenantName("acme/web"))
        try await fixture.directory.deleteTenant(first.name)
        let second = try await fixture.directory.createTenant(try name("acme"))
        #expect(first.authorityKeyHash != second.authorityKeyHash)
        #expect(try await fixture.directory.groups(of: first.name).isEmpty)
        #expect(try await fixture.directory.policy(of: first.name).revision == 1)
    }

    @Test("The prefixes of one tenant are apart; those of two need not be", arguments: StoreKind.allCases)
    func overlap(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant("acme")
        try await fixture.tenant("globex")
        for text in ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.7/32", "10.0.0.0/8"] {
            await expectRefusal(.conflict, at: "/ipv4_prefix", mentions: text, "10.0.0.0/24", "'lan'") {
                try await fixture.directory.createVNet(
                    try tenantName("acme/other"), prefix: try IPv4Prefix(parsing: text))
            }
        }
        let next = try await fixture.directory.createVNet(
            try tenantName("acme/other"), prefix: try IPv4Prefix(parsing: "10.0.1.0/24"))
        #expect(try await fixture.directory.vnets(of: try name("acme")).map(\.name.name.text) == ["lan", "other"])
        #expect(try await fixture.directory.vnet(next.name) == next)
    }

    @Test(
        "Prefixes where nobody can live are refused",
        arguments: ["0.0.0.0/0", "0.0.0.0/8", "127.0.0.0/24", "169.254.1.0/24", "224.0.0.0/8", "255.0.0.0/8"])
    func reserved(_ prefix: String) async throws {
        let fixture = try Fixture()
        _ = try await fixture.directory.createTenant(try name("acme"))
        await expectRefusal(.invalid, at: "/ipv4_prefix", mentions: prefix) {
            try await fixture.directory.createVNet(try tenantName("acme/lan"), prefix: try IPv4Prefix(parsing: prefix))
        }
    }

    @Test("VNets: unknown tenant, duplicate name and id, deletion in use", arguments: StoreKind.allCases)
    func vnetRefusals(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let prefix = try IPv4Prefix(parsing: "10.9.0.0/24")
        await expectRefusal(.notFound, mentions: "initech") {
            try await fixture.directory.createVNet(try tenantName("initech/lan"), prefix: prefix)
        }
        await expectRefusal(.conflict, at: "/name") {
            try await fixture.directory.createVNet(try tenantName("acme/lan"), prefix: prefix)
        }
        let lan = try await fixture.directory.vnet(try tenantName("acme/lan"))
        await expectRefusal(.conflict, at: "/id", mentions: lan.id.description) {
            try await fixture.directory.createVNet(try tenantName("acme/two"), prefix: prefix, id: lan.id)
        }
        _ = try await fixture.host("h1")
        _ = try await fixture.endpoint("acme/web1", on: "h1")
        await expectRefusal(.inUse, mentions: "acme/lan") { try await fixture.directory.deleteVNet(lan.name) }
        try await fixture.directory.deleteEndpoint(try tenantName("acme/web1"))
        try await fixture.directory.deleteVNet(lan.name)
        await expectRefusal(.notFound) { try await fixture.directory.deleteVNet(lan.name) }
    }

    @Test("Certificates of a tenant are renewed before they expire, and the policy goes on verifying")
    func renewal() async throws {
        let fixture = try Fixture()
        let tenant = try await fixture.directory.createTenant(try name("acme"))
        #expect(try await fixture.directory.upkeep().renewedTenants.isEmpty)
        var authorities: Set<[UInt8]> = [tenant.authority]
        var revisions: Set<UInt64> = []
        // A year and a half, in steps of a policy certificate's two thirds.
        for _ in 0..<1_650 {
            fixture.advance(8 * 3_600)
            #expect(try await fixture.directory.upkeep().renewedTenants == [tenant.name])
            #expect(try await fixture.directory.upkeep().renewedTenants.isEmpty)
            let policy = try await fixture.directory.policy(of: tenant.name)
            let verdict = await fixture.platform.anchor.verify(
                policy: policy.signed, at: fixture.now, revocations: .none)
            guard verdict == .success(tenant.name) else {
                Issue.record("At \(fixture.now) the policy does not verify: \(verdict)")
                return
            }
            authorities.insert(policy.signed.issuer)
            revisions.insert(policy.revision)
        }
        #expect((3...4).contains(authorities.count), "\(authorities.count)")
        #expect(revisions == [1])
        #expect(try await fixture.directory.tenant(tenant.name).authorityKeyHash == tenant.authorityKeyHash)
    }
}
