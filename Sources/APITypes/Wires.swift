/// A wire as one leaf sees it.
public struct Wire: Codable, Sendable, Equatable {
    /// Which end of the wire is on the reporting leaf.
    public enum Direction: String, Codable, Sendable, CaseIterable {
        case send
        case receive
        /// Both ends are on this leaf.
        case local
    }

    /// The name of the host whose leaf reports it.
    public var host: String
    /// The source, `tenant/name`, or its identity when the directory no longer knows it, or an address outside.
    public var source: String
    /// The destination, likewise.
    public var destination: String
    /// The border that speaks for the source, where that is an address outside.
    public var sourceBorder: String?
    /// The border that speaks for the destination, where that is an address outside.
    public var destinationBorder: String?
    /// The source's identity; of an address outside that of its border.
    public var sourceIdentity: String
    /// The destination's identity.
    public var destinationIdentity: String
    /// Which end of the wire this is.
    public var direction: Direction
    /// How it is protected between the hosts: `none`, `auth` or `conf`; `unknown` for a level of a later leaf.
    public var security: String
    /// The label by which the receiving leaf knows it: a VXLAN VNI, or the first ESP SPI of a protected wire; 0 for a
    /// local wire.
    public var label: UInt32
    /// The underlay address of the other leaf; absent for a local wire.
    public var peer: String?
    /// Packets so far.
    public var packets: UInt64
    /// Bytes so far, of inner IP packets, each with its own headers.
    public var bytes: UInt64
    /// When it was plugged, RFC 3339.
    public var pluggedAt: String
    /// The epoch of the other end's location record.
    public var epoch: UInt64

    /// Makes a description of a wire.
    public init(
        host: String, source: String, destination: String, sourceBorder: String? = nil,
        destinationBorder: String? = nil, sourceIdentity: String, destinationIdentity: String,
        direction: Direction, security: String, label: UInt32, peer: String?, packets: UInt64, bytes: UInt64,
        pluggedAt: String, epoch: UInt64
    ) {
        self.host = host
        self.source = source
        self.destination = destination
        self.sourceBorder = sourceBorder
        self.destinationBorder = destinationBorder
        self.sourceIdentity = sourceIdentity
        self.destinationIdentity = destinationIdentity
        self.direction = direction
        self.security = security
        self.label = label
        self.peer = peer
        self.packets = packets
        self.bytes = bytes
        self.pluggedAt = pluggedAt
        self.epoch = epoch
    }

    enum CodingKeys: String, CodingKey {
        case host, source, destination, direction, security, label, peer, packets, bytes, epoch
        case sourceBorder = "source_border"
        case destinationBorder = "destination_border"
        case sourceIdentity = "source_identity"
        case destinationIdentity = "destination_identity"
        case pluggedAt = "plugged_at"
    }
}

/// What one leaf answered when it was asked for its wires.
public struct LeafReport: Codable, Sendable, Equatable {
    /// The name of the leaf's host.
    public var host: String
    /// Whether it has a stream to the controller.
    public var connected: Bool
    /// Whether it answered in time; if not, `wires` and `counters` say nothing.
    public var answered: Bool
    /// The wires that were asked about, by source, destination and direction.
    public var wires: [Wire]
    /// Drops and misses by reason.
    public var counters: [String: UInt64]
    /// What the leaf itself says of a pair that was asked about.
    public var pair: LeafVerdict?

    /// Makes a report.
    public init(
        host: String, connected: Bool, answered: Bool, wires: [Wire], counters: [String: UInt64],
        pair: LeafVerdict? = nil
    ) {
        self.host = host
        self.connected = connected
        self.answered = answered
        self.wires = wires
        self.counters = counters
        self.pair = pair
    }
}

/// What one leaf has in force for a flow of a pair, and the flows of the pair that its kernel knows.
public struct LeafVerdict: Codable, Sendable, Equatable {
    /// A flow in the kernel's table.
    public struct Flow: Codable, Sendable, Equatable {
        /// The name of the endpoint that began it.
        public var source: String
        /// The name of the other one.
        public var destination: String
        /// `tcp`, `udp`, … or the IP protocol number.
        public var `protocol`: String
        /// The port of the source; for ICMP the identifier.
        public var sourcePort: UInt32
        /// The port of the destination; for ICMP the type of the question.
        public var destinationPort: UInt32
        /// How far it has come, such as `tcpEstablished`.
        public var state: String
        /// Milliseconds since its last packet.
        public var idleMilliseconds: UInt64
        /// Packets of both directions.
        public var packets: UInt64

