public import NetTypes
import Trust

extension Directory {
    /// Gives an endpoint these labels in the place of all that it has; see ``changeLabels(of:set:remove:)``.
    public func setLabels(_ labels: [PolicyLabel], of name: TenantName) async throws(DirectoryError) -> Endpoint {
        let labels = try check(labels: labels)
        return try await changeAttributes(of: name) { (endpoint) throws(DirectoryError) in endpoint.labels = labels }
    }

    /// Changes labels of an endpoint: the keys of `set` have these values and no others afterwards, those of `remove`
    /// none.
    ///
    /// What was certified of the endpoint before is revoked at once and its facts are withdrawn; it is reachable again
    /// as soon as its leaf has published anew. That is so for a label that is added, too: rules may forbid because of
    /// it, and the former certificate would still go round such a rule.
    public func changeLabels(
        of name: TenantName, set labels: [PolicyLabel], remove keys: [String] = []
    ) async throws(DirectoryError) -> Endpoint {
        let labels = try check(labels: labels)
        let set = Set(labels.map(\.key))
        for (index, key) in keys.enumerated() {
            guard PolicyLabel.isWord(key) else {
                throw DirectoryError(
                    .invalid, "'\(key.prefix(80))' is no key of a label.", pointer: "/remove/\(index)",
                    remedy: "Give the keys of labels that the endpoint has.")
            }
            guard !set.contains(key) else {
                throw DirectoryError(
                    .invalid, "The label '\(key)' is to be set and removed.", pointer: "/remove/\(index)",
                    remedy: "Ask for one of the two.")
            }
        }
        let gone = set.union(keys)
        return try await changeAttributes(of: name) { (endpoint) throws(DirectoryError) in
            for (index, key) in keys.enumerated() {
                guard endpoint.labels.contains(where: { $0.key == key }) else {
                    throw DirectoryError(
                        .notFound, "'\(endpoint.name)' has no label '\(key)'.", pointer: "/remove/\(index)",
                        remedy: "Look at the endpoint's labels.")
                }
            }
            let kept = endpoint.labels.filter { !gone.contains($0.key) }
            endpoint.labels = try self.check(labels: kept + labels)
        }
    }

    /// Gives an endpoint a security level; what was certified before is revoked as for labels.
    public func setLevel(_ level: UInt8, of name: TenantName) async throws(DirectoryError) -> Endpoint {
        try await changeAttributes(of: name) { (endpoint) throws(DirectoryError) in endpoint.level = level }
    }

    func changeAttributes(
        of name: TenantName, _ change: @escaping @Sendable (inout Endpoint) throws(DirectoryError) -> Void
    ) async throws(DirectoryError) -> Endpoint {
        try await write { (tx) throws(DirectoryError) in
            try tx.requireActive(name.tenant)
            let before = try tx.requireEndpoint(name)
            var endpoint = before
            try change(&endpoint)
            guard endpoint != before else { return before }
            try tx.recertify(endpoint)
            return try tx.requireEndpoint(name)
        }
    }

    /// The labels in order, if an endpoint may have them.
    func check(labels: [PolicyLabel]) throws(DirectoryError) -> [PolicyLabel] {
        guard labels.count <= TrustLimits.labels else {
            throw DirectoryError(
                .invalid, "An endpoint may have \(TrustLimits.labels) labels, not \(labels.count).",
                pointer: "/labels", remedy: "Give fewer labels.")
        }
        var seen: Set<PolicyLabel> = []
        for (index, label) in labels.enumerated() {
            guard label.key != PolicyLabel.groupKey else {
                throw DirectoryError(
                    .invalid, "'\(label)' would say that the endpoint is in a group.", pointer: "/labels/\(index)",
                    remedy: "Choose another key, or make the endpoint a member of the group.")
            }
            guard seen.insert(label).inserted else {
                throw DirectoryError(
                    .invalid, "The label '\(label)' is given twice.", pointer: "/labels/\(index)",
                    remedy: "Give each label once.")
            }
        }
        return labels.sorted()
    }
}
