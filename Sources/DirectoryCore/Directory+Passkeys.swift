public import Accounts
import NetTypes
public import WebAuthn

// Passkeys: added and removed by their user, and signed in with, alone or after a password (docs/passkeys.md).

/// What a browser needs to have a passkey made.
public struct PasskeyInvitation: Sendable {
    /// Whose it will be.
    public var user: User
    public var challenge: [UInt8]
    /// The passkeys that the account has: no authenticator makes a second one.
    public var existing: [Passkey]
}

/// What a browser needs to ask for a passkey.
public struct PasskeyQuestion: Sendable {
    public var challenge: [UInt8]
    /// The passkeys that will do; empty: any of an authenticator that knows whose it is.
    public var allowed: [Passkey]
    /// Of a sign-in by a passkey alone: the value of the cookie that binds the challenge to the browser.
    public var binding: [UInt8]?

    /// Whether the authenticator has to verify its user: where the passkey is all that is shown.
    public var needsVerification: Bool { binding != nil }
}

/// What an attempt with a passkey came to.
public struct PasskeyOutcome: Sendable {
    public var result: SignInResult
    /// Whose passkey it was, where that is known.
    public var user: User?
    /// Why it was refused: for the audit, not for who tries.
    public var reason: String?
}

extension Directory {
    /// What somebody who is signed in needs to add a passkey.
    public func beginPasskey(of id: AccountID, session: AccountID) async throws(DirectoryError) -> PasskeyInvitation {
        let challenge = platform.people.challenges.issue(for: .add(session), at: now(), random: random)
        return try await store.read { (tx) throws(DirectoryError) in
            guard let user = try tx.user(id) else { throw DirectoryError.accountGone }
            let existing = try tx.passkeys(of: id)
            try Self.checkRoom(existing)
            return PasskeyInvitation(user: user, challenge: challenge, existing: existing)
        }
    }

    /// Adds the passkey that an authenticator has made. All other sessions end; the one that asks gets a new secret.
    public func addPasskey(
        _ response: Registration.Response, label: DisplayName, transports: [String], of id: AccountID,
        session: AccountID, for party: RelyingParty
    ) async throws(DirectoryError) -> (passkey: Passkey, secret: BearerSecret) {
        let at = now()
        let registration: Registration
        do {
            registration = try Registration(verifying: response, for: party, needsVerification: false) { challenge in
                platform.people.challenges.isIssued(challenge, for: .add(session), at: at)
            }
        } catch {
            throw DirectoryError(
                .invalid, "The passkey cannot be taken: \(error).", pointer: error.pointer,
                remedy: "Begin again, on a page of \(party.origin).")
        }
        let passkey = Passkey(
            id: AccountID(random: random), user: id, label: label, credential: registration.id,
            publicKey: registration.publicKey, counter: registration.counter,
            isBackupEligible: registration.isBackupEligible, isBackedUp: registration.isBackedUp,
            transports: transports, createdAt: at)
        let secret = try await changeCredentials(of: id, session) { (user, tx) throws(DirectoryError) in
            let existing = try tx.passkeys(of: id)
            try Self.checkRoom(existing)
            try Self.use(registration.challenge, at: at, tx)
            try tx.put(passkey)
            user.change(passkeyCount: existing.count + 1)
        }.secret
        return (passkey, secret)
    }

    /// An account's passkeys, the oldest first.
    public func passkeys(of user: AccountID) async throws(DirectoryError) -> [Passkey] {
        try await store.read { (tx) throws(DirectoryError) in try tx.passkeys(of: user) }
    }

    /// Calls a passkey of an account something else.
    public func renamePasskey(
        _ id: AccountID, of user: AccountID, to label: DisplayName
    ) async throws(DirectoryError) -> Passkey {
        try await write { (tx) throws(DirectoryError) in
            var passkey = try tx.requirePasskey(id, of: user)
            passkey.label = label
            try tx.put(passkey)
            return passkey
        }
    }

    /// Removes a passkey of one's own. All other sessions end.
    public func removePasskey(
        _ id: AccountID, of user: AccountID, session: AccountID
    ) async throws(DirectoryError) -> BearerSecret {
        try await changeCredentials(of: user, session) { (user, tx) throws(DirectoryError) in
            _ = try tx.requirePasskey(id, of: user.id)
            try tx.delete(passkey: id)
            user.change(passkeyCount: try tx.passkeys(of: user.id).count)
        }.secret
    }

