/// Between whom a packet is to be sent, and of which kind.
public struct TracePair: APIRequestBody, Equatable {
    /// The name of the source.
    public var from: String
    /// The name of the destination.
    public var to: String
    /// One port, such as `tcp/22`, `udp/53` or `icmpv6/128`.
    public var port: String

    /// Names a pair and a port.
    public init(from: String, to: String, port: String) {
        self.from = from
        self.to = to
        self.port = port
    }

    public static let fields = [
        BodyField("from", .string, "The name of the source"),
        BodyField("to", .string, "The name of the destination"),
        BodyField("port", .string, "One port, such as tcp/22, udp/53 or icmpv6/128"),
    ]
}

/// The steps of a packet that was sent for a person to see where it gets.
public struct Trace: Codable, Sendable, Equatable {
    /// One thing that was looked at.
    public struct Step: Codable, Sendable, Equatable {
        /// The host on which.
        public var host: String
        /// What was looked at.
        public var step: String
        /// What was found.
        public var finding: String
        /// Whether the packet went on from there.
        public var passed: Bool

        /// Makes a step.
        public init(host: String, step: String, finding: String, passed: Bool) {
            self.host = host
            self.step = step
            self.finding = finding
            self.passed = passed
        }
    }

    /// Whether the packet reached the destination's port.
    public var arrived: Bool
    /// The steps in their order; where the packet stopped is the last one.
    public var steps: [Step]

    /// Makes a trace.
    public init(arrived: Bool, steps: [Step]) {
        self.arrived = arrived
        self.steps = steps
    }
}
