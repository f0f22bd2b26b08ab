public import NetTypes

// Accounts of traffic. What a leaf tells is cumulative, so that it may tell it again; the difference to what is booked
// already is added, and noted as booked, in one transaction. docs/decisions/0016-traffic-accounts.md has the reasoning.

/// What one end of a wire has counted since it was plugged, as its leaf tells it.
public struct TrafficCount: Hashable, Sendable {
    /// The leaf never gives it again; below 2^63.
    public var id: UInt64
    /// Nil: the leaf does not know any more.
    public var end: UsageEnd?
    /// Nil: the leaf does not know any more.
    public var pair: TrafficPair?
    public var packets: UInt64
    public var bytes: UInt64
    /// When it was unplugged; nil: it counts on.
    public var endedAt: Timestamp?

    public init(
        id: UInt64, end: UsageEnd?, pair: TrafficPair?, packets: UInt64, bytes: UInt64, endedAt: Timestamp? = nil
    ) {
        self.id = id
        self.end = end
        self.pair = pair
        self.packets = packets
        self.bytes = bytes
        self.endedAt = endedAt
    }
}

/// What a leaf tells of its wires.
public struct TrafficReport: Hashable, Sendable {
    /// Of the last report that the leaf knows to be booked; 0: none.
    public var receipt: UInt64
    /// The number of the leaf's process.
    public var run: UInt64
    /// When the counts were read, by the leaf's clock.
    public var readAt: Timestamp
    public var counts: [TrafficCount]
    /// Ended counts that the leaf never tells again.
    public var forgotten: [UInt64]
    /// Whether all counts were told in this run.
    public var isComplete: Bool

    public init(
        receipt: UInt64, run: UInt64, readAt: Timestamp, counts: [TrafficCount], forgotten: [UInt64] = [],
        isComplete: Bool = false
    ) {
        self.receipt = receipt
        self.run = run
        self.readAt = readAt
        self.counts = counts
        self.forgotten = forgotten
        self.isComplete = isComplete
    }
}

/// What became of a report.
public struct TrafficReceipt: Hashable, Sendable {
    /// To be named in the next report.
    public var receipt: UInt64
    /// False: the report named another receipt than the newest, and nothing of it was booked.
    public var isBooked: Bool
    /// Counts that were not believed.
    public var refused = 0
    /// Counts that the leaf told for a time to come, or for one of which no figures are kept any more, and that were
    /// booked to the present hour or to the oldest one.
    public var moved = 0
}

extension Directory {
    // 4. The leaf tells what its wires have counted.

    /// Books what a leaf tells, once, however often it tells it.
    ///
    /// A report is booked only when it names the newest receipt of the leaf: what is delivered twice, late or out of order
    /// finds another one. A leaf is believed about the endpoints that it has, or had until some days ago, and about no more
    /// than a host can carry. Of a wire it tells its own end: never what the other end counts.
    public func book(_ report: TrafficReport, of leaf: LeafID) async throws(DirectoryError) -> TrafficReceipt {
        guard report.counts.count <= configuration.usageCounts, report.forgotten.count <= configuration.usageCounts,
            report.run <= UInt64(Int64.max), report.receipt <= UInt64(Int64.max)
        else {
            throw DirectoryError(
                .invalid,
                "A report of traffic has at most \(configuration.usageCounts) counts, and numbers below 2^63.",
                remedy: "Send it in parts.")
        }
        let (at, configuration) = (now(), configuration)
        return try await store.write { (tx) throws(DirectoryError) in
            let host = try tx.requireLeaf(leaf)
            let state = try tx.usageLeaf(leaf) ?? UsageLeaf()
            guard state.receipt == report.receipt else {
                return TrafficReceipt(receipt: state.receipt, isBooked: false)
            }
            var booking = Booking(tx: tx, host: host, state: state, report: report, at: at, configuration)
            for id in report.forgotten where id <= UInt64(Int64.max) { try tx.delete(usageCounter: id, of: leaf) }
            var refused = 0
            for count in report.counts where try !booking.take(count) { refused += 1 }
            if report.isComplete { try tx.deleteUsageCounters(of: leaf, except: report.run) }
            let receipt = try booking.finish()
            return TrafficReceipt(receipt: receipt, isBooked: true, refused: refused, moved: booking.moved)
        }
    }

    // MARK: Looking at figures

    /// The figures of a tenant, one page in order of time.
    public func usage(
        of tenant: Name, _ question: UsageQuestion
    ) async throws(DirectoryError) -> [UsageFigure] {
        try await store.read { (tx) throws(DirectoryError) in
            let owner = try tx.requireTenant(tenant)
            let number = try tx.usageNumber(of: owner)
            for (end, pointer) in [(question.end, "endpoint"), (question.peer, "peer")] {
                guard case .endpoint(let name)? = end else { continue }
                if try tx.endpoint(TenantName(tenant, name)) != nil { continue }
                if let number, try tx.usageKnows(name, of: number) { continue }
                throw .noFigures(of: name, in: tenant, pointer: pointer)
            }
            guard let number else { return [] }
            return try tx.usageFigures(of: number, question)
        }
    }

