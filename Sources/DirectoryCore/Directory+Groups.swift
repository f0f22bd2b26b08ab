public import NetTypes
import Policy

extension Directory {
    /// Creates a group without members.
    public func createGroup(_ name: TenantName) async throws(DirectoryError) -> Group {
        let group = Group(name: name, createdAt: now())
        try await write { (tx) throws(DirectoryError) in
            let tenant = try tx.requireActive(name.tenant)
            guard try tx.group(name) == nil else {
                throw DirectoryError(
                    .conflict, "There is a group '\(name)' already.", pointer: "/name",
                    remedy: "Choose another name.")
            }
            try tx.requireRoom(for: .groups, of: tenant)
            try tx.put(group)
            tx.tell(.group, .created, name)
        }
        return group
    }

    /// A tenant's groups in order of name.
    public func groups(of tenant: Name) async throws(DirectoryError) -> [Group] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.groups(of: tenant)
        }
    }

    /// A group.
    public func group(_ name: TenantName) async throws(DirectoryError) -> Group {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireGroup(name) }
    }

    /// A page of the names of a group's members, in order.
    public func members(of group: TenantName, page: Page = Page()) async throws(DirectoryError) -> [Name] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireGroup(group)
            return try tx.members(of: group, page: page)
        }
    }

    /// Deletes a group. Refused while it has members or a policy entry names it.
    public func deleteGroup(_ name: TenantName) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            try tx.requireActive(name.tenant)
            _ = try tx.requireGroup(name)
            let members = try tx.members(of: name, page: Page(limit: 4))
            guard members.isEmpty else {
                throw DirectoryError(
                    .inUse, "Group '\(name)' still has members: \(list(members)).",
                    remedy: "Remove its members first.")
            }
            let naming = try tx.requirePolicy(of: name.tenant).policy().entries.entries.filter {
                $0.names(.group(name.name))
            }
            guard naming.isEmpty else {
                throw DirectoryError(
                    .inUse, "Policy entries name the group '\(name)': \(list(naming.map(\.id))).",
                    remedy: "Delete these entries first.")
            }
            try tx.delete(group: name)
            tx.tell(.group, .deleted, name)
        }
    }

    /// Makes an endpoint a member; nothing changes if it is one. Its leaf has it certified anew.
    public func addMember(_ endpoint: Name, to group: TenantName) async throws(DirectoryError) {
        try await write { [limit = configuration.groupsPerEndpoint] (tx) throws(DirectoryError) in
            try tx.requireActive(group.tenant)
            _ = try tx.requireGroup(group)
            var member = try tx.requireEndpoint(TenantName(group.tenant, endpoint))
            guard !member.groups.contains(group.name) else { return }
            guard member.groups.count < limit else {
                throw DirectoryError(
                    .exhausted, "'\(member.name)' is in \(limit) groups already.",
                    remedy: "Remove it from a group first.")
            }
            member.groups = (member.groups + [group.name]).sorted()
            try tx.put(member)
            try tx.announcePorts(of: member)
            tx.tell(.endpoint, .changed, member.name)
            tx.tell(.group, .changed, group)
        }
    }

    /// Ends an endpoint's membership; nothing changes if it is no member.
    ///
    /// What was certified with the group is revoked at once and its facts are withdrawn, so that no peer acts on a
    /// membership that is over; the endpoint is reachable again as soon as its leaf has published anew.
    public func removeMember(_ endpoint: Name, from group: TenantName) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            try tx.requireActive(group.tenant)
            _ = try tx.requireGroup(group)
            var member = try tx.requireEndpoint(TenantName(group.tenant, endpoint))
            guard let index = member.groups.firstIndex(of: group.name) else { return }
            member.groups.remove(at: index)
            try tx.recertify(member)
            tx.tell(.group, .changed, group)
        }
    }
}

extension DirectoryReader {
    func requireGroup(_ name: TenantName, pointer: String? = nil) throws(DirectoryError) -> Group {
        _ = try requireTenant(name.tenant)
        guard let group = try group(name) else {
            throw DirectoryError.noGroup(name.description, pointer: pointer)
        }
        return group
    }
}

extension DirectoryTransaction {
    /// Writes an endpoint of which something that was certified is no longer so: its certificates are revoked at once
    /// and its facts withdrawn, so that no peer acts on them any more. It is reachable again as soon as its leaf has
    /// published anew.
    func recertify(_ endpoint: Endpoint) throws(DirectoryError) {
        var endpoint = endpoint
        if endpoint.state == .running { endpoint.state = .waiting }
        try put(endpoint)
        try deleteFacts(of: endpoint.identity)
        announce(.endpointChanged(endpoint.identity))
        try revoke(issued(for: endpoint.identity))
        try announcePorts(of: endpoint)
    }

    /// Revokes the oldest of a holder's certificates, so that with a new one there are not more than a limit: who asks
    /// over and over fills neither the directory nor the lists of revocations.
    func makeRoom(in former: [IssuedCertificate], limit: Int) throws(DirectoryError) {
        guard former.count >= limit else { return }
        let oldestFirst = former.sorted { $0.notAfter < $1.notAfter }
        try revoke(Array(oldestFirst.prefix(former.count - limit + 1)))
    }

    /// Revokes certificates by serial number and forgets their notes.
    func revoke(_ certificates: [IssuedCertificate]) throws(DirectoryError) {
        for certificate in certificates {
            let revocation = Revocation(.serial(certificate.serial), expiresAt: certificate.notAfter)
            try delete(issued: certificate.serial)
            try add(revocation)
            announce(.revoked(revocation))
        }
    }
}
