import LeafProtocol
import Logging
import NetTypes

/// What the kernel's maps say at one moment.
struct TrafficReading: Sendable {
    /// Counts that go on, of what the teller did not know.
    var counts: [Patchbay_Leaf_V1_TrafficCount] = []
    /// The ids of all counts that go on.
    var live: Set<UInt64> = []
    /// What wires had counted that are no more.
    var ended: [Patchbay_Leaf_V1_TrafficCount] = []
    /// Whether nothing is left out of ``counts``.
    var isWhole = true
}

/// How far a count has come.
struct TrafficTally: Equatable, Sendable {
    var packets: UInt64
    var bytes: UInt64

    init(_ count: Patchbay_Leaf_V1_TrafficCount) {
        (packets, bytes) = (count.packets, count.bytes)
    }

    init(packets: UInt64, bytes: UInt64) {
        (self.packets, self.bytes) = (packets, bytes)
    }
}

/// Where counts come from, and to whom they are told.
protocol TrafficSource: Sendable {
    /// What is counted now.
    ///
    /// - Parameter known: counts that need not be in it.
    func traffic(except known: [UInt64: TrafficTally]) async throws -> TrafficReading
    /// Has the controller book a report.
    func book(_ report: Patchbay_Leaf_V1_TrafficReport) async throws -> Patchbay_Leaf_V1_TrafficReceipt
    /// Forgets what ended wires had counted: it is booked.
    func forget(ended ids: [UInt64]) async
}

