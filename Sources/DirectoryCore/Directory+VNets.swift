public import NetTypes

extension Directory {
    /// Creates a vnet.
    ///
    /// - Parameters:
    ///   - prefix: the private IPv4 prefix; it may not overlap another one of the tenant, but may well be another
    ///     tenant's too.
    ///   - id: the 128-bit number; nil: a random one.
    public func createVNet(
        _ name: TenantName, prefix: IPv4Prefix, id: VNetID? = nil
    ) async throws(DirectoryError) -> VNet {
        try Self.check(prefix)
        let at = now()
        guard let chosen = id ?? VNetID(octets: random(16)) else {
            throw DirectoryError(.storage, "The source of randomness gave fewer octets than asked for.")
        }
        let vnet = VNet(
            id: chosen, name: name, prefix: prefix, createdAt: at, nextAddress: IPv4Address(prefix.hosts.lowerBound),
            endpointCount: 0)
        try await write { (tx) throws(DirectoryError) in
            let tenant = try tx.requireActive(name.tenant)
            let others = try tx.vnets(of: name.tenant)
            guard !others.contains(where: { $0.name == name }) else {
                throw DirectoryError(
                    .conflict, "There is a vnet '\(name)' already.", pointer: "/name",
                    remedy: "Choose another name.")
            }
            if let other = others.first(where: { $0.prefix.overlaps(prefix) }) {
                throw DirectoryError(
                    .conflict,
                    "The prefix \(prefix) overlaps \(other.prefix) of vnet '\(other.name.name)' of the same tenant.",
                    pointer: "/ipv4_prefix", remedy: "Choose a prefix that is apart from the tenant's other ones.")
            }
            guard try tx.vnet(chosen) == nil else {
                throw DirectoryError(
                    .conflict, "There is a vnet with the id \(chosen) already.", pointer: "/id",
                    remedy: "Leave the id out, so that a random one is chosen.")
            }
            try tx.requireRoom(for: .vnets, of: tenant)
            try tx.put(vnet)
            tx.tell(.vnet, .created, name)
        }
        return vnet
    }

    /// A tenant's vnets in order of name.
    public func vnets(of tenant: Name) async throws(DirectoryError) -> [VNet] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.vnets(of: tenant)
        }
    }

    /// A vnet.
    public func vnet(_ name: TenantName) async throws(DirectoryError) -> VNet {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireVNet(name) }
    }

    /// Deletes a vnet. Refused while it has endpoints.
    public func deleteVNet(_ name: TenantName) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            try tx.requireActive(name.tenant)
            let vnet = try tx.requireVNet(name)
            guard vnet.endpointCount == 0 else {
                throw DirectoryError(
                    .inUse, "VNet '\(name)' still has \(vnet.endpointCount) endpoint(s).",
                    remedy: "Delete its endpoints first.")
            }
            try tx.delete(vnet: vnet.id)
            tx.tell(.vnet, .deleted, name)
        }
    }

    /// Refuses prefixes in which no machine can have a private address.
    private static func check(_ prefix: IPv4Prefix) throws(DirectoryError) {
        // RFC 6890: this network, loopback, link-local (leaves do not answer for it), multicast and above.
        for (text, address, length) in reserved {
            guard let other = IPv4Prefix(IPv4Address(address), length: length), other.overlaps(prefix) else { continue }
            throw DirectoryError(
                .invalid, "The prefix \(prefix) overlaps \(other), which is reserved for \(text) (RFC 6890).",
                pointer: "/ipv4_prefix", remedy: "Choose a private prefix such as 10.0.0.0/24.")
        }
    }

    private static let reserved: [(String, UInt32, Int)] = [
        ("\"this network\"", 0, 8), ("loopback", 0x7f00_0000, 8), ("link-local addresses", 0xa9fe_0000, 16),
        ("multicast and later use", 0xe000_0000, 3),
    ]
}

extension DirectoryReader {
    func requireVNet(_ name: TenantName, pointer: String? = nil) throws(DirectoryError) -> VNet {
        _ = try requireTenant(name.tenant)
        guard let vnet = try vnet(name) else {
            throw DirectoryError(
                .notFound, "There is no vnet '\(name)'.", pointer: pointer,
                remedy: "List the tenant's vnets, or create it.")
        }
        return vnet
    }
}
