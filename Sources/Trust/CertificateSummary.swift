public import NetTypes
import SwiftASN1
import X509

/// What a certificate of the platform says, for people and lists; nothing of it is verified.
public struct CertificateSummary: Hashable, Sendable {
    /// Who the certificate is about.
    public let name: CertificateName
    /// The platform that it belongs to.
    public let platform: PlatformName
    /// The identity of an endpoint, else nil.
    public let identity: Identity?
    /// The groups of an endpoint.
    public let groups: [Name]
    /// The labels of an endpoint, in order.
    public let labels: [PolicyLabel]
    /// The prefixes outside that a border speaks for, in order.
    public let networks: [IPPrefix]
    /// The security level of an endpoint, else 0.
    public let level: UInt8
    /// The host name of a leaf, else nil.
    public let hostName: Name?
    /// The subject, in the form of RFC 4514, cut to 160 scalars.
    public let subject: String
    /// The issuer, in the form of RFC 4514, cut to 160 scalars.
    public let issuer: String
    /// The first second of the validity.
    public let notBefore: Timestamp
    /// The last second of the validity.
    public let notAfter: Timestamp
    /// The serial number without leading zeros.
    public let serial: [UInt8]
    /// SHA-256 of the SubjectPublicKeyInfo.
    public let keyHash: [UInt8]

    /// Reads a certificate of any of the platform's kinds.
    public init(parsing der: [UInt8]) throws(TrustRefusal) {
        let fields = try CertificateFields(der: der, part: .certificate)
        let certified = fields.certified
        name = certified.name
        platform = certified.platform
        identity = certified.identity
        groups = certified.attributes.groups
        labels = certified.attributes.labels
        networks = certified.attributes.networks
        level = certified.attributes.level
        hostName = certified.hostName
        subject = .foreign(fields.certificate.subject)
        issuer = .foreign(fields.certificate.issuer)
        notBefore = certified.notBefore
        notAfter = certified.notAfter
        serial = certified.serial
        keyHash = certified.key.hash
    }
}

/// The PEM form of certificates (RFC 7468).
public enum CertificatePEM {
    /// Writes certificates one after another.
    public static func text(_ certificates: [[UInt8]]) -> String {
        certificates.map { PEMDocument(type: "CERTIFICATE", derBytes: $0).pemString + "\n" }.joined()
    }

    /// Reads the certificates of a text, DER, in order; at most 16 of them.
    public static func certificates(in text: String) throws(TrustRefusal) -> [[UInt8]] {
        let limit = 16 * 2 * TrustLimits.certificateBytes
        guard text.utf8.count <= limit else { throw .oversize(.certificate, bytes: text.utf8.count, limit: limit) }
        guard let documents = try? PEMDocument.parseMultiple(pemString: text), (1...16).contains(documents.count),
            documents.allSatisfy({ $0.discriminator == "CERTIFICATE" })
        else { throw .malformed(.certificate, "it is not the PEM of 1 to 16 certificates") }
        return documents.map(\.derBytes)
    }
}
