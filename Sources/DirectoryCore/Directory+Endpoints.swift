public import NetTypes
import Policy

extension Directory {
    /// Creates an endpoint: gives it an identity and an address, and wants its port on its host.
    public func createEndpoint(_ new: NewEndpoint) async throws(DirectoryError) -> Endpoint {
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            let tenant = try tx.requireActive(new.name.tenant)
            var vnet = try tx.requireVNet(TenantName(new.name.tenant, new.vnet), pointer: "/vnet")
            guard try tx.endpoint(new.name) == nil else {
                throw DirectoryError(
                    .conflict, "There is an endpoint '\(new.name)' already.", pointer: "/name",
                    remedy: "Choose another name.")
            }
            try tx.requireRoom(for: .endpoints, of: tenant)
            let host = try tx.requireHost(new.host, pointer: "/host")
            let groups = try self.check(groups: new.groups, of: new.name.tenant, tx)
            let labels = try self.check(labels: new.labels)
            let networks = try self.check(networks: new.networks)
            let identity = try self.newIdentity(tx)
            let ipv4 = try Self.address(new.ipv4, in: &vnet, tx)
            let attachment = try Self.attachment(new, identity)
            try Self.checkFree(new.kind, attachment, on: new.host, tx)
            let endpoint = Endpoint(
                identity: identity, name: new.name, vnet: vnet.id, vnetName: new.vnet, ipv4: ipv4, groups: groups,
                labels: labels, level: new.level, networks: networks, kind: new.kind, attachment: attachment,
                host: new.host,
                state: .waiting, epoch: 0, publishedBy: nil, createdAt: at)
            try tx.put(vnet)
            try tx.put(endpoint)
            tx.announce(.portsChanged(host.id))
            tx.tell(.endpoint, .created, endpoint.name)
            return endpoint
        }
    }

    /// A page of a tenant's endpoints in order of name.
    public func endpoints(of tenant: Name, page: Page = Page()) async throws(DirectoryError) -> [Endpoint] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.endpoints(of: tenant, page: page)
        }
    }

    /// An endpoint by its name.
    public func endpoint(_ name: TenantName) async throws(DirectoryError) -> Endpoint {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireEndpoint(name) }
    }

    /// An endpoint by its identity, for reports about wires; nil when there is none.
    public func endpoint(_ identity: Identity) async throws(DirectoryError) -> Endpoint? {
        try await store.read { (tx) throws(DirectoryError) in try tx.endpoint(identity) }
    }

    /// What was last published of an endpoint; nil when nothing was, or it was withdrawn.
    public func published(of name: TenantName) async throws(DirectoryError) -> PublishedFacts? {
        try await store.read { (tx) throws(DirectoryError) in
            try tx.facts(of: tx.requireEndpoint(name).identity)
        }
    }

    /// Deletes an endpoint: closes its port, revokes all that was certified for it, and removes the policy entries
    /// that name it, so that a later endpoint of the same name does not inherit its wires.
    public func deleteEndpoint(_ name: TenantName) async throws(DirectoryError) {
        let at = now()
        try await write { (tx) throws(DirectoryError) in
            try tx.requireActive(name.tenant)
            let endpoint = try tx.requireEndpoint(name)
            var vnet = try tx.requireVNet(TenantName(name.tenant, endpoint.vnetName))
            vnet.endpointCount -= 1
            try self.changePolicy(of: name.tenant, at: at, "delete the endpoint \(name.name)", tx) {
                (policy) throws(PolicyError) in
                for entry in policy.entries.entries where entry.names(.endpoint(name.name)) {
                    try policy.entries.remove(entry.id)
                }
            }
            let host = try tx.requireHost(endpoint.host)
            try tx.keepAccount(of: endpoint, by: host, until: at + self.configuration.usageTenure)
            let lastDay = try tx.issued(for: endpoint.identity).map(\.notAfter).max()
            try tx.delete(endpoint: endpoint.identity)
            try tx.put(vnet)
            tx.announce(.endpointChanged(endpoint.identity))
            if let lastDay {
                let revocation = Revocation(.identity(endpoint.identity), expiresAt: lastDay)
                try tx.add(revocation)
                tx.announce(.revoked(revocation))
            }
            try tx.announcePorts(of: endpoint)
            tx.tell(.endpoint, .deleted, name, groups: endpoint.groups)
        }
    }

    /// An identity that nobody has: 80 random bits behind the platform's /48.
    private func newIdentity(_ tx: any DirectoryReader) throws(DirectoryError) -> Identity {
        // Two of a million endpoints meet once in 10^12 platforms; a broken source of randomness meets at once.
        for _ in 0..<4 {
            let bits = random(10).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
            guard bits != 0, bits >> 80 == 0,
                let identity = Identity(IPv6Address(platform.name.prefix.address.value | bits))
            else { continue }
            if try tx.endpoint(identity) == nil, try !tx.isRevoked(.identity(identity)) { return identity }
        }
        throw DirectoryError(
            .storage, "The source of randomness gave identities that are in use.",
            remedy: "Look after the machine's random number generator.")
    }

    /// The address that was asked for, or the next free one; notes it in the vnet.
    private static func address(
        _ wanted: IPv4Address?, in vnet: inout VNet, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> IPv4Address {
        let hosts = vnet.prefix.hosts
        if let wanted {
            guard hosts.contains(wanted.value) else {
                throw DirectoryError(
                    .invalid, "The address \(wanted) is no machine's address in \(vnet.prefix) of vnet '\(vnet.name)'.",
                    pointer: "/ipv4",
                    remedy: "Choose one of \(IPv4Address(hosts.lowerBound)) to \(IPv4Address(hosts.upperBound)).")
            }
            if let other = try tx.endpoint(wanted, in: vnet.id) {
                throw DirectoryError(
                    .conflict, "The address \(wanted) is that of '\(other.name)'.", pointer: "/ipv4",
                    remedy: "Choose another, or leave it out to have the next free one.")
            }
            vnet.endpointCount += 1
            return wanted
        }
        guard UInt64(vnet.endpointCount) < UInt64(hosts.count) else { throw full(vnet) }
        let start = hosts.contains(vnet.nextAddress.value) ? vnet.nextAddress.value : hosts.lowerBound
        var found = try tx.freeAddress(in: vnet.id, range: start...hosts.upperBound)
        if found == nil, start > hosts.lowerBound {
            found = try tx.freeAddress(in: vnet.id, range: hosts.lowerBound...(start - 1))
        }
        guard let found else { throw full(vnet) }
        vnet.endpointCount += 1
        vnet.nextAddress = IPv4Address(found.value == hosts.upperBound ? hosts.lowerBound : found.value + 1)
        return found
    }

    private static func full(_ vnet: VNet) -> DirectoryError {
        DirectoryError(
            .exhausted, "VNet '\(vnet.name)' has no free address left in \(vnet.prefix).", pointer: "/vnet",
            remedy: "Use another vnet, or delete endpoints.")
    }

    /// The groups in order of name, if they all exist and none is named twice.
    private func check(
        groups: [Name], of tenant: Name, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> [Name] {
        guard groups.count <= configuration.groupsPerEndpoint else {
            throw DirectoryError(
                .invalid, "An endpoint may be in \(configuration.groupsPerEndpoint) groups, not \(groups.count).",
                pointer: "/groups", remedy: "Name fewer groups.")
        }
        var seen: Set<Name> = []
        for (index, group) in groups.enumerated() {
            guard seen.insert(group).inserted else {
                throw DirectoryError(
                    .invalid, "The group '\(group)' is named twice.", pointer: "/groups/\(index)",
                    remedy: "Name each group once.")
            }
            _ = try tx.requireGroup(TenantName(tenant, group), pointer: "/groups/\(index)")
        }
        return groups.sorted()
    }

    /// The name of what the port is attached to.
    private static func attachment(_ new: NewEndpoint, _ identity: Identity) throws(DirectoryError) -> String {
        guard let attachment = new.attachment else {
            switch new.kind {
            case .namespace: return "\(new.name.tenant)-\(new.name.name)"
            case .tap: return "pb" + hexadecimal(identity.octets.suffix(5)).suffix(9)
            }
        }
        // IFNAMSIZ leaves 15 octets for a device; a namespace is a file in /run/netns, and NAME_MAX is 255.
        let longest = new.kind == .tap ? 15 : 255
        let allowed = attachment.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
                || [0x2d, 0x2e, 0x5f].contains($0)
        }
        guard allowed, (1...longest).contains(attachment.utf8.count), attachment != ".", attachment != ".." else {
            let what = new.kind == .tap ? "TAP device" : "network namespace"
            throw DirectoryError(
                .invalid, "'\(attachment.prefix(80))' cannot be the name of a \(what).", pointer: "/attachment",
                remedy: "Use 1 to \(longest) letters, digits, '-', '_' and '.'.")
        }
        return attachment
    }

    /// Refuses a second port on one namespace or device.
    static func checkFree(
        _ kind: Endpoint.Kind, _ attachment: String, on host: Name, _ tx: any DirectoryReader
    ) throws(DirectoryError) {
        if let other = try tx.endpoint(kind: kind, attachment: attachment, on: host) {
            throw DirectoryError(
                .conflict, "The \(kind.rawValue) '\(attachment)' on host '\(host)' is that of '\(other.name)'.",
                pointer: "/attachment", remedy: "Give each endpoint a namespace or device of its own.")
        }
    }
}

extension DirectoryReader {
    func requireEndpoint(_ name: TenantName, pointer: String? = nil) throws(DirectoryError) -> Endpoint {
        guard let endpoint = try endpoint(name) else {
            _ = try requireTenant(name.tenant)
            throw DirectoryError.noEndpoint(name.description, pointer: pointer)
        }
        return endpoint
    }
}

extension DirectoryTransaction {
    /// Says that the ports are others now on the host that is to run an endpoint, and on the one that still has it.
    func announcePorts(of endpoint: Endpoint) throws(DirectoryError) {
        if let host = try host(endpoint.host) { announce(.portsChanged(host.id)) }
        if case .moving(let from, _) = endpoint.state, let host = try host(from) { announce(.portsChanged(host.id)) }
    }
}