    /// What every tenant sent and received in some time, also those that are deleted.
    public func tenantUsage(
        step: UsageStep, from: Timestamp, to: Timestamp
    ) async throws(DirectoryError) -> [TenantUsage] {
        try await store.read { (tx) throws(DirectoryError) in try tx.tenantUsage(step: step, from: from, to: to) }
    }

    // MARK: Upkeep

    /// Forgets figures that are older than they are kept; looks once an hour.
    func pruneUsage(at moment: Timestamp) async throws(DirectoryError) {
        let hour = UsageStep.hour.begin(of: moment)
        let former = usagePruned.withLock { $0 }
        guard former != hour else { return }
        let isNewDay = former.map { UsageStep.day.begin(of: $0) } != UsageStep.day.begin(of: moment)
        let hours = UsageStep.hour.begin(of: moment + -configuration.usageHours)
        let days = UsageStep.day.begin(of: moment + -configuration.usageDays)
        try await store.write { (tx) throws(DirectoryError) in
            try tx.deleteUsage(hoursBefore: hours, daysBefore: days, at: moment)
            if isNewDay { try tx.sweepUsage() }
        }
        usagePruned.withLock { $0 = hour }
    }
}

extension DirectoryError {
    /// There is no such endpoint, or not for the one who asks.
    public static func noFigures(of endpoint: Name, in tenant: Name, pointer: String) -> DirectoryError {
        DirectoryError(
            .notFound, "There is no endpoint '\(endpoint)' in tenant '\(tenant)', nor are there figures of one.",
            pointer: pointer)
    }
}

extension DirectoryTransaction {
    /// Lets the leaf that has an endpoint tell what it had counted, once the endpoint has left it or is deleted.
    func keepAccount(of endpoint: Endpoint, by host: LeafHost, until: Timestamp) throws(DirectoryError) {
        guard host.isEnrolled else { return }
        _ = try enterUsageParty(endpoint, of: requireTenant(endpoint.name.tenant))
        try putUsageTenure(of: endpoint.identity, at: host.id, until: until)
        if case .moving(from: let former, _) = endpoint.state, let leaf = try self.host(former), leaf.isEnrolled {
            try putUsageTenure(of: endpoint.identity, at: leaf.id, until: until)
        }
    }
}

/// One report on its way into the books.
private struct Booking {
    private let tx: any DirectoryTransaction
    private let host: LeafHost
    private var state: UsageLeaf
    private let report: TrafficReport
    private let at: Timestamp
    private let configuration: DirectoryConfiguration
    private var figures: [Key: Traffic] = [:]
    /// What was looked up for this report already; nil: not known here, or not believed.
    private var parties: [Identity: UsageParty?] = [:]
    private var believed: [Identity: Bool] = [:]
    /// Counts that were told for a time that cannot be.
    private(set) var moved = 0

    private struct Key: Hashable {
        var kind: UsageKind
        var number: UsageNumber
        var tenant: UsageNumber
        var hour: Timestamp
    }

    init(
        tx: any DirectoryTransaction, host: LeafHost, state: UsageLeaf, report: TrafficReport, at: Timestamp,
        _ configuration: DirectoryConfiguration
    ) {
        self.tx = tx
        self.host = host
        self.state = state
        self.report = report
        self.at = at
        self.configuration = configuration
    }

    /// Books what is new of a count; false when it is not believed.
    mutating func take(_ count: TrafficCount) throws(DirectoryError) -> Bool {
        let highest = UInt64(Int64.max)
        guard count.id <= highest, count.packets <= highest, count.bytes <= highest else { return false }
        var found = try tx.usageCounter(count.id, of: host.id)
        if found == nil { found = try begin(count) }
        if let found, isFormer, count.packets < found.packets, count.bytes <= found.bytes {
            // An hour that was booked already, and a later one too.
            try tx.touch(usageCounter: count.id, run: report.run, of: host.id)
            return true
        }
        guard var counter = found, count.packets >= counter.packets, count.bytes >= counter.bytes,
            let ends = try tx.usageEnds(of: counter.wire), let source = try tx.usageParty(ends.source),
            let destination = try tx.usageParty(ends.destination)
        else { return false }
        guard count.packets > counter.packets || count.bytes > counter.bytes else {
            try tx.touch(usageCounter: count.id, run: report.run, of: host.id)
            return true
        }
        let sends = counter.end != .receive
        let receives = counter.end != .send
        if sends, try !isBelieved(source.identity) { return false }
        if receives, try !isBelieved(destination.identity) { return false }
        let (packets, bytes) = (count.packets - counter.packets, count.bytes - counter.bytes)
        // A count is read while it is counted, so the last super-packet may have its packets in it and not its bytes.
        let most = (count.packets.addingReportingOverflow(65_536).partialValue)
            .multipliedReportingOverflow(by: 65_575)
        guard most.overflow || count.bytes <= most.partialValue, spend(bytes) else { return false }

        let hour = UsageStep.hour.begin(of: moment(of: count))
        var whole = Traffic()
        if sends { (whole.sentPackets, whole.sentBytes) = (packets, bytes) }
        if receives { (whole.receivedPackets, whole.receivedBytes) = (packets, bytes) }
        add(whole, .wire, counter.wire, source.tenant, hour)
        add(whole, .tenant, source.tenant, source.tenant, hour)
        if sends {
            var sent = Traffic()
            (sent.sentPackets, sent.sentBytes) = (packets, bytes)
            add(sent, .endpoint, source.number, source.tenant, hour)
        }
        if receives {
            var received = Traffic()
            (received.receivedPackets, received.receivedBytes) = (packets, bytes)
            add(received, .endpoint, destination.number, source.tenant, hour)
        }
        (counter.packets, counter.bytes) = (count.packets, count.bytes)
        try tx.put(counter, id: count.id, run: report.run, of: host.id)
        return true
    }

