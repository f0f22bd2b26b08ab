import Accounts
import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("The life cycle of tenants")
struct LifeCycleTests {
    static func world(_ kind: StoreKind) async throws -> Fixture {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        try await fixture.tenant("globex")
        _ = try await fixture.host("h1")
        _ = try await fixture.directory.createGroup(try tenantName("acme/web"))
        for index in 1...2 { _ = try await fixture.endpoint("acme/web\(index)", on: "h1", groups: ["web"]) }
        return fixture
    }

    // MARK: Suspension

    @Test(
        "A suspension is a statement of the platform, and changes nothing of the tenant", arguments: StoreKind.allCases)
    func suspend(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let (directory, acme) = (fixture.directory, try name("acme"))
        #expect(try await directory.suspensions() == nil)
        let policy = try await directory.policy(of: acme)
        let before = try await directory.tenant(acme)
        let stream = directory.changes()
        let tenant = try await directory.suspendTenant(acme, reason: "invoice 1022")
        #expect(tenant.suspension == Suspension(at: fixture.now, reason: "invoice 1022"))
        // Said twice it is the same, and the first reason stays.
        #expect(try await directory.suspendTenant(acme, reason: "another") == tenant)
        _ = try await directory.createHost(try name("marker"), controllerURL: Fixture.url)
        #expect(await changes(stream, until: try name("marker")) == [.suspensionsChanged])
        #expect(try await statement(fixture).tenants == [acme])
        let first = try await statement(fixture).revision
        _ = try await directory.suspendTenant(try name("globex"), reason: "also")
        #expect(try await statement(fixture).tenants == [acme, try name("globex")])
        #expect(try await statement(fixture).revision > first)
        #expect(try await directory.policy(of: acme) == policy)

        #expect(try await directory.resumeTenant(acme) == before)
        #expect(try await directory.resumeTenant(acme) == before)
        #expect(try await statement(fixture).tenants == [try name("globex")])
        // A tenant that goes takes its suspension with it.
        try await directory.deleteTenant(try name("globex"))
        #expect(try await statement(fixture).tenants.isEmpty)
    }

    /// What leaves are told, verified as they do.
    private func statement(_ fixture: Fixture) async throws -> Suspensions {
        let signed = try #require(try await fixture.directory.suspensions())
        return try await fixture.platform.anchor.verify(
            suspensions: signed, at: fixture.now, revocations: .none
        ).get()
    }

    @Test("The statement is told anew when its certificate is renewed, also without guardrails")
    func renewal() async throws {
        let fixture = try await Self.world(.memory)
        _ = try await fixture.directory.suspendTenant(try name("acme"), reason: "x")
        let former = try #require(try await fixture.directory.suspensions())
        let stream = fixture.directory.changes()
        fixture.advance(fixture.platform.lifetimes.endpoint * 2 / 3 + 1)
        try await fixture.directory.upkeep()
        _ = try await fixture.directory.createHost(try name("marker"), controllerURL: Fixture.url)
        #expect(await changes(stream, until: try name("marker")).filter { $0 == .suspensionsChanged }.count == 1)
        let renewed = try #require(try await fixture.directory.suspensions())
        #expect(renewed.body == former.body && renewed.certificate != former.certificate)
    }

    @Test("Everything of a suspended tenant can be seen, and nothing changed", arguments: StoreKind.allCases)
    func changesAreRefused(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let (directory, acme) = (fixture.directory, try name("acme"))
        _ = try await directory.suspendTenant(acme, reason: "invoice 1022")
        let web1 = try tenantName("acme/web1"), web = try tenantName("acme/web")
        let selectors = (try Selector(parsing: "web1"), try Selector(parsing: "group:web"))
        let refusals: [(String, @Sendable () async throws -> Void)] = [
            ("endpoint", { _ = try await fixture.endpoint("acme/web3", on: "h1") }),
            ("no endpoint", { try await directory.deleteEndpoint(web1) }),
            (
                "vnet",
                { _ = try await directory.createVNet(tenantName("acme/x"), prefix: IPv4Prefix(parsing: "10.1.0.0/24")) }
            ),
            ("no vnet", { try await directory.deleteVNet(tenantName("acme/lan")) }),
            ("group", { _ = try await directory.createGroup(tenantName("acme/db")) }),
            ("no group", { try await directory.deleteGroup(web) }),
            ("member", { try await directory.addMember(name("web1"), to: web) }),
            ("no member", { try await directory.removeMember(name("web1"), from: web) }),
            ("label", { _ = try await directory.setLevel(3, of: web1) }),
            ("plug", { _ = try await directory.plug(acme, from: selectors.0, to: selectors.1) }),
            ("entry", { _ = try await directory.addPolicyEntry(to: acme, .plug, from: selectors.0, to: selectors.1) }),
            (
                "document",
                {
                    _ = try await directory.applyDocument(
                        Array(
                            "version: 1\ntenant: acme\nrules:\n  - name: a\n    from: any\n    to: any\n    ports: [tcp/22]\n    verdict: plug\n"
                                .utf8), of: acme)
                }
            ),
        ]
        for (what, body) in refusals {
            do {
                try await body()
                Issue.record("\(what) was not refused")
            } catch let error as DirectoryError {
                #expect(error.code == .suspended && error.message.contains("invoice 1022"), "\(what): \(error)")
            }
        }
        #expect(try await directory.endpoints(of: acme).count == 2)
        #expect(try await directory.policy(of: acme).revision == 1)
        // The provider may empty a host, and a leaf renews what it has.
        _ = try await fixture.host("h2")
        #expect(try await directory.moveEndpoint(web1, to: try name("h2")).host.text == "h2")
        _ = try await directory.resumeTenant(acme)
        try await directory.deleteEndpoint(web1)
    }

