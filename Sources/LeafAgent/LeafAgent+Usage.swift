import Foundation
import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes

/// Accounts of traffic: what the wires have counted is told to the controller (docs/decisions/0016-traffic-accounts.md).
extension LeafAgent: TrafficSource {
    /// Tells the controller again and again, until the task is cancelled; also at the end of each hour, so that it is
    /// booked to the hour in which it passed.
    func keepAccounts() async {
        let teller = TrafficTeller(
            self, hours: HourlyCounts(directory: state.path + "/usage", logger: logger), logger: logger)
        while !Task.isCancelled {
            let moment = Date().timeIntervalSince1970
            let left = 3_600 - moment.truncatingRemainder(dividingBy: 3_600)
            // A look at a million wires takes a while; it is not to become all that this leaf does.
            let pause = max(.seconds(configuration.accountSeconds), readTime * 20)
            try? await Task.sleep(for: min(pause, .seconds(left)))
            guard !Task.isCancelled else { break }
            await teller.account(at: now(), isConnected: controller.isConnected)
        }
    }

    func traffic(except known: [UInt64: TrafficTally]) async throws -> TrafficReading {
        let began = ContinuousClock.now
        let (portsBefore, outsideBefore) = (ports, outside)
        // A look at the maps takes tens of milliseconds, however few wires there are; first packets are not to wait for it.
        let read = try await Task.detached(priority: .utility) { [path] in try path.counts() }.value
        readTime = .now - began
        var reading = TrafficReading()
        reading.ended = read.ended.map { .init($0) }
        reading.live = Set(read.live.map(\.id))
        for count in read.live where count.counters.packets > 0 && known[count.id] != TrafficTally(count.counters) {
            guard let message = message(of: count) else {
                reading.isWhole = false
                continue
            }
            if case .send(let port, _, _) = count.place {
                // A place that was given to another one meanwhile.
                let before = outsideBefore.end(at: port) ?? portsBefore.identity(at: port).map { End(identity: $0) }
                guard before == end(at: port) else {
                    reading.isWhole = false
                    continue
                }
            }
            reading.counts.append(message)
        }
        return reading
    }

    func book(_ report: Patchbay_Leaf_V1_TrafficReport) async throws -> Patchbay_Leaf_V1_TrafficReceipt {
        var options = CallOptions.defaults
        options.timeout = LeafLimits.accountTimeout
        return try await controller.client().account(report, options: options)
    }

    func forget(ended ids: [UInt64]) { path.forget(ended: ids) }

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

extension TrafficTally {
    fileprivate init(_ counters: WireCounters) {
        self.init(packets: counters.packets, bytes: counters.bytes)
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
