import Foundation
import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes

/// What this leaf knows to be booked at the controller.
///
/// It lives as long as the process: after a restart everything is told again, and the controller books what it has not
/// booked yet. What is counted lives in the kernel's pinned maps.
struct TrafficBook {
    /// Of the last report that was booked; 0: this process knows of none.
    var receipt: UInt64 = 0
    /// The number of this process.
    let run = UInt64.random(in: 1...UInt64(Int64.max))
    /// What is booked of counts that go on, by their ids.
    var booked: [UInt64: WireCounters] = [:]
    /// Ended counts that are booked and forgotten here; the controller may forget them too.
    var forgotten: Set<UInt64> = []
    /// Whether the controller was told everything in this run.
    var isComplete = false
    /// Whether somebody tells the controller now.
    var isTelling = false
    /// How long the last look at all counts took.
    var readTime: Duration = .zero

    /// The controller has booked another report than the last one that this process knows of: all is told again.
    mutating func begin(anew receipt: UInt64) {
        self.receipt = receipt
        booked = [:]
        isComplete = false
    }
}

/// Accounts of traffic: what the wires have counted is told to the controller (docs/decisions/0016-traffic-accounts.md).
extension LeafAgent {
    /// Tells the controller again and again, until the task is cancelled; also at the end of each hour, so that it is
    /// booked to the hour in which it passed.
    func keepAccounts() async {
        while !Task.isCancelled {
            let moment = Date().timeIntervalSince1970
            let left = 3_600 - moment.truncatingRemainder(dividingBy: 3_600)
            // A look at a million wires takes a while; it is not to become all that this leaf does.
            let pause = max(.seconds(configuration.accountSeconds), book.readTime * 20)
            try? await Task.sleep(for: min(pause, .seconds(left)))
            guard !Task.isCancelled else { break }
            // What is read at the full hour passed in the one before.
            let hour = Timestamp(Int64(moment + left))
            await account(readAt: 0...1 ~= now() - hour ? hour + -1 : now())
        }
    }

    /// Reads what was counted, and tells what is not booked yet.
    func account(readAt: Timestamp) async {
        guard controller.isConnected, !book.isTelling else { return }
        book.isTelling = true
        defer { book.isTelling = false }
        do {
            // Another receipt than expected means that everything is to be told; once is enough for that.
            for _ in 0..<3 {
                if try await tell(readAt: readAt) { return }
            }
        } catch {
            logger.info("traffic not booked", metadata: ["error": "\(error)"])
        }
    }

    /// Tells what is not booked yet; false when it has to be told anew.
    private func tell(readAt: Timestamp) async throws -> Bool {
        let began = ContinuousClock.now
        let (portsBefore, outsideBefore) = (ports, outside)
        // A look at the maps takes tens of milliseconds, however few wires there are; first packets are not to wait for it.
        let read = try await Task.detached(priority: .utility) { [path] in try path.counts() }.value
        book.readTime = .now - began
        var counts: [Patchbay_Leaf_V1_TrafficCount] = []
        for count in read.ended where !book.forgotten.contains(count.id) { counts.append(.init(count)) }
        let ended = Set(counts.map(\.id))
        // The controller forgets what was not told when it is said that all was.
        var isWhole = true
        for count in read.live where count.counters.packets > 0 && book.booked[count.id] != count.counters {
            // What went away since it was read tells itself when it has ended.
            guard !ended.contains(count.id) else { continue }
            guard let message = message(of: count) else {
                isWhole = false
                continue
            }
            if case .send(let port, _, _) = count.place {
                // A place that was given to another one meanwhile.
                let before = outsideBefore.end(at: port) ?? portsBefore.identity(at: port).map { End(identity: $0) }
                guard before == end(at: port) else {
                    isWhole = false
                    continue
                }
            }
            counts.append(message)
        }
        let live = Set(read.live.map(\.id))
        book.booked = book.booked.filter { live.contains($0.key) }
        var rest = counts[...]
        repeat {
            let part = rest.prefix(LeafLimits.countsInReport)
            rest = rest.dropFirst(part.count)
            guard !part.isEmpty || !book.forgotten.isEmpty || !book.isComplete else { return true }
            var report = Patchbay_Leaf_V1_TrafficReport()
            report.receipt = book.receipt
            report.run = book.run
            report.readAt = readAt.seconds
            report.counts = Array(part)
            let forgotten = book.forgotten.prefix(LeafLimits.countsInReport)
            report.forgotten = Array(forgotten)
            report.complete = rest.isEmpty && !book.isComplete && isWhole
            var options = CallOptions.defaults
            options.timeout = LeafLimits.accountTimeout
            let answer = try await controller.client().account(report, options: options)
            guard answer.booked else {
                book.begin(anew: answer.receipt)
                return false
            }
            book.receipt = answer.receipt
            book.forgotten.subtract(forgotten)
            if report.complete { book.isComplete = true }
            if answer.refused > 0 {
                logger.warning("traffic not believed", metadata: ["counts": "\(answer.refused)"])
            }
            let done = part.filter { $0.endedAt != 0 }.map(\.id)
            path.forget(ended: done)
            book.forgotten.formUnion(done)
            for count in part where count.endedAt == 0 {
                book.booked[count.id] = WireCounters(packets: count.packets, bytes: count.bytes)
            }
        } while !rest.isEmpty
        return true
    }

    /// What is told of a count that goes on; nil where nobody knows any more whose it is.
    private func message(of count: LiveCount) -> Patchbay_Leaf_V1_TrafficCount? {
        var message = Patchbay_Leaf_V1_TrafficCount()
        message.id = count.id
        message.packets = count.counters.packets
        message.bytes = count.counters.bytes
        switch count.place {
        case .send(let port, let destination, let isLocal):
            message.end = isLocal ? .local : .send
            guard let source = end(at: port), let destination = end(of: destination, for: source.identity) else {
                return nil
            }
            message.take(Pair(source, destination).account)
        case .receive(let label):
            message.end = .receive
            guard let wire = wires.receives[label] else { return nil }
            message.take(wire.pair.account)
        }
        return message
    }
}

extension Pair {
    /// Whose packets its wires count.
    var account: WireAccount {
        WireAccount(
            source: source, destination: destination, outsideSource: outsideSource,
            outsideDestination: outsideDestination)
    }
}

extension Patchbay_Leaf_V1_TrafficCount {
    init(_ count: EndedCount) {
        self.init()
        id = count.id
        packets = count.counters.packets
        bytes = count.counters.bytes
        endedAt = max(1, count.endedAt.seconds)
        switch count.end {
        case .send: end = .send
        case .receive: end = .receive
        case .local: end = .local
        case nil: end = .unknown
        }
        if let account = count.account { take(account) }
    }

    mutating func take(_ account: WireAccount) {
        source = .init(account.source.octets)
        destination = .init(account.destination.octets)
        if let outside = account.outsideSource { outsideSource = .init(outside.octets) }
        if let outside = account.outsideDestination { outsideDestination = .init(outside.octets) }
    }
}
