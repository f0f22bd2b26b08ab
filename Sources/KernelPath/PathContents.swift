internal import CKernelPath
internal import CLibbpf
public import NetTypes

/// What the pinned maps of a host hold, in a form without what is given out by chance: devices, labels, and the numbers
/// of pairs, flow rules, segments and classes. Counters, flows and refusals, which packets make, are left out, and so are
/// the rules of pairs whose last wire went: they rest for a while beside their flows.
///
/// Two hosts of which each sees the same ports, wires and rules have equal contents, however they came to them.
/// It is read without the leaf, and not in one step: what changes meanwhile may be seen before or after.
public struct PathContents: Hashable, Sendable {
    /// A wire from one endpoint to an address, as the sending end knows it.
    public struct Sending: Hashable, Sendable {
        /// An identity, or an address outside.
        public let source: IPv6Address
        /// The same, or a private IPv4 address in its mapped form.
        public let destination: IPv6Address
        public let target: Target
        /// 0: the port's.
        public let mtu: UInt16
        /// Whose rules it is held to; nil: none.
        public let rules: PairEnds?
    }

    /// Where a wire leads.
    public enum Target: Hashable, Sendable {
        case remote(IPAddress)
        case protected(IPAddress)
        case local(IPv6Address)
        /// To a port or a leaf that is not in the maps.
        case nowhere
    }

    /// A wire as its receiving end knows it.
    public struct Receiving: Hashable, Sendable {
        /// Nil: from the ESP engine.
        public let locator: IPAddress?
        /// An identity, or an address outside.
        public let source: IPv6Address
        public let sourceIPv4: IPv4Address?
        /// Nil: there is no such port.
        public let destination: IPv6Address?
        /// Whose rules it is held to; nil: none.
        public let rules: PairEnds?
    }

    /// The endpoints whose ports are open, with their private addresses.
    public let ports: [Identity: IPv4Address?]
    /// How many wires of each kind there are: equal ones under several labels are not one.
    public let sending: [Sending: Int]
    public let receiving: [Receiving: Int]
    /// The rules of each pair that has some, and a wire that is held to them. A wire whose pair is not here passes
    /// everything.
    public let rules: [PairEnds: PairRules]

    /// Reads what is pinned in a directory (``DataPathConfiguration/pinDirectory``).
    public init(pinnedIn directory: String) throws(DataPathError) {
        func open(_ name: String) throws(DataPathError) -> Int32 {
            let number = unsafe bpf_obj_get("\(directory)/map_\(name)")
            if number < 0 { throw .system(number, "the pinned map of \(name) in \(directory)") }
            return number
        }
        let config = BPFMap<UInt32, kp_config>(try open("config"), "the configuration")
        guard config.lookup(0, empty: kp_config())?.layout == UInt32(KP_LAYOUT) else {
            throw DataPathError(.layout, "the maps pinned in \(directory) are of another version of Patchbay")
        }
        let portMap = BPFMap<UInt32, kp_port>(try open("ports"), "ports")
        let wireMap = BPFMap<kp_wire_key, kp_wire>(try open("wires"), "wires")
        let receiveMap = BPFMap<kp_receive_key, kp_receive>(try open("receive"), "labels")
        let peerMap = BPFMap<UInt32, kp_peer>(try open("peers"), "leaves")
        let numberMap = BPFMap<kp_ends, UInt32>(try open("pair_numbers"), "pairs' numbers")
        let reader = RuleReader(
            pairs: BPFMap(try open("pairs"), "pairs"), rules: BPFMap(try open("rules"), "flow rules"),
            segments: BPFMap(try open("segments"), "segments"), classes: BPFMap(try open("classes"), "classes"),
            numbers: BPFMap(try open("rule_numbers"), "rule numbers"))

        var open: [UInt32: kp_port] = [:]
        for (device, port) in try portMap.entries(emptyKey: 0, emptyValue: kp_port()) { open[device] = port }
        func address(_ port: UInt32) -> IPv6Address? { open[port]?.identity.value }
        ports = open.reduce(into: [:]) { ports, port in
            guard port.key < UInt32(KP_OUTSIDE), let identity = Identity(port.value.identity.value) else { return }
            ports[identity] = IPv4Address.read(port.value.ipv4)
        }
        var numbers: [UInt32: PairEnds] = [:]
        for (ends, number) in try numberMap.entries(emptyKey: kp_ends(), emptyValue: 0) {
            numbers[number] = PairEnds(ends.low.value, ends.high.value)
        }
        var sending: [Sending: Int] = [:]
        for (key, wire) in try wireMap.entries(emptyKey: kp_wire_key(), emptyValue: kp_wire()) {
            guard let source = address(key.port) else { continue }
            let target: Target
            if wire.label == KP_WIRE_LOCAL {
                target = address(wire.peer).map(Target.local) ?? .nowhere
            } else if let peer = peerMap.lookup(wire.peer, empty: kp_peer()) {
                let locator = IPAddress(unmapping: peer.locator.value)
                target = wire.label & KP_WIRE_PROTECTED != 0 ? .protected(locator) : .remote(locator)
            } else {
                target = .nowhere
            }
            let entry = Sending(
                source: source, destination: key.destination.value, target: target, mtu: wire.mtu,
                rules: wire.pair == 0 ? nil : numbers[wire.pair >> 1])
            sending[entry, default: 0] += 1
        }
        self.sending = sending
        var receiving: [Receiving: Int] = [:]
        for (key, wire) in try receiveMap.entries(emptyKey: kp_receive_key(), emptyValue: kp_receive()) {
            let isProtected = key.label & KP_RECEIVE_PROTECTED != 0
            let entry = Receiving(
                locator: isProtected ? nil : IPAddress(unmapping: key.locator.value),
                source: wire.source.value,
                sourceIPv4: IPv4Address.read(wire.source_ipv4), destination: address(wire.port),
                rules: wire.pair == 0 ? nil : numbers[wire.pair >> 1])
            receiving[entry, default: 0] += 1
        }
        self.receiving = receiving
        var rules: [PairEnds: PairRules] = [:]
        let carried = Set((sending.keys.map(\.rules) + receiving.keys.map(\.rules)).compactMap { $0 })
        for (number, ends) in numbers where carried.contains(ends) { rules[ends] = reader.rules(of: number) }
        self.rules = rules
    }
}

