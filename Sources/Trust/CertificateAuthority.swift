import Foundation
public import NetTypes
import SwiftASN1
import X509

/// A certificate authority: a platform's root, or the CA of one tenant.
///
/// It reads no clock: the moment is given. It draws serial numbers from the system's random source. All certificates
/// are X.509 v3 in DER, ECDSA with P-256 and SHA-256, and never outlive the authority's own.
public struct CertificateAuthority: Sendable {
    /// The authority's own certificate, DER.
    public var certificate: [UInt8] { fields.der }
    /// Who the authority is: ``CertificateName/root`` or ``CertificateName/tenant(_:)``.
    public var name: CertificateName { fields.certified.name }
    /// The platform that it belongs to.
    public var platform: PlatformName { fields.certified.platform }
    /// The first second in which the authority is valid.
    public var notBefore: Timestamp { fields.certified.notBefore }
    /// The last second in which the authority is valid.
    public var notAfter: Timestamp { fields.certified.notAfter }
    /// The serial number of its certificate, without leading zeros.
    public var serial: [UInt8] { fields.certified.serial }
    /// SHA-256 of its SubjectPublicKeyInfo; of a root, what join tokens pin.
    public var keyHash: [UInt8] { fields.certified.key.hash }

    let fields: CertificateFields
    let key: SigningKey

    /// Signs a statement that is no certificate: the DER ECDSA signature over its SHA-256. The statement says what it is in
    /// its first line, so that it is never taken for another.
    public func sign(statement: [UInt8]) throws(KeyError) -> [UInt8] { try key.sign(statement) }

    /// Takes up an authority from its certificate and key.
    public init(certificate: [UInt8], key: SigningKey) throws(AuthorityError) {
        let fields: CertificateFields
        do { fields = try CertificateFields(der: certificate, part: .issuer) } catch {
            throw .notAnAuthority("\(error)")
        }
        switch fields.certified.name {
        case .root, .tenant: break
        case .endpoint, .policy, .guardrails, .leaf, .controller, .user:
            throw .notAnAuthority("it is that of \(fields.certified.name.kind)")
        }
        guard fields.certified.key.info == key.publicKeyInfo else { throw .keyMismatch }
        self.fields = fields
        self.key = key
    }

    /// Makes the root of a platform, valid for ``TrustLimits/rootLifetime``.
    public static func makeRoot(
        platform: PlatformName, key: SigningKey = SigningKey(), at now: Timestamp
    ) throws(AuthorityError) -> CertificateAuthority {
        let subject = try DistinguishedName(commonName: platform.rootCommonName)
        let draft = CertificateDraft(
            subject: subject, key: key.certificateKey.publicKey, lifetime: TrustLimits.rootLifetime,
            extensions: try .authority(depth: 1, constraints: nil))
        let der = try draft.signed(
            by: key, issuer: subject, issuerKey: key.certificateKey.publicKey, at: now, until: nil)
        return try CertificateAuthority(certificate: der, key: key)
    }

    /// Issues the CA of a tenant, valid for ``TrustLimits/tenantLifetime``; again for the same key to renew it.
    public func issueTenant(
        _ tenant: Name, key: SigningKey = SigningKey(), at now: Timestamp
    ) throws(AuthorityError) -> CertificateAuthority {
        guard case .root = name else { throw .needsRoot("the CA of a tenant") }
        let draft = CertificateDraft(
            subject: try DistinguishedName(commonName: platform.tenantCommonName(tenant)),
            key: key.certificateKey.publicKey, lifetime: TrustLimits.tenantLifetime,
            extensions: try .authority(
                depth: 0, constraints: NameConstraints(tenant: tenant, platform: platform)))
        return try CertificateAuthority(certificate: try sign(draft, at: now), key: key)
    }

    /// Issues the certificate of a leaf; the result is DER.
    ///
    /// - Parameters:
    ///   - publicKey: DER SubjectPublicKeyInfo, from ``SigningRequest/publicKeyInfo`` or a key of one's own.
    ///   - lifetime: in seconds.
    public func issueLeaf(
        _ id: LeafID, hostName: Name, publicKey: [UInt8], at now: Timestamp,
        lifetime: Int64 = TrustLimits.leafLifetime
    ) throws(AuthorityError) -> [UInt8] {
        guard case .root = name else { throw .needsRoot("the certificate of a leaf") }
        return try issue(
            subject: hostName.text, publicKey: publicKey, lifetime: lifetime,
            names: [.uniformResourceIdentifier(platform.leafURI(id)), .dnsName(platform.leafHost(id))],
            use: [.serverAuth, .clientAuth], at: now)
    }

