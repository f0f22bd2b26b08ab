import GRPCCore
import KernelPath
import LeafProtocol
import LinuxKit
import Logging
import MutualTLS
import NetTypes
import PacketFormats
import Plugging
import Policy
import PolicyLanguage
import Trust

/// The agent of one host: it catches first packets, decides with the two algorithms of NVI, and plugs.
///
/// One actor owns all of the leaf's knowledge; packets of plugged wires never come here. It is spread over files by
/// what happens: ports (`+Ports`), first packets (`+FirstPacket`), plugging (`+Plugging`), changes and unplugging
/// (`+Changes`), policies (`+Policy`, `+Rules`), time (`+Upkeep`), and reports (`+Report`).
actor LeafAgent {
    let configuration: LeafConfiguration
    let membership: LeafMembership
    let state: LeafStateDirectory
    let path: DataPath
    let controller: ControllerSession
    let peers: PeerSessions
    let sender: SenderProtocol
    let receiver: ReceiverProtocol
    let devices: PortDevices
    /// Renewed together with the leaf's certificate.
    let credentials: SessionCredentials
    let transmitter: FrameTransmitter
    let engine: Engine
    let logger: Logger
    let now: @Sendable () -> Timestamp
    /// What is counted of the agent's own work.
    let counts = LeafCounts()

    var ports = LocalPorts()
    var policies: [Name: HeldPolicy] = [:]
    /// Who alone may sign a tenant's policy; the key that its CA certifies where there is none.
    var locks: [Name: PolicyLock] = [:]
    /// The platform's guardrails, which stand before every tenant's rules.
    var guardrails: Guardrails?
    /// Which tenants are suspended, as the platform has stated last; nil: it never has.
    var suspensions: Suspensions?
    var known = KnownEndpoints(capacity: LeafLimits.factsKept)
    var epochs = EpochFloor(capacity: LeafLimits.factsKept)
    var revocations = Revocations()
    /// The pairs whose flows the kernel looks at.
    var bindings: [PairEnds: BoundPair] = [:]
    /// The numbers under which rules are counted.
    var numbers = RuleNumbers()
    /// What passed and what was dropped lately.
    var seen = SeenFlows(capacity: LeafLimits.flowsKept)
    var wires = WireLedger()
    /// How long the last look at what all wires have counted took.
    var readTime: Duration = .zero
    /// The addresses outside that have wires here.
    var outside = OutsideAddresses()
    var holds: HoldQueue<Flow>
    var labels: LabelAllocator
    /// The mark of ``labels`` that is on disk.
    var labelMark: UInt64
    var refusals = RefusalLog(capacity: LeafLimits.refusalsKept)
    /// Flows whose first packet is being decided on.
    var resolving = FlowsInProgress()
    /// Questions of ARP and neighbour discovery that got no answer lately.
    var unanswered = UnansweredQuestions(capacity: LeafLimits.questionsKept)
    /// Pairs that are being plugged, so that IPv4 and IPv6 of one pair ask the other leaf once.
    var plugging: [Pair: Task<PlugOutcome, Never>] = [:]
    /// Requests for two-way wires that are being answered.
    var answering: [IncomingRequest: Task<Patchbay_Leaf_V1_PlugResponse, Never>] = [:]
    /// The index of the engine's device, once it is in use.
    var engineDevice: UInt32?
    /// Pairs whose facts have expired and may be renewed yet.
    var expiring = Set<Pair>()
    /// How long the location records of this leaf live, in seconds; the controller says it.
    var recordLifetime = TrustLimits.recordLifetime
    /// Pairs that lost their wire because the other end went away; plugged again when it is back.
    var interrupted: [Pair: Timestamp] = [:]
    /// The marked packets that are followed for other leaves, by their marks.
    var traces: [UInt32: PacketTrace] = [:]
    /// Grows with every change of policy, facts, ports or revocations: a decision that was begun before is made again.
    var generation: UInt64 = 0
    /// The latest set of ports that the controller wants; being worked on when ``isArranging``.
    var desired: [DesiredPort]?
    var isArranging = false
    /// Ports that could not be opened, and why.
    var unopened: [Identity: (port: DesiredPort, reason: String)] = [:]

    init(
        configuration: LeafConfiguration, membership: LeafMembership, state: LeafStateDirectory, path: DataPath,
        controller: ControllerSession, peers: PeerSessions, devices: PortDevices,
        credentials: SessionCredentials, transmitter: FrameTransmitter, engine: Engine, labels: LabelAllocator,
        logger: Logger, now: @escaping @Sendable () -> Timestamp
    ) {
        self.configuration = configuration
        self.membership = membership
        self.state = state
        self.path = path
        self.controller = controller
        self.peers = peers
        self.devices = devices
        self.credentials = credentials
        self.transmitter = transmitter
        self.engine = engine
        self.labels = labels
        self.logger = logger
        self.now = now
        sender = SenderProtocol(anchor: membership.anchor)
        receiver = ReceiverProtocol(anchor: membership.anchor)
        holds = HoldQueue()
        labelMark = labels.reservedUpTo
    }

    /// Packets of one port, or of one address outside behind it, to one destination address: what is held together.
    struct Flow: Hashable {
        /// The index of the device.
        var port: UInt32
        var destination: IPv6Address
        /// Who sends, where that is not the port's own endpoint.
        var outside: IPAddress?
    }

    /// How plugging a pair ended.
    enum PlugOutcome: Sendable {
        case plugged
        case unplugged(UnplugReason)
    }
}

