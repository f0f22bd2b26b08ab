import Accounts
import DirectoryCore
import NetTypes
import Testing

@testable import StoreSQLite

@Suite("Providers of identities in the store")
struct IdentityStoreTests {
    private let acme = Samples.acme
    private let at = Fixture.start

    private func id(_ number: UInt8) throws -> AccountID {
        try #require(AccountID(octets: [UInt8](repeating: number, count: 16)))
    }

    private func provider(_ number: UInt8, _ name: String, of tenant: Name?) throws -> IdentityProvider {
        IdentityProvider(
            id: try id(number), name: try Name(parsing: name),
            settings: .init(
                displayName: try DisplayName(parsing: "林 \(number)"), tenant: tenant, issuer: "https://a.example/x",
                clientID: "patch bay", scopes: ["openid", "profile"], subjectClaim: "oid", isMultiFactor: true,
                isListed: number % 2 == 0, trustedRoots: tenant == nil ? nil : "PEM", isEnabled: number != 2),
            sealedSecret: [1, 2, number],
            createdAt: at)
    }

    @Test("What was put is read back; links go with their provider, their account and the tenant")
    func roundTrip() async throws {
        let fixture = try Fixture(.memory)
        _ = try await fixture.directory.createTenant(acme)
        var all = try provider(1, "all", of: nil)
        let own = try provider(2, "own", of: acme)
        let owner = try #require(Membership(tenant: acme, roles: [.owner]))
        let user = try #require(
            User(
                id: id(3), name: AccountName(parsing: "ada@acme"), displayName: DisplayName(parsing: "Ada"),
                home: .tenant(owner), createdAt: at))
        var links: [LinkedIdentity] = []
        for (number, provider) in [(UInt8(4), all), (5, own)] {
            links.append(
                LinkedIdentity(
                    id: try id(number), user: user.id, provider: provider.id, subject: "sub", isExpected: number == 4,
                    createdAt: at + Int64(number)))
        }
        links[1].lastUsedAt = at + 9
        all.change(all.settings, sealedSecret: [9])
        let (first, second, ada, changed) = (try provider(1, "all", of: nil), own, user, all)
        let (linkOfAll, linkOfOwn) = (links[0], links[1])
        try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(first)
            try tx.put(second)
            try tx.put(ada)
            try tx.put(linkOfAll)
            try tx.put(linkOfOwn)
            try tx.put(changed)
        }
        let read = try await fixture.store.read { (tx) throws(DirectoryError) in
            (
                try tx.identityProviders(), try tx.identityProvider(second.id), try tx.linkedIdentities(of: ada.id),
                try tx.linkedIdentities(second.id, subject: "sub"), try tx.hasLinkedIdentities(first.id)
            )
        }
        #expect(read.0 == [changed, second] && read.1 == second && read.2 == [linkOfAll, linkOfOwn])
        #expect(read.3 == [linkOfOwn] && read.4)
        try await fixture.store.write { (tx) throws(DirectoryError) in try tx.delete(identityProvider: first.id) }
        #expect(try await identities(of: ada, fixture) == [linkOfOwn])
        try await fixture.store.write { (tx) throws(DirectoryError) in try tx.delete(user: ada.id) }
        #expect(try await identities(of: ada, fixture).isEmpty)
        try await fixture.store.write { (tx) throws(DirectoryError) in try tx.delete(tenant: acme) }
        let left = try await fixture.directory.identityProviders()
        #expect(left.isEmpty)
    }

    @Test("Sessions of a provider end but those of one tenant; the rest go with its record")
    func sessions() async throws {
        let fixture = try Fixture(.memory)
        let globex = try Name(parsing: "globex")
        for tenant in [acme, globex] { _ = try await fixture.directory.createTenant(tenant) }
        let provider = try provider(1, "all", of: nil)
        var (users, sessions): ([User], [Session]) = ([], [])
        for (number, tenant) in [(UInt8(10), acme), (11, globex), (12, nil)] as [(UInt8, Name?)] {
            let home: Home
            if let tenant {
                home = .tenant(try #require(Membership(tenant: tenant, roles: [.owner])))
            } else {
                home = .provider([.operator])
            }
            let user = try #require(
                User(
                    id: id(number), name: AccountName(local: "ada", tenant: tenant),
                    displayName: DisplayName(parsing: "Ada"), home: home, createdAt: at))
            users.append(user)
            // One by the provider's word, one by a password.
            for (place, begunBy) in [(UInt8(0), provider.id), (100, nil)] as [(UInt8, AccountID?)] {
                let hash = [UInt8](repeating: number + place, count: 32)
                sessions.append(
                    Session(
                        id: try id(number + place), user: user.id, secretHash: hash, formerHash: nil, renewedAt: at,
                        stage: .complete, createdAt: at, signedInAt: at, lastSeenAt: at, source: "192.0.2.1",
                        agent: "x", credentialEpoch: 1, rightsEpoch: 1, provider: begunBy))
            }
        }
        let (people, begun, tenant) = (users, sessions, acme)
        let ended = try await fixture.store.write { (tx) throws(DirectoryError) in
            try tx.put(provider)
            for user in people { try tx.put(user) }
            for session in begun { try tx.put(session) }
            return try tx.deleteSessions(begunBy: provider.id, except: tenant)
        }
        #expect(Set(ended) == [people[1].id, people[2].id] && ended.count == 2)
        #expect(try await self.sessions(of: people, fixture) == [begun[0], begun[1], begun[3], begun[5]])
        try await fixture.store.write { (tx) throws(DirectoryError) in try tx.delete(identityProvider: provider.id) }
        #expect(try await self.sessions(of: people, fixture) == [begun[1], begun[3], begun[5]])
    }

    private func sessions(of users: [User], _ fixture: Fixture) async throws -> [Session] {
        try await fixture.store.read { (tx) throws(DirectoryError) in
            var found: [Session] = []
            for user in users {
                found += try tx.sessions(of: user.id).sorted { $0.secretHash.first ?? 0 < $1.secretHash.first ?? 0 }
            }
            return found
        }
    }

    private func identities(of user: User, _ fixture: Fixture) async throws -> [LinkedIdentity] {
        try await fixture.store.read { (tx) throws(DirectoryError) in try tx.linkedIdentities(of: user.id) }
    }

    @Test("A sign-in is used once, and forgotten when it could no longer be used")
    func usedOnce() async throws {
        let fixture = try Fixture(.memory)
        let at = at
        let hash = [UInt8](repeating: 7, count: 32)
        let uses = try await fixture.store.write { (tx) throws(DirectoryError) in
            let first = try tx.use(providerTransaction: hash, until: at + 600)
            let second = try tx.use(providerTransaction: hash, until: at + 600)
            let early = try tx.deleteExpiredAccess(at: at + 599)
            let late = try tx.deleteExpiredAccess(at: at + 600)
            return (first, second, early, late)
        }
        #expect(uses.0 && !uses.1 && uses.2 == 0 && uses.3 == 1)
    }
}
