import DirectoryCore
import Foundation
import NetTypes
import StoreSQLite
import Testing

@Suite("Accounts of traffic")
struct UsageTests {
    @Test("What passed on a wire is in its figures, those of both endpoints, and those of the tenant")
    func figures() async throws {
        let world = try await UsageWorld()
        let (web1, web2, db1) = (world.web1, world.web2, world.db1)
        try await world.book(
            [
                world.count(1, web1, db1, packets: 10), world.count(2, db1, web1, .receive, packets: 3),
                world.count(3, web1, web2, .local, packets: 5),
            ], of: world.h1)
        try await world.book([world.count(1, web1, db1, .receive, packets: 9)], of: world.h2)
        var found: [String: Traffic] = [:]
        for figure in try await world.figures(.wire) {
            let (source, destination) = (try #require(figure.end), try #require(figure.destination))
            found["\(source.name)>\(destination.name)"] = figure.traffic
        }
        #expect(found["web1>db1"] == traffic(sent: 10, received: 9), "each end tells its own")
        #expect(found["db1>web1"] == traffic(sent: 0, received: 3))
        #expect(found["web1>web2"] == traffic(sent: 5, received: 5), "one count is of both ends")
        #expect(found.count == 3)
        let ends = try await world.figures(.endpoint, step: .day)
        let byName = Dictionary(uniqueKeysWithValues: ends.map { ($0.end?.name.text ?? "", $0.traffic) })
        #expect(byName["web1"] == traffic(sent: 15, received: 3))
        #expect(byName["web2"] == traffic(sent: 0, received: 5))
        #expect(byName["db1"] == traffic(sent: 0, received: 9))
        #expect(try await world.figures(.tenant).map(\.traffic) == [traffic(sent: 15, received: 17)])
        #expect(try await world.figures(.tenant, of: "globex").isEmpty)
    }

    /// The leaf of this test does what `LeafAgent` does; what is between it and the controller does everything that a
    /// network, two processes and their ends may do.
    @Test(
        "Every packet is booked once, whatever is lost, late, doubled or killed",
        arguments: 1...8 as ClosedRange<UInt64>)
    func exactlyOnce(seed: UInt64) async throws {
        let world = try await UsageWorld(.file, seed: seed)
        var generator = SeededGenerator(seed: seed)
        var leaves = [CountingLeaf(world.h1, number: 1), CountingLeaf(world.h2, number: 2)]
        var truth: [String: Traffic] = [:]
        var directory = world.directory
        var stores: [SQLiteStore] = []
        /// What is under way: to which leaf an answer would go, and the report.
        var underWay: [(leaf: Int, report: TrafficReport)] = []
        let kinds: [(Int, Endpoint, Endpoint, UsageEnd)] = [
            (0, world.web1, world.db1, .send), (1, world.web1, world.db1, .receive), (1, world.db1, world.web2, .send),
            (0, world.db1, world.web2, .receive), (0, world.web1, world.web2, .local),
        ]
        func deliver(_ index: Int, answers: Bool) async throws {
            let message = underWay[index]
            let answer = try await directory.book(message.report, of: leaves[message.leaf].leaf.id)
            #expect(answer.refused == 0)
            if answers { leaves[message.leaf].take(answer, to: message.report) }
        }
        for _ in 0..<400 {
            world.fixture.advance(Int64.random(in: 0...90, using: &generator))
            switch Int.random(in: 0..<20, using: &generator) {
            case 0...1:
                let (leaf, source, destination, end) = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
                leaves[leaf].plug(world.pair(source, destination), end)
            case 2:
                let leaf = Int.random(in: 0...1, using: &generator)
                if let id = leaves[leaf].live.keys.sorted().randomElement(using: &generator) {
                    leaves[leaf].unplug(id, at: world.fixture.now)
                }
            case 3...8:
                let leaf = Int.random(in: 0...1, using: &generator)
                guard let id = leaves[leaf].live.keys.sorted().randomElement(using: &generator),
                    let wire = leaves[leaf].live[id]
                else { continue }
                let packets = UInt64.random(in: 1...1_000, using: &generator)
                leaves[leaf].pass(id, packets: packets, bytes: packets * 100)
                truth["\(wire.pair.source)>\(wire.pair.destination)", default: Traffic()] += traffic(
                    sent: wire.end == .receive ? 0 : packets, received: wire.end == .send ? 0 : packets)
            case 9...12:
                let leaf = Int.random(in: 0...1, using: &generator)
                if let report = leaves[leaf].report(at: world.fixture.now, most: 3) { underWay.append((leaf, report)) }
            case 13...16:
                guard let index = underWay.indices.randomElement(using: &generator) else { continue }
                try await deliver(index, answers: Bool.random(using: &generator))
                // What was delivered may come once more, much later.
                if Int.random(in: 0..<3, using: &generator) > 0 { underWay.remove(at: index) }
            case 17:
                if !underWay.isEmpty { underWay.removeFirst() }
            case 18:
                leaves[Int.random(in: 0...1, using: &generator)].crash()
            default:
                // The controller is killed: another one opens the file.
                let store = try StoreKind.file.make(in: world.fixture.folder)
                stores.append(store)
                directory = world.fixture.directory(on: store)
            }
        }
        // In the end everything gets through, with what was late in between.
        for _ in 0..<200 {
            for leaf in leaves.indices {
                guard let report = leaves[leaf].report(at: world.fixture.now, most: 3) else { continue }
                underWay.append((leaf, report))
                try await deliver(underWay.count - 1, answers: true)
                if let late = underWay.indices.randomElement(using: &generator) {
                    try await deliver(late, answers: false)
                }
            }
        }
        #expect(leaves.allSatisfy { $0.report(at: world.fixture.now, most: 3) == nil && $0.ended.isEmpty })
        for step in UsageStep.allCases {
            var found: [String: Traffic] = [:], whole = Traffic()
            for figure in try await world.figures(.wire, step: step, on: directory) {
                let (source, destination) = (try #require(figure.end), try #require(figure.destination))
                found["\(source.identity)>\(destination.identity)", default: Traffic()] += figure.traffic
            }
            #expect(found == truth, "\(step)")
            for traffic in truth.values { whole += traffic }
            var sums = (tenant: Traffic(), endpoints: Traffic())
            for figure in try await world.figures(.tenant, step: step, on: directory) { sums.tenant += figure.traffic }
            for figure in try await world.figures(.endpoint, step: step, on: directory) {
                sums.endpoints += figure.traffic
            }
            #expect(sums.tenant == whole && sums.endpoints == whole, "\(step)")
        }
        for store in stores { try store.close() }
    }

    @Test("A report is booked to the hour in which it was read, and an ended wire to that of its end")
    func boundaries() async throws {
        let world = try await UsageWorld()
        let (web1, db1) = (world.web1, world.db1)
        let noon = Fixture.start + 12 * 3_600
        world.fixture.advance(noon - world.fixture.now)
        try await world.book([world.count(1, web1, db1, packets: 1)], of: world.h1, readAt: noon + -1)
        world.fixture.advance(7_200)
        // Between the two the controller was away: the wire ended at one o'clock, another goes on.
        try await world.book(
            [
                world.count(1, web1, db1, packets: 11, endedAt: noon + 3_600),
                world.count(2, web1, db1, packets: 100),
            ], of: world.h1)
        let hours = try await world.figures(.tenant)
        #expect(
            hours.map(\.time) == [noon + -3_600, noon + 3_600, noon + 7_200]
                && hours.map(\.traffic.sentPackets) == [1, 10, 100], "\(hours)")
        // Times that cannot be are brought into the time that they can be of.
        try await world.book(
            [
                world.count(3, web1, db1, packets: 1_000, endedAt: Timestamp(1)),
                world.count(4, web1, db1, packets: 10_000, endedAt: Timestamp(.max)),
            ], of: world.h1, readAt: Timestamp(.max))
        #expect(try await world.figures(.tenant).last?.traffic.sentPackets == 11_100)
        #expect(try await world.figures(.tenant, step: .day).map(\.time) == [Fixture.start])
        world.fixture.advance(86_400)
        try await world.book([world.count(2, web1, db1, packets: 101)], of: world.h1)
        let days = try await world.figures(.tenant, step: .day)
        #expect(days.map(\.time) == [Fixture.start, Fixture.start + 86_400])
        #expect(days.map(\.traffic.sentPackets) == [11_111, 1])
    }

    @Test("A leaf is believed about endpoints that it has, and had until lately")
    func whom() async throws {
        let world = try await UsageWorld()
        let (h1, h2, web1, db1) = (world.h1, world.h2, world.web1, world.db1)
        func refused(_ count: TrafficCount, of leaf: TestLeaf) async throws -> Int {
            try await world.book([count], of: leaf).refused
        }
        #expect(try await refused(world.count(1, db1, web1, packets: 1), of: h1) == 1, "db1 is on h2")
        #expect(try await refused(world.count(2, web1, db1, .receive, packets: 1), of: h1) == 1)
        #expect(try await refused(world.count(3, web1, db1, .local, packets: 1), of: h1) == 1)
        #expect(try await refused(world.count(4, world.foreign, db1, packets: 1), of: h2) == 1, "of two tenants")
        #expect(try await refused(world.count(5, web1, web1, packets: 1), of: h1) == 0)
        var nobody = world.count(6, web1, db1, packets: 1)
        nobody.pair?.destination = try Identity(parsing: "fd12:3456:789a::1")
        #expect(try await refused(nobody, of: h1) == 1)
        nobody.pair = nil
        #expect(try await refused(nobody, of: h1) == 1, "whose it is was never said")
        #expect(try await world.figures(.tenant).map(\.traffic.sentPackets) == [1])

        // It goes to h2; h1 may tell what it had counted, and of a wire that it never told of before.
        try await h1.run(web1.identity)
        #expect(try await refused(world.count(7, web1, db1, packets: 5), of: h1) == 0)
        _ = try await world.directory.moveEndpoint(web1.name, to: h2.host.name)
        try await world.directory.report(leaf: h1.id, identity: web1.identity, .closed)
        #expect(try await refused(world.count(7, web1, db1, packets: 8, endedAt: world.fixture.now), of: h1) == 0)
        #expect(try await refused(world.count(8, web1, db1, packets: 2, endedAt: world.fixture.now), of: h1) == 0)
        #expect(try await refused(world.count(8, web1, db1, packets: 4), of: h2) == 0)
        #expect(try await world.figures(.tenant).map(\.traffic.sentPackets) == [15])
        // A deleted endpoint is billed too, by its name.
        _ = try await world.directory.deleteEndpoint(web1.name)
        #expect(try await refused(world.count(8, web1, db1, packets: 14, endedAt: world.fixture.now), of: h2) == 0)
        #expect(try await world.figures(.tenant).map(\.traffic.sentPackets) == [25])
        #expect(try await world.figures(.endpoint).contains { $0.end?.name == web1.name.name })
        world.fixture.advance(33 * 86_400)
        #expect(try await refused(world.count(9, web1, db1, packets: 1), of: h1) == 1, "it was too long ago")
        await expectRefusal(.forbidden) {
            let id = LeafID(1)
            return try await world.directory.book(
                TrafficReport(receipt: 0, run: 1, readAt: world.fixture.now, counts: []), of: id)
        }
    }

    @Test("What cannot be is not believed, and takes nothing else with it")
    func plausible() async throws {
        let world = try await UsageWorld()
        let (web1, db1, h1) = (world.web1, world.db1, world.h1)
        let good = world.count(1, web1, db1, packets: 10)
        let bad = [
            world.count(.max, web1, db1, packets: 1), world.count(2, web1, db1, packets: .max),
            world.count(3, web1, db1, packets: 1, bytes: .max),
            world.count(4, web1, db1, packets: 1, bytes: 1 << 40),
            world.count(5, web1, db1, packets: 1 << 50, bytes: 1 << 52),
        ]
        #expect(try await world.book(bad + [good], of: h1).refused == bad.count)
        #expect(try await world.figures(.tenant).map(\.traffic) == [traffic(sent: 10, received: 0)])
        // A count never goes back, and never becomes that of another wire.
        #expect(try await world.book([world.count(1, web1, db1, packets: 9)], of: h1).refused == 1)
        #expect(try await world.book([world.count(1, world.web2, web1, packets: 12)], of: h1).refused == 0)
        #expect(try await world.figures(.wire).map(\.destination?.name) == [db1.name.name])
        #expect(try await world.figures(.tenant).map(\.traffic) == [traffic(sent: 12, received: 0)])
        // What a host can carry: 1 Tbit/s and a minute ahead.
        let second = world.directory.configuration.usageBytesPerSecond
        world.fixture.advance(10)
        func more(_ bytes: UInt64) -> TrafficCount {
            world.count(6, web1, db1, packets: bytes / 1_000, bytes: bytes)
        }
        #expect(try await world.book([more(second * 71)], of: h1).refused == 1)
        #expect(try await world.book([more(second * 55)], of: h1).refused == 0)
        #expect(try await world.book([more(second * 70)], of: h1).refused == 1, "the minute is used up")
        let many = TrafficReport(
            receipt: 0, run: 1, readAt: world.fixture.now,
            counts: Array(repeating: good, count: world.directory.configuration.usageCounts + 1))
        await expectRefusal(.invalid) { try await world.directory.book(many, of: h1.id) }
        await expectRefusal(.invalid) {
            try await world.directory.book(
                TrafficReport(receipt: .max, run: 1, readAt: world.fixture.now, counts: []), of: h1.id)
        }
    }

    @Test("Hours are kept for 60 days, days for three years") func pruning() async throws {
        let world = try await UsageWorld()
        try await world.book([world.count(1, world.web1, world.db1, packets: 1)], of: world.h1)
        for (days, hours, whole) in [(59, 1, 1), (2, 0, 1), (1_030, 0, 1), (8, 0, 0)] {
            world.fixture.advance(Int64(days) * 86_400)
            _ = try await world.directory.upkeep()
            #expect(try await world.figures(.wire).count == hours, "\(days)")
            #expect(try await world.figures(.wire, step: .day).count == whole, "\(days)")
            #expect(try await world.figures(.tenant, step: .day).count == whole, "\(days)")
        }
        // The wire still counts: what it had told stays booked.
        try await world.book([world.count(1, world.web1, world.db1, packets: 3)], of: world.h1)
        #expect(try await world.figures(.wire).map(\.traffic.sentPackets) == [2])
    }

    @Test("Hours go when their time is over, days stay theirs, and are the sums of the hours that there were")
    func retention() async throws {
        var configuration = DirectoryConfiguration()
        (configuration.usageHours, configuration.usageDays) = (2 * 86_400, 9 * 86_400)
        let world = try await UsageWorld(configuration: configuration)
        let begin = world.fixture.now
        var told: UInt64 = 0
        for hour in 0..<12 * 12 as Range<UInt64> {
            told += hour + 1
            try await world.book([world.count(1, world.web1, world.db1, packets: told)], of: world.h1)
            if hour == 23 {
                // Nothing is old yet.
                for kind in UsageKind.allCases {
                    let hours = try await world.figures(kind)
                    for day in try await world.figures(kind, step: .day) where day.time < begin + 86_400 {
                        let own = hours.filter {
                            UsageStep.day.begin(of: $0.time) == day.time && $0.number == day.number
                        }
                        #expect(own.reduce(0) { $0 + $1.traffic.sentPackets } == day.traffic.sentPackets, "\(kind)")
                    }
                }
            }
            world.fixture.advance(7_200)
            _ = try await world.directory.upkeep()
        }
        let now = world.fixture.now
        for kind in UsageKind.allCases {
            let (hours, days) = (try await world.figures(kind), try await world.figures(kind, step: .day))
            let oldest = UsageStep.hour.begin(of: now + -2 * 86_400)
            #expect(hours.allSatisfy { $0.time >= oldest } && hours.contains { $0.time < oldest + 7_200 }, "\(kind)")
            let first = UsageStep.day.begin(of: now + -9 * 86_400)
            #expect(days.first?.time == first, "\(kind)")
            // Days whose hours are gone are what they were.
            for day in days where kind == .tenant {
                let from = UInt64((day.time.seconds - UsageStep.day.begin(of: begin).seconds) / 7_200)
                let expected = (0..<12).reduce(UInt64(0)) { $0 + (from + UInt64($1) < 144 ? from + UInt64($1) + 1 : 0) }
                #expect(day.traffic.sentPackets == expected, "\(day.time)")
            }
        }
    }

    @Test("A tenant that takes a deleted one's name does not see its figures") func names() async throws {
        let world = try await UsageWorld()
        try await world.book([world.count(1, world.web1, world.db1, packets: 1)], of: world.h1)
        for endpoint in [world.web1, world.web2, world.db1] {
            _ = try await world.directory.deleteEndpoint(endpoint.name)
        }
        _ = try await world.directory.deleteVNet(tenantName("acme/lan"))
        try await world.directory.deleteTenant(name("acme"))
        _ = try await world.directory.createTenant(name("acme"))
        #expect(try await world.figures(.endpoint).isEmpty)
        await expectRefusal(.notFound, at: "endpoint") {
            var question = UsageQuestion(
                kind: .endpoint, step: .hour, from: Timestamp(0), to: world.fixture.now + 3_600)
            question.end = .endpoint(try name("web1"))
            return try await world.directory.usage(of: name("acme"), question)
        }
        let all = try await world.directory.tenantUsage(step: .hour, from: Timestamp(0), to: world.fixture.now + 3_600)
        #expect(all.map(\.isPresent) == [false] && all.map(\.name.text) == ["acme"])
        _ = try await world.directory.upkeep()
        #expect(
            try await world.directory.tenantUsage(step: .hour, from: Timestamp(0), to: world.fixture.now + 3_600) == all
        )
    }

