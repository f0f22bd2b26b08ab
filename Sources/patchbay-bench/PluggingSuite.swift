import APIClient
import APITypes
import Foundation
import Lab
import NetTypes

/// The suite `plugging`: the whole product, controller and leaves with the real programs, in the lab.
///
/// `first-packet-cold`: the first packet between two hosts that never spoke: directory, TLS session, both algorithms.
/// `first-packet-warm`: the same once the two leaves know each other, after an unplug and a plug. `unplug`: from the
/// operator's request to the last packet that arrives.
final class PluggingSuite {
    private let isQuick: Bool
    private var lab: Result<LabClient, any Error>?
    private var cycles: Result<Cycles, any Error>?

    init(isQuick: Bool) { self.isQuick = isQuick }

    private var hosts: Int { isQuick ? 3 : 7 }
    private var cycleCount: Int { isQuick ? 15 : 200 }

    func steps() -> [Step] {
        [
            step("first-packet-cold", seconds: isQuick ? 20 : 45) { suite in try suite.cold() },
            step("first-packet-warm", seconds: Double(cycleCount) * 0.65) { suite in
                try suite.measuredCycles().firstPackets
            },
            step("unplug", seconds: 1) { suite in try suite.measuredCycles().unplugs },
        ]
    }

    /// Refuses a lab that is up now, rather than in the last round.
    static func checkThatNoLabIsUp() throws {
        try Blocking.wait {
            guard try await LabStatus.read() == nil else {
                throw BenchError("a lab is up; remove it with `make stop`, or leave the suite plugging out")
            }
        }
    }

    func close() {
        guard case .success(let client) = lab else { return }
        lab = nil
        client.close()
    }

    private func step(
        _ name: String, seconds: Double, _ body: @escaping (PluggingSuite) throws -> Latencies
    ) -> Step {
        Step(
            suite: "plugging", name: name, reference: nil, seconds: seconds, isMovable: false, runsOnce: true
        ) { [self] in
            let latencies = try body(self)
            return try latencies.readings() + [Reading(metric: .lostFirst, value: Double(latencies.lost))]
        }
    }

    private func client() throws -> LabClient {
        let made = lab ?? Result { [hosts] in try LabClient(hosts: hosts) }
        lab = made
        return try made.get()
    }

    // MARK: Cold

    /// One sample for every two hosts: no pair of leaves is used twice.
    private func cold() throws -> Latencies {
        let client = try client()
        var pairs: [(Int, Int)] = []
        for from in 1...hosts { for to in 1...hosts where to > from { pairs.append((from, to)) } }
        for (from, to) in pairs { try client.plug("vm\(from)", "vm\(to)") }
        Thread.sleep(forTimeInterval: 2)
        var latencies = Latencies()
        for (from, to) in pairs {
            let taking = try client.take(in: "vm\(to)")
            let stream = try client.stream(from: "vm\(from)", to: "vm\(to)", milliseconds: 50)
            try stream.finish(seconds: 10)
            latencies.addFirst(of: try taking.next())
        }
        return latencies
    }

    // MARK: Warm, and unplugging

    private struct Cycles {
        var firstPackets = Latencies()
        var unplugs = Latencies()
    }

    private func measuredCycles() throws -> Cycles {
        let made = cycles ?? Result { try runCycles() }
        cycles = made
        return try made.get()
    }

    /// Plug; a stream begins and its first packet makes the wire; unplug while it runs; the last packet.
    private func runCycles() throws -> Cycles {
        let client = try client()
        let taking = try client.take(in: "vm2")
        // The first time is cold and is not counted.
        try client.plug("vm1", "vm2")
        Thread.sleep(forTimeInterval: 0.5)
        try client.stream(from: "vm1", to: "vm2", milliseconds: 50).finish(seconds: 10)
        _ = try taking.next()
        try client.unplug("vm1", "vm2")
        var cycles = Cycles()
        for _ in 0..<cycleCount {
            try client.plug("vm1", "vm2")
            Thread.sleep(forTimeInterval: 0.1)
            let stream = try client.stream(from: "vm1", to: "vm2", milliseconds: 300)
            Thread.sleep(forTimeInterval: 0.15)
            let asked = DispatchTime.now().uptimeNanoseconds
            try client.unplug("vm1", "vm2")
            try stream.finish(seconds: 10)
            let arrived = try taking.next()
            cycles.firstPackets.addFirst(of: arrived)
            cycles.unplugs.add((arrived.lastReceived - Double(asked)) / 1e6)
        }
        return cycles
    }
}

