import DirectoryCore
import Foundation
import LeafProtocol
import NetTypes
import StoreSQLite
import Testing

@testable import LeafAgent

/// What a leaf counts while it has no controller, from its kernel to the figures, with the leaf's and the controller's own code.
@Suite("Hours of a leaf without a controller")
struct HourlyUsageTests {
    /// Lets time pass as a leaf does: it looks at each full hour.
    private static func pass(_ seconds: Int64, _ world: UsageWorld, _ leaf: HourlyLeaf, isConnected: Bool) async {
        var left = seconds
        while left > 0 {
            let toHour = 3_600 - world.fixture.now.seconds % 3_600
            let step = min(left, toHour)
            world.fixture.advance(step)
            left -= step
            if step == toHour { await leaf.teller.account(at: world.fixture.now, isConnected: isConnected) }
        }
    }

    /// Packets that were sent on the wires of a pair, by hour.
    private static func sent(_ world: UsageWorld, on directory: Directory? = nil) async throws -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for figure in try await world.figures(.wire, on: directory) {
            let (source, destination) = (try #require(figure.end), try #require(figure.destination))
            found["\(figure.time) \(source.name)>\(destination.name)"] = figure.traffic.sentPackets
            #expect(figure.traffic.sentBytes == figure.traffic.sentPackets * 100)
        }
        return found
    }

    private static func noon(_ world: UsageWorld, _ leaf: HourlyLeaf) async -> Timestamp {
        let noon = Fixture.start + 12 * 3_600
        await pass(noon - world.fixture.now + 600, world, leaf, isConnected: true)
        return noon
    }

