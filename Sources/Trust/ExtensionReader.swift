import NetTypes
import SwiftASN1
import X509

/// Reads the extensions of a certificate by the rules of its kind, and refuses every other form.
struct ExtensionReader {
    let certificate: Certificate
    let part: TrustRefusal.Part

    /// What the extensions say.
    struct Kind {
        var platform: PlatformName
        var name: CertificateName
        var identity: Identity?
        var attributes = Attributes()
        var hostName: Name?
    }

    /// The kind of the certificate: a CA by its basic constraints, all else by the one URI that it must have.
    func kind() throws(TrustRefusal) -> Kind {
        let basic: BasicConstraints?
        let usage: KeyUsage?
        do {
            basic = try certificate.extensions.basicConstraints
            usage = try certificate.extensions.keyUsage
        } catch { throw malformed("its basic constraints or key usage cannot be read") }
        guard let usage else { throw malformed("it has no key usage") }
        if case .isCertificateAuthority(let depth) = basic {
            guard usage.keyCertSign else { throw malformed("it is a CA whose key may not sign certificates") }
            return try authority(depth: depth)
        }
        guard usage.digitalSignature, !usage.keyCertSign, !usage.cRLSign else {
            throw malformed("its key usage is not that of an end of a chain")
        }
        return try endEntity()
    }

    // MARK: Certificate authorities

    private func authority(depth: Int?) throws(TrustRefusal) -> Kind {
        guard try names().isEmpty else { throw malformed("a CA has no alternative names") }
        let commonName = try commonName()
        guard let constraints = try nameConstraints() else {
            // 1. Without constraints: the root, named by its global id.
            let start = "Patchbay platform "
            guard commonName.hasPrefix(start),
                let platform = try? PlatformName(globalID: commonName.dropFirst(start.count)),
                commonName == platform.rootCommonName
            else { throw malformed("its subject is not that of a platform's root") }
            guard depth == 1 else { throw malformed("a root's path length is 1") }
            guard certificate.issuer == certificate.subject else { throw malformed("a root issues itself") }
            return Kind(platform: platform, name: .root)
        }
        // 2. With them: the CA of the tenant whose domain they name, and they are exactly that tenant's.
        guard depth == 0 else { throw malformed("the path length of a tenant's CA is 0") }
        let domains = Array(constraints.permittedDNSDomains)
        guard domains.count == 1,
            let (platform, name) = try? PlatformName.parse(uri: "spiffe://policy.\(domains[0])/"),
            case .policy(let tenant) = name
        else { throw malformed("its name constraints are not those of a tenant") }
        guard constraints == NameConstraints(tenant: tenant, platform: platform) else {
            throw malformed("its name constraints are not exactly those of tenant \(tenant)")
        }
        guard commonName == platform.tenantCommonName(tenant) else {
            throw malformed("its subject is not that of the tenant of its name constraints")
        }
        return Kind(platform: platform, name: .tenant(tenant))
    }

    private func nameConstraints() throws(TrustRefusal) -> NameConstraints? {
        guard let found = certificate.extensions[oid: .X509ExtensionID.nameConstraints] else { return nil }
        guard found.critical else { throw malformed("its name constraints are not critical") }
        guard let constraints = try? NameConstraints(found) else {
            throw malformed("its name constraints cannot be read")
        }
        return constraints
    }

    // MARK: Ends of a chain

    private func endEntity() throws(TrustRefusal) -> Kind {
        let names = try names()
        let uris = names.compactMap { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
        guard uris.count == 1 else { throw malformed("it has \(uris.count) URIs instead of one") }
        let platform: PlatformName
        let name: CertificateName
        do { (platform, name) = try PlatformName.parse(uri: uris[0]) } catch { throw malformed("\(error)") }
        var kind = Kind(platform: platform, name: name)
        switch name {
        case .endpoint(let endpoint):
            guard names.count == 2, let octets = names.compactMap(\.ipOctets).first else {
                throw malformed("an endpoint has one URI and one IP address, and nothing else")
            }
            guard let identity = Identity(octets: octets) else {
                throw malformed("the IP address of an endpoint is an identity, inside fd00::/8")
            }
            guard try commonName() == endpoint.name.text else {
                throw malformed("its subject is not the name in its URI")
            }
            kind.identity = identity
            kind.attributes = try attributes()
        case .policy:
            guard names.count == 1 else { throw malformed("a policy key has one URI, and nothing else") }
        case .guardrails:
            guard names.count == 1 else { throw malformed("the platform's policy key has one URI, and nothing else") }
        case .leaf(let id):
            guard names.count == 2, names.contains(.dnsName(platform.leafHost(id))) else {
                throw malformed("a leaf has one URI and the host name of the same id, and nothing else")
            }
            guard let host = try? Name(parsing: try commonName()) else {
                throw malformed("the subject of a leaf is the name of its host")
            }
            kind.hostName = host
            try checkUsedInTLS()
        case .controller:
            guard names.contains(.dnsName(platform.controllerHost)) else {
                throw malformed("a controller has the host name \(platform.controllerHost)")
            }
            try checkUsedInTLS()
        case .user:
            guard names.count == 1 else { throw malformed("a user has one URI, and nothing else") }
            guard try !commonName().isEmpty else { throw malformed("the subject of a user is the account's name") }
            guard let usage = try? certificate.extensions.extendedKeyUsage, usage == (try? .init([.clientAuth])) else {
                throw malformed("the extended key usage of a user is that of a TLS client alone")
            }
        case .root, .tenant:
            throw malformed("its URI is not that of an end of a chain")
        }
        return kind
    }

    private func checkUsedInTLS() throws(TrustRefusal) {
        guard let usage = try? certificate.extensions.extendedKeyUsage, usage.contains(.serverAuth),
            usage.contains(.clientAuth)
        else { throw malformed("its extended key usage lacks TLS server and client") }
    }

    private func attributes() throws(TrustRefusal) -> Attributes {
        do { return try Attributes(of: certificate) } catch { throw malformed(error.problem) }
    }

    // MARK: Fields

    private func names() throws(TrustRefusal) -> [GeneralName] {
        do { return try certificate.extensions.subjectAlternativeNames.map(Array.init) ?? [] } catch {
            throw malformed("its alternative names cannot be read")
        }
    }

    private func commonName() throws(TrustRefusal) -> String {
        guard let name = certificate.subject.onlyCommonName else {
            throw malformed("its subject is not one common name")
        }
        return name
    }

    private func malformed(_ what: String) -> TrustRefusal { .malformed(part, what) }
}

extension GeneralName {
    /// The octets of an IP address, else nil.
    var ipOctets: [UInt8]? { if case .ipAddress(let octets) = self { Array(octets.bytes) } else { nil } }
}

extension NameConstraints {
    /// What the CA of a tenant may speak about: hosts below the tenant's domain, that domain, and the platform's /48.
    ///
    /// The URI constraint has a leading dot, without which BoringSSL refuses it; the DNS one has none (RFC 5280,
    /// section 4.2.1.10).
    init(tenant: Name, platform: PlatformName) {
        let range = platform.prefix.address.octets + IPv6Address(IPv6Prefix.mask(platform.prefix.length)).octets
        self.init(
            permittedDNSDomains: [platform.tenantDomain(tenant)],
            permittedIPRanges: [ASN1OctetString(contentBytes: range[...])],
            permittedURIDomains: [".\(platform.tenantDomain(tenant))"])
    }
}
