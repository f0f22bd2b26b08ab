public import Accounts
import NetTypes

// Passwords and second factors: by a link, or by the account's own user.

extension Directory {
    /// Sets the password of an account by the secret of a link; the link is good once, and all sessions end.
    ///
    /// - Throws: `invalid` for a password that the rules refuse; `forbidden` for a link that is not good, whatever the name.
    public func setPassword(
        of name: String, link secret: String, to text: String, source: SourceNetwork, origin: Origin? = nil
    ) async throws(DirectoryError) {
        let refusal = DirectoryError(
            .forbidden, "The link is not good for this account: it was used, is too old, or is another's.",
            remedy: "Ask for a new one.")
        guard let secret = BearerSecret(cookie: secret), let name = try? AccountName(parsing: name) else {
            throw refusal
        }
        let at = now()
        let user = try await store.read { (tx) throws(DirectoryError) in try tx.user(name) }
        guard let user, user.accepts(setup: secret, at: at) else { throw refusal }
        let hash = try await hash(text, for: user)
        try await write(from: origin?.by(user)) { (tx) throws(DirectoryError) in
            guard var user = try tx.user(user.id), user.accepts(setup: secret, at: at) else { throw refusal }
            user.set(password: hash)
            try tx.put(user)
            try tx.deleteSessions(of: user.id, except: nil)
            tx.announce(.accessChanged(.account(user.id)))
        }
    }

    /// Changes the password of one who is signed in. All other sessions end; the one that asks gets a new secret.
    public func changePassword(
        of id: AccountID, from current: String, to text: String, session: AccountID, source: SourceNetwork
    ) async throws(DirectoryError) -> BearerSecret {
        let user = try await account(id)
        try await prove(current, of: user, source)
        let hash = try await hash(text, for: user)
        return try await changeCredentials(of: id, session) { (user, _) throws(DirectoryError) in
            user.set(password: hash)
        }.secret
    }

    /// Begins to enrol a second factor, and gives its secret to show.
    public func beginOneTimeCodes(of id: AccountID) async throws(DirectoryError) -> (secret: [UInt8], uri: String) {
        let made = try await write {
            [random, box = platform.people.box] (tx) throws(DirectoryError) -> ([UInt8], User) in
            guard var user = try tx.user(id) else { throw DirectoryError.accountGone }
            guard let secret = user.beginOneTimeCodes(box: box, random: random) else {
                throw DirectoryError(.storage, "The second factor could not be sealed.")
            }
            try tx.put(user)
            return (secret, user)
        }
        return (made.0, TOTP.uri(secret: made.0, account: made.1.name, issuer: "Patchbay \(platform.name.globalID)"))
    }

    /// Confirms the second factor that was begun, and gives recovery codes, which are shown once. All other sessions end.
    public func confirmOneTimeCodes(
        _ code: String, of id: AccountID, session: AccountID, source: SourceNetwork
    ) async throws(DirectoryError) -> (codes: [String], secret: BearerSecret) {
        let user = try await account(id)
        guard case .admitted(let attempt) = signIn.beginSecondFactor(of: user, device: nil, source: source) else {
            throw DirectoryError.tooOften
        }
        let at = now()
        let changed = try await changeCredentials(of: id, session) {
            [random, box = platform.people.box] (user, _) throws(DirectoryError) -> [String] in
            guard let codes = user.confirmOneTimeCodes(code, box: box, at: at, random: random) else {
                throw DirectoryError(
                    .invalid, "That is not the code that is due now.", pointer: "/code",
                    remedy: "Look at the clock of the device that shows codes, and give the present one.")
            }
            return codes
        }
        signIn.succeed(attempt)
        return (changed.value, changed.secret)
    }

    /// Takes the account's own second factor away. All other sessions end.
    public func removeSecondFactor(of id: AccountID, session: AccountID) async throws(DirectoryError) -> BearerSecret {
        try await changeCredentials(of: id, session) { (user, _) throws(DirectoryError) in user.removeSecondFactor() }
            .secret
    }

    /// Takes the second factor of somebody else away, who has lost it. All of his sessions end.
    public func resetSecondFactor(of name: AccountName) async throws(DirectoryError) -> User {
        try await write { (tx) throws(DirectoryError) in
            var user = try tx.requireUser(name)
            user.removeSecondFactor()
            try tx.put(user)
            try tx.deleteSessions(of: user.id, except: nil)
            tx.announce(.accessChanged(.account(user.id)))
            return user
        }
    }

    // MARK: Parts

    private func account(_ id: AccountID) async throws(DirectoryError) -> User {
        try await store.read { (tx) throws(DirectoryError) in
            guard let user = try tx.user(id) else { throw DirectoryError.accountGone }
            return user
        }
    }

    /// Changes what a user shows who he is with. His sessions end but the one that asks, which gets a new secret.
    func changeCredentials<T: Sendable>(
        of id: AccountID, _ session: AccountID,
        _ change: @escaping @Sendable (inout User, any DirectoryTransaction) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> (value: T, secret: BearerSecret) {
        let at = now()
        return try await write { [random] (tx) throws(DirectoryError) -> (value: T, secret: BearerSecret) in
            guard var user = try tx.user(id) else { throw DirectoryError.accountGone }
            guard var kept = try tx.session(session), kept.user == id else { throw DirectoryError.accountGone }
            let value = try change(&user, tx)
            let secret = kept.complete(for: user, at: at, random: random)
            try tx.put(user)
            try tx.deleteSessions(of: id, except: session)
            tx.announce(.accessChanged(.account(id)))
            try tx.put(kept)
            return (value, secret)
        }
    }

    /// Whether a password is the account's; wrong ones are counted like wrong second factors.
    private func prove(_ text: String, of user: User, _ source: SourceNetwork) async throws(DirectoryError) {
        guard case .admitted(let attempt) = signIn.beginSecondFactor(of: user, device: nil, source: source) else {
            throw DirectoryError.tooOften
        }
        guard let isRight = await signIn.isPassword(Password(text), of: user) else { throw DirectoryError.busy }
        guard isRight else {
            throw DirectoryError(
                .forbidden, "That is not the present password.", pointer: "/current", remedy: "Type it again.")
        }
        signIn.succeed(attempt)
    }

    private func hash(_ text: String, for user: User) async throws(DirectoryError) -> PasswordHash {
        let password = Password(text)
        if let refusal = PasswordRules.refusal(of: password, for: user.name, words: [user.displayName.text]) {
            throw DirectoryError(
                .invalid, "\(refusal)", pointer: "/password",
                remedy: "Choose a longer one of several words that nobody would guess.")
        }
        guard let hash = await signIn.hash(password) else { throw DirectoryError.busy }
        return hash
    }
}

extension DirectoryError {
    static let accountGone = DirectoryError(
        .notFound, "The account or its session is gone.", remedy: "Sign in again.")
    static let tooOften = DirectoryError(
        .tooOften, "There were too many wrong attempts.", remedy: "Wait some minutes.")
    static let busy = DirectoryError(
        .tooOften, "Too many passwords wait to be checked.", remedy: "Try again in some seconds.")
}
