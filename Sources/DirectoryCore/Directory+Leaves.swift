public import NetTypes
import Policy
public import Trust

// What leaves ask and say. The first argument is always the leaf that speaks, as its TLS session shows it.

extension Directory {
    // 1. The leaf attaches and says what it has.

    /// Notes where a leaf receives and which ports it has. Endpoints that are to leave it and have no port there any
    /// more go on to their next host.
    public func attach(
        leaf: LeafID, locators: [IPAddress], plugPort: UInt16, running: Set<Identity>
    ) async throws(DirectoryError) -> LeafHost {
        guard (1...configuration.locatorsPerLeaf).contains(locators.count), plugPort != 0 else {
            throw DirectoryError(
                .invalid, "A leaf names 1 to \(configuration.locatorsPerLeaf) locators and a TCP port.",
                remedy: "Give the leaf the address of its underlay device.")
        }
        return try await write { (tx) throws(DirectoryError) in
            var host = try tx.requireLeaf(leaf)
            if host.locators != locators || host.plugPort != plugPort {
                host.locators = locators
                host.plugPort = plugPort
                try tx.put(host)
            }
            for endpoint in try tx.endpoints(movingFrom: host.name) where !running.contains(endpoint.identity) {
                try tx.release(endpoint)
            }
            tx.announce(.hostChanged(host.name))
            return host
        }
    }

    /// The ports that a leaf is to have; every other one is to be closed.
    ///
    /// An endpoint that is moving is on neither leaf's list until the former one has closed its port.
    public func desiredPorts(of leaf: LeafID) async throws(DirectoryError) -> [DesiredPort] {
        try await store.read { (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf)
            var prefixes: [VNetID: IPv4Prefix] = [:]
            var ports: [DesiredPort] = []
            for endpoint in try tx.endpoints(on: host.name, limit: nil) where endpoint.isAssigned {
                if prefixes[endpoint.vnet] == nil { prefixes[endpoint.vnet] = try tx.vnet(endpoint.vnet)?.prefix }
                guard let prefix = prefixes[endpoint.vnet] else { continue }
                ports.append(DesiredPort(endpoint: endpoint, prefix: prefix, epoch: endpoint.epoch(for: leaf)))
            }
            return ports
        }
    }

    /// The signed policies of the tenants that have endpoints on a leaf, in order of tenant.
    public func policies(for leaf: LeafID) async throws(DirectoryError) -> [PolicyState] {
        try await store.read { (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf)
            var states: [PolicyState] = []
            for name in Set(try tx.endpoints(on: host.name, limit: nil).map(\.name.tenant)).sorted() {
                states.append(try tx.requirePolicy(of: name).state(of: tx.requireTenant(name)))
            }
            return states
        }
    }

    /// Whatever is revoked now, for a leaf that has just attached.
    public func revocations() async throws(DirectoryError) -> [Revocation] {
        try await store.read { (tx) throws(DirectoryError) in try tx.revocations() }
    }

    // 2. The leaf opens a port, and has the endpoint's key certified.

    /// Takes a leaf's word on a port. What it says about endpoints that are not its own changes nothing.
    public func report(leaf: LeafID, identity: Identity, _ report: PortReport) async throws(DirectoryError) {
        try await write { [limit = configuration.detailLength] (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf)
            guard var endpoint = try tx.endpoint(identity) else { return }
            if case .moving(from: host.name, _) = endpoint.state {
                if report == .closed { try tx.release(endpoint) }
                return
            }
            guard endpoint.host == host.name, endpoint.isAssigned else { return }
            let before = endpoint.state
            switch report {
            case .open: endpoint.state = try tx.facts(of: identity)?.leaf == leaf ? .running : .waiting
            case .closed: endpoint.state = .waiting
            case .failed(let detail): endpoint.state = .failed(detail: Self.printable(detail, limit))
            }
            guard endpoint.state != before else { return }
            try tx.put(endpoint)
            if report != .open { try tx.deleteFacts(of: identity) }
            tx.announce(.endpointChanged(identity))
        }
    }

