/// The traffic of a tenant, an endpoint or a wire in one hour or day.
public struct UsageItem: Codable, Sendable, Equatable {
    /// When the hour or day begins, RFC 3339, UTC.
    public var time: String
    /// The endpoint, as it was last called; absent for a tenant's and a wire's.
    public var endpoint: String?
    /// The endpoint's identity.
    public var identity: String?
    /// Of a wire, who sends: an endpoint, or an address outside.
    public var source: String?
    /// Of a wire, to whom.
    public var destination: String?
    /// The border that speaks for the source, where that is an address outside.
    public var sourceBorder: String?
    /// The border that speaks for the destination, where that is an address outside.
    public var destinationBorder: String?
    /// IP packets, as they were counted where they were sent.
    public var sentPackets: UInt64
    /// Their bytes, from the IP header on.
    public var sentBytes: UInt64
    /// IP packets, as they were counted where they arrived.
    public var receivedPackets: UInt64
    /// Their bytes, from the IP header on.
    public var receivedBytes: UInt64

    /// Makes an item.
    public init(
        time: String, endpoint: String? = nil, identity: String? = nil, source: String? = nil,
        destination: String? = nil, sourceBorder: String? = nil, destinationBorder: String? = nil,
        sentPackets: UInt64, sentBytes: UInt64, receivedPackets: UInt64, receivedBytes: UInt64
    ) {
        self.time = time
        self.endpoint = endpoint
        self.identity = identity
        self.source = source
        self.destination = destination
        self.sourceBorder = sourceBorder
        self.destinationBorder = destinationBorder
        self.sentPackets = sentPackets
        self.sentBytes = sentBytes
        self.receivedPackets = receivedPackets
        self.receivedBytes = receivedBytes
    }

    enum CodingKeys: String, CodingKey {
        case time, endpoint, identity, source, destination
        case sourceBorder = "source_border"
        case destinationBorder = "destination_border"
        case sentPackets = "sent_packets"
        case sentBytes = "sent_bytes"
        case receivedPackets = "received_packets"
        case receivedBytes = "received_bytes"
    }
}

/// A page of a tenant's figures, in order of time.
public struct Usage: Codable, Sendable, Equatable {
    /// The tenant.
    public var tenant: String
    /// `tenant`, `endpoint` or `wire`.
    public var by: String
    /// `hour` or `day`.
    public var step: String
    /// Where the first hour or day begins, RFC 3339, UTC.
    public var from: String
    /// Where the last one ends.
    public var to: String
    /// The figures; hours and days in which nothing passed are left out.
    public var items: [UsageItem]
    /// What to ask for with `cursor` to get the next page; absent on the last one.
    public var next: String?

    /// Makes a page.
    public init(
        tenant: String, by: String, step: String, from: String, to: String, items: [UsageItem], next: String? = nil
    ) {
        self.tenant = tenant
        self.by = by
        self.step = step
        self.from = from
        self.to = to
        self.items = items
        self.next = next
    }
}

/// What every tenant sent and received in some time.
public struct TenantUsageList: Codable, Sendable, Equatable {
    /// The sums of one tenant.
    public struct Item: Codable, Sendable, Equatable {
        /// The tenant's name.
        public var tenant: String
        /// Whether the tenant is no more; another may have its name.
        public var deleted: Bool
        /// What its endpoints sent.
        public var sentPackets: UInt64
        public var sentBytes: UInt64
        /// What its endpoints received.
        public var receivedPackets: UInt64
        public var receivedBytes: UInt64

        /// Makes an item.
        public init(
            tenant: String, deleted: Bool, sentPackets: UInt64, sentBytes: UInt64, receivedPackets: UInt64,
            receivedBytes: UInt64
        ) {
            self.tenant = tenant
            self.deleted = deleted
            self.sentPackets = sentPackets
            self.sentBytes = sentBytes
            self.receivedPackets = receivedPackets
            self.receivedBytes = receivedBytes
        }

        enum CodingKeys: String, CodingKey {
            case tenant, deleted
            case sentPackets = "sent_packets"
            case sentBytes = "sent_bytes"
            case receivedPackets = "received_packets"
            case receivedBytes = "received_bytes"
        }
    }

    /// Of which figures the sums are, `hour` or `day`.
    public var step: String
    /// Where the time begins, RFC 3339, UTC.
    public var from: String
    /// Where it ends.
    public var to: String
    /// The tenants that have figures in it, in order of name.
    public var items: [Item]

    /// Makes a list.
    public init(step: String, from: String, to: String, items: [Item]) {
        self.step = step
        self.from = from
        self.to = to
        self.items = items
    }
}

/// What passed on one wire, from one endpoint to another, over time.
public struct WireTraffic: Codable, Sendable, Equatable {
    /// Who sends: an endpoint of the tenant, or an address outside.
    public var source: String
    /// To whom.
    public var destination: String
    /// `hour` or `day`.
    public var step: String
    /// Where the first hour or day begins, RFC 3339, UTC.
    public var from: String
    /// Where the last one ends.
    public var to: String
    /// In order of time; hours and days in which nothing passed are left out.
    public var items: [UsageItem]

    /// Makes a description.
    public init(source: String, destination: String, step: String, from: String, to: String, items: [UsageItem]) {
        self.source = source
        self.destination = destination
        self.step = step
        self.from = from
        self.to = to
        self.items = items
    }
}
