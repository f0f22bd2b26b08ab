import LeafProtocol
import NetTypes
import Plugging
import Trust

/// The socket of one endpoint on this leaf: its device, its key, and the facts that the leaf publishes about it.
struct LocalPort {
    /// The endpoint as the engines know it; its groups, labels and level are those of its present
    /// certificate.
    var endpoint: LocalEndpoint
    /// What the controller asked for.
    var desired: DesiredPort
    /// The index of the port's device on this host.
    var index: UInt32
    /// The endpoint's key, made on this leaf.
    var key: SigningKey
    /// When the endpoint came to this leaf.
    var openedAt = Timestamp(0)
    /// The published facts; nil until the first publication, and until then nothing is plugged.
    var facts: EndpointFacts?
    /// The facts as everyone else verifies them.
    var verified: VerifiedEndpoint?

    /// When the certificate is to be renewed, and when the record.
    var renewal = Renewal()

    /// Takes what has been certified for the endpoint: its groups, labels and level.
    mutating func certify(_ verified: VerifiedEndpoint, epoch: Epoch) {
        endpoint = LocalEndpoint(
            identity: endpoint.identity, name: endpoint.name, groups: verified.groups, labels: verified.labels,
            level: verified.level, networks: verified.networks, vnet: endpoint.vnet, ipv4: endpoint.ipv4, epoch: epoch)
    }
}

/// When what proves an endpoint is to be renewed.
struct Renewal {
    /// The certificate: when a third of what it had to live is left.
    var certificate = Timestamp(Int64.max)
    /// The location record: at half of its life.
    var record = Timestamp(Int64.max)

    /// Nothing is to be renewed.
    init() {}

    /// For facts that were verified at a moment.
    init(of verified: VerifiedEndpoint, at now: Timestamp) {
        certificate = now + (verified.certificateNotAfter - now) * 2 / 3
        record = now + (verified.recordNotAfter - now) / 2
    }

    /// When something is due next.
    var next: Timestamp { min(certificate, record) }
}

/// A port as the controller wants it, with every field read.
struct DesiredPort: Hashable, Sendable {
    enum Kind: String, Hashable, Sendable {
        /// A veth pair with one end in a network namespace.
        case namespace
        /// A TAP device that a hypervisor opens.
        case tap
    }

    var identity: Identity
    var name: TenantName
    var vnet: VNetID
    var ipv4: IPv4Address
    var ipv4PrefixLength: Int
    var groups: [Name]
    var labels: [PolicyLabel]
    var level: UInt8
    var networks: [IPPrefix]
    var kind: Kind
    var attachment: String
    var epoch: Epoch

    /// Whether the port stays on its device with its addresses, whatever else is changed.
    func hasPlace(of other: DesiredPort) -> Bool {
        kind == other.kind && attachment == other.attachment && ipv4 == other.ipv4
            && ipv4PrefixLength == other.ipv4PrefixLength && vnet == other.vnet
    }

    /// Whether a certificate for the one holds for the other.
    func isCertified(as other: DesiredPort) -> Bool {
        groups == other.groups && labels == other.labels && level == other.level
            && networks == other.networks
    }

    /// Reads a message.
    ///
    /// - Throws: ``LeafError`` that names the field that is wrong.
    init(_ message: Patchbay_Leaf_V1_DesiredPort) throws {
        func bad(_ field: String) -> LeafError {
            LeafError(
                "The controller asks for the port '\(message.tenant)/\(message.name)' with a wrong \(field)",
                remedy: "See whether controller and leaf are of versions that fit together.")
        }
        guard let identity = Identity(octets: message.identity) else { throw bad("identity") }
        guard let vnet = VNetID(octets: message.vnet) else { throw bad("vnet") }
        guard let ipv4 = IPv4Address(octets: message.ipv4) else { throw bad("ipv4") }
        guard message.ipv4PrefixLength <= 32 else { throw bad("ipv4_prefix_length") }
        guard let kind = Kind(rawValue: message.kind) else { throw bad("kind") }
        // The attachment becomes a file name or a device name, so it is held to the characters of names.
        let isPlain = message.attachment.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || $0 == 0x2d
                || $0 == 0x5f
        }
        guard !message.attachment.isEmpty, message.attachment.utf8.count <= 255, isPlain else {
            throw bad("attachment")
        }
        self.identity = identity
        self.vnet = vnet
        self.ipv4 = ipv4
        self.kind = kind
        name = TenantName(try Name(parsing: message.tenant), try Name(parsing: message.name))
        ipv4PrefixLength = Int(message.ipv4PrefixLength)
        groups = try message.groups.map { try Name(parsing: $0) }.sorted()
        labels = try message.labels.map { try PolicyLabel(parsing: $0) }.sorted()
        guard let level = UInt8(exactly: message.level) else { throw bad("level") }
        self.level = level
        networks = try message.networks.map { try IPPrefix(parsing: $0) }.sorted()
        attachment = message.attachment
        epoch = message.epoch
    }
}