    /// Writes the figures, and gives the next receipt.
    mutating func finish() throws(DirectoryError) -> UInt64 {
        for (key, traffic) in figures {
            try tx.add(traffic, to: key.number, key.kind, of: key.tenant, at: key.hour)
        }
        state.receipt += 1
        state.readAt = max(earliest, min(report.readAt, at))
        state.bookedAt = at
        try tx.put(state, of: host.id)
        return state.receipt
    }

    /// A count that is told for the first time; nil when it is not believed.
    private mutating func begin(_ count: TrafficCount) throws(DirectoryError) -> UsageCounter? {
        guard let end = count.end, let pair = count.pair, let source = try party(pair.source),
            let destination = try party(pair.destination), source.tenant == destination.tenant,
            pair.outsideSource == nil || pair.outsideDestination == nil
        else { return nil }
        if end != .receive, try !isBelieved(pair.source) { return nil }
        if end != .send, try !isBelieved(pair.destination) { return nil }
        let wire = try tx.enterUsageWire(pair, source: source, destination: destination)
        return UsageCounter(wire: wire, end: end, packets: 0, bytes: 0)
    }

    /// An endpoint that there is, or was.
    private mutating func party(_ identity: Identity) throws(DirectoryError) -> UsageParty? {
        if let known = parties[identity] { return known }
        let found: UsageParty?
        if let endpoint = try tx.endpoint(identity) {
            found = try tx.enterUsageParty(endpoint, of: tx.requireTenant(endpoint.name.tenant))
        } else {
            found = try tx.usageParty(identity)
        }
        parties[identity] = .some(found)
        return found
    }

    /// Whether this leaf may tell of an endpoint: it has it, or had it until lately.
    private mutating func isBelieved(_ identity: Identity) throws(DirectoryError) -> Bool {
        if let known = believed[identity] { return known }
        var isBelieved = false
        if let endpoint = try tx.endpoint(identity) {
            if case .moving(from: host.name, _) = endpoint.state { isBelieved = true }
            if endpoint.host == host.name, endpoint.isAssigned { isBelieved = true }
        }
        if !isBelieved, let until = try tx.usageTenure(of: identity, at: host.id) { isBelieved = at <= until }
        believed[identity] = isBelieved
        return isBelieved
    }

    /// Whether a leaf can have carried so much since its last reading: its clock runs with what it tells, and not ahead of
    /// ours by more than a minute. What it tells of many hours at once may be as much as was possible in all of these.
    private mutating func spend(_ bytes: UInt64) -> Bool {
        let rate = max(1, configuration.usageBytesPerSecond / 1_000)
        let cost = Int64(clamping: bytes / rate)
        let last = earliest.seconds.multipliedReportingOverflow(by: 1_000)
        let begin = max(state.budget, last.overflow ? 0 : last.partialValue)
        let (end, overflow) = begin.addingReportingOverflow(cost)
        guard !overflow, end <= (at.seconds + 60) * 1_000 else { return false }
        state.budget = end
        return true
    }

    /// When the new part of a count passed, as near as is known: not before the leaf's last reading, not after now, and not in
    /// an hour of which nothing is kept any more.
    private mutating func moment(of count: TrafficCount) -> Timestamp {
        let told = count.endedAt ?? report.readAt
        let oldest = UsageStep.hour.begin(of: at + -configuration.usageHours)
        // A clock may run a little ahead.
        if told > at + 60 || told < oldest { moved += 1 }
        return min(max(told, earliest, oldest), at)
    }

    /// Whether the report is of an hour before the newest one that the leaf has told of: it tells again.
    private var isFormer: Bool { state.readAt.map { report.readAt < $0 } ?? false }

    private var earliest: Timestamp { state.readAt ?? host.enrolledAt ?? at }

    private mutating func add(
        _ traffic: Traffic, _ kind: UsageKind, _ number: UsageNumber, _ tenant: UsageNumber, _ hour: Timestamp
    ) {
        figures[Key(kind: kind, number: number, tenant: tenant, hour: hour), default: Traffic()] += traffic
    }
}