        /// Makes a description of a flow.
        public init(
            source: String, destination: String, protocol: String, sourcePort: UInt32, destinationPort: UInt32,
            state: String, idleMilliseconds: UInt64, packets: UInt64
        ) {
            self.source = source
            self.destination = destination
            self.protocol = `protocol`
            self.sourcePort = sourcePort
            self.destinationPort = destinationPort
            self.state = state
            self.idleMilliseconds = idleMilliseconds
            self.packets = packets
        }

        enum CodingKeys: String, CodingKey {
            case source, destination, `protocol`, state, packets
            case sourcePort = "source_port"
            case destinationPort = "destination_port"
            case idleMilliseconds = "idle_milliseconds"
        }
    }

    /// Whether the leaf lets the flow pass.
    public var verdict: Verdict
    /// The same in words, such as `plug, conf`; empty where the leaf could not judge.
    public var effect: String
    /// The rule that decided at the leaf; absent where none did.
    public var rule: String?
    /// The revision of the tenant's policy at the leaf; 0: none.
    public var revision: UInt64
    /// The revision of the guardrails at the leaf; 0: none.
    public var guardrailsRevision: UInt64
    /// The code of what the pair was refused for last; absent where it was not.
    public var refusal: String?
    /// The same in words.
    public var detail: String?
    /// The flows of the pair.
    public var flows: [Flow]

    /// Makes a description.
    public init(
        verdict: Verdict, effect: String, rule: String?, revision: UInt64, guardrailsRevision: UInt64,
        refusal: String?, detail: String?, flows: [Flow]
    ) {
        self.verdict = verdict
        self.effect = effect
        self.rule = rule
        self.revision = revision
        self.guardrailsRevision = guardrailsRevision
        self.refusal = refusal
        self.detail = detail
        self.flows = flows
    }

    enum CodingKeys: String, CodingKey {
        case verdict, effect, rule, revision, refusal, detail, flows
        case guardrailsRevision = "guardrails_revision"
    }
}

/// Every wire that the leaves report now.
public struct WireList: Codable, Sendable, Equatable {
    /// The wires, by source, destination, host and direction.
    public var items: [Wire]
    /// What each leaf said, without the wires once more.
    public var leaves: [LeafStatus]

    /// Makes a list.
    public init(items: [Wire], leaves: [LeafStatus]) {
        self.items = items
        self.leaves = leaves
    }
}

/// Whether a leaf answered, and what it dropped.
public struct LeafStatus: Codable, Sendable, Equatable {
    /// The name of the leaf's host.
    public var host: String
    /// Whether it has a stream to the controller.
    public var connected: Bool
    /// Whether it answered in time; if not, its wires are missing.
    public var answered: Bool
    /// Drops and misses by reason.
    public var counters: [String: UInt64]

    /// Makes a status.
    public init(host: String, connected: Bool, answered: Bool, counters: [String: UInt64]) {
        self.host = host
        self.connected = connected
        self.answered = answered
        self.counters = counters
    }
}

/// Why a pair is plugged or not, and what there is of it now.
public struct Explanation: Codable, Sendable, Equatable {
    /// One end of the pair.
    public struct End: Codable, Sendable, Equatable {
        /// The name, `tenant/name`, or an address outside.
        public var name: String
        /// The border that speaks for an address outside; what follows is then the border's.
        public var border: String?
        /// The identity.
        public var identity: String
        /// Its address in its vnet.
        public var ipv4: String
        /// The name of the host that is to run it.
        public var host: String
        /// The epoch of its location.
        public var epoch: UInt64
        /// How far it has come.
        public var state: EndpointState
        /// The underlay address in its present location record.
        public var locator: String?
        /// The names of its groups, sorted.
        public var groups: [String]
        /// Its labels KEY=VALUE, sorted.
        public var labels: [String]
        /// Its security level.
        public var level: UInt8

        /// Makes a description of an end.
        public init(
            name: String, border: String? = nil, identity: String, ipv4: String, host: String, epoch: UInt64,
            state: EndpointState, locator: String?, groups: [String], labels: [String] = [], level: UInt8 = 0
        ) {
            self.name = name
            self.border = border
            self.identity = identity
            self.ipv4 = ipv4
            self.host = host
            self.epoch = epoch
            self.state = state
            self.locator = locator
            self.groups = groups
            self.labels = labels
            self.level = level
        }
    }