/// Reads the rules of a pair from the maps, as a packet would.
private struct RuleReader {
    let pairs: BPFMap<UInt32, kp_pair>
    let rules: BPFMap<UInt32, kp_flow_rules>
    let segments: BPFMap<UInt32, kp_segment>
    let classes: BPFMap<UInt32, kp_class>
    /// The numbers of rules, by the places of their counters.
    let numbers: BPFMap<UInt32, UInt64>

    /// The rules of a pair's number; nil: it has none.
    func rules(of number: UInt32) -> PairRules? {
        guard let word = pairs.lookup(number, empty: kp_pair())?.word, UInt32(truncatingIfNeeded: word) != 0,
            let low = flowRules(UInt32(word & 0xffff)), let high = flowRules(UInt32(word >> 16 & 0xffff))
        else { return nil }
        return PairRules(low: low, high: high, limits: Shaper.limits(at: UInt32(word >> 32 & 0xffff), in: classes))
    }

    private func number(at place: UInt32) -> UInt32 {
        place == 0 ? 0 : UInt32(truncatingIfNeeded: numbers.lookup(place, empty: 0) ?? 0)
    }

    private func flowRules(_ number: UInt32) -> FlowRules? {
        guard let entry = rules.lookup(number, empty: kp_flow_rules()) else { return nil }
        let found = (entry.first..<entry.first + entry.count).compactMap { place in
            segments.lookup(place, empty: kp_segment()).map {
                FlowSegment(start: $0.start, action: FlowAction($0.action, number(at:)))
            }
        }
        return FlowRules(segments: found, otherwise: FlowAction(entry.otherwise, number(at:)))
    }
}

extension PathContents {
    /// What one has and the other has not, a line for each; empty: they are equal.
    public func differences(from other: PathContents) -> [String] {
        func lines<Key: Hashable, Value: Equatable>(
            _ name: String, _ ours: [Key: Value], _ theirs: [Key: Value]
        ) -> [String] {
            Set(ours.keys).union(theirs.keys).filter { ours[$0] != theirs[$0] }.map { key in
                let (one, two) = (ours[key].map { "\($0)" } ?? "-", theirs[key].map { "\($0)" } ?? "-")
                return "\(name) \(key): \(one), not \(two)"
            }
        }
        return
            (lines("port", ports, other.ports) + lines("sending", sending, other.sending)
            + lines("receiving", receiving, other.receiving) + lines("rules", rules, other.rules)).sorted()
    }
}