    /// What a leaf says, fit to be stored and shown: no control characters, and not too long.
    private static func printable(_ text: String, _ limit: Int) -> String {
        let printable = text.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }
        return String(String.UnicodeScalarView(printable.prefix(limit)))
    }

    /// Certifies an endpoint for a key that a leaf made: only for the leaf that is to run it.
    public func certifyEndpoint(
        leaf: LeafID, identity: Identity, signingRequest: [UInt8]
    ) async throws(DirectoryError) -> CertifiedEndpoint {
        let request = try Self.parse(signingRequest, pointer: nil)
        let at = now()
        return try await write { [limit = configuration.certificatesPerHolder] (tx) throws(DirectoryError) in
            let endpoint = try tx.requireAssigned(identity, to: leaf)
            let tenant = try tx.requireTenant(endpoint.name.tenant)
            let issued = try self.platform.issueEndpoint(endpoint, of: tenant, publicKey: request.publicKeyInfo, at: at)
            try tx.makeRoom(in: tx.issued(for: identity), limit: limit)
            try tx.put(issued.note(leaf: leaf, identity: identity))
            return CertifiedEndpoint(
                certificate: issued.certificate, issuer: tenant.authority, epoch: endpoint.epoch(for: leaf))
        }
    }

    // 3. The leaf publishes where the endpoint is.

    /// Publishes the facts of an endpoint that a leaf runs.
    ///
    /// They must verify against the platform's root, name this leaf, and carry a certificate that was issued to this
    /// leaf and is not revoked. The epoch must be greater than the last one of another leaf; the same leaf renews with
    /// the same epoch or a greater one. Certificates that former leaves have for the endpoint are revoked.
    public func publish(leaf: LeafID, _ facts: EndpointFacts) async throws(DirectoryError) {
        let verified: VerifiedEndpoint
        switch await platform.anchor.verify(endpoint: facts, at: now(), revocations: .none) {
        case .success(let endpoint): verified = endpoint
        case .failure(let refusal):
            throw DirectoryError(.untrusted, "The published facts are not trusted: \(refusal) (\(refusal.code)).")
        }
        guard verified.leaf == leaf else {
            throw DirectoryError(
                .forbidden, "The record of \(verified.name) names the leaf \(verified.leaf), not \(leaf).",
                remedy: "A leaf publishes only for itself.")
        }
        try await write { [step = configuration.epochStep] (tx) throws(DirectoryError) in
            var endpoint = try tx.requireAssigned(verified.identity, to: leaf)
            guard let note = try tx.issued(serial: verified.serial), note.leaf == leaf,
                note.identity == verified.identity, endpoint.name == verified.name
            else {
                throw DirectoryError(
                    .untrusted, "The certificate of \(verified.name) was not issued to this leaf, or is revoked.",
                    remedy: "Have the endpoint certified anew.")
            }
            try Self.check(verified, against: endpoint, step: step, tx.facts(of: verified.identity))
            endpoint.epoch = verified.epoch
            endpoint.publishedBy = leaf
            endpoint.state = .running
            try tx.put(endpoint)
            try tx.put(
                PublishedFacts(
                    identity: verified.identity, leaf: leaf, epoch: verified.epoch,
                    recordNotAfter: verified.recordNotAfter, certificateNotAfter: verified.certificateNotAfter,
                    locator: verified.locator, facts: facts))
            // The new place before the end of the old: peers switch, and only then lose what they had.
            tx.announce(.endpointChanged(verified.identity))
            try tx.revoke(tx.issued(for: verified.identity).filter { $0.leaf != leaf })
        }
    }

    private static func check(
        _ new: VerifiedEndpoint, against endpoint: Endpoint, step: Epoch, _ published: PublishedFacts?
    ) throws(DirectoryError) {
        let least = endpoint.epoch(for: new.leaf)
        guard new.epoch >= least else {
            throw DirectoryError(
                .olderEpoch,
                "Epoch \(new.epoch) of \(new.name) is older than \(least), the next that may be published.",
                remedy: "Ask for the epoch by having the endpoint certified, and publish that.")
        }
        guard new.epoch - least <= step, new.epoch <= Epoch(Int64.max) else {
            throw DirectoryError(
                .invalid, "Epoch \(new.epoch) of \(new.name) is more than \(step) ahead of \(least).",
                remedy: "Publish the epoch that the directory names.")
        }
        if let published, published.leaf == new.leaf, published.epoch == new.epoch,
            published.recordNotAfter > new.recordNotAfter
        {
            throw DirectoryError(
                .olderEpoch, "A newer record of \(new.name) with epoch \(new.epoch) was published already.",
                remedy: "Publish a new record, not a former one.")
        }
    }

    // 4. The leaf has a packet for someone.

    /// Finds an endpoint for a leaf that has a packet for it. Nil is the one answer for all that is absent, not of the
    /// source's tenant (for an IPv4 address: vnet), or asked on behalf of a source that the leaf does not run.
    public func lookup(
        leaf: LeafID, source: Identity, _ target: LookupTarget
    ) async throws(DirectoryError) -> FoundEndpoint? {
        try await store.read { (tx) throws(DirectoryError) in
            guard let host = try tx.host(leaf), host.isEnrolled, let source = try tx.endpoint(source),
                source.host == host.name, source.isAssigned
            else { return nil }
            var isOutside = false
            var found: Endpoint?
            switch target {
            case .identity(let identity) where self.platform.name.contains(identity):
                found = try tx.endpoint(identity)
            case .identity(let identity):
                found = try tx.border(for: .v6(identity.address), in: source.vnet)
                isOutside = true
            case .ipv4(let address):
                found = try tx.endpoint(address, in: source.vnet)
                if found == nil {
                    found = try tx.border(for: .v4(address), in: source.vnet)
                    isOutside = true
                }
            case .ipv6(let address):
                found = try tx.border(for: .v6(address), in: source.vnet)
                isOutside = true
            }
            guard let found, found.name.tenant == source.name.tenant else { return nil }
            // Facts that have expired are given too: it is for the leaf to refuse them, and one that has a wire by
            // them waits for newer ones. Were they held back, every wire would be cut when a controller returns
            // after a time longer than the life of a record.
            let published = try tx.facts(of: found.identity)
            return FoundEndpoint(
                identity: found.identity, ipv4: found.vnet == source.vnet ? found.ipv4 : nil,
                facts: published?.facts, isOutside: isOutside)
        }
    }

    /// What has become of an identity that a leaf has found before; for pushing changes to it.
    public func state(of identity: Identity) async throws(DirectoryError) -> IdentityState {
        try await store.read { (tx) throws(DirectoryError) in
            guard try tx.endpoint(identity) != nil else { return .deleted }
            guard let published = try tx.facts(of: identity) else { return .notRunning }
            return .published(published.facts)
        }
    }
}

extension DirectoryReader {
    /// The endpoint, if this leaf is to run it now.
    func requireAssigned(_ identity: Identity, to leaf: LeafID) throws(DirectoryError) -> Endpoint {
        let host = try requireLeaf(leaf)
        guard let endpoint = try endpoint(identity), endpoint.host == host.name, endpoint.isAssigned else {
            // One answer, so that a leaf does not learn who else exists.
            throw DirectoryError(
                .forbidden, "Host '\(host.name)' is not to run an endpoint \(identity) now.",
                remedy: "Wait for the list of desired ports.")
        }
        return endpoint
    }
}
