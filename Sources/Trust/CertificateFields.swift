import Crypto
import Foundation
import NetTypes
import SwiftASN1
import X509

/// What a certificate says of its holder, in a form small enough to remember many of.
struct Certified: Sendable {
    let platform: PlatformName
    let name: CertificateName
    /// The identity of an endpoint, else nil.
    let identity: Identity?
    /// Groups, labels and level of an endpoint; of others none.
    let attributes: Attributes
    /// The host name of a leaf, else nil.
    let hostName: Name?
    let notBefore: Timestamp
    let notAfter: Timestamp
    /// The serial number without leading zeros.
    let serial: [UInt8]
    let key: PublicKey

    /// Refuses unless the moment is inside the validity; both ends belong to it (RFC 5280, section 4.1.2.5).
    func checkValidity(at now: Timestamp, part: TrustRefusal.Part) throws(TrustRefusal) {
        guard now >= notBefore else { throw .notYetValid(part, notBefore: notBefore) }
        guard now <= notAfter else { throw .certificateExpired(part, notAfter: notAfter) }
    }
}

/// A certificate whose form is that of one of the platform's kinds; nothing of it is verified yet.
///
/// Everything that anyone reads of a certificate is read here, once, so that no second reading can differ.
struct CertificateFields: Sendable {
    let der: [UInt8]
    let certificate: Certificate
    let certified: Certified

    init(der: [UInt8], part: TrustRefusal.Part) throws(TrustRefusal) {
        guard der.count <= TrustLimits.certificateBytes else {
            throw .oversize(part, bytes: der.count, limit: TrustLimits.certificateBytes)
        }
        // 1. Strict DER, with nothing before or after it.
        guard let certificate = try? Certificate(derEncoded: der) else {
            throw .malformed(part, "it is not the DER of one X.509 certificate")
        }
        guard Self.hasStrictEnvelope(der) else {
            throw .malformed(part, "what surrounds its signed part is not strict")
        }
        // 2. What all kinds have in common.
        guard certificate.version == .v3 else { throw .malformed(part, "it is not of version 3") }
        guard certificate.signatureAlgorithm == .ecdsaWithSHA256,
            let key = P256.Signing.PublicKey(certificate.publicKey)
        else { throw .unsupportedAlgorithm(part) }
        let serial = Array(certificate.serialNumber.bytes.drop { $0 == 0 })
        guard (1...TrustLimits.serialBytes).contains(serial.count) else {
            throw .malformed(part, "its serial number is not of 1 to \(TrustLimits.serialBytes) octets")
        }
        let notBefore = Timestamp(certificate.notValidBefore)
        let notAfter = Timestamp(certificate.notValidAfter)
        guard notBefore <= notAfter else { throw .malformed(part, "its validity ends before it begins") }
        // 3. What its kind asks for.
        let reader = ExtensionReader(certificate: certificate, part: part)
        let kind = try reader.kind()
        self.der = der
        self.certificate = certificate
        certified = Certified(
            platform: kind.platform, name: kind.name, identity: kind.identity, attributes: kind.attributes,
            hostName: kind.hostName, notBefore: notBefore, notAfter: notAfter, serial: serial, key: PublicKey(key))
    }

    /// Whether what the issuer did not sign has one form only: the algorithm is named outside as it is inside (RFC
    /// 5280, section 4.1.1.2), and the signature has no unused bits, which the library passes over.
    private static func hasStrictEnvelope(_ der: [UInt8]) -> Bool {
        let strict = try? DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            guard let signed = nodes.next(), let algorithm = nodes.next(),
                case .constructed(let fields) = signed.content
            else { return false }
            // The signed fields begin with version [0], serial number and algorithm.
            let inner = Array(fields.prefix(3))
            let unused = try ASN1BitString(derEncoded: &nodes).paddingBits
            return inner.count == 3 && inner[2].encodedBytes == algorithm.encodedBytes && unused == 0
        }
        return strict == true
    }
}

extension Timestamp {
    init(_ date: Date) { self.init(Int64(date.timeIntervalSince1970.rounded(.down))) }

    var date: Date { Date(timeIntervalSince1970: Double(seconds)) }

    /// The moment, moved into the years 1970 to 9999 that X.509 can name.
    var clamped: Timestamp { Timestamp(min(max(seconds, 0), TrustLimits.lastSecond)) }
}

extension DistinguishedName {
    /// A subject of one common name.
    init(commonName: String) throws(AuthorityError) {
        do { self = try DistinguishedName { CommonName(commonName) } } catch { throw .encoding }
    }

    /// The common name, if the whole name is one common name.
    var onlyCommonName: String? {
        guard count == 1, let part = first, part.count == 1, let attribute = part.first,
            attribute.type == .RDNAttributeType.commonName
        else { return nil }
        return String(attribute.value)
    }
}

extension String {
    /// Text that others wrote, for a message: cut short, and without control codes.
    static func foreign(_ text: some CustomStringConvertible) -> String {
        let scalars = "\(text)".unicodeScalars.prefix(161)
        var shown = String.UnicodeScalarView()
        for scalar in scalars.prefix(160) {
            shown.append(scalar.properties.generalCategory == .control ? "\u{fffd}" : scalar)
        }
        if scalars.count > 160 { shown.append("…") }
        return String(shown)
    }
}
