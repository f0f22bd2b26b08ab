import KernelPath
import NetTypes
import Trust

/// The ordered pair of a wire: who sends to whom.
///
/// Of a pair with an address outside, that end is the border that speaks for it: where the border is, what is certified of
/// it and whether it is revoked decide about the wire. Packets and policy know the address.
struct Pair: Hashable, Sendable, CustomStringConvertible {
    var source: Identity
    var destination: Identity
    /// The address behind the source, which is a border.
    var outsideSource: IPAddress?
    /// The address behind the destination, which is a border.
    var outsideDestination: IPAddress?

    init(source: Identity, destination: Identity) {
        self.source = source
        self.destination = destination
    }

    init(_ source: End, _ destination: End) {
        self.init(source: source.identity, destination: destination.identity)
        outsideSource = source.outside
        outsideDestination = destination.outside
    }

    var reversed: Pair { Pair(destinationEnd, sourceEnd) }
    var sourceEnd: End { End(identity: source, outside: outsideSource) }
    var destinationEnd: End { End(identity: destination, outside: outsideDestination) }
    /// Whether one end is outside.
    var isOutside: Bool { outsideSource != nil || outsideDestination != nil }
    /// The ends as the kernel's rules know them.
    var ends: PairEnds { PairEnds(sourceEnd.address, destinationEnd.address) }

    var description: String { "\(sourceEnd) -> \(destinationEnd)" }
}

/// One end of a pair: an endpoint, or an address outside with the border that speaks for it.
struct End: Hashable, Sendable, CustomStringConvertible {
    var identity: Identity
    var outside: IPAddress?

    /// What packets and the kernel's rules know it by.
    var address: IPv6Address { outside?.mapped ?? identity.address }

    var description: String { outside.map { "\($0) behind \(identity)" } ?? identity.description }
}

/// The sending end of a wire that is plugged on this leaf.
struct SendingEnd {
    var target: SendTarget
    /// The leaf at the other end; nil for a local wire.
    var peer: LeafID?
    /// The addresses of the destination under which the kernel has the wire.
    var addresses: [IPv6Address]
    /// The epoch of the destination's record; 0 until an adopted wire has been verified.
    var epoch: Epoch
    var pluggedAt: Timestamp
    /// Packets at the last look, and when they last grew.
    var packets: UInt64 = 0
    var activeAt: Timestamp
    /// nil for a plain or local wire.
    var protection: WireProtection?
    /// The largest inner packet, in bytes; 0: as the port's.
    var mtu: UInt16 = 0
}

/// A receiving end: a label that this leaf gave to another one.
struct ReceivingEnd {
    var pair: Pair
    var label: Label
    /// Where the other leaf sends from; nil for an adopted protected wire until it has been verified.
    var locator: IPAddress?
    /// The leaf that sends; nil until an adopted wire has been verified.
    var peer: LeafID?
    var epoch: Epoch
    var pluggedAt: Timestamp
    var packets: UInt64 = 0
    var activeAt: Timestamp
    /// nil for a plain wire.
    var protection: WireProtection?
}

/// What the leaf knows of the wires that it has put into the kernel.
///
/// Several labels of one pair may receive at a time, while one replaces another. The kernel's maps are the truth
/// after a restart; the ledger is then rebuilt from them.
struct WireLedger {
    private(set) var sends: [Pair: SendingEnd] = [:]
    private(set) var receives: [Label: ReceivingEnd] = [:]
    private var labelsByPair: [Pair: [Label]] = [:]
    /// The label of each pair that the other leaf was last told, and uses.
    private var labelsInUse: [Pair: Label] = [:]
    /// For each identity, how many entries name it as an end, so that a change elsewhere finds its wires at once.
    private var pairsByIdentity: [Identity: Set<Pair>] = [:]
    /// How many ends there are of each kind, kept up so that nobody has to walk a million of them to know.
    private(set) var tally: [WireKind: Int] = [:]

    /// Notes a sending end; replaces the former one of the pair.
    mutating func put(_ wire: SendingEnd, for pair: Pair) {
        count(sends.updateValue(wire, forKey: pair).map(WireKind.init), WireKind(wire))
        index(pair)
    }