    /// Removes a passkey of somebody else, who has lost it. All of his sessions end.
    public func removePasskey(_ id: AccountID, of name: AccountName) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            var user = try tx.requireUser(name)
            _ = try tx.requirePasskey(id, of: user.id)
            try tx.delete(passkey: id)
            user.change(passkeyCount: try tx.passkeys(of: user.id).count)
            try tx.put(user)
            try tx.deleteSessions(of: user.id, except: nil)
        }
    }

    // MARK: Sign-in

    /// What a browser needs to sign in by a passkey: as the second factor where its session waits for one, else alone. Who
    /// it will be is not asked, so nothing is told of anybody.
    ///
    /// - Throws: `conflict` where the account, whose password was right, has other second factors only.
    public func beginPasskeySignIn(cookie: String?) async throws(DirectoryError) -> PasskeyQuestion {
        let at = now()
        let challenges = platform.people.challenges
        let waiting = try await store.read { (tx) throws(DirectoryError) -> (Session, [Passkey])? in
            guard let secret = cookie.flatMap({ BearerSecret(cookie: $0) }),
                let found = try Self.waiting(secret, at, tx)
            else { return nil }
            return (found.session, try tx.passkeys(of: found.user.id))
        }
        guard let (session, passkeys) = waiting else {
            let binding = random(PasskeyChallenge.bindingLength)
            return PasskeyQuestion(
                challenge: challenges.issue(for: .signIn(binding), at: at, random: random), allowed: [],
                binding: binding)
        }
        guard !passkeys.isEmpty else {
            throw DirectoryError(
                .conflict, "The account has no passkey.", remedy: "Give a code of the second factor.")
        }
        return PasskeyQuestion(
            challenge: challenges.issue(for: .secondFactor(session.id), at: at, random: random), allowed: passkeys)
    }

    /// Completes the sign-in of a session that waits for its second factor, by a passkey.
    public func completeSignIn(
        cookie: String, passkey response: Assertion.Response, device: String?, source: SourceNetwork,
        for party: RelyingParty, origin: Origin? = nil
    ) async throws(DirectoryError) -> PasskeyOutcome {
        guard let secret = BearerSecret(cookie: cookie) else { return PasskeyOutcome(result: .wrong) }
        let at = now()
        let found = try await store.read {
            (tx) throws(DirectoryError) -> (user: User, session: Session, key: Passkey?)? in
            guard let (user, session) = try Self.waiting(secret, at, tx) else { return nil }
            return (user, session, try tx.passkey(credential: response.id))
        }
        guard let found else { return PasskeyOutcome(result: .wrong, reason: "no session waits for a second factor") }
        let attempt: SignIn.SecondAttempt
        switch signIn.beginSecondFactor(of: found.user, device: device, source: source) {
        case .wait(let seconds): return PasskeyOutcome(result: .wait(seconds), user: found.user)
        case .admitted(let admitted): attempt = admitted
        }
        guard let known = found.key, known.user == found.user.id else {
            return PasskeyOutcome(result: .wrong, user: found.user, reason: "the passkey is not of this account")
        }
        let assertion: Assertion
        do {
            assertion = try Self.verify(response, of: known, for: party, needsVerification: false) { challenge in
                platform.people.challenges.isIssued(challenge, for: .secondFactor(found.session.id), at: at)
            }
        } catch { return PasskeyOutcome(result: .wrong, user: found.user, reason: known.refusal(error)) }
        let done = try await write(from: origin?.by(found.user)) {
            [random] (tx) throws(DirectoryError) -> SignedIn? in
            guard let (user, waiting) = try Self.waiting(secret, at, tx),
                try Self.note(assertion, of: known, at: at, tx)
            else { return nil }
            var session = waiting
            let next = session.complete(for: user, at: at, random: random)
            try tx.put(session)
            return SignedIn(user: user, session: session, secret: next)
        }
        return finish(done, attempt, found.user)
    }

    /// Signs in by a passkey alone, whose authenticator has verified its user: that is two factors in one.
    ///
    /// - Parameters:
    ///   - binding: the value of the cookie that came with the challenge.
    ///   - former: the cookie of the session that the browser had before; it ends.
    public func signIn(
        passkey response: Assertion.Response, binding: [UInt8], source: SourceNetwork, agent: String, former: String?,
        for party: RelyingParty, origin: Origin? = nil
    ) async throws(DirectoryError) -> PasskeyOutcome {
        let attempt: SignIn.SecondAttempt
        switch signIn.beginPasskey(source: source) {
        case .wait(let seconds): return PasskeyOutcome(result: .wait(seconds))
        case .admitted(let admitted): attempt = admitted
        }
        let at = now()
        let found = try await store.read { (tx) throws(DirectoryError) -> (user: User, key: Passkey)? in
            guard let key = try tx.passkey(credential: response.id), let user = try tx.user(key.user) else {
                return nil
            }
            return (user, key)
        }
        guard let (owner, known) = found else {
            return PasskeyOutcome(result: .wrong, reason: "the passkey is nobody's here")
        }
        guard owner.state == .active else {
            return PasskeyOutcome(result: .wrong, user: owner, reason: "the account is disabled")
        }
        let assertion: Assertion
        do {
            assertion = try Self.verify(response, of: known, for: party, needsVerification: true) { challenge in
                binding.count == PasskeyChallenge.bindingLength
                    && platform.people.challenges.isIssued(challenge, for: .signIn(binding), at: at)
            }
        } catch { return PasskeyOutcome(result: .wrong, user: owner, reason: known.refusal(error)) }
        let formerHash = former.flatMap { BearerSecret(cookie: $0)?.hash }
        let done = try await write(from: origin?.by(owner)) { [random] (tx) throws(DirectoryError) -> SignedIn? in
            // The account as it is now: it may have been disabled meanwhile.
            guard let user = try tx.user(owner.id), user.state == .active,
                try Self.note(assertion, of: known, at: at, tx)
            else { return nil }
            if let formerHash, let old = try tx.session(secretHash: formerHash) { try tx.delete(session: old.id) }
            let begun = Session.begin(
                for: user, isComplete: true, source: source, agent: agent, at: at, random: random)
            for old in try tx.sessions(of: user.id).dropFirst(Session.most - 1) { try tx.delete(session: old.id) }
            try tx.put(begun.session)
            return SignedIn(user: user, session: begun.session, secret: begun.secret)
        }
        return finish(done, attempt, owner)
    }

    // MARK: Parts

    private func finish(_ done: SignedIn?, _ attempt: SignIn.SecondAttempt, _ user: User) -> PasskeyOutcome {
        guard var done else {
            return PasskeyOutcome(
                result: .wrong, user: user,
                reason: "the challenge was used, or the passkey or account changed meanwhile")
        }
        signIn.succeed(attempt)
        done.deviceCookie = signIn.issueDevice(for: done.user.name)
        return PasskeyOutcome(result: .begun(done), user: user)
    }

    private static func verify(
        _ response: Assertion.Response, of known: Passkey, for party: RelyingParty, needsVerification: Bool,
        isIssued: ([UInt8]) -> Bool
    ) throws(WebAuthnError) -> Assertion {
        try Assertion(
            verifying: response,
            of: Assertion.Known(
                id: known.credential, publicKey: known.publicKey, counter: known.counter,
                isBackupEligible: known.isBackupEligible, userHandle: known.user.octets),
            for: party, needsVerification: needsVerification, isDiscoverable: needsVerification, isIssued: isIssued)
    }

    /// Notes in the transaction that lets in what the passkey has come to; false where that is no longer what was verified
    /// against, or the challenge was used.
    private static func note(
        _ assertion: Assertion, of known: Passkey, at: Timestamp, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) -> Bool {
        guard var passkey = try tx.passkey(known.id), passkey == known,
            try !tx.isUsed(challenge: assertion.challenge)
        else { return false }
        try tx.use(challenge: assertion.challenge, until: at + PasskeyChallenge.lifetime)
        passkey.counter = assertion.counter
        passkey.isBackedUp = assertion.isBackedUp
        passkey.lastUsedAt = at
        try tx.put(passkey)
        return true
    }

    private static func use(
        _ challenge: [UInt8], at: Timestamp, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) {
        guard try !tx.isUsed(challenge: challenge) else {
            throw DirectoryError(
                .invalid, "The passkey cannot be taken: \(WebAuthnError.challenge).",
                pointer: WebAuthnError.challenge.pointer, remedy: "Begin again.")
        }
        try tx.use(challenge: challenge, until: at + PasskeyChallenge.lifetime)
    }

    private static func checkRoom(_ existing: [Passkey]) throws(DirectoryError) {
        guard existing.count < Passkey.most else {
            throw DirectoryError(
                .exhausted, "An account has \(Passkey.most) passkeys at most.",
                remedy: "Remove one that is no longer used.")
        }
    }
}

extension Passkey {
    /// Why an assertion with it was refused, for the audit.
    fileprivate func refusal(_ error: WebAuthnError) -> String { "passkey \(id): \(error)" }
}

extension WebAuthnError {
    /// The part of the request that is wrong.
    fileprivate var pointer: String {
        switch self {
        case .credentialID: "/credential/id"
        case .ceremony, .challenge, .origin, .crossOrigin, .malformed("client data", _):
            "/credential/response/clientDataJSON"
        default: "/credential/response/attestationObject"
        }
    }
}

extension DirectoryReader {
    fileprivate func requirePasskey(_ id: AccountID, of user: AccountID) throws(DirectoryError) -> Passkey {
        guard let passkey = try passkey(id), passkey.user == user else {
            throw DirectoryError(.notFound, "There is no passkey '\(id)'.", remedy: "List the account's passkeys.")
        }
        return passkey
    }
}
