public import APITypes

// The platform itself, certificates of people, and lists that come in parts.

extension APIClient {
    /// The platform.
    public func platform() async throws(APIClientError) -> PlatformDescription { try await get(Path("v1", "platform")) }

    private func certificates(_ user: (name: String, tenant: String?)?, _ rest: [String] = []) -> Path {
        guard let user else { return Path(segments: ["v1", "self", "certificates"] + rest) }
        let side = user.tenant.map { ["v1", "tenants", $0] } ?? ["v1"]
        return Path(segments: side + ["users", user.name, "certificates"] + rest)
    }

    /// One's own certificates, or those of somebody, by his name before the `@`.
    public func certificates(
        of user: (name: String, tenant: String?)?, limit: Int? = nil
    ) async throws(APIClientError) -> [PersonalCertificate] {
        try await all(certificates(user), limit: limit)
    }

    /// Has a key certified.
    public func create(_ certificate: NewCertificate) async throws(APIClientError) -> PersonalCertificate {
        try await post(certificates(nil), certificate)
    }

    /// Revokes a certificate of one's own, or of somebody.
    public func revokeCertificate(
        _ id: String, of user: (name: String, tenant: String?)?
    ) async throws(APIClientError) {
        try await delete(certificates(user, [id]))
    }

    /// A whole list, part by part, or so many items of it.
    func all<Item: Codable & Sendable>(_ path: Path, limit: Int? = nil) async throws(APIClientError) -> [Item] {
        var (items, cursor): ([Item], String?) = ([], nil)
        repeat {
            let wanted = limit.map { min($0 - items.count, Self.partSize) } ?? Self.partSize
            let list: ItemList<Item> = try await get(path.with(query: ["limit": "\(wanted)", "cursor": cursor]))
            items += list.items
            cursor = list.items.isEmpty ? nil : list.next
        } while cursor != nil && limit.map { items.count < $0 } ?? true
        return items
    }

    /// How many items are asked for at a time; the most that the API gives.
    private static let partSize = 1_000
}
