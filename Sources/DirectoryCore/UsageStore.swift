public import NetTypes

/// How long a figure's time is.
public enum UsageStep: Int, Hashable, Sendable, CaseIterable {
    case hour = 0
    case day = 1

    /// In seconds.
    public var seconds: Int64 { self == .hour ? 3_600 : 86_400 }

    /// The begin of the hour or day (UTC) of a moment.
    public func begin(of moment: Timestamp) -> Timestamp {
        let rest = moment.seconds % seconds
        return moment + -(rest < 0 ? rest + seconds : rest)
    }
}

/// Of what a figure is.
public enum UsageKind: Int, Hashable, Sendable, CaseIterable {
    case tenant = 0
    case endpoint = 1
    case wire = 2
}

/// What passed: IP packets of the endpoints, and their bytes with all headers from IP on.
public struct Traffic: Hashable, Sendable {
    /// What was sent, as it was counted where it was sent.
    public var sentPackets: UInt64 = 0
    public var sentBytes: UInt64 = 0
    /// What was received, as it was counted where it arrived.
    public var receivedPackets: UInt64 = 0
    public var receivedBytes: UInt64 = 0

    /// Nothing.
    public init() {}

    public static func += (a: inout Traffic, b: Traffic) {
        a.sentPackets &+= b.sentPackets
        a.sentBytes &+= b.sentBytes
        a.receivedPackets &+= b.receivedPackets
        a.receivedBytes &+= b.receivedBytes
    }
}

/// A place in the accounts: the number of a tenant, an endpoint or a wire. It stays when they are deleted.
public typealias UsageNumber = Int64

/// What is booked of one leaf.
public struct UsageLeaf: Hashable, Sendable {
    /// Of the newest report that was booked.
    public var receipt: UInt64 = 0
    /// When the counts of that report were read, and no later than it came.
    public var readAt: Timestamp?
    /// When it was booked.
    public var bookedAt: Timestamp?
    /// The time, in milliseconds, that the leaf has used up if it always carried as much as is believed.
    public var budget: Int64 = 0

    public init() {}
}

/// Which end of a wire counts.
public enum UsageEnd: Int, Hashable, Sendable {
    case send = 1
    case receive = 2
    /// Both ends are on one host, and one count is of both.
    case local = 3
}

/// How far a leaf's count is booked.
public struct UsageCounter: Hashable, Sendable {
    public var wire: UsageNumber
    public var end: UsageEnd
    public var packets: UInt64
    public var bytes: UInt64

    public init(wire: UsageNumber, end: UsageEnd, packets: UInt64, bytes: UInt64) {
        self.wire = wire
        self.end = end
        self.packets = packets
        self.bytes = bytes
    }
}

/// An endpoint in the accounts.
public struct UsageParty: Hashable, Sendable {
    public var number: UsageNumber
    public var tenant: UsageNumber
    public var identity: Identity

    public init(number: UsageNumber, tenant: UsageNumber, identity: Identity) {
        self.number = number
        self.tenant = tenant
        self.identity = identity
    }
}

/// Whose packets a count is of.
public struct TrafficPair: Hashable, Sendable {
    /// Who sends; the border, where the address outside is there.
    public var source: Identity
    public var destination: Identity
    public var outsideSource: IPAddress?
    public var outsideDestination: IPAddress?

    public init(
        source: Identity, destination: Identity, outsideSource: IPAddress? = nil, outsideDestination: IPAddress? = nil
    ) {
        self.source = source
        self.destination = destination
        self.outsideSource = outsideSource
        self.outsideDestination = outsideDestination
    }
}

/// The traffic of a tenant, an endpoint or a wire in one hour or day.
public struct UsageFigure: Hashable, Sendable {
    /// One end of a wire, or an endpoint.
    public struct End: Hashable, Sendable {
        /// As it was called when it was last told of.
        public var name: Name
        public var identity: Identity
        /// The address outside for which it speaks.
        public var outside: IPAddress?

        public init(name: Name, identity: Identity, outside: IPAddress? = nil) {
            self.name = name
            self.identity = identity
            self.outside = outside
        }
    }

    /// When the hour or day begins, UTC.
    public var time: Timestamp
    public var number: UsageNumber
    /// The endpoint; of a wire, who sends; nil: it is a tenant's.
    public var end: End?
    /// Of a wire, to whom.
    public var destination: End?
    public var traffic: Traffic

    public init(time: Timestamp, number: UsageNumber, end: End? = nil, destination: End? = nil, traffic: Traffic) {
        self.time = time
        self.number = number
        self.end = end
        self.destination = destination
        self.traffic = traffic
    }
}

/// Which figures are looked for.
public struct UsageQuestion: Hashable, Sendable {
    /// The figure after which a page begins.
    public struct Place: Hashable, Sendable {
        public var time: Timestamp
        public var number: UsageNumber

