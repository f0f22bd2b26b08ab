import Accounts
import DirectoryCore
import NetTypes
import Testing
import Trust

@testable import StoreSQLite

@Suite("People in the store")
struct AccountStoreTests {
    private let acme = Samples.acme
    private let at = Fixture.start

    private func id(_ number: UInt8) throws -> AccountID {
        try #require(AccountID(octets: [UInt8](repeating: number, count: 16)))
    }

    private func hash(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }

    private func member(_ roles: Set<TenantRole>, _ groups: Set<Name>? = nil) throws -> Home {
        .tenant(try #require(Membership(tenant: acme, roles: roles, groups: groups)))
    }

    private func user(_ number: UInt8, _ name: String, _ home: Home) throws -> User {
        try #require(
            User(
                id: id(number), name: AccountName(parsing: name), displayName: DisplayName(parsing: "林 \(number)"),
                home: home, createdAt: at))
    }

    private func session(_ number: UInt8, of user: User, hash: [UInt8], former: [UInt8]? = nil) throws -> Session {
        Session(
            id: try id(number), user: user.id, secretHash: hash, formerHash: former, renewedAt: at + 2,
            stage: .complete, createdAt: at, signedInAt: at + 1, lastSeenAt: at + Int64(number), source: "192.0.2.1",
            agent: "Browser", credentialEpoch: 1, rightsEpoch: 2)
    }

    private func token(_ number: UInt8, of user: User, expires: Int64 = 100) throws -> PersonalToken {
        PersonalToken(
            id: try id(number), user: user.id, label: try DisplayName(parsing: "backup"), secretHash: hash(number),
            scopes: [.read, .policyRead], createdAt: at, expiresAt: at + expires, lastUsedAt: nil)
    }

