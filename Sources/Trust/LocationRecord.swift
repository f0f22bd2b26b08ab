public import NetTypes
import SwiftASN1

/// Where an endpoint is now, as its key signs it.
///
/// ```
/// SEQUENCE {
///   body SEQUENCE {
///     version   INTEGER (1),
///     identity  OCTET STRING (SIZE (16)),
///     leaf      OCTET STRING (SIZE (16)),
///     locator   OCTET STRING (SIZE (4 | 16)),
///     plugPort  INTEGER (1..65535),
///     epoch     INTEGER (1..2^63-1),
///     notAfter  INTEGER (0..253402300799)   -- seconds since 1970-01-01 UTC
///   },
///   signature BIT STRING                    -- DER ECDSA P-256 with SHA-256 over the DER of body
/// }
/// ```
/// A value has one encoding only. A locator is a unicast address; an IPv4 one is never written in its mapped form.
public struct LocationRecord: Hashable, Sendable {
    /// Whom the record is about.
    public let identity: Identity
    /// The leaf that runs the endpoint.
    public let leaf: LeafID
    /// The underlay address at which that leaf receives.
    public let locator: IPAddress
    /// The TCP port of that leaf's Wires service.
    public let plugPort: UInt16
    /// Grows with every move; a record never replaces one with a higher epoch.
    public let epoch: Epoch
    /// The last second in which the record is valid.
    public let notAfter: Timestamp

    /// Makes a record; the error is the one that a reader would refuse it with.
    public init(
        identity: Identity, leaf: LeafID, locator: IPAddress, plugPort: UInt16, epoch: Epoch, notAfter: Timestamp
    ) throws(TrustRefusal) {
        guard locator.isUsableLocator else {
            throw .malformed(.record, "its locator \(locator) is not a unicast address")
        }
        guard plugPort > 0 else { throw .malformed(.record, "its port is 0") }
        guard (1...Epoch(Int64.max)).contains(epoch) else {
            throw .malformed(.record, "its epoch is not between 1 and \(Int64.max)")
        }
        guard (0...TrustLimits.lastSecond).contains(notAfter.seconds) else {
            throw .malformed(.record, "its end is outside the years 1970 to 9999")
        }
        self.identity = identity
        self.leaf = leaf
        self.locator = locator
        self.plugPort = plugPort
        self.epoch = epoch
        self.notAfter = notAfter
    }

    /// Signs the record with the endpoint's key; the result is DER.
    public func signed(with key: SigningKey) throws(KeyError) -> [UInt8] {
        SignedRecord(record: self, body: body, signature: try key.sign(body)).der
    }

    /// Reads a signed record **without verifying it**, such as for its epoch; believe only what
    /// ``TrustAnchor/verify(endpoint:at:revocations:)`` returns.
    public init(parsingUnverified der: [UInt8]) throws(TrustRefusal) {
        self = try SignedRecord(parsing: der).record
    }

    /// The DER that is signed.
    var body: [UInt8] {
        DEREncoding.sequence { coder throws in
            try coder.serialize(1)
            try coder.serialize(ASN1OctetString(contentBytes: identity.octets[...]))
            try coder.serialize(ASN1OctetString(contentBytes: leaf.octets[...]))
            try coder.serialize(ASN1OctetString(contentBytes: locator.octets[...]))
            try coder.serialize(Int64(plugPort))
            try coder.serialize(Int64(clamping: epoch))
            try coder.serialize(notAfter.seconds)
        }
    }

    fileprivate init(body node: ASN1Node) throws(TrustRefusal) {
        typealias Fields = (
            version: Int64, identity: ASN1OctetString, leaf: ASN1OctetString, locator: ASN1OctetString, port: Int64,
            epoch: Int64, notAfter: Int64
        )
        let fields: Fields
        do {
            fields = try DER.sequence(node, identifier: .sequence) { nodes throws in
                (
                    try Int64(derEncoded: &nodes), try ASN1OctetString(derEncoded: &nodes),
                    try ASN1OctetString(derEncoded: &nodes), try ASN1OctetString(derEncoded: &nodes),
                    try Int64(derEncoded: &nodes), try Int64(derEncoded: &nodes), try Int64(derEncoded: &nodes)
                )
            }
        } catch { throw .malformed(.record, "its body is not the seven fields of a record") }
        guard fields.version == 1 else { throw .malformed(.record, "its version is not 1") }
        guard let identity = Identity(octets: fields.identity.bytes) else {
            throw .malformed(.record, "its identity is not an address inside fd00::/8")
        }
        guard let leaf = LeafID(octets: fields.leaf.bytes) else {
            throw .malformed(.record, "the id of its leaf is not of 16 octets")
        }
        guard let locator = IPAddress(octets: fields.locator.bytes) else {
            throw .malformed(.record, "its locator is not of 4 or 16 octets")
        }
        guard let port = UInt16(exactly: fields.port) else { throw .malformed(.record, "its port is not one") }
        guard let epoch = Epoch(exactly: fields.epoch) else { throw .malformed(.record, "its epoch is negative") }
        try self.init(
            identity: identity, leaf: leaf, locator: locator, plugPort: port, epoch: epoch,
            notAfter: Timestamp(fields.notAfter))
    }
}

/// A record with the signature that came with it; not verified by itself.
struct SignedRecord {
    let record: LocationRecord
    let body: [UInt8]
    let signature: [UInt8]

    init(record: LocationRecord, body: [UInt8], signature: [UInt8]) {
        self.record = record
        self.body = body
        self.signature = signature
    }

    /// Reads the one DER form of a signed record.
    init(parsing der: [UInt8]) throws(TrustRefusal) {
        guard der.count <= TrustLimits.recordBytes else {
            throw .oversize(.record, bytes: der.count, limit: TrustLimits.recordBytes)
        }
        let nodes: (body: ASN1Node, signature: ASN1BitString)
        do {
            nodes = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes throws in
                guard let body = nodes.next() else { throw ASN1Error.truncatedASN1Field() }
                return (body, try ASN1BitString(derEncoded: &nodes))
            }
        } catch { throw .malformed(.record, "it is not a DER sequence of a body and a signature") }
        guard nodes.signature.paddingBits == 0 else { throw .malformed(.record, "its signature has unused bits") }
        record = try LocationRecord(body: nodes.body)
        body = Array(nodes.body.encodedBytes)
        signature = Array(nodes.signature.bytes)
        guard body == record.body, self.der == der else { throw .malformed(.record, "its DER is not canonical") }
    }

    var der: [UInt8] {
        DEREncoding.sequence { coder throws in
            coder.serializeRawBytes(body)
            try coder.serialize(ASN1BitString(bytes: signature[...]))
        }
    }
}

/// Writes DER that cannot fail to be written.
enum DEREncoding {
    /// A sequence of what the closure writes. Writing integers, octet and bit strings does not throw; were it to, the
    /// result would be empty, which no reader takes.
    static func sequence(_ write: (inout DER.Serializer) throws -> Void) -> [UInt8] {
        var serializer = DER.Serializer()
        do { try serializer.appendConstructedNode(identifier: .sequence, write) } catch { return [] }
        return serializer.serializedBytes
    }
}

extension IPAddress {
    /// Whether packets can be sent to it as to one machine.
    var isUsableLocator: Bool {
        switch self {
        case .v4(let address): address.value != 0 && address.value != .max && !address.isMulticast
        case .v6(let address): address.value != 0 && !address.isMulticast && address.mappedIPv4 == nil
        }
    }
}
