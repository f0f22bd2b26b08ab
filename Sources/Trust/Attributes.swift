import NetTypes
import SwiftASN1
import X509

/// What a tenant's CA certifies of an endpoint beside its name and identity: what policies select by.
///
/// Each is an extension of its own, not critical, and absent where there is nothing to say:
/// - groups: `SEQUENCE SIZE (1..64) OF UTF8String`, strictly ascending
/// - labels: the same, each `KEY=VALUE`, strictly ascending by key, then value; the key `group` is refused, because
///   policies see memberships under it
/// - level: `INTEGER (1..255)`
/// - networks: `SEQUENCE SIZE (1..64) OF UTF8String`, prefixes outside that the endpoint speaks for, strictly ascending
struct Attributes: Hashable, Sendable {
    /// The groups; of a certificate strictly ascending.
    var groups: [Name] = []
    /// The labels; of a certificate strictly ascending.
    var labels: [PolicyLabel] = []
    /// The security level; 0 is not written.
    var level: UInt8 = 0
    /// The prefixes outside, of a border; of a certificate strictly ascending.
    var networks: [IPPrefix] = []

    // 2.25 is the arc of numbers that nobody assigns (ITU-T X.667). The numbers have 61 bits, not the 128 of a UUID,
    // because swift-asn1 keeps an arc in 64 bits and would refuse the certificate.
    static let groupsID: ASN1ObjectIdentifier = [2, 25, 1_348_248_180_488_387_264]
    static let labelsID: ASN1ObjectIdentifier = [2, 25, 1_348_248_180_488_387_265]
    static let levelID: ASN1ObjectIdentifier = [2, 25, 1_348_248_180_488_387_266]
    static let networksID: ASN1ObjectIdentifier = [2, 25, 1_348_248_180_488_387_267]

    /// What is wrong with an extension of a certificate.
    struct Malformed: Error { let problem: String }

    // MARK: Reading

    /// Reads the extensions of a certificate; each has one DER form.
    init(of certificate: Certificate) throws(Malformed) {
        let extensions = certificate.extensions
        if let found = extensions[oid: Self.groupsID] {
            guard let groups = Self.groups(parsing: found.value) else {
                throw Malformed(problem: "its groups are not an ascending sequence of 1 to \(TrustLimits.groups) names")
            }
            self.groups = groups
        }
        if let found = extensions[oid: Self.labelsID] {
            guard let labels = Self.labels(parsing: found.value) else {
                throw Malformed(
                    problem: "its labels are not an ascending sequence of 1 to \(TrustLimits.labels) labels KEY=VALUE")
            }
            self.labels = labels
        }
        if let found = extensions[oid: Self.levelID] {
            guard let level = Self.level(parsing: found.value) else {
                throw Malformed(problem: "its security level is not a number from 1 to 255")
            }
            self.level = level
        }
        if let found = extensions[oid: Self.networksID] {
            guard let networks = Self.networks(parsing: found.value) else {
                throw Malformed(
                    problem: "its networks are not an ascending sequence of 1 to \(TrustLimits.networks) prefixes")
            }
            self.networks = networks
        }
    }

    init(groups: [Name] = [], labels: [PolicyLabel] = [], level: UInt8 = 0, networks: [IPPrefix] = []) {
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
    }

    static func groups(parsing der: ArraySlice<UInt8>) -> [Name]? {
        texts(der, limit: TrustLimits.groups) { try? Name(parsing: $0) }
    }

    static func labels(parsing der: ArraySlice<UInt8>) -> [PolicyLabel]? {
        texts(der, limit: TrustLimits.labels) { text in
            guard let label = try? PolicyLabel(parsing: text), label.key != PolicyLabel.groupKey else { return nil }
            return label
        }
    }

    /// Each prefix has one text form, so that two certificates that say the same are the same.
    static func networks(parsing der: ArraySlice<UInt8>) -> [IPPrefix]? {
        texts(der, limit: TrustLimits.networks) { text in
            guard let prefix = try? IPPrefix(parsing: text), prefix.description == text else { return nil }
            return prefix
        }
    }

    /// The DER of a small positive INTEGER: tag, length, and the fewest octets with a leading zero for the sign.
    static func level(parsing der: ArraySlice<UInt8>) -> UInt8? {
        guard let level = der.last, level > 0, Array(der) == encoded(level) else { return nil }
        return level
    }

    /// Reads a strictly ascending sequence of texts.
    private static func texts<T: Comparable>(
        _ der: ArraySlice<UInt8>, limit: Int, _ read: (String) -> T?
    ) -> [T]? {
        guard let root = try? DER.parse(der),
            let texts = try? DER.sequence(of: ASN1UTF8String.self, identifier: .sequence, rootNode: root),
            (1...limit).contains(texts.count)
        else { return nil }
        let values = texts.compactMap { read(String(decoding: $0.bytes, as: UTF8.self)) }
        guard values.count == texts.count, zip(values, values.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        return values
    }

    // MARK: Writing

    /// The extensions, of groups and labels in any order.
    func makeExtensions() throws(AuthorityError) -> [Certificate.Extension] {
        guard groups.count <= TrustLimits.groups else {
            throw .tooManyGroups(groups.count, limit: TrustLimits.groups)
        }
        guard labels.count <= TrustLimits.labels else {
            throw .tooManyLabels(labels.count, limit: TrustLimits.labels)
        }
        if let reserved = labels.first(where: { $0.key == PolicyLabel.groupKey }) { throw .reservedLabel(reserved) }
        var extensions: [Certificate.Extension] = []
        if !groups.isEmpty {
            extensions.append(try Self.sequence(Self.groupsID, Set(groups).sorted().map(\.text)))
        }
        if !labels.isEmpty {
            extensions.append(try Self.sequence(Self.labelsID, Set(labels).sorted().map(\.description)))
        }
        if level > 0 {
            extensions.append(
                Certificate.Extension(oid: Self.levelID, critical: false, value: Self.encoded(level)[...]))
        }
        guard networks.count <= TrustLimits.networks else {
            throw .tooManyNetworks(networks.count, limit: TrustLimits.networks)
        }
        if !networks.isEmpty {
            extensions.append(try Self.sequence(Self.networksID, Set(networks).sorted().map(\.description)))
        }
        return extensions
    }

    private static func encoded(_ level: UInt8) -> [UInt8] { level < 0x80 ? [2, 1, level] : [2, 2, 0, level] }

    private static func sequence(
        _ id: ASN1ObjectIdentifier, _ texts: [String]
    ) throws(AuthorityError) -> Certificate.Extension {
        var serializer = DER.Serializer()
        do {
            try serializer.appendConstructedNode(identifier: .sequence) { coder in
                for text in texts { try coder.serialize(ASN1UTF8String(text)) }
            }
        } catch { throw .encoding }
        return Certificate.Extension(oid: id, critical: false, value: serializer.serializedBytes[...])
    }
}
