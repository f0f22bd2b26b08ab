import Foundation
import Testing

/// A tenant that is suspended: its packets stop at once, everywhere, and all is as before when it is resumed.
///
///     h1 acme/web1 ─── conf ─── h2 acme/web2      h2 acme/web2 ─── local ─── h2 acme/db1
///     h1 acme/web1 ─── plain ── h3 acme/batch1    globex/web1 ─── plain ─── globex/db1   (goes on)
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(2))) func aSuspendedTenantIsSilentAndAllIsBackWhenItIsResumed() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let pairs = [("acme/web1", "acme/web2"), ("acme/web1", "acme/batch1"), ("acme/web2", "acme/db1")]
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        try await lab.succeed("plug", "acme/web1", "acme/batch1")
        try await lab.succeed("plug", "acme/web2", "acme/db1")
        try await lab.succeed("plug", "globex/web1", "globex/db1")
        for (from, to) in pairs { try await lab.expectPlugged(from, to) }
        let before = try await lab.tenantState()
        let connection = try await TalkingPair(lab, from: "acme/web1", to: "acme/web2")
        let other = try Echoes(
            300, every: 20, from: lab.endpoint("globex/web1"), to: lab.endpoint("globex/db1").identity)

        // 1. Suspended: every wire is gone within seconds, and nothing passes.
        try await lab.succeed("tenant", "suspend", "acme", "--reason", "invoice 1022")
        try await lab.expectNoWires(within: 3, ofTenant: "acme")
        for (from, to) in pairs { try await lab.expectUnplugged(from, to) }
        let explained = try await lab.json("explain", "acme/web1", "acme/web2")
        #expect(explained["verdict"].string == "unplug" && explained["reason_code"].string == "tenant-suspended")
        #expect(explained["reason"].string?.contains("invoice 1022") == true, "\(explained)")
        let codes = explained["leaves"].items.compactMap { $0["pair"]["refusal"].string }
        #expect(codes.contains("tenant-suspended"), "\(explained)")
        #expect(try await lab.json("tenant", "show", "acme")["state"].string == "suspended")
        let refused = try await lab.patchbay("plug", "acme/web1", "acme/db1")
        #expect(refused.status == 1 && refused.errors.contains("suspended"), "\(refused)")

        // 2. A leaf that starts anew keeps to it, with a controller and without one.
        try await lab.daemons.crash("leaf h1")
        try lab.daemons.start("leaf h1")
        try await lab.waitUntilWhole()
        try await lab.expectUnplugged("acme/web1", "acme/web2", "acme/batch1")
        try await lab.daemons.crash("controller")
        for leaf in ["leaf h1", "leaf h2"] {
            try await lab.daemons.crash(leaf)
            try lab.daemons.start(leaf)
        }
        for (from, to) in pairs { try await lab.expectUnplugged(from, to) }
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()

        // 3. Another tenant noticed nothing.
        let answered = try await other.answered(within: 20)
        #expect(answered == 300, "\(other)")

        // 4. Resumed: the same addresses, certificates and policy, and connections go on.
        try await lab.succeed("tenant", "resume", "acme")
        for (from, to) in pairs { try await lab.expectPlugged(from, to) }
        #expect(try await lab.tenantState() == before)
        #expect(try await connection.saysAgain(), "\(connection.client.output)")
        try await lab.expectUnplugged("acme/web1", "acme/db1")
    }
}

extension TestLab {
    /// Expects that no wire of a tenant is left.
    func expectNoWires(
        within limit: Double, ofTenant tenant: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var left: [WireReport] = []
        let none = try await eventually(within: limit, every: 0.02) {
            left = try await wires().filter { $0.source.hasPrefix("\(tenant)/") }
            return left.isEmpty
        }
        #expect(none, "wires stay: \(left)", sourceLocation: sourceLocation)
    }

    /// What has to be the same after a suspension: addresses, the key of each certificate's issuer, and the policy.
    fileprivate func tenantState() async throws -> [String] {
        var state = [try await rest("GET", "/v1/tenants/acme/policy").text]
        for endpoint in endpoints where endpoint.tenant == "acme" {
            let found = try await rest("GET", "/v1/tenants/acme/endpoints/\(endpoint.shortName)").body
            let certificate = try await rest("GET", "/v1/tenants/acme/endpoints/\(endpoint.shortName)/certificate").body
            state.append(
                "\(found["identity"]) \(found["ipv4"]) \(found["host"]) \(certificate["issuer"]) "
                    + "\(certificate["key_hash"])")
        }
        return state
    }
}

/// A TCP connection over which one word goes at its beginning, and another one later.
private struct TalkingPair {
    let server: RunningCommand
    let client: RunningCommand
    private let signal: String

    init(_ lab: TestLab, from: String, to: String) async throws {
        signal = NSTemporaryDirectory() + "patchbay-suspension-\(UInt64.random(in: 0 ... .max))"
        let address = try lab.endpoint(to).ipv4
        server = try Command(try lab.endpoint(to).inside + ["/usr/bin/python3", "-u", "-c", Self.echo]).start()
        let server = server
        let listens = try await eventually(within: 10) { server.output.contains("ready") }
        #expect(listens)
        client = try Command(
            try lab.endpoint(from).inside + ["/usr/bin/python3", "-u", "-c", Self.talk, address, signal]
        ).start()
        let client = client
        let talks = try await eventually(within: 10) { client.output.contains("first") }
        #expect(talks, "\(client.output)")
    }

    /// Whether the second word arrives over the connection that there was.
    func saysAgain() async throws -> Bool {
        #expect(FileManager.default.createFile(atPath: signal, contents: nil))
        let client = client
        let said = try await eventually(within: 15) { client.output.contains("second") }
        await client.stop()
        await server.stop()
        try? FileManager.default.removeItem(atPath: signal)
        return said
    }

    private static let echo = """
        import socket
        s = socket.create_server(("", 7007))
        print("ready")
        c, _ = s.accept()
        while True:
            d = c.recv(100)
            if not d: break
            c.sendall(d)
        """

    private static let talk = """
        import os, socket, sys, time
        s = socket.create_connection((sys.argv[1], 7007), 10)
        s.sendall(b"first")
        print(s.recv(100).decode())
        while not os.path.exists(sys.argv[2]): time.sleep(0.05)
        s.sendall(b"second")
        print(s.recv(100).decode())
        """
}
