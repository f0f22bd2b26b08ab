import Foundation
public import NetTypes
public import Trust

/// A platform: its name, its root authority, its keys, and the token of its operator.
///
/// It lives in a data directory of mode 0700: `root.pem`, `operator.token` (0600), `keys/` (a ``FileKeyStore``: `root`,
/// `controller`, `guardrails`, `people`, `audit`, and those of the tenants), and beside them the store's `directory.sqlite`.
public struct Platform: Sendable {
    /// The platform's name, from its /48.
    public let name: PlatformName
    /// The data directory's path.
    public let dataDirectory: String
    /// The root against which everything is verified.
    public let anchor: TrustAnchor
    /// The key with which controllers show who they are.
    public let controllerKey: SigningKey
    /// How long what is issued lives.
    public let lifetimes: Lifetimes
    /// The key that signs the platform's guardrails.
    let guardrailsKey: SigningKey
    /// What people's secrets are guarded with, and the key that signs the audit.
    let people: PeopleKeys
    let root: CertificateAuthority
    let keys: any KeyStore
    /// SHA-256 of the operator's token.
    private let operatorTokenHash: [UInt8]

    private static let rootKey = "root"
    private static let controllerKeyName = "controller"
    private static let guardrailsKeyName = "guardrails"

    /// Where the store of a data directory is.
    public var storePath: String { PlatformFiles(directory: dataDirectory).path(PlatformFiles.store) }
    /// Where the operator's token is.
    public var operatorTokenPath: String { PlatformFiles(directory: dataDirectory).path(PlatformFiles.operatorToken) }
    /// Where the root certificate is, PEM.
    public var rootCertificatePath: String { PlatformFiles(directory: dataDirectory).path(PlatformFiles.root) }
    /// The root certificate, PEM.
    public var rootPEM: String { CertificatePEM.text([anchor.root]) }

    /// Makes a platform in a new or empty data directory: root key and certificate, controller key, operator's token.
    ///
    /// Refused when there is anything in the directory. When it fails, what it made is gone again.
    ///
    /// - Parameters:
    ///   - prefix: the platform's /48 inside `fd00::/8`; nil: one with a random global id (RFC 4193, section 3.2).
    ///   - random: gives that many octets, unpredictable ones.
    public static func initialise(
        dataDirectory: String, prefix: IPv6Prefix? = nil, now: Timestamp,
        random: @Sendable (Int) -> [UInt8]
    ) throws(DirectoryError) -> Platform {
        let name = try platformName(prefix, random)
        let token = random(32)
        guard token.count == 32 else {
            throw DirectoryError(.storage, "The source of randomness gave fewer octets than asked for.")
        }
        let files = PlatformFiles(directory: dataDirectory)
        let wasMade = try files.make()
        do throws(DirectoryError) {
            let rootKey = SigningKey()
            let root: CertificateAuthority
            do { root = try CertificateAuthority.makeRoot(platform: name, key: rootKey, at: now) } catch {
                throw DirectoryError(.storage, "The platform's root cannot be made: \(error).")
            }
            do {
                let keys = try FileKeyStore(directory: files.path(PlatformFiles.keys))
                try keys.store(rootKey, as: Self.rootKey)
                try keys.store(SigningKey(), as: Self.controllerKeyName)
            } catch { throw DirectoryError(error) }
            try files.write(base64URL(token) + "\n", PlatformFiles.operatorToken, mode: 0o600)
            // The root certificate last: a directory that has it has everything.
            try files.write(CertificatePEM.text([root.certificate]), PlatformFiles.root, mode: 0o644)
            return try open(dataDirectory: dataDirectory)
        } catch {
            files.remove(wasMade: wasMade)
            throw error
        }
    }

