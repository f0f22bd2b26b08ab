internal import CKernelPath

/// For how long a flow lives on without a packet, by how far it has come. What for is said in `enum kp_flow_state`.
public struct FlowTimeouts: Hashable, Sendable {
    /// TCP from the SYN to the first answer.
    public var tcpOpening: Duration = .seconds(60)
    /// TCP after that. Hosts send keep-alives every two hours; RFC 5382, REQ-5, asks for four minutes more.
    public var tcpEstablished: Duration = .seconds(7_440)
    /// TCP after a FIN of both ends, or a RST.
    public var tcpClosing: Duration = .seconds(20)
    /// UDP and protocols without ports, before an answer.
    public var oneWay: Duration = .seconds(30)
    /// The same after an answer (RFC 4787, REQ-5).
    public var bothWays: Duration = .seconds(180)
    /// SCTP from its first packet to the first answer.
    public var sctpOpening: Duration = .seconds(60)
    /// SCTP after that.
    public var sctpEstablished: Duration = .seconds(7_440)
    /// ICMP echo and time stamps.
    public var echo: Duration = .seconds(30)

    public init() {}
}

extension kp_config {
    /// Sets what flows are held to.
    mutating func setFlows(_ configuration: DataPathConfiguration) {
        func milliseconds(_ duration: Duration) -> UInt32 {
            let (seconds, attoseconds) = duration.components
            return UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        }
        let times = configuration.flowTimeouts
        flow_timeouts = (
            milliseconds(times.tcpOpening), milliseconds(times.tcpEstablished), milliseconds(times.tcpClosing),
            milliseconds(times.oneWay), milliseconds(times.bothWays), milliseconds(times.sctpOpening),
            milliseconds(times.sctpEstablished), milliseconds(times.echo)
        )
        flow_interval = 1_000_000_000 / UInt64(max(1, configuration.flowsPerSecond))
        flow_burst = flow_interval * UInt64(configuration.flowBurst)
        event_interval = 1_000_000_000 / UInt64(max(1, configuration.eventsPerSecond))
        event_burst = event_interval * UInt64(configuration.eventBurst)
    }
}