    /// Notes a receiving end.
    mutating func put(_ wire: ReceivingEnd) {
        count(receives.updateValue(wire, forKey: wire.label).map(WireKind.init), WireKind(wire))
        labelsByPair[wire.pair, default: []].append(wire.label)
        index(wire.pair)
    }

    /// Forgets a sending end.
    @discardableResult
    mutating func removeSend(_ pair: Pair) -> SendingEnd? {
        defer { unindexIfGone(pair) }
        let wire = sends.removeValue(forKey: pair)
        count(wire.map(WireKind.init), nil)
        return wire
    }

    /// Forgets a receiving end.
    @discardableResult
    mutating func removeReceive(_ label: Label) -> ReceivingEnd? {
        guard let wire = receives.removeValue(forKey: label) else { return nil }
        count(WireKind(wire), nil)
        labelsByPair[wire.pair]?.removeAll { $0 == label }
        if labelsByPair[wire.pair]?.isEmpty == true { labelsByPair[wire.pair] = nil }
        if labelsInUse[wire.pair] == label { labelsInUse[wire.pair] = nil }
        unindexIfGone(wire.pair)
        return wire
    }

    /// Notes what the kernel counted.
    mutating func update(_ pair: Pair, _ change: (inout SendingEnd) -> Void) {
        if var wire = sends[pair] {
            let former = WireKind(wire)
            change(&wire)
            sends[pair] = wire
            count(former, WireKind(wire))
        }
    }

    /// Notes what the kernel counted.
    mutating func update(_ label: Label, _ change: (inout ReceivingEnd) -> Void) {
        if var wire = receives[label] {
            let former = WireKind(wire)
            change(&wire)
            receives[label] = wire
            count(former, WireKind(wire))
        }
    }

    /// Notes that the other leaf sends to a label from now on.
    mutating func use(_ label: Label, for pair: Pair) {
        if receives[label] != nil { labelsInUse[pair] = label }
    }

    /// Whether the other leaf sends to a label of the pair.
    func isInUse(_ label: Label, for pair: Pair) -> Bool { labelsInUse[pair] == label }

    /// The labels at which the pair's packets are received here.
    func labels(of pair: Pair) -> [Label] { labelsByPair[pair] ?? [] }

    /// Whether a pair has a sending or a receiving end here.
    func has(_ pair: Pair) -> Bool { sends[pair] != nil || labelsByPair[pair] != nil }

    /// The pairs of which an identity is an end.
    func pairs(of identity: Identity) -> Set<Pair> { pairsByIdentity[identity] ?? [] }

    /// All pairs that have a sending or a receiving end here.
    var pairs: Set<Pair> { Set(sends.keys).union(labelsByPair.keys) }

    private mutating func count(_ former: WireKind?, _ present: WireKind?) {
        guard former != present else { return }
        if let former { tally[former, default: 0] -= 1 }
        if let present { tally[present, default: 0] += 1 }
    }

    private mutating func index(_ pair: Pair) {
        pairsByIdentity[pair.source, default: []].insert(pair)
        pairsByIdentity[pair.destination, default: []].insert(pair)
    }

    private mutating func unindexIfGone(_ pair: Pair) {
        guard sends[pair] == nil, labelsByPair[pair] == nil else { return }
        for end in [pair.source, pair.destination] {
            pairsByIdentity[end]?.remove(pair)
            if pairsByIdentity[end]?.isEmpty == true { pairsByIdentity[end] = nil }
        }
    }
}

/// What is counted of a wire's end: whether it sends or receives, and how it is protected.
struct WireKind: Hashable {
    let direction: String
    let protection: String

    init(direction: String, protection: String) {
        self.direction = direction
        self.protection = protection
    }

    init(_ wire: SendingEnd) {
        direction = "send"
        if case .local = wire.target {
            protection = "local"
        } else {
            protection = Self.word(wire.protection)
        }
    }

    init(_ wire: ReceivingEnd) {
        direction = "receive"
        protection = Self.word(wire.protection)
    }

    private static func word(_ protection: WireProtection?) -> String {
        (protection?.security ?? .none).rawValue
    }
}