    @Test(
        "What is said of it is one line that shows", arguments: ["", "   ", "a\nb", "a\u{202E}b", "a\u{0}", "\u{FEFF}"])
    func badReason(_ reason: String) async throws {
        let fixture = try await Self.world(.memory)
        await expectRefusal(.invalid, at: "/reason") {
            try await fixture.directory.suspendTenant(try name("acme"), reason: reason)
        }
        await expectRefusal(.invalid, at: "/reason") {
            try await fixture.directory.suspendTenant(try name("acme"), reason: String(repeating: "x", count: 201))
        }
        #expect(try await fixture.directory.tenant(try name("acme")).suspension == nil)
        await expectRefusal(.notFound) { try await fixture.directory.suspendTenant(try name("nobody"), reason: "x") }
        await expectRefusal(.notFound) { try await fixture.directory.resumeTenant(try name("nobody")) }
    }

    // MARK: Quota

    @Test("One more than the quota is refused, and what is there stays", arguments: StoreKind.allCases)
    func quota(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let (directory, acme) = (fixture.directory, try name("acme"))
        let unlimited = try await directory.quota(of: acme)
        #expect(unlimited.quota == .unlimited)
        #expect(unlimited.used == [.endpoints: 2, .vnets: 1, .groups: 1, .rules: 0, .users: 0])
        let quota = Quota(endpoints: 3, vnets: 1, groups: 0, rules: 1, users: 1)
        #expect(try await directory.setQuota(quota, of: acme).quota == quota)
        #expect(try await directory.tenant(acme).quota == quota)

        _ = try await fixture.endpoint("acme/web3", on: "h1")
        await expectRefusal(.quotaExceeded, mentions: "3 endpoints", "has 3") {
            try await fixture.endpoint("acme/web4", on: "h1")
        }
        await expectRefusal(.quotaExceeded, mentions: "1 vnets") {
            try await directory.createVNet(tenantName("acme/b"), prefix: IPv4Prefix(parsing: "10.1.0.0/24"))
        }
        await expectRefusal(.quotaExceeded, mentions: "0 groups", "has 1") {
            try await directory.createGroup(tenantName("acme/db"))
        }
        let (a, b) = (try Selector(parsing: "web1"), try Selector(parsing: "web2"))
        _ = try await directory.addPolicyEntry(to: acme, .plug, from: a, to: b)
        await expectRefusal(.quotaExceeded, mentions: "1 rules") {
            try await directory.addPolicyEntry(to: acme, .plug, from: b, to: a)
        }
        #expect(try await directory.policy(of: acme).revision == 2)
        _ = try await directory.createUser(
            AccountName(parsing: "ada@acme"), displayName: DisplayName(parsing: "Ada"), home: owner(acme))
        await expectRefusal(.quotaExceeded, mentions: "1 users") {
            try await directory.createUser(
                AccountName(parsing: "eve@acme"), displayName: DisplayName(parsing: "Eve"), home: owner(acme))
        }
        // Another tenant has its own.
        _ = try await fixture.endpoint("globex/web1", on: "h1")
        // Lowered below what there is, nothing goes and nothing comes; less is always possible.
        _ = try await directory.setQuota(Quota(endpoints: 1, rules: 0), of: acme)
        await expectRefusal(.quotaExceeded) { try await fixture.endpoint("acme/web4", on: "h1") }
        _ = try await directory.unplug(acme, from: a, to: b)
        #expect(try await directory.endpoints(of: acme).count == 3)
        _ = try await directory.setQuota(.unlimited, of: acme)
        _ = try await fixture.endpoint("acme/web4", on: "h1")
    }

