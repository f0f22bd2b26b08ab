import Crypto
import Foundation
public import NetTypes

/// A sign-in at a provider of identities that has begun: what the browser keeps until it comes back, sealed so that neither
/// it nor anybody else can read or make one. The controller keeps nothing until then.
public struct ProviderTransaction: Hashable, Sendable {
    /// What it is for.
    public enum Purpose: Hashable, Sendable {
        /// To sign in, to an account of a tenant if one was named; with the hash of the session that then ends.
        case signIn(tenant: Name?, formerHash: [UInt8]?, isFresh: Bool)
        /// To link the one who comes back to the account of a session.
        case link(user: AccountID, session: AccountID)
    }

    public let provider: AccountID
    public let purpose: Purpose
    /// By which the answer is known to belong to this browser's question. Secret, as are nonce and verifier.
    public let state: String
    public let nonce: String
    public let verifier: String
    public let beganAt: Timestamp

    /// How long it may take, in seconds: ten minutes.
    public static let lifetime: Int64 = 600
    private static let sealPurpose = "provider-sign-in"

    /// Begins one.
    public init(provider: AccountID, purpose: Purpose, at now: Timestamp, random: (Int) -> [UInt8]) {
        self.provider = provider
        self.purpose = purpose
        state = Base64URL.encode(random(32))
        nonce = Base64URL.encode(random(32))
        verifier = Base64URL.encode(random(32))
        beganAt = now
    }

    /// What is kept of one that was used, so that it never is again: SHA-256 of its state.
    public var usedHash: [UInt8] { Array(SHA256.hash(data: Array(state.utf8))) }

    /// The first second in which it is no longer good.
    public var expiresAt: Timestamp { beganAt + Self.lifetime }

    // MARK: As a cookie

    private struct Content: Codable {
        var provider: String
        var tenant: String?
        var former: String?
        var fresh: Bool
        var user: String?
        var session: String?
        var state: String
        var nonce: String
        var verifier: String
        var began: Int64
    }

    /// The value of the cookie. Secret. Nil when it cannot be sealed.
    public func cookie(box: SecretBox, random: (Int) -> [UInt8]) -> String? {
        var content = Content(
            provider: provider.description, fresh: false, state: state, nonce: nonce, verifier: verifier,
            began: beganAt.seconds)
        switch purpose {
        case .signIn(let tenant, let former, let isFresh):
            content.tenant = tenant?.text
            content.former = former.map(Base64URL.encode)
            content.fresh = isFresh
        case .link(let user, let session):
            content.user = user.description
            content.session = session.description
        }
        let owner = AccountID(random: random)
        guard let text = try? JSONEncoder().encode(content),
            let sealed = box.seal(Array(text), of: owner, purpose: Self.sealPurpose, random: random)
        else { return nil }
        return Base64URL.encode(owner.octets + sealed)
    }

    /// Reads a cookie that fits the state of an answer and is still good; nil for anything else.
    public init?(cookie text: String, state given: String, box: SecretBox, at now: Timestamp) {
        guard text.utf8.count <= 2_048, let octets = Base64URL.decode(text), octets.count > 16,
            let owner = AccountID(octets: octets.prefix(16)),
            let opened = box.open(Array(octets.dropFirst(16)), of: owner, purpose: Self.sealPurpose),
            let content = try? JSONDecoder().decode(Content.self, from: Data(opened)),
            isEqualInConstantTime(Array(content.state.utf8), Array(given.utf8.prefix(64))),
            let provider = try? AccountID(parsing: content.provider)
        else { return nil }
        beganAt = Timestamp(content.began)
        guard beganAt <= now, now - beganAt < Self.lifetime else { return nil }
        self.provider = provider
        (state, nonce, verifier) = (content.state, content.nonce, content.verifier)
        if let user = content.user, let session = content.session {
            guard let user = try? AccountID(parsing: user), let session = try? AccountID(parsing: session) else {
                return nil
            }
            purpose = .link(user: user, session: session)
        } else {
            var tenant: Name?
            if let text = content.tenant {
                guard let name = try? Name(parsing: text) else { return nil }
                tenant = name
            }
            purpose = .signIn(
                tenant: tenant, formerHash: content.former.flatMap { Base64URL.decode($0) }, isFresh: content.fresh)
        }
    }
}
