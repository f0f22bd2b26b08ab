import Crypto
public import NetTypes
import Trust

extension Directory {
    /// Creates a host, pending until its leaf enrols with the token.
    ///
    /// - Parameter controllerURL: where the leaf finds the controller, such as `https://192.0.2.1:7443`.
    public func createHost(_ name: Name, controllerURL: String) async throws(DirectoryError) -> NewHost {
        guard let id = LeafID(octets: random(16)) else {
            throw DirectoryError(.storage, "The source of randomness gave fewer octets than asked for.")
        }
        let host = LeafHost(name: name, id: id, enrolledAt: nil, locators: [], plugPort: 0, createdAt: now())
        let (token, grant) = try newToken(for: name, controllerURL)
        try await write { (tx) throws(DirectoryError) in
            guard try tx.host(name) == nil else {
                throw DirectoryError(
                    .conflict, "There is a host '\(name)' already.", pointer: "/name",
                    remedy: "Choose another name, or make a new token for it.")
            }
            guard try tx.host(id) == nil else {
                throw DirectoryError(.storage, "The source of randomness gave the id of another leaf.")
            }
            try tx.put(host)
            try tx.put(grant)
            tx.announce(.hostChanged(name))
        }
        return NewHost(host: host, token: token, expiresAt: grant.expiresAt)
    }

    /// Makes a new join token for a host, in place of any that was made before: the former has expired or was lost,
    /// or the machine was set up anew.
    public func renewJoinToken(of name: Name, controllerURL: String) async throws(DirectoryError) -> NewHost {
        let (token, grant) = try newToken(for: name, controllerURL)
        let host = try await write { (tx) throws(DirectoryError) in
            let host = try tx.requireHost(name)
            try tx.deleteJoinGrants(of: name)
            try tx.put(grant)
            return host
        }
        return NewHost(host: host, token: token, expiresAt: grant.expiresAt)
    }

    /// All hosts in order of name.
    public func hosts() async throws(DirectoryError) -> [LeafHost] {
        try await store.read { (tx) throws(DirectoryError) in try tx.hosts() }
    }

    /// A host.
    public func host(_ name: Name) async throws(DirectoryError) -> LeafHost {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireHost(name) }
    }

    /// The host of a leaf; nil when there is none, or no longer.
    public func host(_ id: LeafID) async throws(DirectoryError) -> LeafHost? {
        try await store.read { (tx) throws(DirectoryError) in try tx.host(id) }
    }

    /// What is noted of the newest certificate of each host's leaf; of those that were never enrolled nothing.
    public func certificates(of hosts: [LeafHost]) async throws(DirectoryError) -> [LeafID: IssuedCertificate] {
        try await store.read { (tx) throws(DirectoryError) in
            var found: [LeafID: IssuedCertificate] = [:]
            for host in hosts { found[host.id] = try tx.ownCertificate(of: host.id) }
            return found
        }
    }

    /// The endpoints that are wanted on a host, in order of identity.
    public func endpoints(on host: Name) async throws(DirectoryError) -> [Endpoint] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireHost(host)
            return try tx.endpoints(on: host, limit: nil)
        }
    }

    /// Deletes a host and revokes its leaf's certificates, with those of endpoints whose keys it has. Refused while
    /// endpoints are wanted on it or are still to leave it.
    public func deleteHost(_ name: Name) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            let host = try tx.requireHost(name)
            let endpoints = try tx.endpoints(on: name, limit: 4) + tx.endpoints(movingFrom: name).prefix(4)
            guard endpoints.isEmpty else {
                throw DirectoryError(
                    .inUse, "Host '\(name)' still has endpoints: \(list(endpoints.map(\.name))).",
                    remedy: "Move or delete its endpoints first.")
            }
            try tx.disown(host)
            try tx.delete(host: name)
            tx.announce(.hostChanged(name))
        }
    }

    private func newToken(
        for host: Name, _ controllerURL: String
    ) throws(DirectoryError) -> (JoinToken, JoinGrant) {
        do {
            let token = try JoinToken(
                controllerURL: controllerURL, rootKeyHash: platform.anchor.rootKeyHash, secret: random(32))
            return (
                token,
                JoinGrant(
                    secretHash: token.secretHash, host: host, expiresAt: now() + configuration.joinTokenLifetime,
                    usedAt: nil)
            )
        } catch {
            throw DirectoryError(
                .invalid, "No join token can be made: \(error).", remedy: "Start the controller with another URL.")
        }
    }
}

// MARK: Enrolment

