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
        let ping = try Command(
            try lab.endpoint("acme/web1").inside
                + ["ping", "-n", "-q", "-i", "0.05", "-c", "100", lab.endpoint("acme/web2").identity]
        ).start()
        let restored = try await Command([controller, "restore", place + "/backup"] + options).run(seconds: 60)
        #expect(restored.status == 0, "\(restored)")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        try await ping.wait(seconds: 20)
        #expect(ping.output.contains(" 0% packet loss"), "\(ping.output)")
        // What was plugged can be cut, and what was not can be plugged.
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires("acme/web1", "acme/web2")
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        try await lab.expectUnplugged("acme/web1", "acme/web2", "acme/batch1")
    }
}
