import APIClient
import APITypes
import Foundation
import LinuxKit

/// The suite `api`: the controller as people and programs see it, over 100,000 endpoints. It runs on processor 0; what asks
/// runs on processor 1.
final class APISuite {
    private let isQuick: Bool
    private var made: Result<ManySite, any Error>?

    init(isQuick: Bool) { self.isQuick = isQuick }

    private var endpoints: Int { isQuick ? 5_000 : 100_000 }
    private var listeners: Int { isQuick ? 500 : 10_000 }
    private var seconds: Double { isQuick ? 3 : 15 }

    // What issue 5 asks for.
    private static let rate = 200.0
    private static let readLimit = Limit.below(20)
    private static let pageLimit = Limit.below(1_000)
    private static let memoryLimit = Limit.below(300)

    func steps() -> [Step] {
        let reads = Step(suite: "api", name: "reads", reference: nil, seconds: seconds + 5, isMovable: false) {
            [self] in try latencies(of: Self.all).readings(limit: Self.readLimit)
        }
        let kinds = Self.reads(endpoints: endpoints).map { read in
            Step(suite: "api", name: "read-\(read.name)", reference: nil, seconds: 0, isMovable: false) { [self] in
                try latencies(of: read.name).readings()
            }
        }
        let page = Step(
            suite: "api", name: "patch-bay-page", reference: nil, seconds: 15, isMovable: false
        ) { [self] in
            var latencies = Latencies()
            for sample in try Processor.pinned({ try PageLoad(site: site()).run(isQuick ? 2 : 6) }) {
                latencies.add(sample)
            }
            return try latencies.readings(limit: Self.pageLimit)
        }
        let memory = Step(suite: "api", name: "memory", reference: nil, seconds: 0, isMovable: false) { [self] in
            [Reading(metric: .resident, value: try site().residentMegabytes(), limit: Self.memoryLimit)]
        }
        let events = Step(
            suite: "api", name: "listeners", reference: nil, seconds: isQuick ? 10 : 90, isMovable: false,
            runsOnce: true
        ) { [self] in try follow() }
        return [reads] + kinds + [page, memory, events]
    }

    func close() {
        guard case .success(let site) = made else { return }
        made = nil
        site.close()
    }

    private func site() throws -> ManySite {
        let made = made ?? Result { try ManySite(endpoints: endpoints) }
        self.made = made
        return try made.get()
    }

    // MARK: Reads

    /// The answers of a run that have not been reported yet: a run is one measurement, reported case by case.
    private var pending: [String: [Double]] = [:]
    private static let all = "all"

    private func latencies(of kind: String) throws -> Latencies {
        if pending[kind] == nil {
            let load = RequestLoad(
                location: try site().location, token: try site().token, reads: Self.reads(endpoints: endpoints),
                rate: Self.rate,
                seconds: seconds)
            pending = try Processor.pinned { try Blocking.wait { try await load.run() } }
            pending[Self.all] = pending.values.flatMap { $0 }
        }
        var latencies = Latencies()
        for sample in pending.removeValue(forKey: kind) ?? [] { latencies.add(sample) }
        return latencies
    }

    /// What consoles, commands and inventories ask for, in parts of a hundred.
    private static func reads(endpoints: Int) -> [RequestLoad.Read] {
        let tenant = "/v1/tenants/\(ManySite.tenant)"
        @Sendable func name(_ number: Int) -> String { ManySite.endpointName(number &* 7_919 % endpoints) }
        return [
            .init(name: "endpoint", share: 38) { "\(tenant)/endpoints/\(name($0))" },
            .init(name: "endpoints-50", share: 15) { "\(tenant)/endpoints?limit=50&cursor=\(cursor(name($0)))" },
            .init(name: "members-50", share: 10) { "\(tenant)/endpoints?limit=50&group=g\($0 % ManySite.groups)" },
            .init(name: "search", share: 5) { "\(tenant)/endpoints?limit=20&search=\(name($0).suffix(4))" },
            .init(name: "waiting", share: 2) { _ in "\(tenant)/endpoints?limit=100&state=waiting" },
            .init(name: "summary", share: 2) { _ in "\(tenant)/summary?by=group" },
            .init(name: "groups", share: 5) { _ in "\(tenant)/groups?limit=100" },
            .init(name: "explain", share: 10) { "\(tenant)/explain?from=\(name($0))&to=\(name($0 + 1))" },
            .init(name: "tenant", share: 5) { _ in tenant },
            .init(name: "audit", share: 4) { _ in "\(tenant)/audit?limit=50" },
            .init(name: "users", share: 4) { _ in "\(tenant)/users?limit=50" },
        ]
    }

    private static func cursor(_ name: String) -> String {
        Data("1\(name)".utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-")
            .replacing("/", with: "_")
    }

    // MARK: Events

    /// Many follow a tenant; something changes; when does the last one know?
    private func follow() throws -> [Reading] {
        let site = try site()
        let (count, location) = (listeners, site.location)
        let load = ListenerLoad(location, path: "/v1/tenants/\(ManySite.tenant)/events")
        defer { try? Blocking.wait { await load.close() } }
        return try Processor.pinned {
            try Blocking.wait { try await load.connect(count) }
            var latencies = Latencies()
            for round in 1...(isQuick ? 2 : 10) {
                for arrival in try Blocking.wait({ try await Self.change(round, load, location, expecting: count) }) {
                    latencies.add(arrival)
                }
            }
            guard load.board.ended == 0 else { throw BenchError("\(load.board.ended) listeners were cut off") }
            return try latencies.readings() + [
                Reading(metric: .listeners, value: Double(load.board.ready)),
                Reading(metric: .resident, value: try site.residentMegabytes()),
            ]
        }
    }

    /// Makes a group and removes it; milliseconds from the request to each listener.
    private static func change(
        _ round: Int, _ load: ListenerLoad, _ location: ControllerLocation, expecting count: Int
    ) async throws -> [Double] {
        let client = try APIClient(location)
        do {
            let group = "news-\(round)"
            load.board.expect("\"\(group)\"")
            let asked = DispatchTime.now().uptimeNanoseconds
            _ = try await client.create(NewGroup(name: group), of: ManySite.tenant)
            let end = Date().addingTimeInterval(30)
            while load.board.arrivals.count < count {
                guard Date() < end else {
                    throw BenchError("an event has reached \(load.board.arrivals.count) of \(count) listeners")
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            let arrivals = load.board.arrivals
            load.board.expect("nothing")
            try await client.deleteGroup(group, of: ManySite.tenant)
            try await Task.sleep(for: .milliseconds(500))
            await client.shutdown()
            return arrivals.map { Double($0 - asked) / 1e6 }
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// The processor on which this process runs.
enum Processor {
    /// Runs a body with all threads of this process on processor 1, so that what is measured on processor 0 is alone there.
    static func pinned<Value>(_ body: () throws -> Value) throws -> Value {
        try pin("1")
        defer { try? pin("0-1") }
        return try body()
    }

    private static func pin(_ processors: String) throws {
        try Command.run(["taskset", "-apc", processors, "\(ChildProcess.ownID)"])
    }
}