    private func grant(_ number: UInt8, to grantee: AccountID? = nil, from: Int64 = 0) throws -> AccessGrant {
        try #require(
            AccessGrant(
                id: id(number), tenant: acme, grantedBy: id(1), grantee: grantee, roles: [.viewer, .networkAdmin],
                includesConsoles: number % 2 == 0, reason: DisplayName(parsing: "ticket"), from: at + from,
                until: at + from + 60))
    }

    private func fixture(_ kind: StoreKind = .memory) async throws -> Fixture {
        let fixture = try Fixture(kind)
        _ = try await fixture.directory.createTenant(acme)
        return fixture
    }

    @Test("1: what was put is read back, and put again replaces it", arguments: StoreKind.allCases)
    func roundTrip(_ kind: StoreKind) async throws {
        let fixture = try await fixture(kind)
        let web = try Name(parsing: "web")
        let full = try #require(
            User(
                id: id(1), name: AccountName(parsing: "ada@acme"), displayName: DisplayName(parsing: "Ada"),
                home: member([.networkAdmin, .viewer], [web]), state: .disabled,
                password: PasswordHash(
                    parsing: "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8"),
                oneTimeCodes: .init(sealedSecret: [1, 2, 3], lastUsed: 77), pendingCodes: .init(sealedSecret: [4]),
                recoveryHashes: [hash(8), hash(9)], setup: .init(secretHash: hash(7), expiresAt: at + 9), createdAt: at,
                credentialEpoch: 3, rightsEpoch: 4, version: 5))
        #expect(full.password != nil)
        let operators = try user(2, "root", .provider([.operator, .auditor]))
        let session = try session(3, of: full, hash: hash(3), former: hash(4))
        let token = try token(5, of: full)
        let grant = try grant(6, to: operators.id)
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(full)
            try tx.put(operators)
            try tx.put(session)
            try tx.put(token)
            try tx.put(grant)
        }
        let read = try await fixture.store.read { (tx) throws(DirectoryError) in
            (
                users: try [tx.user(full.id), tx.user(full.name), tx.user(operators.id), tx.user(operators.name)],
                sessions: try [
                    tx.session(session.id), tx.session(secretHash: hash(3)), tx.session(secretHash: hash(4)),
                ],
                tokens: try [tx.token(token.id), tx.token(secretHash: hash(5))], grant: try tx.accessGrant(grant.id)
            )
        }
        #expect(read.users == [full, full, operators, operators])
        #expect(read.sessions == [session, session, session])
        #expect(read.tokens == [token, token] && read.grant == grant)

        var (changed, seen, used, revoked) = (full, session, token, grant)
        changed.change(state: .active)
        _ = changed.change(home: try member([.owner]))
        changed.removeSecondFactor()
        seen.touch(at: at + 100)
        used.lastUsedAt = at + 50
        revoked.revokedAt = at + 7
        let again = (changed, seen, used, revoked)
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(again.0)
            try tx.put(again.1)
            try tx.put(again.2)
            try tx.put(again.3)
        }
        let after = try await fixture.store.read { (tx) throws(DirectoryError) in
            (try tx.user(full.id), try tx.session(session.id), try tx.token(token.id), try tx.accessGrant(grant.id))
        }
        #expect(after.0 == changed && after.1 == seen && after.2 == used && after.3 == revoked)
    }

    @Test("2: a name is one account's in its tenant, and tells nothing of other tenants")
    func names() async throws {
        let fixture = try await fixture()
        let ada = try user(1, "ada@acme", member([.viewer]))
        let twin = try user(2, "ada@acme", member([.owner]))
        let provider = try user(3, "ada", .provider([.auditor]))
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(ada)
            try tx.put(provider)
        }
        do {
            try await fixture.store.write { (tx) throws(DirectoryError) in try tx.put(twin) }
            Issue.record("two accounts of one name")
        } catch { #expect(error.code == .conflict && error.pointer == "/name") }
        let people = try await fixture.store.read { (tx) throws(DirectoryError) in
            (try tx.users(of: Samples.acme, after: nil, limit: 10), try tx.users(of: nil, after: nil, limit: 10))
        }
        #expect(people.0 == [ada] && people.1 == [provider])
        let nowhere = try #require(Membership(tenant: Name(parsing: "nowhere"), roles: [.owner]))
        let stray = try user(4, "eve@nowhere", .tenant(nowhere))
        do {
            try await fixture.store.write { (tx) throws(DirectoryError) in try tx.put(stray) }
            Issue.record("an account of no tenant")
        } catch { #expect(error.code == .storage) }
    }

    @Test("3: pages are complete and in order; owners are counted")
    func pages() async throws {
        let fixture = try await fixture()
        var users: [User] = []
        for number in 1...25 {
            users.append(
                try user(
                    UInt8(number), "u\(100 + number)@acme", member(number % 5 == 0 ? [.owner, .viewer] : [.viewer])))
        }
        users[4].change(state: .disabled)
        let all = users
        try await fixture.store.write { (tx) throws(DirectoryError) in for user in all { try tx.put(user) } }
        let (pages, owners, operators) = try await fixture.store.read { (tx) throws(DirectoryError) in
            var found: [User] = []
            while true {
                let page = try tx.users(of: Samples.acme, after: found.last?.name.local, limit: 10)
                if page.isEmpty { break }
                found += page
            }
            return (found, try tx.activeOwners(of: Samples.acme), try tx.activeOwners(of: nil))
        }
        #expect(pages == users && owners == 4 && operators == 0)
    }

    @Test("4: sessions end one by one, all but one, and by time, to the second")
    func ends() async throws {
        let fixture = try await fixture()
        let ada = try user(1, "ada@acme", member([.viewer]))
        let sessions = try (10...14).map { try session($0, of: ada, hash: hash($0)) }
        let tokens = [try token(20, of: ada, expires: 10), try token(21, of: ada, expires: 11)]
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(ada)
            for session in sessions { try tx.put(session) }
            for token in tokens { try tx.put(token) }
            try tx.delete(session: sessions[0].id)
        }
        let order = try await fixture.store.read { (tx) throws(DirectoryError) in try tx.sessions(of: ada.id) }
        #expect(order == [sessions[4], sessions[3], sessions[2], sessions[1]])
        let start = at
        // Last seen 11 seconds after the start.
        let idle = try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.deleteExpiredAccess(at: start + 11 + Session.idle)
        }
        #expect(idle == 1)
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.deleteSessions(of: ada.id, except: sessions[3].id)
        }
        let left = try await fixture.store.read { (tx) throws(DirectoryError) in try tx.sessions(of: ada.id) }
        #expect(left == [sessions[3]])
        let ended = try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.deleteExpiredAccess(at: start + 10 + endedAccessMemory)
        }
        let kept = try await fixture.store.read { (tx) throws(DirectoryError) in try tx.tokens(of: ada.id) }
        #expect(ended == 2 && kept == [tokens[1]])
    }

    @Test("5: grants reach whom they name, in their time")
    func grants() async throws {
        let fixture = try await fixture()
        let me = try id(1)
        var revoked = try grant(7)
        revoked.revokedAt = at + 5
        let all = [try grant(3), try grant(4, to: me), try grant(5, to: try id(2)), try grant(6, from: 30), revoked]
        try await fixture.store.write { (tx) throws(DirectoryError) in for grant in all { try tx.put(grant) } }
        for (offset, expected) in [
            (-1, []), (0, [3, 4, 7]), (4, [3, 4, 7]), (5, [3, 4]), (30, [3, 4, 6]), (60, [6]), (90, []),
        ]
            as [(Int64, [UInt8])]
        {
            let now = at + offset
            let found = try await fixture.store.read { (tx) throws(DirectoryError) in
                try tx.accessGrants(for: me, at: now)
            }
            #expect(found.map(\.id.octets[0]) == expected, "\(offset)")
            #expect(found.allSatisfy { $0.holds(at: now) })
        }
        let listed = try await fixture.store.read { (tx) throws(DirectoryError) in try tx.accessGrants(of: Samples.acme)
        }
        #expect(listed.count == 5)
    }

    @Test("6: with a tenant go its people, their sessions and tokens, and its grants")
    func deletion() async throws {
        let fixture = try await fixture()
        let ada = try user(1, "ada@acme", member([.owner]))
        let root = try user(2, "root", .provider([.operator]))
        let (hers, his) = (try session(3, of: ada, hash: hash(3)), try session(4, of: root, hash: hash(4)))
        let (token, grant) = (try token(5, of: ada), try grant(6))
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(ada)
            try tx.put(root)
            try tx.put(hers)
            try tx.put(his)
            try tx.put(token)
            try tx.put(grant)
        }
        try await fixture.directory.deleteTenant(acme)
        let left = try await fixture.store.read { (tx) throws(DirectoryError) in
            (
                try tx.user(ada.id), try tx.session(hers.id), try tx.token(token.id), try tx.accessGrant(grant.id),
                try tx.user(root.id), try tx.session(his.id)
            )
        }
        #expect(left.0 == nil && left.1 == nil && left.2 == nil && left.3 == nil)
        #expect(left.4 == root && left.5 == his)
    }

    @Test("7: what a request looks up is found by an index")
    func plans() async throws {
        let fixture = try await fixture()
        let (name, id) = (try AccountName(parsing: "ada@acme"), try id(1))
        let plans = try await fixture.store.plans { (tx) throws(DirectoryError) in
            _ = try tx.user(id)
            _ = try tx.user(name)
            _ = try tx.users(of: Samples.acme, after: "a", limit: 10)
            _ = try tx.users(of: nil, after: nil, limit: 10)
            _ = try tx.session(secretHash: [1])
            _ = try tx.sessions(of: id)
            _ = try tx.token(secretHash: [1])
            _ = try tx.tokens(of: id)
            _ = try tx.accessGrants(of: Samples.acme)
            _ = try tx.accessGrants(for: id, at: Fixture.start)
        }
        #expect(plans.count == 10)
        for (sql, steps) in plans {
            #expect(!steps.contains { $0.contains("SCAN") }, "\(sql): \(steps)")
        }
    }
}
