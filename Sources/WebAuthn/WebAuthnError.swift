/// Why a registration or an assertion is refused. Each case is one check of WebAuthn, sections 7.1 and 7.2.
public enum WebAuthnError: Error, Hashable, Sendable {
    /// A part cannot be read: which, and why.
    case malformed(String, String)
    /// The client data is of the other ceremony, or of something else.
    case ceremony(String)
    /// The challenge is not one that was given out for this, or its time is over.
    case challenge
    /// The page is not ours.
    case origin(String)
    /// The page was in a frame of another site's.
    case crossOrigin
    /// The authenticator signed for another relying party.
    case relyingParty
    /// Nobody touched the authenticator.
    case noUserPresence
    /// The authenticator did not make sure who touched it.
    case noUserVerification
    /// A credential that cannot be backed up says that it is, or one says otherwise than before whether it can.
    case backup
    /// The algorithm was not offered.
    case algorithm(Int64)
    /// There is no credential in a registration.
    case noCredential
    /// The credential's id is empty or longer than 1,023 octets, or not that which the browser named.
    case credentialID
    /// An attestation statement of the format `none` that is not empty.
    case attestation
    /// The user handle is not that of the credential's account.
    case userHandle
    /// The signature is not the credential's.
    case signature
    /// The counter did not grow: somebody else may have a copy of the key.
    case counter(stored: UInt32, received: UInt32)
}

extension WebAuthnError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let part, let reason): "the \(part) cannot be read: \(reason)"
        case .ceremony(let type): "the client data is of '\(type.prefix(40))'"
        case .challenge: "the challenge was not given out for this, was used, or is too old"
        case .origin(let origin): "the page was of '\(origin.prefix(200))'"
        case .crossOrigin: "the page was in a frame of another site"
        case .relyingParty: "the authenticator signed for another site"
        case .noUserPresence: "nobody touched the authenticator"
        case .noUserVerification: "the authenticator did not verify who used it"
        case .backup: "what the authenticator says of its backups contradicts itself"
        case .algorithm(let number): "algorithm \(number) was not offered"
        case .noCredential: "there is no credential in the authenticator's data"
        case .credentialID: "the credential's id is empty, too long, or another than the browser named"
        case .attestation: "the attestation 'none' has a statement"
        case .userHandle: "the passkey is not of this account"
        case .signature: "the signature is not the passkey's"
        case .counter(let stored, let received):
            "the signature counter went from \(stored) to \(received): there may be a copy of the passkey"
        }
    }
}