    /// Opens the platform of a data directory; refuses files that others than their owner may read.
    public static func open(
        dataDirectory: String, lifetimes: Lifetimes = .standard
    ) throws(DirectoryError) -> Platform {
        let files = PlatformFiles(directory: dataDirectory)
        guard files.exists(PlatformFiles.root) else {
            throw DirectoryError(
                .notFound, "\(dataDirectory) holds no platform: there is no \(PlatformFiles.root).",
                remedy: "Make one with: patchbay-controller init --data \(dataDirectory)")
        }
        try files.checkPrivate(dataDirectory)
        try files.checkPrivate(files.path(PlatformFiles.operatorToken))
        let anchor: TrustAnchor
        do {
            guard let der = try CertificatePEM.certificates(in: files.read(PlatformFiles.root)).first else {
                throw DirectoryError(.storage, "\(PlatformFiles.root) holds no certificate.")
            }
            anchor = try TrustAnchor(root: der)
        } catch let error as DirectoryError {
            throw error
        } catch {
            throw DirectoryError(
                .storage, "\(files.path(PlatformFiles.root)) is damaged: \(error).",
                remedy: "Restore the data directory from a copy.")
        }
        let keys: FileKeyStore
        do { keys = try FileKeyStore(directory: files.path(PlatformFiles.keys)) } catch { throw DirectoryError(error) }
        let root: CertificateAuthority
        do { root = try CertificateAuthority(certificate: anchor.root, key: require(Self.rootKey, keys)) } catch {
            throw error as? DirectoryError
                ?? DirectoryError(.storage, "The root's key does not fit its certificate: \(error).")
        }
        return Platform(
            name: anchor.platform, dataDirectory: dataDirectory, anchor: anchor,
            controllerKey: try require(Self.controllerKeyName, keys), lifetimes: lifetimes,
            guardrailsKey: try madeOnce(guardrailsKeyName, keys), people: try PeopleKeys(keys, root), root: root,
            keys: keys, operatorTokenHash: try tokenHash(files))
    }

    /// Whether a text is the operator's token; takes as long for a wrong one as for the right one.
    public func isOperatorToken(_ text: String) -> Bool {
        let hash = JoinToken.hash(ofSecret: Array(text.utf8))
        return zip(hash, operatorTokenHash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func platformName(
        _ prefix: IPv6Prefix?, _ random: @Sendable (Int) -> [UInt8]
    ) throws(DirectoryError) -> PlatformName {
        do {
            if let prefix { return try PlatformName(prefix: prefix) }
            return try PlatformName(globalID: hexadecimal(random(5)))
        } catch { throw DirectoryError(error, pointer: "/prefix") }
    }

    private static func require(_ name: String, _ keys: FileKeyStore) throws(DirectoryError) -> SigningKey {
        let key: SigningKey?
        do { key = try keys.load(name) } catch { throw DirectoryError(error) }
        guard let key else {
            throw DirectoryError(
                .storage, "The platform's key '\(name)' is missing from \(keys.directory).",
                remedy: "Restore the data directory from a copy.")
        }
        return key
    }

    /// A key of the platform; made now for a platform that is older than what it is for.
    static func madeOnce(_ name: String, _ keys: any KeyStore) throws(DirectoryError) -> SigningKey {
        do {
            if let key = try keys.load(name) { return key }
            let key = SigningKey()
            try keys.store(key, as: name)
            return key
        } catch { throw DirectoryError(error) }
    }

    private static func tokenHash(_ files: PlatformFiles) throws(DirectoryError) -> [UInt8] {
        let token = try files.read(PlatformFiles.operatorToken).trimmingCharacters(in: .whitespacesAndNewlines)
        guard token.utf8.count == 43 else {
            throw DirectoryError(
                .storage, "\(files.path(PlatformFiles.operatorToken)) holds no operator's token.",
                remedy: "Restore it from a copy.")
        }
        return JoinToken.hash(ofSecret: Array(token.utf8))
    }

    /// Base64url without padding (RFC 4648, section 5).
    private static func base64URL(_ octets: [UInt8]) -> String {
        Data(octets).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
