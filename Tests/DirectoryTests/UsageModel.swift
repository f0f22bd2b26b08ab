import DirectoryCore
import NetTypes
import StoreSQLite
import Testing

/// A leaf as the accounts see it: what its kernel holds survives its process, what the process knows does not.
struct CountingLeaf {
    struct Wire {
        var pair: TrafficPair
        var end: UsageEnd
        var packets: UInt64 = 0
        var bytes: UInt64 = 0
    }

    let leaf: TestLeaf
    // In the kernel.
    var live: [UInt64: Wire] = [:]
    var ended: [UInt64: (wire: Wire, at: Timestamp)] = [:]
    var nextID: UInt64
    // In the process.
    var receipt: UInt64 = 0
    var run: UInt64
    var booked: [UInt64: UInt64] = [:]
    var forgotten: Set<UInt64> = []
    var isComplete = false

    init(_ leaf: TestLeaf, number: UInt64) {
        self.leaf = leaf
        nextID = number << 32
        run = number
    }

    @discardableResult
    mutating func plug(_ pair: TrafficPair, _ end: UsageEnd) -> UInt64 {
        nextID += 1
        live[nextID] = Wire(pair: pair, end: end)
        return nextID
    }

    mutating func pass(_ id: UInt64, packets: UInt64, bytes: UInt64) {
        live[id]?.packets += packets
        live[id]?.bytes += bytes
    }

    mutating func unplug(_ id: UInt64, at moment: Timestamp) {
        guard let wire = live.removeValue(forKey: id), wire.packets > 0 else { return }
        ended[id] = (wire, moment)
    }

    /// `kill -9`.
    mutating func crash() {
        (receipt, booked, forgotten, isComplete) = (0, [:], [], false)
        run += 1
    }

    /// The next part of what is to be told; nil when there is nothing.
    func report(at moment: Timestamp, most: Int) -> TrafficReport? {
        var counts = ended.filter { !forgotten.contains($0.key) }.map { id, ended in
            count(id, ended.wire, endedAt: ended.at)
        }
        counts += live.filter { $0.value.packets > 0 && booked[$0.key] != $0.value.packets }.map { count($0, $1) }
        counts.sort { $0.id < $1.id }
        let isLast = counts.count <= most
        guard !counts.isEmpty || !forgotten.isEmpty || !isComplete else { return nil }
        return TrafficReport(
            receipt: receipt, run: run, readAt: moment, counts: Array(counts.prefix(most)),
            forgotten: Array(forgotten), isComplete: isLast && !isComplete)
    }

    private func count(_ id: UInt64, _ wire: Wire, endedAt: Timestamp? = nil) -> TrafficCount {
        TrafficCount(
            id: id, end: wire.end, pair: wire.pair, packets: wire.packets, bytes: wire.bytes, endedAt: endedAt)
    }

    /// The controller has answered a report of this process.
    mutating func take(_ answer: TrafficReceipt, to report: TrafficReport) {
        guard report.run == run else { return }
        receipt = answer.receipt
        guard answer.isBooked else {
            booked = [:]
            isComplete = false
            return
        }
        forgotten.subtract(report.forgotten)
        if report.isComplete { isComplete = true }
        for count in report.counts {
            if count.endedAt == nil {
                booked[count.id] = count.packets
            } else {
                ended[count.id] = nil
                forgotten.insert(count.id)
            }
        }
    }
}

/// Endpoints of acme on two hosts, and of globex on one of them.
struct UsageWorld {
    let fixture: Fixture
    let h1, h2: TestLeaf
    let web1, web2, db1, foreign: Endpoint
    var directory: Directory { fixture.directory }

    init(_ kind: StoreKind = .memory, seed: UInt64 = 1, configuration: DirectoryConfiguration = .init()) async throws {
        fixture = try Fixture(kind, seed: seed, configuration: configuration)
        try await fixture.tenant()
        try await fixture.tenant("globex")
        h1 = try await fixture.host("h1")
        h2 = try await fixture.host("h2")
        web1 = try await fixture.endpoint("acme/web1", on: "h1")
        web2 = try await fixture.endpoint("acme/web2", on: "h1")
        db1 = try await fixture.endpoint("acme/db1", on: "h2")
        foreign = try await fixture.endpoint("globex/web1", on: "h2")
        fixture.advance(600)
    }

    func pair(_ source: Endpoint, _ destination: Endpoint) -> TrafficPair {
        TrafficPair(source: source.identity, destination: destination.identity)
    }

    /// One count, told at the present time.
    func count(
        _ id: UInt64, _ source: Endpoint, _ destination: Endpoint, _ end: UsageEnd = .send, packets: UInt64,
        bytes: UInt64? = nil, endedAt: Timestamp? = nil
    ) -> TrafficCount {
        TrafficCount(
            id: id, end: end, pair: pair(source, destination), packets: packets, bytes: bytes ?? packets &* 100,
            endedAt: endedAt)
    }

    /// Books counts with the receipt that is right.
    @discardableResult
    func book(
        _ counts: [TrafficCount], of leaf: TestLeaf, readAt: Timestamp? = nil, forgotten: [UInt64] = []
    ) async throws -> TrafficReceipt {
        let probe = TrafficReport(receipt: 0, run: 7, readAt: Timestamp(0), counts: [])
        let first = try await directory.book(probe, of: leaf.id)
        return try await directory.book(
            TrafficReport(
                receipt: first.receipt, run: 7, readAt: readAt ?? fixture.now, counts: counts, forgotten: forgotten),
            of: leaf.id)
    }

    /// All figures of a kind.
    func figures(
        _ kind: UsageKind, step: UsageStep = .hour, of tenant: String = "acme", on directory: Directory? = nil
    ) async throws -> [UsageFigure] {
        let question = UsageQuestion(
            kind: kind, step: step, from: Timestamp(0), to: fixture.now + 10 * 86_400, limit: 100_000)
        return try await (directory ?? self.directory).usage(of: name(tenant), question)
    }
}
