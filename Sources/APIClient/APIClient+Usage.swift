public import APITypes

/// Which figures of traffic are asked for; what is nil is left to the controller.
public struct UsageQuery: Sendable, Hashable {
    /// `tenant`, `endpoint` or `wire`.
    public var by: String?
    /// `hour` or `day`.
    public var step: String?
    /// The first hour or day, such as `2026-01-31`.
    public var from: String?
    /// The end, not included.
    public var to: String?
    /// Only this endpoint, or its wires.
    public var endpoint: String?
    /// Only wires with this other end.
    public var peer: String?

    /// Everything as the controller has it.
    public init() {}
}

// Accounts of traffic.

extension APIClient {
    /// The figures of a tenant, all pages of them.
    public func usage(of tenant: String, _ query: UsageQuery) async throws(APIClientError) -> Usage {
        var page: Usage = try await get(path(tenant, query))
        var items = page.items
        while let next = page.next {
            page = try await get(path(tenant, query, cursor: next))
            items += page.items
        }
        page.items = items
        return page
    }

    private func path(_ tenant: String, _ query: UsageQuery, cursor: String? = nil) -> Path {
        Path(
            "v1", "tenants", tenant, "usage",
            query: [
                "by": query.by, "step": query.step, "from": query.from, "to": query.to, "endpoint": query.endpoint,
                "peer": query.peer, "cursor": cursor,
            ])
    }

    /// The figures of a tenant as comma-separated values (RFC 4180).
    public func usageCSV(of tenant: String, _ query: UsageQuery) async throws(APIClientError) -> [UInt8] {
        try await document(
            Path(
                "v1", "tenants", tenant, "usage", "export",
                query: [
                    "by": query.by, "step": query.step, "from": query.from, "to": query.to,
                    "endpoint": query.endpoint, "peer": query.peer, "format": "csv",
                ]))
    }

    /// What every tenant sent and received.
    public func tenantUsage(_ query: UsageQuery) async throws(APIClientError) -> TenantUsageList {
        try await get(Path("v1", "usage", query: ["step": query.step, "from": query.from, "to": query.to]))
    }

    /// What passed on one wire over time.
    public func traffic(
        from source: String, to destination: String, of tenant: String, _ query: UsageQuery
    ) async throws(APIClientError) -> WireTraffic {
        try await get(
            Path(
                "v1", "tenants", tenant, "wires", source, destination, "traffic",
                query: ["step": query.step, "from": query.from, "to": query.to]))
    }
}
