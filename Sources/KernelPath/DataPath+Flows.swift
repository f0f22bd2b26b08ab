internal import CKernelPath
internal import CLinux
public import NetTypes
internal import Synchronization

/// A flow of a pair as this host has seen it.
public struct FlowEntry: Hashable, Sendable {
    /// How far a flow has come, in the order of `enum kp_flow_state`.
    public enum State: UInt8, Hashable, Sendable {
        case tcpOpening, tcpEstablished, tcpClosing, oneWay, bothWays, sctpOpening, sctpEstablished, echo
    }

    /// Who began it.
    public let beginner: IPv6Address
    public let isIPv6: Bool
    /// The IP protocol number.
    public let protocolNumber: UInt8
    /// The ports of who began it and of the other end; for ICMP the identifier, and the type of the question; nil for
    /// protocols without ports.
    public let ports: Ports?
    public let state: State
    /// Since its first packet.
    public let age: Duration
    /// Since its last packet.
    public let idle: Duration
    /// Of both directions.
    public let packets: UInt64

    /// The ports of a flow.
    public struct Ports: Hashable, Sendable {
        public let beginner: UInt16
        public let other: UInt16

        public init(beginner: UInt16, other: UInt16) {
            self.beginner = beginner
            self.other = other
        }
    }
}

extension DataPath {
    /// The ends of the pair of a number, as it stands in ``FlowEvent``; nil: there is no such pair any more.
    public func ends(of number: UInt32) -> PairEnds? { ruleTable.withLock { $0.binding(number)?.ends } }

    /// How many entries the flow map has; some may have ended.
    public var flowCount: Int {
        get throws(DataPathError) {
            try maps.flows.entries(emptyKey: kp_flow_key(), emptyValue: kp_flow()).count
        }
    }

    /// The live flows of a pair, in the order in which they began.
    public func flows(of ends: PairEnds) throws(DataPathError) -> [FlowEntry] {
        guard let number = ruleTable.withLock({ $0.number(of: ends) }) else { return [] }
        let now = cl_monotonic_ns()
        let host = maps.config.lookup(0, empty: kp_config()) ?? kp_config()
        return try maps.flows.entries(emptyKey: kp_flow_key(), emptyValue: kp_flow())
            .filter { $0.key.pair == number }
            .sorted { $0.value.began < $1.value.began }
            .compactMap { FlowEntry($0.key, $0.value, ends, now, host) }
    }

    /// The live flows of all pairs.
    public func liveFlows() throws(DataPathError) -> [PairEnds: [FlowEntry]] {
        let ends = ruleTable.withLock { $0.ends }
        let now = cl_monotonic_ns()
        let host = maps.config.lookup(0, empty: kp_config()) ?? kp_config()
        var flows: [PairEnds: [FlowEntry]] = [:]
        for (key, value) in try maps.flows.entries(emptyKey: kp_flow_key(), emptyValue: kp_flow()) {
            guard let pair = ends[key.pair], let entry = FlowEntry(key, value, pair, now, host) else { continue }
            flows[pair, default: []].append(entry)
        }
        return flows
    }

    /// Notes flows of a pair that began elsewhere, as established ones; those that are here already stay as they are.
    ///
    /// Of TCP, UDP and SCTP only. Whether a flow passes is still the affair of the rules.
    public func note(_ flows: [CarriedFlow], of ends: PairEnds) throws(DataPathError) {
        guard let number = ruleTable.withLock({ $0.number(of: ends) }) else { return }
        let now = cl_monotonic_ns()
        for flow in flows {
            guard let state = flow.state, let side = ends.side(of: flow.beginner) else { continue }
            let (low, high) = side == 0 ? (flow.port, flow.otherPort) : (flow.otherPort, flow.port)
            let key = kp_flow_key(
                pair: number, protocol: flow.protocolNumber, family: flow.isIPv6 ? UInt8(KP_FLOW_IPV6) : 0,
                low_port: low, high_port: high, pad: 0)
            guard maps.flows.lookup(key, empty: kp_flow()) == nil else { continue }
            var value = kp_flow()
            value.last = now
            value.began = now
            value.beginner = UInt8(side)
            value.state = state.rawValue
            try maps.flows.update(key, value)
        }
    }

    /// Forgets the flows of a pair: what comes back of them passes no more, until its beginner sends again.
    public func forgetFlows(of ends: PairEnds) throws(DataPathError) {
        guard let number = ruleTable.withLock({ $0.number(of: ends) }) else { return }
        for (key, _) in try maps.flows.entries(emptyKey: kp_flow_key(), emptyValue: kp_flow())
        where key.pair == number {
            _ = maps.flows.remove(key)
        }
    }
}

/// A flow that goes on while one of its ends comes to another host.
public struct CarriedFlow: Hashable, Sendable {
    /// Who began it.
    public let beginner: IPv6Address
    public let isIPv6: Bool
    /// TCP, UDP or SCTP.
    public let protocolNumber: UInt8
    /// The port of who began it.
    public let port: UInt16
    /// The port of the other end.
    public let otherPort: UInt16

    public init(beginner: IPv6Address, isIPv6: Bool, protocolNumber: UInt8, port: UInt16, otherPort: UInt16) {
        self.beginner = beginner
        self.isIPv6 = isIPv6
        self.protocolNumber = protocolNumber
        self.port = port
        self.otherPort = otherPort
    }

    /// A flow that packets have passed on in both directions; nil for any other.
    public init?(_ entry: FlowEntry) {
        guard [.tcpEstablished, .bothWays, .sctpEstablished].contains(entry.state), let ports = entry.ports else {
            return nil
        }
        self.init(
            beginner: entry.beginner, isIPv6: entry.isIPv6, protocolNumber: entry.protocolNumber,
            port: ports.beginner, otherPort: ports.other)
    }

    /// The state that it is in; nil for protocols that have no such flows.
    fileprivate var state: FlowEntry.State? {
        switch protocolNumber {
        case 6: .tcpEstablished
        case 17: .bothWays
        case 132: .sctpEstablished
        default: nil
        }
    }
}

extension FlowEntry {
    fileprivate init?(_ key: kp_flow_key, _ flow: kp_flow, _ ends: PairEnds, _ now: UInt64, _ host: kp_config) {
        guard let state = State(rawValue: flow.state) else { return nil }
        let idle = now - min(now, flow.last)
        let timeouts = unsafe withUnsafeBytes(of: host.flow_timeouts) { unsafe Array($0.bindMemory(to: UInt32.self)) }
        guard idle < UInt64(timeouts[Int(flow.state)]) * 1_000_000 else { return nil }
        beginner = flow.beginner == 0 ? ends.low : ends.high
        isIPv6 = Int32(key.family) & KP_FLOW_IPV6 != 0
        protocolNumber = key.protocol
        if Int32(key.family) & KP_FLOW_PORTLESS != 0 {
            ports = nil
        } else if state == .echo {
            ports = Ports(beginner: key.low_port, other: key.high_port >> 8)
        } else if flow.beginner == 0 {
            ports = Ports(beginner: key.low_port, other: key.high_port)
        } else {
            ports = Ports(beginner: key.high_port, other: key.low_port)
        }
        self.state = state
        age = .nanoseconds(now - min(now, flow.began))
        self.idle = .nanoseconds(idle)
        packets = flow.packets
    }
}