        public init(time: Timestamp, number: UsageNumber) {
            self.time = time
            self.number = number
        }
    }

    public var kind: UsageKind
    public var step: UsageStep
    /// The first hour or day.
    public var from: Timestamp
    /// The end of the last one.
    public var to: Timestamp
    /// Only this endpoint, or the wires that have it as an end.
    public var end: FlowEnd?
    /// Of those wires only the ones with this other end.
    public var peer: FlowEnd?
    /// Only wires from ``end`` to ``peer``.
    public var isOneWay = false
    public var after: Place?
    public var limit: Int

    public init(kind: UsageKind, step: UsageStep, from: Timestamp, to: Timestamp, limit: Int = 1_000) {
        self.kind = kind
        self.step = step
        self.from = from
        self.to = to
        self.limit = limit
    }
}

/// A tenant's traffic over some time.
public struct TenantUsage: Hashable, Sendable {
    public var name: Name
    /// Whether there is this tenant now; another may have its name.
    public var isPresent: Bool
    public var traffic: Traffic

    public init(name: Name, isPresent: Bool, traffic: Traffic) {
        self.name = name
        self.isPresent = isPresent
        self.traffic = traffic
    }
}

/// What a transaction can read of the accounts of traffic.
public protocol UsageReader {
    func usageLeaf(_ leaf: LeafID) throws(DirectoryError) -> UsageLeaf?
    func usageCounter(_ id: UInt64, of leaf: LeafID) throws(DirectoryError) -> UsageCounter?
    /// The number of a tenant; nil as long as nothing is booked of it.
    func usageNumber(of tenant: Tenant) throws(DirectoryError) -> UsageNumber?
    /// An endpoint that the accounts know, also one that is deleted.
    func usageParty(_ identity: Identity) throws(DirectoryError) -> UsageParty?
    func usageParty(_ number: UsageNumber) throws(DirectoryError) -> UsageParty?
    /// The ends of a wire: source and destination.
    func usageEnds(of wire: UsageNumber) throws(DirectoryError) -> (source: UsageNumber, destination: UsageNumber)?
    /// Until when a leaf may tell of an endpoint that it no longer has; nil: it may not.
    func usageTenure(of identity: Identity, at leaf: LeafID) throws(DirectoryError) -> Timestamp?
    /// Whether the accounts know an endpoint of a tenant by that name.
    func usageKnows(_ name: Name, of tenant: UsageNumber) throws(DirectoryError) -> Bool
    /// Figures in order of time and number.
    func usageFigures(of tenant: UsageNumber, _ question: UsageQuestion) throws(DirectoryError) -> [UsageFigure]
    /// The sums of all tenants that have figures in some time, in order of name.
    func tenantUsage(
        step: UsageStep, from: Timestamp, to: Timestamp
    ) throws(DirectoryError) -> [TenantUsage]
}

/// What a transaction can write of the accounts of traffic.
public protocol UsageTransaction: UsageReader {
    func put(_ state: UsageLeaf, of leaf: LeafID) throws(DirectoryError)
    func put(_ counter: UsageCounter, id: UInt64, run: UInt64, of leaf: LeafID) throws(DirectoryError)
    /// Notes that a count was told in a run.
    func touch(usageCounter id: UInt64, run: UInt64, of leaf: LeafID) throws(DirectoryError)
    func delete(usageCounter id: UInt64, of leaf: LeafID) throws(DirectoryError)
    /// Forgets the counts of a leaf that were not told in a run.
    func deleteUsageCounters(of leaf: LeafID, except run: UInt64) throws(DirectoryError)
    /// Enters an endpoint, or its present name.
    func enterUsageParty(_ endpoint: Endpoint, of tenant: Tenant) throws(DirectoryError) -> UsageParty
    func enterUsageWire(
        _ pair: TrafficPair, source: UsageParty, destination: UsageParty
    ) throws(DirectoryError) -> UsageNumber
    func putUsageTenure(of identity: Identity, at leaf: LeafID, until: Timestamp) throws(DirectoryError)
    /// Adds to the figure of a tenant, an endpoint or a wire, for its hour and its day.
    func add(
        _ traffic: Traffic, to number: UsageNumber, _ kind: UsageKind, of tenant: UsageNumber, at moment: Timestamp
    ) throws(DirectoryError)
    /// Forgets figures that began before a time, and tenures that have ended; returns how many.
    @discardableResult
    func deleteUsage(
        hoursBefore: Timestamp, daysBefore: Timestamp, at now: Timestamp
    ) throws(DirectoryError) -> Int
    /// Forgets names of which there is no figure any more, and what is booked of leaves that are gone.
    func sweepUsage() throws(DirectoryError)
}
