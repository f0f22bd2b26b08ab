import NetTypes
import Testing

@testable import Accounts

@Suite("Sessions, tokens and accounts")
struct SessionTests {
    private let world = World()
    private let here = SourceNetwork(octets: [192, 0, 2, 1] as [UInt8])

    private func user(_ role: TenantRole = .owner) throws -> User {
        try User.make(
            "ada@acme", .tenant(try #require(Membership(tenant: try Name("acme"), roles: [role]))), in: world)
    }

    private func begin(_ user: User) -> (session: Session, secret: BearerSecret) {
        Session.begin(for: user, source: here, agent: "Browser/1\u{1b}[2J", at: world.now, random: world.random)
    }

    @Test("1: a session ends when idle, when old, to the second")
    func ends() throws {
        let user = try user()
        var (session, secret) = begin(user)
        let at = world.now
        #expect(session.check(user, presented: secret.hash, at: at) == .alive(touch: false))
        #expect(session.check(user, presented: secret.hash, at: at + 59) == .alive(touch: false))
        #expect(session.check(user, presented: secret.hash, at: at + 60) == .alive(touch: true))
        #expect(session.check(user, presented: secret.hash, at: at + 1_799) == .alive(touch: true))
        #expect(session.check(user, presented: secret.hash, at: at + 1_800) == .ended(.idle))
        session.touch(at: at + 43_199)
        #expect(session.check(user, presented: secret.hash, at: at + 43_199) == .alive(touch: false))
        #expect(session.check(user, presented: secret.hash, at: at + 43_200) == .ended(.tooOld))
        #expect(session.check(user, presented: secret.hash, at: at + -1) == .ended(.tooOld))
        #expect(session.agent == "Browser/1?[2J" && session.source == "192.0.2.1")
    }

    @Test("2: a new password, a new second factor and a disabled account end all sessions")
    func credentials() throws {
        let before = try user()
        let (session, secret) = begin(before)
        let changes: [(inout User) -> Void] = [
            { $0.set(password: PasswordHash(cost: .standard, salt: [], hash: [])) }, { $0.change(state: .disabled) },
            {
                $0.change(state: .disabled)
                $0.change(state: .active)
            },
        ]
        for change in changes {
            var after = before
            change(&after)
            #expect(session.check(after, presented: secret.hash, at: world.now) == .ended(.credentialsChanged))
        }
        #expect(session.check(nil, presented: secret.hash, at: world.now) == .ended(.credentialsChanged))
        #expect(session.check(try user(), presented: secret.hash, at: world.now) == .ended(.credentialsChanged))
    }

    @Test("3: a change of rights brings a new secret; the former one is good for ten seconds more")
    func renewal() throws {
        var user = try user()
        var (session, old) = begin(user)
        let viewer = Home.tenant(try #require(Membership(tenant: try Name("acme"), roles: [.viewer])))
        let isChanged = user.change(home: viewer)
        #expect(isChanged)
        #expect(session.check(user, presented: old.hash, at: world.now) == .renew)
        let new = session.renew(for: user, at: world.now, random: world.random)
        let at = world.now
        #expect(new != old && new.csrfToken != old.csrfToken)
        #expect(session.check(user, presented: new.hash, at: at) == .alive(touch: false))
        #expect(session.check(user, presented: old.hash, at: at + 9) == .alive(touch: false))
        #expect(session.check(user, presented: old.hash, at: at + 10) == .ended(.oldSecret))
        #expect(session.check(user, presented: [UInt8](repeating: 0, count: 32), at: at) == .ended(.oldSecret))
        // The principal has the rights of now.
        let principal = try #require(session.principal(of: user))
        #expect(may(principal, .listUsers, on: .tenant(try Name("acme")), at: at) == .forbidden(.role))
        let foreign = Home.tenant(try #require(Membership(tenant: try Name("umbrella"), roles: [.viewer])))
        let isMoved = user.change(home: foreign) || user.change(home: .provider([.operator]))
        #expect(!isMoved)
    }

    @Test("4: before the second factor a session may do nothing, for five minutes; then it is another secret")
    func stages() throws {
        let box = try #require(SecretBox(key: world.random(32)))
        var user = try user()
        let begun = user.beginOneTimeCodes(box: box, random: world.random)
        let secret = try #require(begun)
        #expect(!user.hasSecondFactor)
        let wrong = user.confirmOneTimeCodes("000000", box: box, at: world.now, random: world.random)
        #expect(wrong == nil && !user.hasSecondFactor)
        let code = TOTP.code(secret: secret, counter: TOTP.counter(at: world.now))
        let confirmed = user.confirmOneTimeCodes(code, box: box, at: world.now, random: world.random)
        let codes = try #require(confirmed)
        #expect(user.hasSecondFactor && codes.count == RecoveryCodes.count)

        var (session, first) = begin(user)
        #expect(session.stage == .secondFactor && session.principal(of: user) == nil)
        #expect(session.check(user, presented: first.hash, at: world.now + 299) == .alive(touch: true))
        #expect(session.check(user, presented: first.hash, at: world.now + 300) == .ended(.tooOld))
        // The code that confirmed is used up; the next one is good, once.
        let replayed = user.accept(secondFactor: code, box: box, at: world.now)
        #expect(replayed == nil)
        world.advance(30)
        let next = TOTP.code(secret: secret, counter: TOTP.counter(at: world.now))
        let taken = user.accept(secondFactor: next, box: box, at: world.now)
        #expect(taken == .oneTimeCode)
        let again = user.accept(secondFactor: next, box: box, at: world.now)
        #expect(again == nil)
        let recovered = user.accept(secondFactor: codes[0], box: box, at: world.now)
        #expect(recovered == .recoveryCode(left: 9))
        let twice = user.accept(secondFactor: codes[0], box: box, at: world.now)
        #expect(twice == nil)

        let second = session.complete(for: user, at: world.now, random: world.random)
        #expect(second != first && session.principal(of: user) != nil)
        #expect(session.check(user, presented: first.hash, at: world.now) == .ended(.oldSecret))
        #expect(session.check(user, presented: second.hash, at: world.now) == .alive(touch: false))
        user.removeSecondFactor()
        #expect(session.check(user, presented: second.hash, at: world.now) == .ended(.credentialsChanged))
    }

    @Test("5: cookies and tokens against forged requests")
    func cookies() throws {
        let (_, secret) = begin(try user())
        let (_, other) = begin(try user())
        #expect(BearerSecret(cookie: secret.cookie) == secret)
        for bad in [
            "", secret.cookie + "A", String(secret.cookie.dropLast()), secret.cookie.replacing("A", with: "+") + "=",
        ] {
            #expect(BearerSecret(cookie: bad) == nil)
        }
        #expect(secret.isCSRFToken(secret.csrfToken))
        #expect(!secret.isCSRFToken(other.csrfToken) && !secret.isCSRFToken("") && !secret.isCSRFToken(secret.cookie))
        #expect(!"\(secret)".contains(secret.cookie) && secret.csrfToken != secret.cookie)
    }

    @Test("6: a personal token: scopes, expiry, its text")
    func tokens() throws {
        let viewer = try user(.viewer)
        let label = try DisplayName(parsing: "backup")
        func make(_ scopes: Set<TokenScope>, _ lifetime: Int64) throws -> (token: PersonalToken, text: String) {
            try PersonalToken.make(
                for: viewer, label: label, scopes: scopes, lifetime: lifetime, at: world.now, random: world.random)
        }
        let made = try make([.read], 60)
        #expect(PersonalToken.secret(in: made.text)?.hash == made.token.secretHash)
        #expect(made.text.hasPrefix("pbp_") && made.text.utf8.count == 52)
        #expect(made.token.principal(of: viewer, at: world.now + 59) != nil)
        #expect(made.token.principal(of: viewer, at: world.now + 60) == nil)
        #expect(made.token.principal(of: try user(), at: world.now) == nil)
        var disabled = viewer
        disabled.change(state: .disabled)
        #expect(made.token.principal(of: disabled, at: world.now) == nil)
        #expect(throws: PersonalToken.Refusal.noScope) { try make([], 60) }
        #expect(throws: PersonalToken.Refusal.scopes([.policy])) { try make([.read, .policy], 60) }
        #expect(throws: PersonalToken.Refusal.lifetime) { try make([.read], 0) }
        #expect(throws: PersonalToken.Refusal.lifetime) { try make([.read], PersonalToken.longest + 1) }
        for place in made.text.indices {
            var bad = made.text
            bad.replaceSubrange(place...place, with: bad[place] == "A" ? "B" : "A")
            #expect(
                PersonalToken.secret(in: bad) == nil, "\(made.text.distance(from: made.text.startIndex, to: place))")
        }
    }

    @Test("7: a link sets a password once, for a day")
    func setup() throws {
        var user = try user()
        let secret = user.makeSetup(at: world.now, random: world.random)
        #expect(user.accepts(setup: secret, at: world.now + 86_399))
        #expect(!user.accepts(setup: secret, at: world.now + 86_400))
        #expect(!user.accepts(setup: BearerSecret(random: world.random), at: world.now))
        let second = user.makeSetup(at: world.now, random: world.random)
        #expect(!user.accepts(setup: secret, at: world.now) && user.accepts(setup: second, at: world.now))
        user.set(password: PasswordHash(cost: .standard, salt: [], hash: []))
        #expect(!user.accepts(setup: second, at: world.now))
    }

    @Test("8: an account is where its name says")
    func homes() throws {
        #expect(throws: TextError.self) { try User.make("ada", user().home, in: world) }
        #expect(throws: TextError.self) { try User.make("ada@umbrella", user().home, in: world) }
        #expect(throws: TextError.self) { try User.make("ada@acme", .provider([.operator]), in: world) }
        #expect(throws: TextError.self) { try User.make("ada", .provider([]), in: world) }
    }
}
