import NetTypes
import Plugging
import Policy
import PolicyLanguage
import Testing
import Trust

@Suite("NVI's protocols with an address outside at one end")
struct BorderTests {
    let world: World
    let web: World.Endpoint
    let border: World.Endpoint
    let policy: PolicyInForce
    let office: IPAddress

    init() throws {
        world = try World()
        web = try world.endpoint("acme/web1", 1)
        border = try world.endpoint("acme/gw", 2, networks: ["203.0.113.0/24", "::/0"])
        let network = OutsideNetwork(
            name: try name("office"), ipv4: [try IPv4Prefix(parsing: "203.0.113.0/24")],
            ipv6: [try IPv6Prefix(parsing: "::/0")])
        let rules = [
            try Rule(
                name: name("out"), from: .endpoint(try name("web1")), to: .network(network.name), verdict: .plug,
                ports: [try PortMatch(parsing: "tcp/443")])
        ]
        let document = try Document(scope: .tenant(try name("acme")), networks: [network], rules: rules)
        policy = try PolicyInForce(
            TenantPolicy(entries: PolicyDocument(tenant: try name("acme"), revision: 1), document: document))
        office = try IPAddress(parsing: "203.0.113.9")
    }

    func send(_ change: (inout SenderInput) throws -> Void = { _ in }) async throws -> SenderDecision {
        var input = SenderInput(
            source: web.local, destination: border.identity, destinationOutside: office, facts: try border.facts(),
            policy: policy, now: World.now)
        try change(&input)
        return await SenderProtocol(anchor: world.anchor).decide(input)
    }

    func receive(_ change: (inout ReceiverInput) throws -> Void = { _ in }) async throws -> ReceiverDecision {
        let facts = try web.facts()
        var input = ReceiverInput(
            peer: World.there, presented: facts, directory: facts, directoryAnswered: true, claimedOneWay: false,
            destination: border.local, destinationIdentity: border.identity, destinationOutside: office,
            policy: policy, now: World.now)
        try change(&input)
        return await ReceiverProtocol(anchor: world.anchor).decide(input)
    }

    @Test("1: the policy is asked about the address, not about the border") func plugs() async throws {
        guard case .plug(let order) = try await send() else {
            Issue.record("not plugged")
            return
        }
        #expect(order.destination.identity == border.identity)
        #expect(order.plan.forward.decision(of: .numbered(.tcp, 443)).outcome.isPlugged)
        #expect(!order.plan.forward.decision(of: .numbered(.tcp, 22)).outcome.isPlugged)
        #expect(try await receive().word == "plug")
        // The border itself is an endpoint of which no rule speaks.
        #expect(try await send { $0.destinationOutside = nil }.word == "policy")
        #expect(try await receive { $0.destinationOutside = nil }.word == "policy")
        // From outside nothing may begin, but the wire of answers is the same one.
        let back = try await send {
            $0.source = border.local
            $0.sourceOutside = office
            $0.destination = web.identity
            $0.destinationOutside = nil
            $0.facts = try web.facts()
        }
        guard case .plug(let answers) = back else {
            Issue.record("\(back)")
            return
        }
        #expect(!answers.plan.forward.decision(of: .numbered(.tcp, 443)).outcome.isPlugged)
    }

    @Test("2: an address for which the border is not certified, at either end, for either leaf")
    func notBehind() async throws {
        let own = world.platform.prefix.address.value
        let addresses = [
            "203.0.114.9", "10.0.0.1", "127.0.0.1", "224.0.0.1", "0.0.0.0", "::1", "fe80::1", "ff02::1",
            "::ffff:203.0.113.9", "\(IPv6Address(own | 77))", "\(web.identity)",
        ]
        for text in addresses {
            let address = try IPAddress(parsing: text)
            #expect(try await send { $0.destinationOutside = address }.word == "not-behind", "\(text)")
            #expect(try await receive { $0.destinationOutside = address }.word == "not-behind", "\(text)")
            let fromBorder = try await send {
                $0.source = border.local
                $0.sourceOutside = address
                $0.destination = web.identity
                $0.destinationOutside = nil
                $0.facts = try web.facts()
            }
            #expect(fromBorder.word == "not-behind", "\(text)")
            let claimed = try await receive {
                $0.presented = try border.facts()
                $0.directory = $0.presented
                $0.sourceOutside = address
                $0.destination = web.local
                $0.destinationIdentity = web.identity
                $0.destinationOutside = nil
            }
            #expect(claimed.word == "not-behind", "\(text)")
        }
    }

    @Test("3: an ordinary endpoint speaks for nobody; nothing goes from outside to outside")
    func ordinary() async throws {
        let plain = try world.endpoint("acme/db1", 3)
        #expect(
            try await send {
                $0.destination = plain.identity
                $0.facts = try plain.facts()
            }.word == "not-behind")
        let claimed = try await receive {
            $0.presented = try plain.facts()
            $0.directory = $0.presented
            $0.sourceOutside = office
            $0.destination = web.local
            $0.destinationIdentity = web.identity
            $0.destinationOutside = nil
        }
        #expect(claimed.word == "not-behind")
        #expect(try await send { $0.sourceOutside = office }.word == "outside-both")
        #expect(try await receive { $0.sourceOutside = office }.word == "outside-both")
    }

    @Test("4: whoever speaks for outside is verified as every endpoint is") func trust() async throws {
        #expect(try await send { $0.facts = try border.facts(signedBy: web.key) }.word == "bad-signature")
        #expect(try await send { $0.epochFloor = 8 }.word == "older-epoch")
        #expect(try await send { $0.facts = try border.facts(notAfter: World.now + -1) }.word == "record-expired")
        var revocations = Revocations()
        revocations.revoke(identity: border.identity)
        let revoked = revocations
        #expect(try await send { $0.revocations = revoked }.word == "revoked")
        let claimed = try await receive {
            $0.peer = World.here
            $0.presented = try border.facts()
            $0.directory = $0.presented
            $0.sourceOutside = office
            $0.destination = web.local
            $0.destinationIdentity = web.identity
            $0.destinationOutside = nil
        }
        #expect(claimed.word == "another-leaf")
    }
}