extension Directory {
    /// Enrols a leaf: takes its token's secret, once, and certifies the key that it made.
    ///
    /// A host that was enrolled before loses all certificates that it had.
    public func enrol(secret: [UInt8], signingRequest: [UInt8]) async throws(DirectoryError) -> Enrolment {
        guard secret.count == 32 else {
            throw DirectoryError(
                .invalid, "The secret of a join token has 32 octets, not \(secret.count).", pointer: "/token_secret",
                remedy: "Use the whole token that 'host create' printed.")
        }
        let request = try Self.parse(signingRequest, pointer: "/signing_request")
        let hash = JoinToken.hash(ofSecret: secret)
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            let remedy = "Make a new token for the host."
            guard var grant = try tx.joinGrant(secretHash: hash) else {
                throw DirectoryError(
                    .forbidden, "The join token is unknown here, or was replaced.", pointer: "/token_secret",
                    remedy: remedy)
            }
            guard grant.usedAt == nil else {
                throw DirectoryError(
                    .used, "The join token of host '\(grant.host)' has been used.", pointer: "/token_secret",
                    remedy: remedy)
            }
            guard at < grant.expiresAt else {
                throw DirectoryError(
                    .expired, "The join token of host '\(grant.host)' expired at \(grant.expiresAt).",
                    pointer: "/token_secret", remedy: remedy)
            }
            var host = try tx.requireHost(grant.host)
            let issued = try self.platform.issueLeaf(host, publicKey: request.publicKeyInfo, at: at)
            try tx.disown(host)
            grant.usedAt = at
            try tx.put(grant)
            host.enrolledAt = at
            try tx.put(host)
            try tx.put(issued.note(leaf: host.id, identity: nil))
            tx.announce(.hostChanged(host.name))
            return Enrolment(host: host, certificate: issued.certificate, root: self.platform.anchor.root)
        }
    }

    /// The host whose leaf holds a certificate, such as that of a TLS session; refused when it does not verify, is
    /// revoked, or its host is gone.
    public func authenticate(leaf certificate: [UInt8]) async throws(DirectoryError) -> LeafHost {
        let leaf: VerifiedLeaf
        switch await platform.anchor.verify(leaf: certificate, at: now(), revocations: .none) {
        case .success(let verified): leaf = verified
        case .failure(let refusal): throw DirectoryError(.untrusted, "The leaf is not trusted: \(refusal).")
        }
        let (found, isNoted) = try await store.read { (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf.id)
            let note = try tx.issued(serial: leaf.serial)
            return (host, note?.leaf == leaf.id && note?.identity == nil && host.name == leaf.hostName)
        }
        if isNoted { return found }
        if let host = try await adopt(leaf, certificate) { return host }
        throw DirectoryError(
            .untrusted, "The certificate of the leaf of host '\(leaf.hostName)' is revoked.",
            remedy: "Join again with a new token.")
    }

    /// Notes a certificate that was issued to a leaf after the copy was made from which this directory was restored; nil when
    /// it is none, or is revoked, or the leaf has been certified anew since.
    private func adopt(_ leaf: VerifiedLeaf, _ certificate: [UInt8]) async throws(DirectoryError) -> LeafHost? {
        guard let unnoted = configuration.unnoted, let summary = try? CertificateSummary(parsing: certificate),
            unnoted.contains(summary.notBefore)
        else { return nil }
        return try await write { (tx) throws(DirectoryError) -> LeafHost? in
            let host = try tx.requireLeaf(leaf.id)
            guard host.name == leaf.hostName, try tx.issued(serial: leaf.serial) == nil,
                try !tx.isRevoked(.serial(leaf.serial)), try !tx.isRevoked(.key(leaf.keyHash)),
                try tx.ownCertificate(of: leaf.id).map({ ($0.notBefore ?? unnoted.lowerBound) <= unnoted.upperBound })
                    ?? false
            else { return nil }
            try tx.put(
                IssuedCertificate(
                    serial: leaf.serial, keyHash: leaf.keyHash, leaf: leaf.id, identity: nil, notAfter: leaf.notAfter,
                    notBefore: summary.notBefore, fingerprint: Array(SHA256.hash(data: certificate))))
            return host
        }
    }

    /// Issues a new certificate to a leaf, for its present key or a new one.
    public func renewLeaf(_ leaf: LeafID, signingRequest: [UInt8]) async throws(DirectoryError) -> [UInt8] {
        let request = try Self.parse(signingRequest, pointer: nil)
        let at = now()
        return try await write { [limit = configuration.certificatesPerHolder] (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf)
            try tx.makeRoom(in: tx.issued(to: leaf).filter { $0.identity == nil }, limit: limit)
            let issued = try self.platform.issueLeaf(host, publicKey: request.publicKeyInfo, at: at)
            try tx.put(issued.note(leaf: leaf, identity: nil))
            return issued.certificate
        }
    }

    static func parse(_ request: [UInt8], pointer: String?) throws(DirectoryError) -> SigningRequest {
        do { return try SigningRequest(parsing: request) } catch {
            throw DirectoryError(
                .invalid, "The signing request is refused: \(error).", pointer: pointer,
                remedy: "Send a PKCS #10 request in DER, with a P-256 key, signed with that key.")
        }
    }
}

extension DirectoryReader {
    func requireHost(_ name: Name, pointer: String? = nil) throws(DirectoryError) -> LeafHost {
        guard let host = try host(name) else {
            throw DirectoryError(
                .notFound, "There is no host '\(name)'.", pointer: pointer, remedy: "List the hosts, or create it.")
        }
        return host
    }

    /// The host of a leaf that is enrolled.
    func requireLeaf(_ id: LeafID) throws(DirectoryError) -> LeafHost {
        guard let host = try host(id), host.isEnrolled else {
            throw DirectoryError(
                .forbidden, "There is no leaf \(id), or no longer.", remedy: "Join again with a new token.")
        }
        return host
    }
}

extension DirectoryTransaction {
    /// Revokes all certificates whose keys a leaf has, and withdraws what it published.
    func disown(_ host: LeafHost) throws(DirectoryError) {
        let certificates = try issued(to: host.id)
        for identity in Set(certificates.compactMap(\.identity)) {
            guard try facts(of: identity)?.leaf == host.id else { continue }
            try deleteFacts(of: identity)
            announce(.endpointChanged(identity))
            if var endpoint = try endpoint(identity), endpoint.state == .running {
                endpoint.state = .waiting
                try put(endpoint)
            }
        }
        try revoke(certificates)
    }
}