    /// A rule that decided, or came near.
    public struct Rule: Codable, Sendable, Equatable {
        /// The rule's name.
        public var name: String
        /// Whose document it is in: `tenant` or `platform`.
        public var document: String
        /// The line on which it stands there; 0 where that is not known.
        public var line: Int
        /// The revision of that document.
        public var revision: UInt64
        /// `plug`, `unplug`, `reject` or `pass`.
        public var verdict: String
        /// What the rule says, in one line; absent for one that only came near.
        public var says: String?
        /// What it lacked to decide; absent for the one that did.
        public var lacks: [String]?

        /// Makes a description of a rule.
        public init(
            name: String, document: String, line: Int, revision: UInt64, verdict: String, says: String? = nil,
            lacks: [String]? = nil
        ) {
            self.name = name
            self.document = document
            self.line = line
            self.revision = revision
            self.verdict = verdict
            self.says = says
            self.lacks = lacks
        }
    }

    /// The verdict of from -> to.
    public var verdict: Verdict
    /// The verdict of to -> from.
    public var reverseVerdict: Verdict
    /// How from -> to is to be protected; none where it is unplugged.
    public var security: Security
    /// How to -> from is to be protected; none where it is unplugged.
    public var reverseSecurity: Security
    /// Why, as a sentence.
    public var reason: String
    /// Why a wire is or is not possible now: `plugged`, `policy`, `source-not-running` or `not-running`; the first of
    /// policy, source and destination that says no.
    public var reasonCode: String
    /// The entry that decided from -> to; absent when none speaks of the pair.
    public var entry: PolicyEntry?
    /// The port that was asked about, such as `tcp/22`; absent where the pair as a whole was.
    public var port: String?
    /// What happens to the flow in words, such as `plug, conf`; of a pair as a whole to what no port below speaks of.
    public var effect: String
    /// Of a pair as a whole: ports that fare otherwise, such as `tcp/5432: plug, conf`.
    public var ports: [String]
    /// The rule of a document that decided; absent where an entry did, or none.
    public var rule: Rule?
    /// The rules that came nearest, the nearest first.
    public var nearest: [Rule]
    /// What the platform's guardrails had to say.
    public var guardrails: [String]
    /// The security levels of both ends, where they matter.
    public var levels: String?
    /// The rule in dry run that would have decided, were it in force.
    public var dryRun: String?
    /// The revision of the tenant's policy.
    public var revision: UInt64
    /// The revision of the guardrails; absent where there are none.
    public var guardrailsRevision: UInt64?
    /// The source.
    public var from: End
    /// The destination.
    public var to: End
    /// What the leaves of both ends have plugged of the pair, in either direction.
    public var leaves: [LeafReport]

    /// Makes an explanation.
    public init(
        verdict: Verdict, reverseVerdict: Verdict, security: Security, reverseSecurity: Security, reason: String,
        reasonCode: String, entry: PolicyEntry?, port: String? = nil, effect: String, ports: [String] = [],
        rule: Rule? = nil, nearest: [Rule] = [], guardrails: [String] = [], levels: String? = nil,
        dryRun: String? = nil, revision: UInt64, guardrailsRevision: UInt64? = nil, from: End, to: End,
        leaves: [LeafReport]
    ) {
        self.verdict = verdict
        self.reverseVerdict = reverseVerdict
        self.security = security
        self.reverseSecurity = reverseSecurity
        self.reason = reason
        self.reasonCode = reasonCode
        self.entry = entry
        self.port = port
        self.effect = effect
        self.ports = ports
        self.rule = rule
        self.nearest = nearest
        self.guardrails = guardrails
        self.levels = levels
        self.dryRun = dryRun
        self.revision = revision
        self.guardrailsRevision = guardrailsRevision
        self.from = from
        self.to = to
        self.leaves = leaves
    }

    enum CodingKeys: String, CodingKey {
        case verdict, security, reason, entry, port, effect, ports, rule, nearest, guardrails, levels, revision
        case from, to, leaves
        case dryRun = "dry_run"
        case guardrailsRevision = "guardrails_revision"
        case reverseVerdict = "reverse_verdict"
        case reverseSecurity = "reverse_security"
        case reasonCode = "reason_code"
    }
}