    @Test("Each hour has what passed in it, over a restart of the leaf", arguments: [false, true])
    func ownHours(restart: Bool) async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory)
        let noon = await Self.noon(world, leaf)
        let wire = await leaf.host.plug(world.pair(world.web1, world.db1), .send)
        let short = await leaf.host.plug(world.pair(world.web2, world.db1), .send)
        await leaf.host.pass(wire, packets: 1)
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        // From ten past twelve to ten past five nobody answers.
        for hour in 0..<5 as Range<UInt64> {
            await leaf.host.pass(wire, packets: 10 + hour)
            if hour == 1 { await leaf.host.pass(short, packets: 5) }
            if hour == 3 { await leaf.host.pass(short, packets: 2) }
            if restart, hour == 2 { leaf.restart() }
            await Self.pass(1_800, world, leaf, isConnected: false)
            if hour == 3 { await leaf.host.unplug(short, at: world.fixture.now) }
            await Self.pass(1_800, world, leaf, isConnected: false)
        }
        #expect(try leaf.files.count == 5)
        await leaf.host.pass(wire, packets: 100)
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        var expected: [String: UInt64] = [:]
        for hour in 0..<5 as Range<Int64> {
            expected["\(noon + hour * 3_600) web1>db1"] = UInt64(10 + hour) + (hour == 0 ? 1 : 0)
        }
        expected["\(noon + 5 * 3_600) web1>db1"] = 100
        expected["\(noon + 3_600) web2>db1"] = 5
        expected["\(noon + 3 * 3_600) web2>db1"] = 2
        #expect(try await Self.sent(world) == expected)
        #expect(try leaf.files.isEmpty)
        #expect(await leaf.host.refused == 0)
        #expect(await leaf.host.moved == 0)
        // Nothing is told again.
        let reports = await leaf.host.reports
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        #expect(await leaf.host.reports <= reports + 1, "but that an ended count is forgotten")
        #expect(try await Self.sent(world) == expected)
    }

    /// Hours, restarts and breaks as chance has them.
    @Test("Every packet is in its hour, once, whatever breaks", arguments: 1...10 as ClosedRange<UInt64>)
    func exactly(seed: UInt64) async throws {
        let world = try await UsageWorld(.file, seed: seed)
        var random = SeededGenerator(seed: seed)
        let leaf = HourlyLeaf(world.h1, world.directory)
        var directory = world.directory
        var stores: [SQLiteStore] = []
        var truth: [String: UInt64] = [:]
        var pairs: [UInt64: String] = [:]
        var isConnected = true
        let kinds = [(world.web1, world.db1), (world.web2, world.db1), (world.web1, world.web2)]
        for _ in 0..<250 {
            switch Int.random(in: 0..<16, using: &random) {
            case 0...1:
                let (source, destination) = kinds[Int.random(in: 0..<3, using: &random)]
                let id = await leaf.host.plug(world.pair(source, destination), .send)
                pairs[id] = "\(source.name.name)>\(destination.name.name)"
            case 2:
                if let id = await leaf.host.wires.randomElement(using: &random) {
                    await leaf.host.unplug(id, at: world.fixture.now)
                }
            case 3...7:
                guard let id = await leaf.host.wires.randomElement(using: &random), let pair = pairs[id] else {
                    continue
                }
                let packets = UInt64.random(in: 1...1_000, using: &random)
                await leaf.host.pass(id, packets: packets)
                let hour = UsageStep.hour.begin(of: world.fixture.now)
                truth["\(hour) \(pair)", default: 0] += packets
            case 8...10:
                await Self.pass(Int64.random(in: 1...4_000, using: &random), world, leaf, isConnected: isConnected)
            case 11: isConnected.toggle()
            case 12: leaf.restart()
            case 13:
                let ways: [HourlyHost.Way] = [.whole, .noReport, .noAnswer]
                await leaf.host.breakWay(
                    (0..<4).map { _ in ways[Int.random(in: 0..<3, using: &random)] })
            case 14:
                let store = try StoreKind.file.make(in: world.fixture.folder)
                stores.append(store)
                directory = world.fixture.directory(on: store)
                await leaf.host.restartController(directory)
            default: await leaf.teller.account(at: world.fixture.now, isConnected: isConnected)
            }
        }
        await leaf.host.breakWay([])
        for _ in 0..<3 { await leaf.teller.account(at: world.fixture.now, isConnected: true) }
        #expect(await leaf.host.isEmpty)
        #expect(try leaf.files.isEmpty)
        #expect(await leaf.host.refused == 0)
        #expect(await leaf.host.moved == 0)
        let found = try await Self.sent(world, on: directory)
        #expect(found == truth, "\(Set(found.keys).symmetricDifference(truth.keys).sorted())")
        // Days are the sums of their hours, of all kinds.
        for kind in UsageKind.allCases {
            var sums = (hours: [String: Traffic](), days: [String: Traffic]())
            for figure in try await world.figures(kind, on: directory) {
                let day = UsageStep.day.begin(of: figure.time)
                sums.hours["\(day) \(figure.number)", default: Traffic()] += figure.traffic
            }
            for figure in try await world.figures(kind, step: .day, on: directory) {
                sums.days["\(figure.time) \(figure.number)"] = figure.traffic
            }
            #expect(sums.hours == sums.days && !sums.days.isEmpty, "\(kind)")
        }
        for store in stores { try store.close() }
    }

    @Test("What was kept outlasts the host's power, and is booked once") func power() async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory)
        let noon = await Self.noon(world, leaf)
        let pair = world.pair(world.web1, world.db1)
        let first = await leaf.host.plug(pair, .send)
        let other = await leaf.host.plug(pair, .send)
        await leaf.host.pass(first, packets: 7)
        await leaf.host.pass(other, packets: 3)
        await Self.pass(3_600, world, leaf, isConnected: false)
        // This is lost: it was in no file yet.
        await leaf.host.pass(first, packets: 1_000)
        await leaf.reboot()
        let second = await leaf.host.plug(pair, .send)
        await leaf.host.pass(second, packets: 20)
        await Self.pass(3_600, world, leaf, isConnected: false)
        // The first answers do not arrive, and the leaf is killed: all is told again.
        await leaf.host.breakWay([.noAnswer])
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        leaf.restart()
        for _ in 0..<3 { await leaf.teller.account(at: world.fixture.now, isConnected: true) }
        #expect(try await Self.sent(world) == ["\(noon) web1>db1": 10, "\(noon + 3_600) web1>db1": 20])
        #expect(try leaf.files.isEmpty)
    }

    @Test("More hours than are kept are merged, and nothing of them is lost") func bound() async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory, limits: .init(hours: 3))
        let noon = await Self.noon(world, leaf)
        let wire = await leaf.host.plug(world.pair(world.web1, world.db1), .send)
        let early = await leaf.host.plug(world.pair(world.web2, world.db1), .send)
        await leaf.host.pass(early, packets: 9)
        for _ in 0..<6 {
            await leaf.host.pass(wire, packets: 10)
            await Self.pass(3_600, world, leaf, isConnected: false)
        }
        #expect(try leaf.files.count == 3)
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        #expect(
            try await Self.sent(world) == [
                "\(noon + 3 * 3_600) web1>db1": 40, "\(noon + 4 * 3_600) web1>db1": 10,
                "\(noon + 5 * 3_600) web1>db1": 10, "\(noon + 3 * 3_600) web2>db1": 9,
            ])
        // The same by size: not even two hours may stay.
        let small = HourlyLeaf(world.h2, world.directory, limits: .init(bytes: 1))
        let back = await small.host.plug(world.pair(world.db1, world.web1), .send)
        for _ in 0..<3 {
            await small.host.pass(back, packets: 1)
            await Self.pass(3_600, world, small, isConnected: false)
        }
        #expect(try small.files.count == 1)
        await small.teller.account(at: world.fixture.now, isConnected: true)
        #expect(try await Self.sent(world).filter { $0.key.hasSuffix("db1>web1") }.map(\.value) == [3])
    }

    @Test("Ten days at a high rate are believed at once") func highRate() async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory)
        _ = await Self.noon(world, leaf)
        let wire = await leaf.host.plug(world.pair(world.web1, world.db1), .send)
        // 100 Gbit/s: each hour is more than the minute that a leaf may be ahead.
        let hourly: UInt64 = 3_600 * 12_500_000_000 / 100
        for _ in 0..<240 {
            await leaf.host.pass(wire, packets: hourly)
            await Self.pass(3_600, world, leaf, isConnected: false)
        }
        #expect(try leaf.files.count == 240)
        for _ in 0..<2 { await leaf.teller.account(at: world.fixture.now, isConnected: true) }
        #expect(await leaf.host.refused == 0)
        let found = try await Self.sent(world)
        #expect(found.count == 240 && found.values.allSatisfy { $0 == hourly })
    }

    @Test("A clock that goes wrong moves figures, and neither loses nor doubles any") func clocks() async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory)
        let noon = await Self.noon(world, leaf)
        let wire = await leaf.host.plug(world.pair(world.web1, world.db1), .send)
        await leaf.host.pass(wire, packets: 1)
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        // Two days ahead, and an hour is kept there.
        await leaf.host.pass(wire, packets: 10)
        await leaf.teller.account(at: noon + 2 * 86_400, isConnected: false)
        await leaf.teller.account(at: noon + 2 * 86_400 + 3_600, isConnected: false)
        #expect(try leaf.files.count == 1, "nothing passed in the second")
        // Set right again: the hour to come is dropped, its packets are of the present one.
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        #expect(try await Self.sent(world) == ["\(noon) web1>db1": 11])
        #expect(await leaf.host.moved == 0)
        // Ahead while it tells: that is of no hour to come.
        await leaf.host.pass(wire, packets: 100)
        await leaf.teller.account(at: noon + 2 * 86_400 + 600, isConnected: true)
        #expect(try await Self.sent(world) == ["\(noon) web1>db1": 111])
        #expect(await leaf.host.moved == 1)
        // Years behind: nothing is booked before what the leaf told last, nor to an hour that is not kept.
        await leaf.host.pass(wire, packets: 1_000)
        await leaf.teller.account(at: Timestamp(1_000_000), isConnected: true)
        #expect(try await Self.sent(world) == ["\(noon) web1>db1": 1_111])
        #expect(await leaf.host.moved == 2)
        world.fixture.advance(61 * 86_400)
        await leaf.host.pass(wire, packets: 10_000)
        await leaf.teller.account(at: Timestamp(1_000_000), isConnected: true)
        let oldest = UsageStep.hour.begin(of: world.fixture.now + -60 * 86_400)
        #expect(try await Self.sent(world)["\(oldest) web1>db1"] == 10_000)
        #expect(await leaf.host.moved == 3)
        // A wire ended while the clock was back in the hour before one that is kept.
        let glitch = UsageStep.hour.begin(of: world.fixture.now)
        let other = await leaf.host.plug(world.pair(world.web2, world.db1), .send)
        await leaf.host.pass(other, packets: 5)
        await leaf.teller.account(at: glitch + 7_190, isConnected: false)
        await leaf.teller.account(at: glitch + 7_200, isConnected: false)
        await leaf.host.unplug(other, at: glitch + 60)
        world.fixture.advance(7_300)
        for _ in 0..<3 { await leaf.teller.account(at: world.fixture.now, isConnected: true) }
        #expect(try await Self.sent(world).filter { $0.key.hasSuffix("web2>db1") }.map(\.value) == [5])
        #expect(try leaf.files.isEmpty)
        #expect(await leaf.host.refused == 0)
    }

    @Test("Files that are none, or broken, stop nothing") func broken() async throws {
        let world = try await UsageWorld()
        let leaf = HourlyLeaf(world.h1, world.directory)
        let noon = await Self.noon(world, leaf)
        let wire = await leaf.host.plug(world.pair(world.web1, world.db1), .send)
        await leaf.host.pass(wire, packets: 4)
        await Self.pass(3_600, world, leaf, isConnected: false)
        let files = try leaf.files
        #expect(files == ["\(noon.seconds)-b0"])
        for name in [
            "README", "-1-b0", "7-b0", "\(noon.seconds)-../x".replacingOccurrences(of: "/", with: "_"),
            "\(Int64.max)-b0",
        ] {
            try Data("x".utf8).write(to: URL(filePath: leaf.folder + "/" + name))
        }
        try Data("no report".utf8).write(to: URL(filePath: leaf.folder + "/" + files[0]))
        leaf.restart()
        await leaf.teller.account(at: world.fixture.now, isConnected: true)
        #expect(try await Self.sent(world).map(\.value) == [4])
        #expect(try leaf.files.count == 5)
    }
}
