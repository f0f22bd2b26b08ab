import Foundation
import Testing

/// What the upgrade and the removal of a leaf's program do to the wires of its host.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1)), arguments: ["none", "conf"])
    func whatAnotherVersionLaidOutOtherwiseIsPluggedAnew(_ level: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", level)
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let pins = try #require(try lab.daemons.option("--pins", of: "leaf h1"))
        try await lab.daemons.crash("leaf h1")
        // The map of one thing in the place of another's: sizes that this version does not know.
        try await Command(["mv", "\(pins)/map_receive", "\(pins)/map_denied"]).succeed()
        try lab.daemons.start("leaf h1")
        try await lab.waitUntilWhole()
        #expect(lab.daemons.log(of: "leaf h1", lines: .max).contains("they are plugged anew"))
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/db1", "acme/batch1")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires("acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func aClearedHostHasNothingLeftOfItsLeaf() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let former = try await engine(of: "h1")
        let pins = try #require(try lab.daemons.option("--pins", of: "leaf h1"))
        let state = try #require(try lab.daemons.option("--state", of: "leaf h1"))
        let host = ["nsenter", "--net=/run/netns/pb-h1", "--"]
        let clear = host + [lab.programs + "/patchbay-leaf", "clear", "--state", state, "--pins", pins]
        let refused = try await Command(clear).run()
        #expect(refused.status != 0 && refused.text.contains("Stop it first"), "\(refused)")
        try await lab.expectPlugged("acme/web1", "acme/web2")

        try await lab.daemons.crash("leaf h1")
        try await Command(clear).succeed()
        #expect(!FileManager.default.fileExists(atPath: pins))
        // The engine's device goes a moment after its program.
        var left = ""
        let gone = try await eventually(within: 5) {
            left = try await Command(host + ["ip", "-o", "link", "show"]).run().output
            return !FileManager.default.fileExists(atPath: "/proc/\(former)/exe")
                && ["pbk-", ": pb0", "patchbay-crypt"].allSatisfy { !left.contains($0) }
        }
        #expect(gone, "the engine goes on, or a device: \(left)")
        // Twice is once.
        try await Command(clear).succeed()
        try lab.daemons.start("leaf h1")
        try await lab.waitUntilWhole()
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }
}
