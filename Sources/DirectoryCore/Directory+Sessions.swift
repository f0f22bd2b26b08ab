public import Accounts
import NetTypes

/// What a sign-in, or its second factor, came to.
public enum SignInResult: Sendable {
    /// The password was right; the session's cookie, and the one by which the browser is known again.
    case begun(SignedIn)
    /// The name, the password or the code is wrong, or the account may not be used: nobody is told which.
    case wrong
    /// Too many failures: so many seconds to wait.
    case wait(Int64)
    /// Too many passwords wait to be checked.
    case busy
}

/// A session that was begun or completed. The cookies are secret.
public struct SignedIn: Sendable {
    public var user: User
    public var session: Session
    /// The session's secret: its cookie, and the token against forged requests, come from it.
    public var secret: BearerSecret
    /// The cookie by which the browser is known again; nil before the second factor.
    public var deviceCookie: String?
}

/// Somebody who has presented a secret, with what is to be sent back.
public struct Authenticated: Sendable {
    public var principal: Principal
    /// The account; nil for the installation.
    public var user: User?
    /// The session, where one was presented.
    public var session: Session?
    /// The secret that was presented, or its successor: after a change of rights a session gets a new one, and the former is
    /// good for a few seconds yet.
    public var secret: BearerSecret?
    /// Whether the secret is a successor, to be sent back as the new cookie.
    public var isRenewed: Bool

    public init(
        principal: Principal, user: User? = nil, session: Session? = nil, secret: BearerSecret? = nil,
        isRenewed: Bool = false
    ) {
        self.principal = principal
        self.user = user
        self.session = session
        self.secret = secret
        self.isRenewed = isRenewed
    }
}

extension Directory {
    // MARK: Sign-in

    /// Checks a name and a password, and begins a session.
    ///
    /// - Parameters:
    ///   - device: the browser's cookie for this account, if it sent one.
    ///   - former: the cookie of the session that the browser had before; it ends.
    public func signIn(
        name: String, password: String, device: String?, source: SourceNetwork, agent: String, former: String?,
        origin: Origin? = nil
    ) async throws(DirectoryError) -> SignInResult {
        let attempt: SignIn.Attempt
        switch signIn.begin(name: name, password: password, device: device, source: source) {
        case .wait(let seconds): return .wait(seconds)
        case .admitted(let admitted): attempt = admitted
        }
        let found = try await store.read { (tx) throws(DirectoryError) -> User? in
            guard let name = attempt.name else { return nil }
            return try tx.user(name)
        }
        let rehash: PasswordHash?
        switch await signIn.verify(attempt, against: found) {
        case .wrong: return .wrong
        case .busy: return .busy
        case .right(let stronger): rehash = stronger
        }
        guard let found else { return .wrong }
        let formerHash = former.flatMap { BearerSecret(cookie: $0)?.hash }
        let begun = try await write(from: origin?.by(found)) { [random] (tx) throws(DirectoryError) -> SignedIn? in
            // The account as it is now: it may have been disabled, or its password changed, while the hash was computed.
            guard var user = try tx.user(found.id), user.state == .active, user.password == found.password else {
                return nil
            }
            if let rehash {
                user.rehash(rehash)
                try tx.put(user)
            }
            if let formerHash, let old = try tx.session(secretHash: formerHash) { try tx.delete(session: old.id) }
            let begun = Session.begin(for: user, source: source, agent: agent, at: self.now(), random: random)
            for old in try tx.sessions(of: user.id).dropFirst(Session.most - 1) { try tx.delete(session: old.id) }
            try tx.put(begun.session)
            return SignedIn(user: user, session: begun.session, secret: begun.secret)
        }
        guard var begun else { return .wrong }
        if begun.session.stage == .complete { begun.deviceCookie = signIn.issueDevice(for: begun.user.name) }
        return .begun(begun)
    }

    /// Checks the second factor of a session that waits for it, and completes the sign-in.
    public func completeSignIn(
        cookie: String, code: String, device: String?, source: SourceNetwork, origin: Origin? = nil
    ) async throws(DirectoryError) -> SignInResult {
        guard let secret = BearerSecret(cookie: cookie) else { return .wrong }
        let at = now()
        let found = try await store.read { (tx) throws(DirectoryError) -> User? in
            try Self.waiting(secret, at, tx)?.user
        }
        guard let found else { return .wrong }
        let attempt: SignIn.SecondAttempt
        switch signIn.beginSecondFactor(of: found, device: device, source: source) {
        case .wait(let seconds): return .wait(seconds)
        case .admitted(let admitted): attempt = admitted
        }
        let done = try await write(from: origin?.by(found)) {
            [random, box = platform.people.box] (tx) throws(DirectoryError) -> SignedIn? in
            guard var (user, session) = try Self.waiting(secret, at, tx) else { return nil }
            guard user.accept(secondFactor: code, box: box, at: at) != nil else { return nil }
            let next = session.complete(for: user, at: at, random: random)
            try tx.put(user)
            try tx.put(session)
            return SignedIn(user: user, session: session, secret: next)
        }
        guard var done else { return .wrong }
        signIn.succeed(attempt)
        done.deviceCookie = signIn.issueDevice(for: done.user.name)
        return .begun(done)
    }

