import Foundation
import Lab
import Testing

/// A platform that is lost, and comes back from its backup.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(2))) func aRestoredControllerGoesOnWithItsLeaves() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let data = LabLayout.directory + "/controller"
        let place = NSTemporaryDirectory() + "patchbay-lab-backup-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Data("a passphrase of the lab\n".utf8).write(to: URL(filePath: place + "/pass"))
        let controller = "\(lab.programs)/patchbay-controller"
        let options = ["--data", data, "--passphrase-file", place + "/pass"]

        // While somebody makes groups and deletes them again.
        let writing = Task {
            for number in 0..<200 where !Task.isCancelled {
                _ = try? await lab.rest("POST", "/v1/tenants/acme/groups", #"{"name":"g\#(number)"}"#)
                _ = try? await lab.rest("DELETE", "/v1/tenants/acme/groups/g\(number)")
            }
        }
        let made = try await Command([controller, "backup"] + options + [place + "/backup"]).run(seconds: 60)
        writing.cancel()
        await writing.value
        #expect(made.status == 0, "\(made)")

        // The machine is gone, but for what is on the hosts.
        try await lab.daemons.crash("controller")
        try FileManager.default.removeItem(atPath: data)
        let echoes = try Echoes(
            100, every: 50, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        let restored = try await Command([controller, "restore", place + "/backup"] + options).run(seconds: 60)
        #expect(restored.status == 0, "\(restored)")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        let answered = try await echoes.answered(within: 20)
        #expect(answered == 100, "\(echoes)")
        // What was plugged can be cut, and what was not can be plugged.
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires("acme/web1", "acme/web2")
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        try await lab.expectUnplugged("acme/web1", "acme/web2", "acme/batch1")
    }

    /// Leaves refuse epochs and revisions below those that they have seen. A backup knows nothing of those that came later.
    @Test(.timeLimit(.minutes(2))) func aBackupThatIsBehindItsLeavesGoesAheadOfThem() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let data = LabLayout.directory + "/controller"
        let place = NSTemporaryDirectory() + "patchbay-lab-backup-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Data("a passphrase of the lab\n".utf8).write(to: URL(filePath: place + "/pass"))
        let controller = "\(lab.programs)/patchbay-controller"
        let options = ["--data", data, "--passphrase-file", place + "/pass"]
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        let made = try await Command([controller, "backup"] + options + [place + "/backup"]).run(seconds: 60)
        #expect(made.status == 0, "\(made)")

        // An endpoint goes away and comes back, and web1's leaf sees each of its records; the policy has new revisions.
        let former = try await lab.json("endpoint", "show", "acme/db1")
        for host in ["h3", "h2"] {
            try await lab.succeed("endpoint", "move", "acme/db1", host)
            try await lab.waitUntilRunning("acme/db1")
            try await lab.expectPlugged("acme/web1", "acme/db1")
        }
        for _ in 0..<3 {
            try await lab.succeed("plug", "acme/web1", "acme/web2")
            try await lab.succeed("unplug", "acme/web1", "acme/web2")
        }
        try await lab.succeed("unplug", "acme/web1", "acme/db1")
        try await lab.expectNoWires("acme/web1", "acme/db1")
        let late = try await lab.json("endpoint", "show", "acme/db1")
        #expect(late["epoch"].integer ?? 0 > former["epoch"].integer ?? 0)

        try await lab.daemons.crash("controller")
        try FileManager.default.removeItem(atPath: data)
        let restored = try await Command([controller, "restore", place + "/backup"] + options).run(seconds: 60)
        #expect(restored.status == 0, "\(restored)")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        // The policy of the backup is in force again, and the place of db1 is believed.
        try await lab.expectPlugged("acme/web1", "acme/db1", within: 10)
        let present = try await lab.json("endpoint", "show", "acme/db1")
        #expect(present["epoch"].integer ?? 0 > late["epoch"].integer ?? 0, "\(present)")
        #expect(!FileManager.default.fileExists(atPath: data + "/restored"))
        try await lab.succeed("unplug", "acme/web1", "acme/db1")
        try await lab.expectUnplugged("acme/web1", "acme/db1")
        try await lab.succeed("endpoint", "move", "acme/db1", "h3")
        try await lab.waitUntilRunning("acme/db1")
        try await lab.succeed("endpoint", "move", "acme/db1", "h2")
        try await lab.waitUntilRunning("acme/db1")
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
    }
}