    /// Issues the certificate of a controller that listens on some addresses; the result is DER.
    ///
    /// - Parameters:
    ///   - consoleHost: the DNS name under which people find the console, if it has one of its own.
    ///   - lifetime: in seconds.
    public func issueController(
        publicKey: [UInt8], addresses: [IPAddress] = [], consoleHost: String? = nil, at now: Timestamp,
        lifetime: Int64 = TrustLimits.leafLifetime
    ) throws(AuthorityError) -> [UInt8] {
        guard case .root = name else { throw .needsRoot("the certificate of a controller") }
        let names: [GeneralName] =
            [
                .uniformResourceIdentifier(platform.controllerURI), .dnsName(platform.controllerHost),
                .dnsName("localhost"),
            ] + (consoleHost.map { $0 == "localhost" ? [] : [.dnsName($0)] } ?? [])
            + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0.octets[...])) }
        return try issue(
            subject: "controller", publicKey: publicKey, lifetime: lifetime, names: names,
            use: [.serverAuth, .clientAuth], at: now)
    }

    /// Issues the certificate of an endpoint of this tenant; the result is DER.
    ///
    /// - Parameter lifetime: in seconds.
    public func issueEndpoint(
        _ endpoint: Name, identity: Identity, groups: [Name] = [], labels: [PolicyLabel] = [], level: UInt8 = 0,
        networks: [IPPrefix] = [], publicKey: [UInt8], at now: Timestamp, lifetime: Int64 = TrustLimits.endpointLifetime
    ) throws(AuthorityError) -> [UInt8] {
        guard case .tenant(let tenant) = name else { throw .needsTenant("the certificate of an endpoint") }
        guard platform.contains(identity) else { throw .outsidePlatform(identity, platform.prefix) }
        return try issue(
            subject: endpoint.text, publicKey: publicKey, lifetime: lifetime,
            names: [
                .uniformResourceIdentifier(platform.endpointURI(TenantName(tenant, endpoint))),
                .ipAddress(ASN1OctetString(contentBytes: identity.octets[...])),
            ], attributes: Attributes(groups: groups, labels: labels, level: level, networks: networks),
            at: now)
    }

    /// Issues the certificate of the key that signs this tenant's policy; the result is DER.
    ///
    /// - Parameter lifetime: in seconds.
    public func issuePolicy(
        publicKey: [UInt8], at now: Timestamp, lifetime: Int64 = TrustLimits.endpointLifetime
    ) throws(AuthorityError) -> [UInt8] {
        guard case .tenant(let tenant) = name else { throw .needsTenant("the certificate of a policy key") }
        return try issue(
            subject: "policy", publicKey: publicKey, lifetime: lifetime,
            names: [.uniformResourceIdentifier(platform.policyURI(tenant))], at: now)
    }

    /// Issues the certificate of the key that signs the platform's guardrails; the result is DER.
    ///
    /// - Parameter lifetime: in seconds.
    public func issueGuardrails(
        publicKey: [UInt8], at now: Timestamp, lifetime: Int64 = TrustLimits.endpointLifetime
    ) throws(AuthorityError) -> [UInt8] {
        guard case .root = name else { throw .needsRoot("the certificate of the platform's policy key") }
        return try issue(
            subject: "guardrails", publicKey: publicKey, lifetime: lifetime,
            names: [.uniformResourceIdentifier(platform.guardrailsURI)], at: now)
    }

    /// Issues the certificate with which a person's programs show who they are: a tenant's people are certified by the
    /// tenant's CA, the provider's by the root. It is a TLS client's and nothing else; the result is DER.
    ///
    /// - Parameters:
    ///   - account: the id of the account, 32 hexadecimal digits.
    ///   - name: the account's name before the `@`, for people who read the certificate.
    ///   - lifetime: in seconds.
    public func issueUser(
        _ account: String, name local: String, publicKey: [UInt8], at now: Timestamp, lifetime: Int64
    ) throws(AuthorityError) -> [UInt8] {
        try issue(
            subject: local, publicKey: publicKey, lifetime: min(lifetime, TrustLimits.userLongest),
            names: [.uniformResourceIdentifier(platform.userURI(account, of: name.tenant))], use: [.clientAuth],
            at: now)
    }

    // MARK: Signing

    private func issue(
        subject: String, publicKey: [UInt8], lifetime: Int64, names: [GeneralName],
        use: [ExtendedKeyUsage.Usage] = [], attributes: Attributes = Attributes(), at now: Timestamp
    ) throws(AuthorityError) -> [UInt8] {
        let key: PublicKey
        do { key = try PublicKey(info: publicKey) } catch { throw .badPublicKey }
        let draft = CertificateDraft(
            subject: try DistinguishedName(commonName: subject), key: Certificate.PublicKey(key.key),
            lifetime: lifetime, extensions: try .endEntity(names: names, use: use, attributes: attributes))
        return try sign(draft, at: now)
    }

    func sign(_ draft: CertificateDraft, at now: Timestamp) throws(AuthorityError) -> [UInt8] {
        guard now >= notBefore, now <= notAfter else { throw .notValid(notBefore: notBefore, notAfter: notAfter) }
        return try draft.signed(
            by: key, issuer: fields.certificate.subject, issuerKey: fields.certificate.publicKey, at: now,
            until: notAfter)
    }
}

