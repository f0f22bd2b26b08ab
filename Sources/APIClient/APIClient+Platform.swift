public import APITypes

// The platform itself, certificates of people, and lists that come in parts.

extension APIClient {
    /// The platform.
    public func platform() async throws(APIClientError) -> PlatformDescription { try await get(Path("v1", "platform")) }

    /// The description of the API, OpenAPI 3.1 in JSON.
    public func openAPI() async throws(APIClientError) -> [UInt8] { try await document(Path("openapi.json")) }

    /// One's own certificates, or those of somebody, by his name before the `@`.
    public func certificates(
        of user: AccountOwner?, limit: Int? = nil
    ) async throws(APIClientError) -> [PersonalCertificate] {
        try await all(things("certificates", of: user), limit: limit)
    }

    /// Has a key certified.
    public func create(_ certificate: NewCertificate) async throws(APIClientError) -> PersonalCertificate {
        try await post(things("certificates", of: nil), certificate)
    }

    /// Revokes a certificate of one's own, or of somebody.
    public func revokeCertificate(_ id: String, of user: AccountOwner?) async throws(APIClientError) {
        try await delete(things("certificates", of: user, [id]))
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
