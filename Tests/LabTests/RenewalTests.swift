import Foundation
import NetTypes
import Testing

/// A platform whose certificates live seconds: leaves 60, endpoints and policy keys 16, location records 10.
extension LabTests.WithShortLives {
    @Test(.timeLimit(.minutes(2))) func everythingIsRenewedInTimeAndNobodyNotices() async throws {
        let lab = try TestLab.current()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let first = try await serials(of: lab)
        let leaves = leafRenewals(in: lab)
        let old = try HostileLeaf(of: "h3")
        let began = ContinuousClock.now
        // Longer than the longest life: everything that the wire was plugged on has ended.
        let echoes = try Echoes(
            2_400, every: 20, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        try await Task.sleep(for: .seconds(20))
        let second = try await serials(of: lab)
        // In the middle a pair that never met before: its leaves have never spoken.
        try await lab.succeed("plug", "acme/batch1", "acme/web1")
        try await lab.expectPlugged("acme/batch1", "acme/web1")
        let answered = try await echoes.answered(within: 80)
        #expect(answered == 2_400, "\(echoes)")
        let third = try await serials(of: lab)
        for name in first.keys {
            #expect(Set([first[name], second[name], third[name]]).count == 3, "\(name) kept a certificate: \(third)")
        }
        for host in ["h1", "h2", "h3"] {
            let now = leafRenewals(in: lab)[host] ?? 0
            #expect(now >= (leaves[host] ?? 0) + 1, "the leaf of \(host) was renewed \(now) times")
        }
        // Sessions that began with certificates of long ago have been replaced, and verdicts still arrive.
        try await lab.succeed("plug", "acme/db1", "acme/batch1")
        try await lab.expectPlugged("acme/db1", "acme/batch1")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/web2")
        try await lab.succeed("endpoint", "move", "acme/db1", "h1")
        try await lab.waitUntilRunning("acme/db1")
        try await lab.expectPlugged("acme/batch1", "acme/db1")

        // A leaf's certificate of long ago, with the right key, is not heard any more; the present one is.
        try await Task.sleep(until: began + .seconds(62), clock: .continuous)
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let present = try await HostileLeaf(of: "h3").ask(nil, at: leaf, lab.host("h2").locator)
        #expect(present.number == 7)
        await #expect(throws: (any Error).self) { _ = try await old.ask(nil, at: leaf, lab.host("h2").locator) }
    }

    /// A controller that is away for longer than a record lives: plugged wires stay, and all is renewed when it is back.
    @Test(.timeLimit(.minutes(2))) func wiresOutliveARecordWhoseControllerIsAway() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.daemons.crash("controller")
        let echoes = try Echoes(
            550, every: 20, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        let answered = try await echoes.answered(within: 40)
        #expect(answered == 550, "\(echoes)")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        try await lab.succeed("plug", "acme/batch1", "acme/web1")
        try await lab.expectPlugged("acme/batch1", "acme/web1", within: 20)
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    /// The backstop: where a leaf is gone for good, its endpoints' certificates end, and so do their wires elsewhere.
    @Test(.timeLimit(.minutes(2))) func aWireEndsWhenNobodyRenewsItsOtherEnd() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.daemons.crash("leaf h2")
        try await Task.sleep(for: .seconds(12))
        // The record has ended, and its leaf has as much time again to renew it.
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let isCut = try await eventually(within: 60, every: 0.5) {
            try await lab.wires("acme/web1", "acme/web2").allSatisfy { $0.host != "h1" }
        }
        let left = try await lab.wires()
        #expect(isCut, "the wire outlives what it was plugged on: \(left)")
    }

    /// The serial number of each endpoint's certificate.
    private func serials(of lab: TestLab) async throws -> [String: String] {
        var serials: [String: String] = [:]
        for endpoint in lab.endpoints {
            serials[endpoint.name] = try await lab.json("certificate", "show", endpoint.name)["serial"].string
        }
        #expect(serials.count == lab.endpoints.count)
        return serials
    }

    private func leafRenewals(in lab: TestLab) -> [String: Int] {
        var counts: [String: Int] = [:]
        for host in ["h1", "h2", "h3"] {
            let log = lab.daemons.log(of: "leaf \(host)", lines: .max)
            counts[host] = log.components(separatedBy: "leaf certificate renewed").count - 1
        }
        return counts
    }
}
