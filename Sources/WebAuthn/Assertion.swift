/// That somebody has a credential, verified (WebAuthn, section 7.2).
public struct Assertion: Sendable {
    /// What the browser sent.
    public struct Response: Sendable {
        /// The credential's id.
        public var id: [UInt8]
        public var clientDataJSON: [UInt8]
        public var authenticatorData: [UInt8]
        public var signature: [UInt8]
        /// Whose account it is, by word of the authenticator; nil where it keeps none.
        public var userHandle: [UInt8]?

        public init(
            id: [UInt8], clientDataJSON: [UInt8], authenticatorData: [UInt8], signature: [UInt8],
            userHandle: [UInt8]? = nil
        ) {
            self.id = id
            self.clientDataJSON = clientDataJSON
            self.authenticatorData = authenticatorData
            self.signature = signature
            self.userHandle = userHandle
        }
    }

    /// What is stored of the credential.
    public struct Known: Sendable {
        public var id: [UInt8]
        public var publicKey: [UInt8]
        public var counter: UInt32
        public var isBackupEligible: Bool
        /// Whose it is.
        public var userHandle: [UInt8]

        public init(
            id: [UInt8], publicKey: [UInt8], counter: UInt32, isBackupEligible: Bool, userHandle: [UInt8]
        ) {
            self.id = id
            self.publicKey = publicKey
            self.counter = counter
            self.isBackupEligible = isBackupEligible
            self.userHandle = userHandle
        }
    }

    /// The counter, to be stored.
    public let counter: UInt32
    public let isBackedUp: Bool
    /// The challenge, which is used now.
    public let challenge: [UInt8]

    /// Verifies what the browser sent, in the order of the specification.
    ///
    /// - Parameters:
    ///   - known: the credential with the id of the response; whether it is among those that were asked for, the caller
    ///     has looked.
    ///   - isDiscoverable: whether nobody had said before whose credential it is to be: then the authenticator has to.
    public init(
        verifying response: Response, of known: Known, for party: RelyingParty, needsVerification: Bool,
        isDiscoverable: Bool, isIssued: ([UInt8]) -> Bool
    ) throws(WebAuthnError) {
        // Steps 5 to 7.
        guard response.id == known.id else { throw .credentialID }
        guard response.userHandle.map({ $0 == known.userHandle }) ?? !isDiscoverable else { throw .userHandle }
        // Steps 8 to 14.
        let client = try ClientData(response.clientDataJSON)
        try client.check(.get, for: party, isIssued: isIssued)
        // Steps 15 to 18.
        let data = try AuthenticatorData(response.authenticatorData)
        guard data.credential == nil else {
            throw .malformed("authenticator's data", "there is a new credential in it")
        }
        try data.check(for: party, needsVerification: needsVerification)
        // Step 19: what cannot be backed up never can be.
        guard data.flags.contains(.backupEligible) == known.isBackupEligible else { throw .backup }
        // Steps 20 and 21.
        let key = try COSEKey(encoded: known.publicKey)
        guard key.isValid(response.signature, over: response.authenticatorData + client.hash) else {
            throw .signature
        }
        // Step 22.
        guard data.counter > known.counter || data.counter == 0 && known.counter == 0 else {
            throw .counter(stored: known.counter, received: data.counter)
        }
        counter = data.counter
        isBackedUp = data.flags.contains(.backedUp)
        challenge = client.challenge
    }
}