extension Latencies {
    /// From the sending of a stream's first packet to the first delivery. A first packet that was lost counts with
    /// all the time until one arrived.
    fileprivate mutating func addFirst(of stream: ArrivedStream) {
        if stream.firstNumber > 0 { lost += 1 }
        let began = stream.firstSent - stream.firstNumber * Double(LabClient.interval) * 1000
        add((stream.firstReceived - began) / 1e6)
    }
}

/// A stream of stamped packets as it arrived; times in nanoseconds of CLOCK_MONOTONIC.
private struct ArrivedStream {
    let firstNumber: Double
    let firstSent: Double
    let firstReceived: Double
    let lastReceived: Double
}

/// A process inside an endpoint that takes one stream after the other.
private final class Taking {
    private let process: Running
    private var seen = 0

    init(_ process: Running) throws {
        self.process = process
        try process.waitFor("ready")
    }

    func next() throws -> ArrivedStream {
        let end = Date().addingTimeInterval(5)
        while Date() < end {
            let lines = try process.output().split(separator: "\n").filter { $0.hasPrefix("result ") }
            if lines.count > seen {
                let numbers = try String(lines[seen]).loadNumbers(5)
                seen += 1
                return ArrivedStream(
                    firstNumber: numbers[1], firstSent: numbers[2], firstReceived: numbers[3],
                    lastReceived: numbers[4])
            }
            Thread.sleep(forTimeInterval: 0.005)
        }
        throw BenchError("no packet of a stream arrived though its wire should be plugged")
    }
}

/// A lab of its own, and what the suite does in it.
private final class LabClient: Sendable {
    private let client: APIClient
    private let identities: [String: String]
    private static let tenant = "acme"
    /// Microseconds between two packets of a stream.
    static let interval = 250

    /// Brings a lab up with an endpoint vmN of acme on every host hN. A lab that is up already is not touched.
    init(hosts: Int) throws {
        try PluggingSuite.checkThatNoLabIsUp()
        (client, identities) = try Blocking.wait {
            let status = try await Lab().up(LabOptions(hosts: hosts, endpoints: hosts * 2))
            Interruption.alsoRemove { _ = try? Blocking.wait { try await Lab().down() } }
            let own = status.endpoints.filter { $0.name.hasPrefix(Self.tenant + "/") }
            let identities = own.compactMap { endpoint in
                endpoint.identity.map { (String(endpoint.name.dropFirst(Self.tenant.count + 1)), $0) }
            }
            return (try Lab.client(), Dictionary(identities) { first, _ in first })
        }
    }

    func close() {
        let client = client
        _ = try? Blocking.wait {
            await client.shutdown()
            return try await Lab().down()
        }
    }

    func plug(_ from: String, _ to: String) throws {
        let client = client
        _ = try Blocking.wait { try await client.plug(PlugPair(from: from, to: to), of: Self.tenant) }
    }

    func unplug(_ from: String, _ to: String) throws {
        let client = client
        _ = try Blocking.wait { try await client.unplug(UnplugPair(from: from, to: to), of: Self.tenant) }
    }

    func take(in endpoint: String) throws -> Taking {
        try Taking(Command.own(in: try namespace(endpoint), ["load", "take", "--core", "1", "--idle", "100"]))
    }

    func stream(from: String, to: String, milliseconds: Int) throws -> Running {
        guard let identity = identities[to] else { throw BenchError("the lab has no endpoint \(Self.tenant)/\(to)") }
        return try Command.own(
            in: try namespace(from),
            [
                "load", "stream", "--core", "0", "--to", identity, "--microseconds", "\(Self.interval)",
                "--milliseconds", "\(milliseconds)",
            ])
    }

    private func namespace(_ endpoint: String) throws -> String {
        LabLayout.namespace(ofEndpoint: try TenantName(parsing: "\(Self.tenant)/\(endpoint)"))
    }
}
