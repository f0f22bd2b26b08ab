import Accounts
import AuditLog
import Trust

/// What a platform guards its people's secrets with, and the key of its audit.
struct PeopleKeys: Sendable {
    /// The device cookies of the platform.
    let devices: DeviceCookie
    /// Where the secrets of one-time codes are sealed.
    let box: SecretBox
    /// What authenticators sign.
    let challenges: PasskeyChallenge
    /// What the short-lived tokens of certificates are made with.
    let certificateTokens: CertificateTokens
    /// The key that signs the heads of the audit's chains.
    let auditKey: SigningKey
    /// That it is this key, by word of the root.
    let auditStatement: AuditKeyStatement

    private static let peopleKeyName = "people"
    private static let auditKeyName = "audit"

    /// Takes the keys out of the key store, or makes them for a platform that is older than they are.
    init(_ keys: any KeyStore, _ root: CertificateAuthority) throws(DirectoryError) {
        let people = try Platform.madeOnce(Self.peopleKeyName, keys)
        guard let devices = DeviceCookie(key: people.derivedKey(for: "patchbay-device")),
            let box = SecretBox(key: people.derivedKey(for: "patchbay-box")),
            let challenges = PasskeyChallenge(key: people.derivedKey(for: "patchbay-passkey-challenge")),
            let certificateTokens = CertificateTokens(key: people.derivedKey(for: "patchbay-certificate-token"))
        else { throw DirectoryError(.storage, "The key '\(Self.peopleKeyName)' gives no keys of 32 octets.") }
        self.devices = devices
        self.box = box
        self.challenges = challenges
        self.certificateTokens = certificateTokens
        auditKey = try Platform.madeOnce(Self.auditKeyName, keys)
        do {
            auditStatement = try AuditKeyStatement(key: auditKey.publicKeyInfo) { (bytes) throws(KeyError) in
                try root.sign(statement: bytes)
            }
        } catch { throw DirectoryError(.storage, "The root cannot vouch for the audit's key: \(error).") }
    }
}
