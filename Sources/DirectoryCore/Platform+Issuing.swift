import Accounts
import Crypto
public import NetTypes
import Trust

/// A certificate that was just issued, with what is noted of it.
struct Issued {
    let certificate: [UInt8]
    let serial: [UInt8]
    let keyHash: [UInt8]
    let notAfter: Timestamp
    let notBefore: Timestamp

    /// SHA-256 of the certificate.
    var fingerprint: [UInt8] { Array(SHA256.hash(data: certificate)) }

    func note(leaf: LeafID, identity: Identity?) -> IssuedCertificate {
        IssuedCertificate(
            serial: serial, keyHash: keyHash, leaf: leaf, identity: identity, notAfter: notAfter, notBefore: notBefore,
            fingerprint: fingerprint)
    }
}

extension Platform {
    /// Certifies a key of a controller that listens on some addresses; the result is DER. A controller calls it at its
    /// start and again before the certificate expires, with ``controllerKey``.
    ///
    /// - Parameter consoleHost: the DNS name under which people find the console, if it has one of its own.
    public func issueController(
        addresses: [IPAddress], consoleHost: String? = nil, at now: Timestamp
    ) throws(DirectoryError) -> [UInt8] {
        try issue("a controller") { () throws(AuthorityError) in
            try root.issueController(
                publicKey: controllerKey.publicKeyInfo, addresses: addresses, consoleHost: consoleHost, at: now,
                lifetime: lifetimes.leaf)
        }.certificate
    }

    func issueTenant(_ tenant: Name, key: SigningKey, at now: Timestamp) throws(DirectoryError) -> Issued {
        try issue("the authority of tenant '\(tenant)'") { () throws(AuthorityError) in
            try root.issueTenant(tenant, key: key, at: now).certificate
        }
    }

    func issuePolicy(
        key: SigningKey, authority: [UInt8], authorityKey: SigningKey, at now: Timestamp
    ) throws(DirectoryError) -> Issued {
        try issue("a policy key") { () throws(AuthorityError) in
            try CertificateAuthority(certificate: authority, key: authorityKey)
                .issuePolicy(publicKey: key.publicKeyInfo, at: now, lifetime: lifetimes.endpoint)
        }
    }

    /// Certifies the key that signs the guardrails.
    func issueGuardrails(at now: Timestamp) throws(DirectoryError) -> Issued {
        try issue("the platform's policy key") { () throws(AuthorityError) in
            try root.issueGuardrails(publicKey: guardrailsKey.publicKeyInfo, at: now, lifetime: lifetimes.endpoint)
        }
    }

    func issueLeaf(_ host: LeafHost, publicKey: [UInt8], at now: Timestamp) throws(DirectoryError) -> Issued {
        try issue("the leaf of host '\(host.name)'") { () throws(AuthorityError) in
            try root.issueLeaf(host.id, hostName: host.name, publicKey: publicKey, at: now, lifetime: lifetimes.leaf)
        }
    }

    func issueEndpoint(
        _ endpoint: Endpoint, of tenant: Tenant, publicKey: [UInt8], at now: Timestamp
    ) throws(DirectoryError) -> Issued {
        let authorityKey = try key(tenant.authorityKey)
        return try issue("the endpoint '\(endpoint.name)'") { () throws(AuthorityError) in
            try CertificateAuthority(certificate: tenant.authority, key: authorityKey).issueEndpoint(
                endpoint.name.name, identity: endpoint.identity, groups: endpoint.groups, labels: endpoint.labels,
                level: endpoint.level, networks: endpoint.networks, publicKey: publicKey, at: now,
                lifetime: lifetimes.endpoint)
        }
    }

    /// Certifies a key of a person: by the tenant's authority, or by the root for one of the provider's.
    func issueUser(
        _ user: User, of tenant: Tenant?, publicKey: [UInt8], at now: Timestamp, lifetime: Int64
    ) throws(DirectoryError) -> Issued {
        let authorityKey = try tenant.map { (tenant) throws(DirectoryError) in try key(tenant.authorityKey) }
        return try issue("the user '\(user.name)'") { () throws(AuthorityError) in
            var authority = root
            if let tenant, let authorityKey {
                authority = try CertificateAuthority(certificate: tenant.authority, key: authorityKey)
            }
            return try authority.issueUser(
                user.id.description, name: user.name.local, publicKey: publicKey, at: now, lifetime: lifetime)
        }
    }

    private func issue(
        _ what: String, _ body: () throws(AuthorityError) -> [UInt8]
    ) throws(DirectoryError) -> Issued {
        let certificate: [UInt8]
        do { certificate = try body() } catch {
            throw DirectoryError(.storage, "No certificate can be issued for \(what): \(error).")
        }
        do {
            let summary = try CertificateSummary(parsing: certificate)
            return Issued(
                certificate: certificate, serial: summary.serial, keyHash: summary.keyHash, notAfter: summary.notAfter,
                notBefore: summary.notBefore)
        } catch {
            throw DirectoryError(.storage, "The certificate issued for \(what) cannot be read: \(error).")
        }
    }

    // MARK: Keys of tenants

    func key(_ name: String) throws(DirectoryError) -> SigningKey {
        let key: SigningKey?
        do { key = try keys.load(name) } catch { throw DirectoryError(error) }
        guard let key else {
            throw DirectoryError(
                .storage, "The key '\(name)' is missing from the key store.",
                remedy: "Restore the key store from a copy.")
        }
        return key
    }

    func storeKey(_ key: SigningKey, _ name: String) throws(DirectoryError) {
        do { try keys.store(key, as: name) } catch { throw DirectoryError(error) }
    }

    /// Forgets a key that nothing refers to any more; one that stays behind can do no harm, for its certificates are
    /// revoked or were never given out.
    func deleteKey(_ name: String) {
        try? keys.delete(name)
    }
}

extension DirectoryError {
    /// A failure of the key store.
    init(_ error: KeyStoreError) {
        self.init(.storage, "The key store failed: \(error).")
    }
}
