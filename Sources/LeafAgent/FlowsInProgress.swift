import PacketFormats

/// The flows that are being settled now: looked up, decided on, plugged.
///
/// Bounded, so that an endpoint that asks for thousands of strangers at once does not keep the directory from
/// answering for its neighbours. At 5 ms each, 32 at a time are 6,400 a second, more than the kernel punts for a port.
struct FlowsInProgress {
    /// What became of a flow that was to begin.
    enum Beginning {
        /// It is in progress from now on.
        case begun
        /// It was in progress already.
        case running
        /// Too many others are: whoever sent will send again.
        case full
    }

    private var flows: Set<LeafAgent.Flow> = []
    private var countsByPort: [UInt32: Int] = [:]
    /// Questions of ARP and neighbour discovery that came while too many flows of their port were in progress. They
    /// wait: an endpoint asks three times only, and who asks for a whole network at once asks for all at the same time.
    private var waiting: [UInt32: [(flow: LeafAgent.Flow, packet: FirstPacket)]] = [:]

    /// The most flows of one port, and in all.
    static let mostOfPort = 32
    static let most = 1_024
    /// The most questions of one port that wait.
    static let mostWaiting = 256

    /// How many there are.
    var count: Int { flows.count }

    mutating func begin(_ flow: LeafAgent.Flow) -> Beginning {
        if flows.contains(flow) { return .running }
        let count = countsByPort[flow.port, default: 0]
        guard count < Self.mostOfPort, flows.count < Self.most else { return .full }
        flows.insert(flow)
        countsByPort[flow.port] = count + 1
        return .begun
    }

    /// Keeps a question until a flow of its port has ended; one too many is forgotten.
    mutating func wait(_ packet: FirstPacket, for flow: LeafAgent.Flow) {
        guard waiting[flow.port]?.count ?? 0 < Self.mostWaiting,
            waiting[flow.port]?.contains(where: { $0.flow == flow }) != true
        else { return }
        waiting[flow.port, default: []].append((flow, packet))
    }

    /// The question of a port that has waited longest, if there is one and room for it.
    mutating func next(of port: UInt32) -> (flow: LeafAgent.Flow, packet: FirstPacket)? {
        guard countsByPort[port, default: 0] < Self.mostOfPort, flows.count < Self.most,
            let first = waiting[port]?.first
        else { return nil }
        waiting[port]?.removeFirst()
        if waiting[port]?.isEmpty == true { waiting[port] = nil }
        return first
    }

    mutating func end(_ flow: LeafAgent.Flow) {
        guard flows.remove(flow) != nil, let count = countsByPort[flow.port] else { return }
        countsByPort[flow.port] = count > 1 ? count - 1 : nil
    }
}