    /// Whose second factor a session waits for; nil when it waits for none.
    public func waitingUser(cookie: String) async throws(DirectoryError) -> User? {
        guard let secret = BearerSecret(cookie: cookie) else { return nil }
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in try Self.waiting(secret, at, tx)?.user }
    }

    /// The session that waits for a second factor and has this secret.
    static func waiting(
        _ secret: BearerSecret, _ at: Timestamp, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> (user: User, session: Session)? {
        guard let session = try tx.session(secretHash: secret.hash), session.stage == .secondFactor,
            let user = try tx.user(session.user)
        else { return nil }
        if case .ended = session.check(user, presented: secret.hash, at: at) { return nil }
        return (user, session)
    }

    /// Ends the session of a cookie. What has no session has nothing to end.
    public func signOut(cookie: String) async throws(DirectoryError) {
        guard let secret = BearerSecret(cookie: cookie) else { return }
        try await write { (tx) throws(DirectoryError) in
            guard let session = try tx.session(secretHash: secret.hash) else { return }
            try tx.delete(session: session.id)
            tx.announce(.accessChanged(.account(session.user)))
        }
    }

    // MARK: Who asks

    /// Who presents a session's cookie; nil: nobody, or somebody whose second factor is to come.
    public func authenticate(cookie: String) async throws(DirectoryError) -> Authenticated? {
        guard let secret = BearerSecret(cookie: cookie) else { return nil }
        let at = now()
        let hash = secret.hash
        let found = try await store.read { (tx) throws(DirectoryError) -> (Session, User?, [AccessGrant])? in
            guard let session = try tx.session(secretHash: hash) else { return nil }
            let user = try tx.user(session.user)
            return (
                session, user, try user.map { (user) throws(DirectoryError) in try tx.grants(of: user, at: at) } ?? []
            )
        }
        guard let (session, user, grants) = found else { return nil }
        var answer: Authenticated?
        switch session.check(user, presented: hash, at: at) {
        case .ended:
            try await store.write { (tx) throws(DirectoryError) in try tx.delete(session: session.id) }
        case .alive(let touch):
            guard let user, let principal = session.principal(of: user, grants: grants) else { return nil }
            answer = Authenticated(principal: principal, user: user, session: session, secret: secret)
            if touch { try await self.touch(session.id, at) }
        case .renew:
            guard let user, let principal = session.principal(of: user, grants: grants) else { return nil }
            let next = try await renew(session.id, for: user, presented: hash, at)
            answer = Authenticated(
                principal: principal, user: user, session: session, secret: next ?? secret, isRenewed: next != nil)
        }
        return answer
    }

    private func touch(_ id: AccountID, _ at: Timestamp) async throws(DirectoryError) {
        try await store.write { (tx) throws(DirectoryError) in
            guard var session = try tx.session(id) else { return }
            session.touch(at: at)
            try tx.put(session)
        }
    }

    /// Draws a new secret; nil where another request was first, whose answer has it.
    private func renew(
        _ id: AccountID, for user: User, presented hash: [UInt8], _ at: Timestamp
    ) async throws(DirectoryError) -> BearerSecret? {
        try await store.write { [random] (tx) throws(DirectoryError) -> BearerSecret? in
            guard var session = try tx.session(id), session.secretHash == hash else { return nil }
            let next = session.renew(for: user, at: at, random: random)
            try tx.put(session)
            return next
        }
    }

    // MARK: Sessions of an account

    /// An account's sessions that live, those used last first.
    public func sessions(of user: AccountID) async throws(DirectoryError) -> [Session] {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in
            let owner = try tx.user(user)
            return try tx.sessions(of: user).filter { session in
                if case .ended = session.check(owner, presented: session.secretHash, at: at) { false } else { true }
            }
        }
    }

    /// Ends a session of an account; one of another account is not there.
    public func endSession(_ id: AccountID, of user: AccountID) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            guard let session = try tx.session(id), session.user == user else {
                throw DirectoryError(
                    .notFound, "There is no session '\(id)'.", remedy: "List the account's sessions.")
            }
            try tx.delete(session: id)
            tx.announce(.accessChanged(.account(user)))
        }
    }
}

extension DirectoryReader {
    /// The grants that an account of the provider may use now; none for tenants' people.
    func grants(of user: User, at now: Timestamp) throws(DirectoryError) -> [AccessGrant] {
        guard case .provider = user.home else { return [] }
        return try accessGrants(for: user.id, at: now)
    }
}
