import NetTypes
import Plugging
import Policy
import PolicyLanguage
import Trust

/// A small generator of random numbers with a seed, SplitMix64, for tests that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int(next() % UInt64(elements.count))] }
    mutating func one(in count: UInt64) -> Bool { next() % count == 0 }
}

func name(_ text: String) throws -> Name { try Name(parsing: text) }

/// A platform with two tenants and two leaves, whose certificates are real ones.
///
/// acme/web1 (groups web, all), acme/db1 (db, all) and globex/web1 (web), on any leaf that a test wants.
struct World: Sendable {
    static let now = Timestamp(1_800_000_000)
    static let here = LeafID(0x11)
    static let there = LeafID(0x22)

    let platform: PlatformName
    let root: CertificateAuthority
    let acme: CertificateAuthority
    let globex: CertificateAuthority
    let anchor: TrustAnchor

    init() throws {
        platform = try PlatformName(globalID: "123456789a")
        root = try CertificateAuthority.makeRoot(platform: platform, at: Self.now)
        acme = try root.issueTenant(try name("acme"), at: Self.now)
        globex = try root.issueTenant(try name("globex"), at: Self.now)
        anchor = try TrustAnchor(root: root.certificate)
    }

    func identity(_ number: UInt64) throws -> Identity {
        try Identity(parsing: "\(IPv6Address(platform.prefix.address.value | UInt128(number)))")
    }

    /// One endpoint with its key and certificate.
    struct Endpoint: Sendable {
        let identity: Identity
        let name: TenantName
        let groups: [Name]
        let networks: [IPPrefix]
        let key: SigningKey
        let certificate: [UInt8]
        let issuer: [UInt8]

        /// The endpoint's facts with a record of its own.
        func facts(
            on leaf: LeafID = World.there, epoch: Epoch = 7, notAfter: Timestamp = World.now + 3_600,
            identity other: Identity? = nil, signedBy signer: SigningKey? = nil, issuer otherIssuer: [UInt8]? = nil
        ) throws -> EndpointFacts {
            let record = try LocationRecord(
                identity: other ?? identity, leaf: leaf, locator: try IPAddress(parsing: "192.0.2.9"), plugPort: 7_000,
                epoch: epoch, notAfter: notAfter)
            return EndpointFacts(
                certificate: certificate, issuer: otherIssuer ?? issuer, record: try record.signed(with: signer ?? key))
        }

        /// The endpoint as the leaf that runs it has it.
        var local: LocalEndpoint {
            LocalEndpoint(
                identity: identity, name: name, groups: groups, networks: networks, vnet: VNetID(1),
                ipv4: IPv4Address(10, 0, 0, 1),
                epoch: 7)
        }

        var subject: Subject { Subject(name: name.name, groups: groups) }
    }

    func endpoint(
        _ text: String, _ number: UInt64, groups: [String] = [], networks: [String] = [],
        by authority: CertificateAuthority? = nil, at now: Timestamp = World.now
    ) throws -> Endpoint {
        let full = try TenantName(parsing: text)
        let authority = authority ?? (full.tenant.text == "acme" ? acme : globex)
        let key = SigningKey()
        let groups = try groups.map(Name.init(parsing:))
        let networks = try networks.map { try IPPrefix(parsing: $0) }
        let certificate = try authority.issueEndpoint(
            full.name, identity: try identity(number), groups: groups, networks: networks,
            publicKey: key.publicKeyInfo, at: now)
        return Endpoint(
            identity: try identity(number), name: full, groups: groups, networks: networks, key: key,
            certificate: certificate,
            issuer: authority.certificate)
    }
}

/// Makes a policy of entries in words, such as `plug web1 -> group:db` (one-way) or `unplug web1 <-> db1`.
func policy(_ tenant: String = "acme", _ lines: String...) throws -> PolicyInForce {
    var document = PolicyDocument(tenant: try name(tenant), revision: 1)
    for line in lines {
        let words = line.split(separator: " ")
        guard words.count == 4, let action = PolicyEntry.Action(rawValue: String(words[0])) else {
            throw TextError(line, "ACTION FROM ARROW TO")
        }
        try document.add(
            action, from: try Selector(parsing: words[1]), to: try Selector(parsing: words[3]), oneWay: words[2] == "->"
        )
    }
    return PolicyInForce(try TenantPolicy(entries: document))
}

extension SenderDecision {
    /// `plug`, `plug one-way` or the reason code.
    var word: String {
        switch self {
        case .plug(let order): order.oneWay ? "plug one-way" : "plug"
        case .unplug(let reason): reason.code
        }
    }
}

extension ReceiverDecision {
    /// `plug`, `plug one-way` or the reason code.
    var word: String {
        switch self {
        case .plug(let grant): grant.oneWay ? "plug one-way" : "plug"
        case .unplug(let reason): reason.code
        }
    }
}

extension [UInt8] {
    /// Changes the last byte; in a certificate it belongs to the signature.
    mutating func flipLast() {
        guard let last = popLast() else { return }
        append(last ^ 1)
    }
}
