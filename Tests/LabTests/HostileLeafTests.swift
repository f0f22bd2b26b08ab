import Foundation
import LeafProtocol
import NetTypes
import Testing
import Trust

/// A relay states on whose behalf it speaks, and must not be believed (OpenZiti GHSA-7868-235p-7497).
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func aLeafSpeaksOnlyForEndpointsWhoseRecordsNameIt() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.succeed("plug", "acme/batch1", "acme/web2")
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let locator = try lab.host("h2").locator
        let batch1 = try Identity(parsing: try lab.endpoint("acme/batch1").identity)
        let web1 = try Identity(parsing: try lab.endpoint("acme/web1").identity)
        let web2 = try Identity(parsing: try lab.endpoint("acme/web2").identity)
        let hostile = try HostileLeaf(of: "h3")

        // web1 runs on h1. Its facts are genuine, and the policy plugs it; the one who shows them is not its leaf.
        let stolen = try await hostile.facts(of: web1, asking: batch1)
        #expect(!stolen.record.isEmpty)
        let refused = try await hostile.plug(stolen, to: web2, at: leaf, locator)
        #expect(!refused.plugged && refused.label == 0)
        #expect(refused.reason == "another-leaf", "\(refused)")
        #expect(try await lab.wires("acme/web1", "acme/web2").isEmpty)

        // A record of another endpoint beside web1's certificate, and certificates of two endpoints mixed.
        let own = try await HostileLeaf(of: "h2").facts(of: batch1, asking: web2)
        var mixed = stolen
        mixed.record = own.record
        let second = try await hostile.plug(mixed, to: web2, at: leaf, locator)
        #expect(!second.plugged && !second.reason.isEmpty, "\(second)")
        mixed = own
        mixed.certificate = stolen.certificate
        let third = try await hostile.plug(mixed, to: web2, at: leaf, locator)
        #expect(!third.plugged && !third.reason.isEmpty, "\(third)")

        // Its own endpoint is plugged, so that the refusals above are for the lie and for nothing else.
        let honest = try await hostile.plug(own, to: web2, at: leaf, locator)
        #expect(honest.plugged && honest.label > 0, "\(honest)")

        // It cannot pull out a wire of others either, and a question that nobody knows ends nothing.
        try await lab.expectPlugged("acme/web1", "acme/web2")
        _ = try await hostile.ask(
            .unplug(
                .with {
                    $0.source = Data(web1.octets)
                    $0.destination = Data(web2.octets)
                    $0.reason = "idle"
                }), at: leaf, locator)
        let unknown = try await hostile.ask(nil, at: leaf, locator)
        #expect(unknown.number == 7 && unknown.plug.reason == "malformed")
        try await Task.sleep(for: .seconds(1))
        #expect(try await lab.wires("acme/web1", "acme/web2").count == 2)
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1)), arguments: [Patchbay_Leaf_V1_Security.auth, .conf])
    func nobodyGetsKeysForEndpointsOfOthers(_ level: Patchbay_Leaf_V1_Security) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "\(level)")
        try await lab.succeed("plug", "acme/batch1", "acme/web2", "--security", "\(level)")
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let locator = try lab.host("h2").locator
        let batch1 = try Identity(parsing: try lab.endpoint("acme/batch1").identity)
        let web1 = try Identity(parsing: try lab.endpoint("acme/web1").identity)
        let web2 = try Identity(parsing: try lab.endpoint("acme/web2").identity)
        let hostile = try HostileLeaf(of: "h3")
        let keys = Patchbay_Leaf_V1_Keys.with {
            $0.spiBase = 65_536
            $0.secret = Data(repeating: 7, count: 32)
        }
        let stolen = try await hostile.facts(of: web1, asking: batch1)
        let refused = try await hostile.plug(
            stolen, to: web2, at: leaf, locator, security: level, reverse: level, keys: keys)
        #expect(!refused.plugged && refused.reason == "another-leaf" && !refused.hasKeys, "\(refused)")
        #expect(try await lab.wires("acme/web1", "acme/web2").isEmpty)
        // Keys of a wrong length or an SPI that no engine has are refused too; nothing of them stays.
        let own = try await HostileLeaf(of: "h2").facts(of: batch1, asking: web2)
        for (base, count) in [(65_536 as UInt32, 0), (65_536, 31), (65_536, 33), (0, 32), (255, 32)] {
            let bad = Patchbay_Leaf_V1_Keys.with {
                $0.spiBase = base
                $0.secret = Data(repeating: 7, count: count)
            }
            let answer = try await hostile.plug(
                own, to: web2, at: leaf, locator, security: level, reverse: level, keys: bad)
            #expect(!answer.plugged && !answer.hasKeys, "SPI base \(base), \(count) bytes: \(answer)")
        }
        // Its own endpoint gets keys, so that the refusals above are for the lie and for nothing else.
        let honest = try await hostile.plug(
            own, to: web2, at: leaf, locator, security: level, reverse: level, keys: keys)
        #expect(honest.plugged && honest.keys.secret.count == 32, "\(honest.reason) \(honest.detail)")
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func aLeafThatIsRevokedIsNotHeardAnyMore() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let locator = try lab.host("h2").locator
        let directory = "/run/patchbay-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let token = try #require(try await lab.json("host", "create", "h9")["token"].string)
        try await Command(["\(lab.programs)/patchbay-leaf", "join", "--token", token, "--state", directory]).succeed()
        let hostile = try HostileLeaf(directory: directory)
        let heard = try await hostile.ask(nil, at: leaf, locator)
        #expect(heard.number == 7)
        // Also on a stream that was there before.
        let (answers, error) = try await hostile.ask(twice: nil, at: leaf, locator) {
            try await lab.succeed("host", "delete", "h9")
            try await Task.sleep(for: .seconds(1))
        }
        #expect(answers == 1 && error?.code == .permissionDenied, "\(answers) answers, \(String(describing: error))")
        await #expect(throws: (any Error).self) { _ = try await hostile.ask(nil, at: leaf, locator) }
    }

    @Test(.timeLimit(.minutes(1))) func nobodyIsTalkedIntoLessSecurityThanThePolicyHas() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/batch1", "acme/web2", "--security", "conf")
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let locator = try lab.host("h2").locator
        let batch1 = try Identity(parsing: try lab.endpoint("acme/batch1").identity)
        let web2 = try Identity(parsing: try lab.endpoint("acme/web2").identity)
        let own = try await HostileLeaf(of: "h2").facts(of: batch1, asking: web2)
        let hostile = try HostileLeaf(of: "h3")
        for (security, reverse) in [
            (Patchbay_Leaf_V1_Security.none, Patchbay_Leaf_V1_Security.none), (.auth, .auth), (.conf, .none),
            (.none, .conf), (.conf, .auth),
        ] {
            let answer = try await hostile.plug(
                own, to: web2, at: leaf, locator, security: security, reverse: reverse)
            #expect(!answer.plugged && answer.reason == "security-mismatch", "\(security) \(reverse): \(answer)")
        }
        // The right level, and no keys for the way back: nothing is half plugged.
        let keyless = try await hostile.plug(own, to: web2, at: leaf, locator, security: .conf, reverse: .conf)
        #expect(!keyless.plugged && !keyless.hasKeys, "\(keyless)")
        let later = try await hostile.plug(
            own, to: web2, at: leaf, locator, security: .UNRECOGNIZED(9), reverse: .conf)
        #expect(!later.plugged && later.reason == "malformed", "\(later)")
        #expect(try await lab.wires("acme/batch1", "acme/web2").isEmpty)
        #expect(try await lab.wires("acme/web2", "acme/batch1").isEmpty)
        try await lab.expectPlugged("acme/batch1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func whoHasNoKeyOfALeafIsNotHeard() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        // The certificate of h3 is public; without its key it is worth nothing.
        await #expect(throws: (any Error).self) {
            _ = try await HostileLeaf(of: "h3", key: SigningKey()).ask(nil, at: leaf, "10.200.0.2")
        }
        // With it, it is.
        let answer = try await HostileLeaf(of: "h3").ask(nil, at: leaf, "10.200.0.2")
        #expect(answer.number == 7)
    }
}
