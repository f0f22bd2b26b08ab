import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import MutualTLS
import NetTypes
import Testing
import Trust

/// A leaf in good standing that lies: it has the certificate and the key of host h3, and speaks for others.
private struct HostileLeaf {
    private let credentials: SessionCredentials
    private let anchor: TrustAnchor

    /// What a leaf keeps of its membership in `leaf.json`.
    private struct Membership: Decodable {
        let root: Data
        let certificate: Data
    }

    /// - Parameter key: another key than the one that the certificate is for.
    init(of host: String, key other: SigningKey? = nil) throws {
        let directory = "/run/patchbay/lab/\(host)"
        let saved = try JSONDecoder().decode(
            Membership.self, from: try Data(contentsOf: URL(filePath: directory + "/leaf.json")))
        let key = try #require(try FileKeyStore(directory: directory + "/keys").load("leaf"))
        anchor = try TrustAnchor(root: Array(saved.root))
        credentials = try SessionCredentials(certificate: Array(saved.certificate), keyPEM: (other ?? key).pem)
    }

    /// Does something with a client of a server that shows a name.
    private func with<Result: Sendable>(
        _ address: String, port: Int, name: String,
        _ body: (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: .ipv4(address: address, port: port),
                transportSecurity: try SessionSecurity.client(credentials, root: anchor.root),
                config: SessionSecurity.clientConfiguration(serverName: name))
        ) { try await body($0) }
    }

    /// Looks an endpoint up as any leaf may for an endpoint of its own.
    func facts(of destination: Identity, asking source: Identity) async throws -> Patchbay_Leaf_V1_EndpointFacts {
        try await with("10.200.0.254", port: 7444, name: anchor.platform.controllerHost) { client in
            let directory = Patchbay_Leaf_V1_Directory.Client(wrapping: client)
            let answer = try await directory.lookup(
                .with {
                    $0.source = Data(source.octets)
                    $0.destination = Data(destination.octets)
                })
            return answer.facts
        }
    }

    /// Asks the leaf of another host to plug.
    func plug(
        _ source: Patchbay_Leaf_V1_EndpointFacts, to destination: Identity, at leaf: LeafID, _ locator: String,
        security: Patchbay_Leaf_V1_Security = .none, reverse: Patchbay_Leaf_V1_Security = .none
    ) async throws -> Patchbay_Leaf_V1_PlugResponse {
        try await ask(
            .plug(
                .with {
                    $0.source = source
                    $0.destination = Data(destination.octets)
                    $0.security = security
                    $0.reverseSecurity = reverse
                    $0.queues = 2
                    $0.reverseLabel = 4_242
                }), at: leaf, locator
        ).plug
    }

    /// Says something to the leaf of another host, and returns its first answer.
    func ask(
        _ message: Patchbay_Leaf_V1_WireRequest.OneOf_Message?, at leaf: LeafID, _ locator: String
    ) async throws -> Patchbay_Leaf_V1_WireAnswer {
        try await with(locator, port: 7471, name: anchor.platform.leafHost(leaf)) { client in
            let wires = Patchbay_Leaf_V1_Wires.Client(wrapping: client)
            var options = CallOptions.defaults
            options.timeout = .seconds(5)
            return try await wires.converse(options: options) { writer in
                try await writer.write(
                    .with {
                        $0.number = 7
                        $0.message = message
                    })
            } onResponse: { response in
                // The first message, with the number 0, says what the leaf can do.
                for try await answer in response.messages where answer.number > 0 { return answer }
                throw RPCError(code: .unavailable, message: "no answer")
            }
        }
    }
}

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