    @Test("Pages follow one another, and ends are found") func questions() async throws {
        let world = try await UsageWorld()
        let (web1, web2, db1) = (world.web1, world.web2, world.db1)
        let address = try IPAddress(parsing: "203.0.113.9")
        var outside = world.count(9, web1, web2, packets: 7)
        outside.pair?.outsideDestination = address
        for hour in 0..<5 as Range<UInt64> {
            try await world.book(
                [
                    world.count(1, web1, db1, packets: hour + 1), world.count(2, web2, db1, packets: hour + 1),
                    world.count(3, db1, web1, .receive, packets: hour + 1),
                ] + (hour == 0 ? [outside] : []), of: world.h1)
            world.fixture.advance(3_600)
        }
        var question = UsageQuestion(kind: .wire, step: .hour, from: Timestamp(0), to: world.fixture.now, limit: 2)
        var seen: [UsageFigure] = []
        while true {
            let page = try await world.directory.usage(of: name("acme"), question)
            guard let last = page.last else { break }
            seen += page
            question.after = UsageQuestion.Place(time: last.time, number: last.number)
        }
        #expect(seen == (try await world.figures(.wire)) && seen.count == 16)
        func count(_ end: FlowEnd, _ peer: FlowEnd? = nil, oneWay: Bool = false) async throws -> Int {
            var question = UsageQuestion(kind: .wire, step: .hour, from: Timestamp(0), to: world.fixture.now)
            (question.end, question.peer, question.isOneWay) = (end, peer, oneWay)
            return try await world.directory.usage(of: name("acme"), question).count
        }
        #expect(try await count(.endpoint(web1.name.name)) == 11)
        #expect(try await count(.endpoint(web1.name.name), .endpoint(db1.name.name)) == 10)
        #expect(try await count(.endpoint(web1.name.name), .endpoint(db1.name.name), oneWay: true) == 5)
        #expect(try await count(.outside(address)) == 1)
        #expect(try await count(.endpoint(web1.name.name), .outside(address), oneWay: true) == 1)
        #expect(try await count(.endpoint(web1.name.name), .endpoint(web2.name.name)) == 0, "that is with the border")
    }

    private func traffic(sent: UInt64, received: UInt64) -> Traffic {
        var traffic = Traffic()
        (traffic.sentPackets, traffic.sentBytes) = (sent, sent * 100)
        (traffic.receivedPackets, traffic.receivedBytes) = (received, received * 100)
        return traffic
    }
}