/// Who this leaf is, and by what it verifies others.
struct LeafMembership: Sendable {
    var id: LeafID
    var hostName: String
    var locator: IPAddress
    var root: [UInt8]
    var anchor: TrustAnchor
    var platform: PlatformName
}

/// A leaf at the other end of a session, as its certificate says.
struct VerifiedPeer: Sendable {
    var id: LeafID
}

/// The highest epoch seen of each identity; a record below it is refused, whoever shows it.
struct EpochFloor {
    private var floors: [Identity: Epoch] = [:]
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    subscript(identity: Identity) -> Epoch { floors[identity] ?? 0 }

    mutating func raise(_ identity: Identity, to epoch: Epoch) {
        if floors[identity] == nil, floors.count >= capacity, let victim = floors.keys.first { floors[victim] = nil }
        floors[identity] = max(floors[identity] ?? 0, epoch)
    }
}

/// Questions about addresses that an endpoint was not to know of when it asked; bounded.
struct UnansweredQuestions {
    private var asked: [LeafAgent.Flow: (packet: FirstPacket, at: Timestamp)] = [:]
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    mutating func note(_ packet: FirstPacket, for flow: LeafAgent.Flow, at now: Timestamp) {
        if asked[flow] == nil, asked.count >= capacity, let victim = asked.keys.first { asked[victim] = nil }
        asked[flow] = (packet, now)
    }

    /// Hands over what was asked since a moment, and forgets everything.
    mutating func take(since horizon: Timestamp) -> [(LeafAgent.Flow, FirstPacket)] {
        defer { asked.removeAll(keepingCapacity: true) }
        return asked.filter { $0.value.at >= horizon }.map { ($0.key, $0.value.packet) }
    }
}

/// The latest refusals, for explanations; bounded.
struct RefusalLog {
    private(set) var latest: [Pair: (reason: UnplugReason, at: Timestamp)] = [:]
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    mutating func note(_ pair: Pair, _ reason: UnplugReason, at now: Timestamp) {
        if latest[pair] == nil, latest.count >= capacity, let victim = latest.keys.first { latest[victim] = nil }
        latest[pair] = (reason, now)
    }

    mutating func clear(_ pair: Pair) { latest[pair] = nil }
}
