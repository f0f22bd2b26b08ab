import APITypes
import DirectoryCore
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Hummingbird
import HummingbirdTesting
import LeafProtocol
import MutualTLS
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

/// The gRPC service over real sockets with mutual TLS. Tenants acme and globex have the same private prefix:
///
///     h1: acme/web1 10.0.0.1                    h2: acme/db1 10.0.0.2, globex/web1 10.0.0.1
@Suite(.timeLimit(.minutes(1))) struct DirectoryServiceTests {
    struct Scene: Sendable {
        let live: LiveController
        let h1: Member
        let h2: Member
        let web1: DirectoryCore.Endpoint
        let db1: DirectoryCore.Endpoint
        let other: DirectoryCore.Endpoint

        var directory: Directory { live.controller.directory }
        var now: Timestamp { live.controller.now }
    }

    static func scene(moveDeadline: Int64 = 3, _ body: @Sendable (Scene) async throws -> Void) async throws {
        try await LiveController.run(TestController(moveDeadline: moveDeadline)) { live in
            let directory = live.controller.directory
            let (h1, h2) = (try await live.enrol("h1"), try await live.enrol("h2"))
            for tenant in ["acme", "globex"] {
                _ = try await directory.createTenant(Name(parsing: tenant))
                _ = try await directory.createVNet(
                    TenantName(parsing: "\(tenant)/lan"), prefix: IPv4Prefix(parsing: "10.0.0.0/24"))
            }
            func make(_ name: String, _ host: String) async throws -> DirectoryCore.Endpoint {
                try await directory.createEndpoint(
                    .init(name: TenantName(parsing: name), vnet: Name(parsing: "lan"), host: Name(parsing: host)))
            }
            try await body(
                Scene(
                    live: live, h1: h1, h2: h2, web1: make("acme/web1", "h1"), db1: make("acme/db1", "h2"),
                    other: make("globex/web1", "h2")))
        }
    }

    // MARK: Attach

    @Test func attachTellsPortsAndSignedPolicies() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h2) { client in
                try await TestLeaf.attach(client) { leaf in
                    let ports = try await leaf.ports()
                    #expect(Set(ports.map { "\($0.tenant)/\($0.name)" }) == ["acme/db1", "globex/web1"])
                    let db1 = try #require(ports.first { $0.name == "db1" })
                    #expect(Array(db1.identity) == scene.db1.identity.octets && Array(db1.ipv4) == [10, 0, 0, 2])
                    #expect(db1.ipv4PrefixLength == 24 && db1.kind == "namespace" && db1.epoch == 1)
                    let anchor = try TrustAnchor(root: scene.h2.root)
                    var tenants: Set<Name> = []
                    for _ in 0..<2 {
                        let policy = try await leaf.policy()
                        tenants.insert(try await anchor.verify(policy: policy, at: scene.now, revocations: .none).get())
                    }
                    #expect(tenants == [try Name(parsing: "acme"), try Name(parsing: "globex")])
                    // A change of the policy is pushed to the leaves with endpoints of that tenant.
                    _ = try await scene.directory.plug(
                        Name(parsing: "acme"), from: .init(parsing: "web1"), to: .init(parsing: "db1"))
                    let pushed = try await leaf.policy()
                    #expect(String(decoding: pushed.body, as: UTF8.self).contains("web1"))
                    // So is a new port, and the end of one.
                    let new = try await scene.directory.createEndpoint(
                        .init(
                            name: TenantName(parsing: "acme/db2"), vnet: Name(parsing: "lan"), host: Name(parsing: "h2")
                        ))
                    _ = try await leaf.ports { $0.contains { Array($0.identity) == new.identity.octets } }
                    try await scene.directory.deleteEndpoint(new.name)
                    _ = try await leaf.ports { !$0.contains { Array($0.identity) == new.identity.octets } }
                }
            }
        }
    }

    @Test func policiesOfOtherTenantsAreNotTold() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    #expect(String(decoding: try await leaf.policy().body, as: UTF8.self).contains("acme"))
                    _ = try await scene.directory.addPolicyEntry(
                        to: Name(parsing: "globex"), .plug, from: .init(parsing: "web1"), to: .init(parsing: "web1"))
                    _ = try await scene.directory.plug(
                        Name(parsing: "acme"), from: .init(parsing: "web1"), to: .init(parsing: "db1"))
                    _ = try await leaf.policy()
                    for message in leaf.rest {
                        guard case .policy(let policy) = message.message else { continue }
                        #expect(!String(decoding: policy.body, as: UTF8.self).contains("globex"))
                    }
                }
            }
        }
    }

    @Test func lookupIsScopedAndWatched() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h2) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    let facts = try await leaf.open(scene.db1.identity, as: scene.h2.id, at: scene.now)
                    try await scene.live.call(as: scene.h1) { client in
                        try await TestLeaf.attach(client) { leaf in
                            _ = try await leaf.ports()
                            try await Self.lookups(scene, client, facts)
                            // What was looked up is watched: a new record is pushed …
                            scene.live.controller.pass(seconds: 60)
                            try await scene.live.call(as: scene.h2) { other in
                                try await TestLeaf.attach(other) { elsewhere in
                                    _ = try await elsewhere.ports()
                                    try await elsewhere.open(scene.db1.identity, as: scene.h2.id, at: scene.now)
                                }
                            }
                            let changed = try await leaf.changed(scene.db1.identity)
                            #expect(changed.hasFacts && EndpointFacts(changed.facts) != facts && !changed.deleted)
                            // … and so is its end, with the revocation of all that was certified.
                            try await scene.directory.deleteEndpoint(scene.db1.name)
                            _ = try await leaf.expect("deletion") { message in
                                guard case .changed(let changed) = message.message, changed.deleted,
                                    Array(changed.identity) == scene.db1.identity.octets
                                else { return nil as Bool? }
                                return true
                            }
                            _ = try await leaf.expect("revocation") { message in
                                guard case .revoked(let revoked) = message.message,
                                    Array(revoked.identity) == scene.db1.identity.octets
                                else { return nil as Bool? }
                                return true
                            }
                            // What was not looked up is not told.
                            for message in leaf.rest {
                                guard case .changed(let changed) = message.message else { continue }
                                #expect(Array(changed.identity) != scene.other.identity.octets)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func lookups(_ scene: Scene, _ client: TestLeaf.Client, _ facts: EndpointFacts) async throws {
        func lookup(_ source: Identity, _ destination: [UInt8]) async throws -> Patchbay_Leaf_V1_LookupResponse {
            try await client.lookup(
                .with {
                    $0.source = Data(source.octets)
                    $0.destination = Data(destination)
                })
        }
        let byAddress = try await lookup(scene.web1.identity, [10, 0, 0, 2])
        #expect(byAddress.found && Array(byAddress.identity) == scene.db1.identity.octets)
        #expect(EndpointFacts(byAddress.facts) == facts && Array(byAddress.ipv4) == [10, 0, 0, 2])
        let byIdentity = try await lookup(scene.web1.identity, scene.db1.identity.octets)
        #expect(byIdentity == byAddress)
        // 10.0.0.1 is acme/web1 for this source, though globex has one too.
        #expect(try await lookup(scene.web1.identity, [10, 0, 0, 1]).identity == Data(scene.web1.identity.octets))
        // Another tenant's, nobody's, and on behalf of an endpoint of another leaf: one answer.
        for (source, destination) in [
            (scene.web1.identity, scene.other.identity.octets), (scene.web1.identity, [10, 0, 0, 9]),
            (scene.db1.identity, scene.web1.identity.octets), (scene.other.identity, scene.db1.identity.octets),
            (scene.web1.identity, Array(repeating: 0, count: 16)), (scene.web1.identity, [203, 0, 113, 9]),
        ] {
            #expect(try await lookup(source, destination) == Patchbay_Leaf_V1_LookupResponse())
        }
        for malformed in [[], [10, 0, 0], Array(repeating: UInt8(0xfd), count: 17)] {
            let error = await #expect(throws: RPCError.self) { try await lookup(scene.web1.identity, malformed) }
            #expect(error?.code == .invalidArgument)
        }
    }

    // MARK: Publication

    @Test func publishByAnotherLeafIsRefused() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    // h1 may not have db1 certified, for that is to run on h2.
                    let refused = await #expect(throws: RPCError.self) {
                        try await leaf.open(scene.db1.identity, as: scene.h1.id, at: scene.now)
                    }
                    #expect(refused?.code == .permissionDenied)
                    // Nor may it publish in the name of h2.
                    let forged = await #expect(throws: RPCError.self) {
                        try await leaf.open(scene.web1.identity, as: scene.h2.id, at: scene.now)
                    }
                    #expect(forged?.code == .permissionDenied)
                    // Nor with an epoch out of the blue.
                    let leap = await #expect(throws: RPCError.self) {
                        try await leaf.open(scene.web1.identity, as: scene.h1.id, epoch: 1 << 40, at: scene.now)
                    }
                    #expect(leap?.code == .invalidArgument)
                    try await leaf.open(scene.web1.identity, as: scene.h1.id, at: scene.now)
                    let garbage = await #expect(throws: RPCError.self) {
                        try await client.publish(.with { $0.facts.certificate = Data([1, 2, 3]) })
                    }
                    #expect(garbage?.code == .invalidArgument)
                }
            }
            #expect(try await scene.directory.published(of: scene.db1.name) == nil)
            #expect(try await scene.directory.endpoint(scene.web1.name).epoch == 1)
        }
    }

    // MARK: Moves

    @Test func moveWaitsForTheFormerLeafAndRaisesTheEpoch() async throws {
        try await Self.scene(moveDeadline: 600) { scene in
            try await scene.live.call(as: scene.h2) { client in
                try await TestLeaf.attach(client) { old in
                    _ = try await old.ports()
                    try await old.open(scene.db1.identity, as: scene.h2.id, at: scene.now)
                    try await scene.live.call(as: scene.h1) { client in
                        try await TestLeaf.attach(client) { new in
                            _ = try await new.ports()
                            try await scene.live.controller.test { api in
                                let moved = try await api.post(
                                    "/v1/tenants/acme/endpoints/db1/move", #"{"host":"h1"}"#, status: 202
                                ).read(APITypes.Endpoint.self)
                                #expect(moved.state == .moving && moved.host == "h1")
                            }
                            _ = try await old.ports { !$0.contains { $0.name == "db1" } }
                            // Not before the former leaf has let go.
                            try await Task.sleep(for: .milliseconds(100))
                            for message in new.rest {
                                guard case .ports(let ports) = message.message else { continue }
                                #expect(!ports.ports.contains { $0.name == "db1" })
                            }
                            old.say {
                                $0.port.identity = Data(scene.db1.identity.octets)
                                $0.port.state = .closed
                            }
                            let ports = try await new.ports { $0.contains { $0.name == "db1" } }
                            #expect(ports.first { $0.name == "db1" }?.epoch == 2)
                            try await new.open(scene.db1.identity, as: scene.h1.id, at: scene.now)
                            let endpoint = try await scene.directory.endpoint(scene.db1.name)
                            #expect(endpoint.epoch == 2 && endpoint.state == .running)
                        }
                    }
                }
            }
        }
    }

    @Test func moveDoesNotWaitForALeafThatIsNotThere() async throws {
        try await Self.scene(moveDeadline: 600) { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { new in
                    _ = try await new.ports()
                    try await scene.live.controller.test { api in
                        let moved = try await api.post(
                            "/v1/tenants/acme/endpoints/db1/move", #"{"host":"h1"}"#, status: 202
                        ).read(APITypes.Endpoint.self)
                        #expect(moved.state == .waiting && moved.host == "h1")
                    }
                    _ = try await new.ports { $0.contains { $0.name == "db1" } }
                }
            }
        }
    }

    // MARK: Reports

    @Test func wiresAreGatheredAndSilentLeavesNamed() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    let answering = Task {
                        let request = try await leaf.expect("question") { message -> UInt64? in
                            if case .query(let query) = message.message { query.request } else { nil }
                        }
                        leaf.say {
                            $0.wires.request = request
                            $0.wires.counters.values = ["no-wire": 3]
                            $0.wires.wires = ["conf", "", "none", "\u{1b}[31mconf"].enumerated().map { index, level in
                                .with {
                                    $0.source = Data(scene.web1.identity.octets)
                                    $0.destination = Data(scene.db1.identity.octets)
                                    $0.direction = index == 0 ? .send : .receive
                                    $0.security = level
                                    $0.label = 77 + UInt32(index)
                                    $0.peer = Data([192, 0, 2, 2])
                                    $0.packets = 5
                                    $0.bytes = 490
                                    $0.pluggedAt = 1_700_000_000
                                    $0.epoch = 1
                                }
                            }
                        }
                    }
                    try await scene.live.controller.test { api in
                        let list = try await api.get(WireList.self, "/v1/wires?tenant=acme")
                        try await answering.value
                        let levels = Dictionary(uniqueKeysWithValues: list.items.map { ($0.label, $0.security) })
                        #expect(levels == [77: "conf", 78: "none", 79: "none", 80: "unknown"])
                        let wire = try #require(list.items.first { $0.direction == .send })
                        #expect(list.items.count == 4 && wire.source == "acme/web1" && wire.destination == "acme/db1")
                        #expect(wire.label == 77 && wire.packets == 5 && wire.peer == "192.0.2.2" && wire.host == "h1")
                        #expect(wire.pluggedAt == "2023-11-14T22:13:20Z")
                        #expect(list.leaves.map(\.host) == ["h1", "h2"])
                        #expect(list.leaves.map(\.answered) == [true, false])
                        #expect(list.leaves.map(\.connected) == [true, false])
                        #expect(list.leaves[0].counters == ["no-wire": 3])
                        // A leaf that does not answer costs a second, not more.
                        let start = ContinuousClock.now
                        let silent = try await api.get(WireList.self, "/v1/wires")
                        #expect(silent.items.isEmpty && silent.leaves.map(\.answered) == [false, false])
                        #expect(silent.leaves.map(\.connected) == [true, false])
                        #expect((.milliseconds(900) ... .seconds(3)).contains(ContinuousClock.now - start))
                    }
                }
            }
        }
    }

    // MARK: Who may come in

    @Test func leavesThatAreNotOursAreRefused() async throws {
        try await Self.scene { scene in
            func code(_ member: Member) async -> RPCError.Code? {
                do {
                    try await scene.live.call(as: member) { client in
                        var options = CallOptions.defaults
                        options.timeout = .seconds(2)
                        options.waitForReady = false
                        _ = try await client.lookup(
                            .with {
                                $0.source = Data(scene.web1.identity.octets)
                                $0.destination = Data([10, 0, 0, 2])
                            }, options: options)
                    }
                    return nil
                } catch {
                    return (error as? RPCError)?.code ?? .unknown
                }
            }
            #expect(await code(scene.h1) == nil)
            // The leaf of another platform.
            let elsewhere = try TestController()
            let new = try await elsewhere.directory.createHost(
                Name(parsing: "h1"), controllerURL: "https://127.0.0.1:1")
            let key = SigningKey()
            let enrolled = try await elsewhere.directory.enrol(
                secret: new.token.secret, signingRequest: SigningRequest(key: key).der)
            var stranger = Member(
                id: enrolled.host.id, key: key, certificate: enrolled.certificate, root: scene.h1.root)
            #expect(await code(stranger) != nil)
            // One that signed itself.
            let own = SigningKey()
            let root = try CertificateAuthority.makeRoot(
                platform: scene.live.controller.platform.name, key: own, at: scene.now)
            stranger = Member(
                id: scene.h1.id, key: own,
                certificate: try root.issueLeaf(
                    scene.h1.id, hostName: Name(parsing: "h1"), publicKey: own.publicKeyInfo, at: scene.now),
                root: scene.h1.root)
            #expect(await code(stranger) != nil)
            // A certificate of ours that is not a leaf's: the controller's.
            let platform = scene.live.controller.platform
            stranger = Member(
                id: scene.h1.id, key: platform.controllerKey,
                certificate: try platform.issueController(addresses: [], at: scene.now), root: scene.h1.root)
            #expect(await code(stranger) == .unauthenticated)
            // Nobody at all.
            var noCertificate = false
            do {
                let transport = try HTTP2ClientTransport.Posix(
                    target: .ipv4(address: "127.0.0.1", port: scene.live.port),
                    transportSecurity: .tls { tls in
                        tls.trustRoots = .certificates([.bytes(scene.h1.root, format: .der)])
                    },
                    config: SessionSecurity.clientConfiguration(serverName: platform.name.controllerHost))
                try await withGRPCClient(transport: transport) { client in
                    var options = CallOptions.defaults
                    options.timeout = .seconds(2)
                    options.waitForReady = false
                    _ = try await TestLeaf.Client(wrapping: client).lookup(.init(), options: options)
                }
            } catch is RPCError {
                noCertificate = true
            }
            #expect(noCertificate)
        }
    }

    @Test func revokedLeafLosesItsStreamAndEveryCall() async throws {
        try await Self.scene { scene in
            let host = try await scene.live.enrol("h3")
            try await scene.live.call(as: host) { client in
                try await TestLeaf.attach(client) { leaf in
                    #expect(try await leaf.ports().isEmpty)
                    try await scene.directory.deleteHost(Name(parsing: "h3"))
                    #expect(try await leaf.end()?.code == .unauthenticated)
                    let error = await #expect(throws: RPCError.self) { try await client.lookup(.init()) }
                    #expect(error?.code == .unauthenticated)
                    let request = try SigningRequest(key: host.key).der
                    let renewal = await #expect(throws: RPCError.self) {
                        try await client.renewLeaf(.with { $0.signingRequest = Data(request) })
                    }
                    #expect(renewal?.code == .unauthenticated)
                }
            }
        }
    }

    @Test func renewalGivesAnewCertificateThatWorks() async throws {
        try await Self.scene { scene in
            let key = SigningKey()
            let request = try SigningRequest(key: key).der
            let renewed = try await scene.live.call(as: scene.h1) { client in
                try await client.renewLeaf(.with { $0.signingRequest = Data(request) })
            }
            var member = scene.h1
            member.key = key
            member.certificate = Array(renewed.certificate)
            try await scene.live.call(as: member) { client in
                try await TestLeaf.attach(client) { leaf in
                    let ports = try await leaf.ports()
                    #expect(ports.count == 1)
                }
            }
        }
    }

    // MARK: Sessions

    @Test func secondStreamReplacesTheFirst() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { first in
                    _ = try await first.ports()
                    try await TestLeaf.attach(client) { second in
                        _ = try await second.ports()
                        #expect(try await first.end()?.code == .unavailable)
                        #expect(scene.live.controller.leaves.session(of: scene.h1.id)?.hello != nil)
                    }
                }
            }
        }
    }

    @Test func badHellosAreRefused() async throws {
        try await Self.scene { scene in
            let bad: [(inout Patchbay_Leaf_V1_Hello) -> Void] = [
                { $0.locators = [] }, { $0.locators = [Data([1, 2, 3])] }, { $0.plugPort = 0 },
                { $0.plugPort = 65_536 }, { $0.running = [Data([1])] },
                { $0.locators = Array(repeating: Data([192, 0, 2, 1]), count: 17) },
            ]
            for change in bad {
                var hello = TestLeaf.hello
                change(&hello)
                let said = hello
                try await scene.live.call(as: scene.h1) { client in
                    try await TestLeaf.attach(client, hello: said) { leaf in
                        let end = try await leaf.end()
                        #expect(end?.code == .invalidArgument, "\(said)")
                    }
                }
            }
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client, hello: nil) { leaf in
                    leaf.say { $0.port.state = .open }
                    let end = try await leaf.end()
                    #expect(end?.code == .failedPrecondition)
                }
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    leaf.say { $0.hello = TestLeaf.hello }
                    #expect(try await leaf.end()?.code == .failedPrecondition)
                }
            }
        }
    }

    @Test func failedPortsAreShown() async throws {
        try await Self.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.ports()
                    leaf.say {
                        $0.port.identity = Data(scene.web1.identity.octets)
                        $0.port.state = .failed
                        $0.port.detail = "no namespace acme-web1"
                    }
                    try await scene.live.controller.test { api in
                        var seen: APITypes.Endpoint?
                        for _ in 0..<500 {
                            seen = try await api.get(APITypes.Endpoint.self, "/v1/tenants/acme/endpoints/web1")
                            if seen?.state == .failed { break }
                            try await Task.sleep(for: .milliseconds(5))
                        }
                        #expect(seen?.state == .failed && seen?.detail == "no namespace acme-web1")
                        let host = try await api.get(APITypes.Host.self, "/v1/hosts/h1")
                        #expect(host.connected && host.locators == ["192.0.2.1"] && host.underlayDevice == "eth0")
                    }
                }
            }
        }
    }
}
