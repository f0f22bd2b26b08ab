/// What an authenticator says of itself and of a credential (WebAuthn, section 6.1).
public struct AuthenticatorData: Sendable {
    /// The flags of its 33rd octet.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Somebody touched it.
        public static let userPresent = Flags(rawValue: 1)
        /// It made sure who: by a PIN, a fingerprint, a face.
        public static let userVerified = Flags(rawValue: 1 << 2)
        /// The credential can be backed up.
        public static let backupEligible = Flags(rawValue: 1 << 3)
        /// The credential is backed up.
        public static let backedUp = Flags(rawValue: 1 << 4)
        /// There is a new credential.
        public static let attestedCredential = Flags(rawValue: 1 << 6)
        /// There are extensions.
        public static let extensions = Flags(rawValue: 1 << 7)
    }

    /// A new credential.
    public struct Credential: Sendable {
        /// The kind of authenticator, 16 octets; zeros where it does not say.
        public let aaguid: [UInt8]
        /// The credential's id.
        public let id: [UInt8]
        /// Its public key, as it came (COSE).
        public let publicKey: [UInt8]
    }

    /// SHA-256 of the relying party's id.
    public let idHash: [UInt8]
    public let flags: Flags
    /// How often it signed; 0 where it does not count.
    public let counter: UInt32
    /// The new credential of a registration.
    public let credential: Credential?

    /// The longest id of a credential, in octets (section 4, "Credential ID").
    public static let longestID = 1_023

    /// Reads the data, all of it.
    public init(_ bytes: [UInt8]) throws(WebAuthnError) {
        guard (37...CBORReader.longest).contains(bytes.count) else { throw Self.bad("it is too short or too long") }
        idHash = Array(bytes[..<32])
        flags = Flags(rawValue: bytes[32])
        counter = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        var rest = bytes[37...]
        if flags.contains(.attestedCredential) {
            guard rest.count >= 18 else { throw Self.bad("it ends within the credential") }
            let aaguid = Array(rest.prefix(16))
            let length = Int(rest[rest.startIndex + 16]) << 8 | Int(rest[rest.startIndex + 17])
            rest = rest.dropFirst(18)
            guard (1...Self.longestID).contains(length) else { throw .credentialID }
            guard rest.count > length else { throw Self.bad("it ends within the credential") }
            let id = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            let (_, key) = try Self.item(&rest, "public key")
            credential = Credential(aaguid: aaguid, id: id, publicKey: key)
        } else {
            credential = nil
        }
        if flags.contains(.extensions) {
            guard case (.map, _) = try Self.item(&rest, "extensions") else {
                throw Self.bad("its extensions are no map")
            }
        }
        guard rest.isEmpty else { throw Self.bad("there is more behind its end") }
    }

    /// The checks that are the same in both ceremonies.
    func check(for party: RelyingParty, needsVerification: Bool) throws(WebAuthnError) {
        guard idHash == party.idHash else { throw .relyingParty }
        guard flags.contains(.userPresent) else { throw .noUserPresence }
        guard !needsVerification || flags.contains(.userVerified) else { throw .noUserVerification }
        guard flags.contains(.backupEligible) || !flags.contains(.backedUp) else { throw .backup }
    }

    /// Takes one value of CBOR from the front.
    private static func item(
        _ rest: inout ArraySlice<UInt8>, _ part: String
    ) throws(WebAuthnError) -> (CBOR, [UInt8]) {
        var reader = CBORReader(rest)
        let value: CBOR
        do { value = try reader.next() } catch { throw .malformed(part, "\(error)") }
        let bytes = Array(rest.prefix(reader.position))
        rest = rest.dropFirst(reader.position)
        return (value, bytes)
    }

    private static func bad(_ reason: String) -> WebAuthnError { .malformed("authenticator's data", reason) }
}
