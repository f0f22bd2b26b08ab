/// The registration of a credential, verified (WebAuthn, section 7.1).
///
/// No attestation is asked for, and none is judged: there is no list of authenticators' makers here whose word would count.
/// A statement of another format than `none`, which some browsers send though it was not asked for, is therefore not looked
/// at, and the credential is as unattested as all others: what it may do rests on its key alone.
public struct Registration: Sendable {
    /// What the browser sent.
    public struct Response: Sendable {
        /// The credential's id, as the browser names it.
        public var id: [UInt8]
        public var clientDataJSON: [UInt8]
        public var attestationObject: [UInt8]

        public init(id: [UInt8], clientDataJSON: [UInt8], attestationObject: [UInt8]) {
            self.id = id
            self.clientDataJSON = clientDataJSON
            self.attestationObject = attestationObject
        }
    }

    /// The credential's id.
    public let id: [UInt8]
    /// Its public key (COSE).
    public let publicKey: [UInt8]
    public let algorithm: COSEAlgorithm
    /// The counter with which it begins.
    public let counter: UInt32
    public let aaguid: [UInt8]
    public let isBackupEligible: Bool
    public let isBackedUp: Bool
    /// Whether the authenticator made sure who used it.
    public let isUserVerified: Bool
    /// The challenge, which is used now.
    public let challenge: [UInt8]

    /// Verifies what the browser sent, in the order of the specification.
    ///
    /// - Parameters:
    ///   - needsVerification: whether the authenticator has to have verified its user.
    ///   - offered: the algorithms that were offered.
    ///   - isIssued: whether a challenge was given out for this, is not too old and was not used.
    public init(
        verifying response: Response, for party: RelyingParty, needsVerification: Bool,
        offered: [COSEAlgorithm] = COSEAlgorithm.allCases, isIssued: ([UInt8]) -> Bool
    ) throws(WebAuthnError) {
        // Steps 5 to 11.
        let client = try ClientData(response.clientDataJSON)
        try client.check(.create, for: party, isIssued: isIssued)
        // Step 12 is in the client data; step 13: the attestation object.
        let object: CBOR
        do { object = try CBORReader.read(response.attestationObject) } catch {
            throw .malformed("attestation object", "\(error)")
        }
        guard case .map(let members) = object, members.count == 3, case .text(let format)? = object["fmt"],
            case .map(let statement)? = object["attStmt"], case .bytes(let authData)? = object["authData"]
        else { throw .malformed("attestation object", "it has not fmt, attStmt and authData") }
        let data = try AuthenticatorData(authData)
        // Steps 14 to 18.
        try data.check(for: party, needsVerification: needsVerification)
        // Step 20: the algorithm.
        guard let credential = data.credential else { throw .noCredential }
        let key = try COSEKey(encoded: credential.publicKey)
        guard offered.contains(key.algorithm) else { throw .algorithm(key.algorithm.rawValue) }
        // Steps 21 to 24: the attestation; see above.
        guard format != "none" || statement.isEmpty else { throw .attestation }
        // Step 25: the id. Whether it is another account's, who stores it knows.
        guard credential.id == response.id else { throw .credentialID }
        id = credential.id
        publicKey = credential.publicKey
        algorithm = key.algorithm
        counter = data.counter
        aaguid = credential.aaguid
        isBackupEligible = data.flags.contains(.backupEligible)
        isBackedUp = data.flags.contains(.backedUp)
        isUserVerified = data.flags.contains(.userVerified)
        challenge = client.challenge
    }
}