/// A certificate that is about to be issued.
struct CertificateDraft {
    var subject: DistinguishedName
    var key: Certificate.PublicKey
    var lifetime: Int64
    var extensions: Certificate.Extensions

    /// Signs it. The validity begins a little before the moment and ends with the issuer's at the latest.
    func signed(
        by signer: SigningKey, issuer: DistinguishedName, issuerKey: Certificate.PublicKey, at now: Timestamp,
        until last: Timestamp?
    ) throws(AuthorityError) -> [UInt8] {
        let end = min((now.clamped + lifetime).clamped, last ?? Timestamp(TrustLimits.lastSecond))
        do {
            var extensions = extensions
            try extensions.append(Certificate.Extension(SubjectKeyIdentifier(hash: key), critical: false))
            let issuerID = SubjectKeyIdentifier(hash: issuerKey).keyIdentifier
            try extensions.append(
                Certificate.Extension(AuthorityKeyIdentifier(keyIdentifier: issuerID), critical: false))
            let certificate = try Certificate(
                version: .v3, serialNumber: Self.randomSerial(), publicKey: key,
                notValidBefore: (now.clamped + -TrustLimits.backdating).clamped.date, notValidAfter: end.date,
                issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
                issuerPrivateKey: signer.certificateKey)
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            return serializer.serializedBytes
        } catch { throw .encoding }
    }

    /// Sixteen random octets whose highest two bits are 01: positive, never shortened, 126 random bits.
    static func randomSerial() -> Certificate.SerialNumber {
        var random = SystemRandomNumberGenerator()
        let value: UInt128 = random.next() & (UInt128.max >> 2) | 1 << 126
        return Certificate.SerialNumber(bytes: IPv6Address(value).octets)
    }
}

extension Certificate.Extensions {
    static func authority(depth: Int, constraints: NameConstraints?) throws(AuthorityError) -> Self {
        do {
            var list = [
                try Certificate.Extension(
                    BasicConstraints.isCertificateAuthority(maxPathLength: depth), critical: true),
                try Certificate.Extension(KeyUsage(keyCertSign: true, cRLSign: true), critical: true),
            ]
            if let constraints { list.append(try Certificate.Extension(constraints, critical: true)) }
            return try Self(list)
        } catch { throw .encoding }
    }

    static func endEntity(
        names: [GeneralName], use: [ExtendedKeyUsage.Usage] = [], attributes: Attributes = Attributes()
    ) throws(AuthorityError) -> Self {
        let certified = try attributes.makeExtensions()
        do {
            var list = [
                try Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true),
                try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true),
                try Certificate.Extension(SubjectAlternativeNames(names), critical: false),
            ]
            if !use.isEmpty { list.append(try Certificate.Extension(ExtendedKeyUsage(use), critical: false)) }
            return try Self(list + certified)
        } catch { throw .encoding }
    }
}
