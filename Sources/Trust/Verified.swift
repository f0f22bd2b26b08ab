public import NetTypes

/// The three signed facts by which an endpoint is known, as they travel: DER, not yet believed.
public struct EndpointFacts: Hashable, Sendable {
    /// The endpoint's certificate.
    public var certificate: [UInt8]
    /// The certificate of the tenant's CA that issued it.
    public var issuer: [UInt8]
    /// The signed location record.
    public var record: [UInt8]

    /// Puts the three together.
    public init(certificate: [UInt8], issuer: [UInt8], record: [UInt8]) {
        self.certificate = certificate
        self.issuer = issuer
        self.record = record
    }
}

/// What is known of an endpoint once its facts are verified. Only ``TrustAnchor`` makes one.
public struct VerifiedEndpoint: Hashable, Sendable {
    /// The permanent identity, from the certificate that was verified.
    public let identity: Identity
    /// The tenant and the name, from the certificate that was verified.
    public let name: TenantName
    /// The groups that the tenant's CA certifies, in order.
    public let groups: [Name]
    /// The labels that the tenant's CA certifies, in order; none has the key `group`.
    public let labels: [PolicyLabel]
    /// The security level that the tenant's CA certifies, 0 to 255.
    public let level: UInt8
    /// The prefixes outside that the tenant's CA certifies it to speak for, in order; of a border only.
    public let networks: [IPPrefix]
    /// The leaf that runs the endpoint, from the record.
    public let leaf: LeafID
    /// The underlay address at which that leaf receives.
    public let locator: IPAddress
    /// The TCP port of that leaf's Wires service.
    public let plugPort: UInt16
    /// The epoch of the record.
    public let epoch: Epoch
    /// The last second in which the record is valid.
    public let recordNotAfter: Timestamp
    /// The last second in which the certificate is valid.
    public let certificateNotAfter: Timestamp
    /// The serial number of the certificate, without leading zeros.
    public let serial: [UInt8]
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    public let keyHash: [UInt8]

    /// The last second in which all of it is valid.
    public var notAfter: Timestamp { min(recordNotAfter, certificateNotAfter) }
}

/// What is known of a leaf once its certificate is verified. Only ``TrustAnchor`` makes one.
public struct VerifiedLeaf: Hashable, Sendable {
    /// The leaf's permanent number.
    public let id: LeafID
    /// The name of the host.
    public let hostName: Name
    /// The last second in which the certificate is valid.
    public let notAfter: Timestamp
    /// The serial number of the certificate, without leading zeros.
    public let serial: [UInt8]
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    public let keyHash: [UInt8]
}

/// What is known of a controller once its certificate is verified. Only ``TrustAnchor`` makes one.
public struct VerifiedController: Hashable, Sendable {
    /// The last second in which the certificate is valid.
    public let notAfter: Timestamp
    /// The serial number of the certificate, without leading zeros.
    public let serial: [UInt8]
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    public let keyHash: [UInt8]
}
