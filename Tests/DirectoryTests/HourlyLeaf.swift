import DirectoryCore
import Foundation
import LeafProtocol
import Logging
import NetTypes

@testable import ControllerAPI
@testable import LeafAgent

/// What a host's kernel counts, and the way to the controller, which a test can break.
actor HourlyHost: TrafficSource {
    enum Way: Sendable {
        case whole
        /// The report does not arrive.
        case noReport
        /// The report is booked, and its answer does not arrive.
        case noAnswer
    }

    struct Lost: Error {}

    private let leaf: LeafID
    private(set) var directory: Directory
    private var live: [UInt64: Patchbay_Leaf_V1_TrafficCount] = [:]
    private var ended: [UInt64: Patchbay_Leaf_V1_TrafficCount] = [:]
    private var ways: [Way] = []
    private var nextID: UInt64 = 1
    private(set) var refused = 0
    private(set) var moved = 0
    private(set) var reports = 0

    init(_ leaf: LeafID, _ directory: Directory) {
        self.leaf = leaf
        self.directory = directory
    }

    func plug(_ pair: TrafficPair, _ end: Patchbay_Leaf_V1_TrafficCount.End) -> UInt64 {
        nextID += 1
        live[nextID] = .with {
            $0.id = nextID
            $0.end = end
            $0.source = Data(pair.source.octets)
            $0.destination = Data(pair.destination.octets)
        }
        return nextID
    }

    func pass(_ id: UInt64, packets: UInt64) {
        live[id]?.packets += packets
        live[id]?.bytes += packets * 100
    }

    func unplug(_ id: UInt64, at moment: Timestamp) {
        guard var count = live.removeValue(forKey: id), count.packets > 0 else { return }
        count.endedAt = moment.seconds
        ended[id] = count
    }

    /// The host loses its power: nothing of its kernel is left.
    func loseKernel() { (live, ended) = ([:], [:]) }

    var wires: [UInt64] { live.keys.sorted() }

    /// What becomes of the next reports; later ones arrive.
    func breakWay(_ ways: [Way]) { self.ways = ways }

    func restartController(_ directory: Directory) { self.directory = directory }

    func traffic(except known: [UInt64: TrafficTally]) -> TrafficReading {
        TrafficReading(
            counts: live.values.filter { $0.packets > 0 && known[$0.id] != TrafficTally($0) }, live: Set(live.keys),
            ended: Array(ended.values), isWhole: true)
    }

    func book(_ report: Patchbay_Leaf_V1_TrafficReport) async throws -> Patchbay_Leaf_V1_TrafficReceipt {
        let way = ways.isEmpty ? .whole : ways.removeFirst()
        if case .noReport = way { throw Lost() }
        let receipt = try await directory.book(TrafficReport(report), of: leaf)
        reports += 1
        refused += receipt.refused
        moved += receipt.moved
        if case .noAnswer = way { throw Lost() }
        return .with {
            $0.receipt = receipt.receipt
            $0.booked = receipt.isBooked
            $0.refused = UInt32(receipt.refused)
        }
    }

    func forget(ended ids: [UInt64]) { for id in ids { ended[id] = nil } }

    var isEmpty: Bool { ended.isEmpty }
}

/// A leaf on such a host: its process can be killed, its files stay.
final class HourlyLeaf {
    let host: HourlyHost
    let folder: String
    private let limits: HourlyCounts.Limits
    private(set) var boot = "b0"
    private(set) var teller: TrafficTeller
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ leaf: TestLeaf, _ directory: Directory, limits: HourlyCounts.Limits = .init()) {
        host = HourlyHost(leaf.id, directory)
        folder = leaf.fixture.folder + "/leaf-\(leaf.host.name)"
        self.limits = limits
        teller = TrafficTeller(
            host, hours: HourlyCounts(directory: folder, boot: boot, limits: limits, logger: Self.logger),
            reportCounts: 3, logger: Self.logger)
    }

    /// `kill -9`, and a new start.
    func restart() {
        teller = TrafficTeller(
            host, hours: HourlyCounts(directory: folder, boot: boot, limits: limits, logger: Self.logger),
            reportCounts: 3, logger: Self.logger)
    }

    /// The host goes down and up.
    func reboot() async {
        await host.loseKernel()
        boot = "b\(UInt64(boot.dropFirst()).map { $0 + 1 } ?? 1)"
        restart()
    }

    var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    }
}
