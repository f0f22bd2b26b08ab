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

    /// The most flows of one port, and in all.
    static let mostOfPort = 32
    static let most = 1_024

    mutating func begin(_ flow: LeafAgent.Flow) -> Beginning {
        if flows.contains(flow) { return .running }
        let count = countsByPort[flow.port, default: 0]
        guard count < Self.mostOfPort, flows.count < Self.most else { return .full }
        flows.insert(flow)
        countsByPort[flow.port] = count + 1
        return .begun
    }

    mutating func end(_ flow: LeafAgent.Flow) {
        guard flows.remove(flow) != nil, let count = countsByPort[flow.port] else { return }
        countsByPort[flow.port] = count > 1 ? count - 1 : nil
    }
}