    private func owner(_ tenant: Name) throws -> Home {
        .tenant(try #require(Membership(tenant: tenant, roles: [.owner])))
    }

    @Test("A quota is a number that makes sense")
    func badQuota() async throws {
        let fixture = try await Self.world(.memory)
        await expectRefusal(.invalid, at: "/endpoints") {
            try await fixture.directory.setQuota(Quota(endpoints: -1), of: try name("acme"))
        }
        await expectRefusal(.invalid, at: "/users") {
            try await fixture.directory.setQuota(Quota(users: 1 << 41), of: try name("acme"))
        }
        await expectRefusal(.notFound) { try await fixture.directory.quota(of: try name("nobody")) }
        await expectRefusal(.notFound) { try await fixture.directory.setQuota(.unlimited, of: try name("nobody")) }
    }

    @Test("Sixteen at once do not get past the quota")
    func quotaRace() async throws {
        let fixture = try await Self.world(.file)
        _ = try await fixture.directory.setQuota(Quota(endpoints: 5), of: try name("acme"))
        let made = await withTaskGroup(of: Bool.self) { group in
            for index in 10..<26 {
                group.addTask { (try? await fixture.endpoint("acme/web\(index)", on: "h1")) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 3)
    }

    // MARK: Deletion

    @Test("All that goes is told first, and just that goes", arguments: StoreKind.allCases)
    func deletion(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let (directory, acme) = (fixture.directory, try name("acme"))
        _ = try await directory.createUser(
            AccountName(parsing: "ada@acme"), displayName: DisplayName(parsing: "Ada"), home: owner(acme))
        let preview = try await directory.previewDeletion(of: acme)
        #expect(
            preview.parts.map { "\($0.kind) \($0.count) \($0.names)" } == [
                #"endpoints 2 ["web1", "web2"]"#, #"vnets 1 ["lan"]"#, #"groups 1 ["web"]"#,
                #"policy revisions 1 ["1"]"#, #"users 1 ["ada"]"#, "access grants 0 []",
            ])
        #expect(try await directory.previewDeletion(of: acme) == preview)
        for wrong in ["", "0", String(repeating: "0", count: 64), String(preview.confirmation.dropLast())] {
            await expectRefusal(.unconfirmed, at: "confirm") {
                try await directory.deleteTenant(acme, confirmation: wrong)
            }
        }
        // One that was seen before something came is not good any more.
        for index in 3...12 { _ = try await fixture.endpoint("acme/web\(index)", on: "h1") }
        await expectRefusal(.unconfirmed) {
            try await directory.deleteTenant(acme, confirmation: preview.confirmation)
        }
        let now = try await directory.previewDeletion(of: acme)
        #expect(now.parts[0].count == 12 && now.parts[0].names.count == TenantDeletion.names)
        // That of a suspended tenant goes too, and one tenant's is not another's.
        _ = try await directory.suspendTenant(acme, reason: "closed")
        await expectRefusal(.unconfirmed) {
            try await directory.deleteTenant(try name("globex"), confirmation: now.confirmation)
        }
        let tenant = try await directory.tenant(acme)
        let stream = directory.changes()
        try await directory.deleteTenant(acme, confirmation: now.confirmation)
        _ = try await directory.createHost(try name("marker"), controllerURL: Fixture.url)
        let told = await changes(stream, until: try name("marker"))
        #expect(told.first == .revoked(Revocation(.key(tenant.authorityKeyHash), expiresAt: tenant.authorityNotAfter)))
        #expect(told.last == .suspensionsChanged && told.contains(.policyChanged(tenant: acme)))
        await expectRefusal(.notFound) { try await directory.tenant(acme) }
        #expect(try await directory.endpoints(on: try name("h1")).isEmpty)
        await expectRefusal(.notFound) { try await directory.user(AccountName(parsing: "ada@acme")) }
        let keys = try FileKeyStore(directory: fixture.folder + "/keys").names()
        #expect(!keys.contains(tenant.authorityKey) && !keys.contains(tenant.policyKey))
        // A later tenant of the name is another one, to which no former confirmation belongs.
        try await fixture.tenant()
        #expect(try await directory.tenant(acme).id != tenant.id)
    }

    // MARK: Export

    @Test("An archive has everything, at one moment", arguments: StoreKind.allCases)
    func archive(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let (directory, acme) = (fixture.directory, try name("acme"))
        let leaf = try await fixture.host("h3")
        let db1 = try await fixture.endpoint("acme/db1", on: "h3")
        try await leaf.run(db1.identity)
        let (a, b) = (try Selector(parsing: "web1"), try Selector(parsing: "web2"))
        _ = try await directory.plug(acme, from: a, to: b)
        let archive = try await directory.archive(of: acme)
        #expect(archive.tenant == (try await directory.tenant(acme)) && archive.vnets.count == 1)
        #expect(archive.endpoints.map(\.endpoint.name.name.text) == ["db1", "web1", "web2"])
        #expect(archive.endpoints.map { $0.published != nil } == [true, false, false])
        #expect(archive.revisions.map(\.revision) == [2, 1] && archive.groups.map(\.name.name.text) == ["web"])
        await expectRefusal(.notFound) { try await directory.archive(of: try name("nobody")) }
    }
}