/// Tells the controller what the wires have counted, hour by hour (docs/decisions/0016-traffic-accounts.md).
///
/// What it knows to be booked lives as long as the process: after a restart everything is told again, and the controller
/// books what it has not booked yet. What is counted lives in the kernel's pinned maps; how much of it was counted by the
/// end of each hour that is not booked, in ``HourlyCounts``.
actor TrafficTeller {
    /// A reading belongs to the end of an hour up to so many seconds later: the leaf may have been busy, or just started.
    static let hourSlack: Int64 = 60

    private let source: any TrafficSource
    private let logger: Logger
    /// How many counts one report has at most.
    private let reportCounts: Int
    /// The hours that are not booked.
    private var hours: HourlyCounts
    /// Of the last report that was booked; 0: this process knows of none.
    private var receipt: UInt64 = 0
    /// The number of this process.
    private let run = UInt64.random(in: 1...UInt64(Int64.max))
    /// What is booked of counts that go on, by their ids.
    private var booked: [UInt64: TrafficTally] = [:]
    /// Ended counts that are booked and forgotten here; the controller may forget them too.
    private var forgotten: Set<UInt64> = []
    /// Whether the controller was told everything in this run.
    private var isComplete = false
    /// Whether somebody tells the controller now.
    private var isTelling = false
    /// The hour of the last look at the clock.
    private var hour: Int64?

    init(
        _ source: any TrafficSource, hours: HourlyCounts, reportCounts: Int = LeafLimits.countsInReport, logger: Logger
    ) {
        self.source = source
        self.hours = hours
        self.reportCounts = reportCounts
        self.logger = logger
    }

    /// Reads what was counted, and tells what is not booked yet; without a controller, what was counted is kept at the end of
    /// each hour.
    func account(at moment: Timestamp, isConnected: Bool) async {
        guard !isTelling else { return }
        isTelling = true
        defer { isTelling = false }
        let begin = UsageHour.begin(of: moment)
        // What is read at the full hour passed in the one before.
        let endsHour = hour != begin && moment.seconds - begin <= Self.hourSlack
        hour = begin
        guard isConnected || endsHour else { return }
        let readAt = endsHour ? Timestamp(begin - 1) : moment
        do {
            // Another receipt than expected means that everything is to be told; once is enough for that.
            for attempt in 0..<3 {
                let reading = try await source.traffic(except: booked)
                if endsHour, attempt == 0 { keep(reading, UsageHour.begin(of: readAt)) }
                guard isConnected else { return }
                if try await tell(reading, readAt: readAt) { return }
            }
        } catch {
            logger.info("traffic not booked", metadata: ["error": "\(error)"])
        }
    }

    private func keep(_ reading: TrafficReading, _ hour: Int64) {
        do {
            try hours.keep(reading.counts, live: reading.live, hour: hour)
        } catch {
            logger.warning(
                "what was counted in an hour cannot be kept, and may be booked to a later one",
                metadata: ["hour": "\(Timestamp(hour))", "error": "\(error)"])
        }
    }

    /// Tells what is not booked yet, the oldest hour first; false when it has to be told anew.
    private func tell(_ reading: TrafficReading, readAt: Timestamp) async throws -> Bool {
        var reading = reading
        reading.ended.removeAll { forgotten.contains($0.id) }
        let ended = Dictionary(grouping: reading.ended) { UsageHour.begin(of: Timestamp($0.endedAt)) }
        /// Hours that are over at this reading.
        func isOver(_ begin: Int64) -> Bool { begin <= readAt.seconds - 3_599 }
        for kept in hours.hours where !isOver(kept.begin) {
            logger.warning(
                "the clock went back; what was counted in an hour to come is booked to the present one",
                metadata: ["hour": "\(Timestamp(kept.begin))"])
            try hours.remove(kept)
        }
        booked = booked.filter { reading.live.contains($0.key) }
        for begin in Set(hours.hours.map(\.begin)).union(ended.keys.filter(isOver)).sorted() {
            let files = hours.hours.filter { $0.begin == begin }
            var counts: [Patchbay_Leaf_V1_TrafficCount] = []
            for file in files { counts += present(file, in: reading) }
            counts += ended[begin] ?? []
            guard try await send(counts, readAt: Timestamp(begin + 3_599)) else { return false }
            for file in files { try hours.remove(file) }
        }
        var rest = ended.filter { !isOver($0.key) }.values.flatMap { $0 }
        // What ended while it was read tells itself.
        let ids = Set(reading.ended.map(\.id))
        rest += reading.counts.filter { booked[$0.id] != TrafficTally($0) && !ids.contains($0.id) }
        return try await send(rest, readAt: readAt, isLast: true, isWhole: reading.isWhole)
    }

    /// What is to be told of a kept hour. What was counted in this boot and is in no map any more was booked when it had ended.
    private func present(
        _ hour: HourlyCounts.Hour, in reading: TrafficReading
    ) -> [Patchbay_Leaf_V1_TrafficCount] {
        do {
            let counts = try hours.counts(of: hour)
            guard hour.boot == hours.boot else { return counts }
            let ended = Set(reading.ended.map(\.id))
            return counts.filter {
                !forgotten.contains($0.id) && (reading.live.contains($0.id) || ended.contains($0.id))
            }
        } catch {
            logger.warning(
                "what was kept of an hour cannot be read, and is booked to a later one",
                metadata: ["hour": "\(Timestamp(hour.begin))", "error": "\(error)"])
            return []
        }
    }

    /// Tells counts in as many reports as needed; false when the controller has booked another report than the last one that
    /// this process knows of, and all is to be told again.
    private func send(
        _ counts: [Patchbay_Leaf_V1_TrafficCount], readAt: Timestamp, isLast: Bool = false, isWhole: Bool = false
    ) async throws -> Bool {
        var rest = counts[...]
        repeat {
            let part = rest.prefix(reportCounts)
            rest = rest.dropFirst(part.count)
            guard !part.isEmpty || isLast && (!forgotten.isEmpty || !isComplete) else { return true }
            var report = Patchbay_Leaf_V1_TrafficReport()
            report.receipt = receipt
            report.run = run
            report.readAt = readAt.seconds
            report.counts = Array(part)
            let done = forgotten.prefix(reportCounts)
            report.forgotten = Array(done)
            // The controller forgets what was not told when it is said that all was.
            report.complete = isLast && rest.isEmpty && !isComplete && isWhole
            let answer = try await source.book(report)
            receipt = answer.receipt
            guard answer.booked else {
                booked = [:]
                isComplete = false
                return false
            }
            forgotten.subtract(done)
            if report.complete { isComplete = true }
            if answer.refused > 0 {
                logger.warning("traffic not believed", metadata: ["counts": "\(answer.refused)"])
            }
            let ended = part.filter { $0.endedAt != 0 }.map(\.id)
            forgotten.formUnion(ended)
            await source.forget(ended: ended)
            for count in part where count.endedAt == 0 { booked[count.id] = TrafficTally(count) }
        } while !rest.isEmpty
        return true
    }
}

/// The hours of UTC, to which traffic is booked.
enum UsageHour {
    /// When the hour of a moment begins, in seconds since 1970.
    static func begin(of moment: Timestamp) -> Int64 {
        let rest = moment.seconds % 3_600
        return moment.seconds - (rest < 0 ? rest + 3_600 : rest)
    }
}
