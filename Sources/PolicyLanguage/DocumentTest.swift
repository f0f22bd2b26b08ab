public import NetTypes

/// One of the tests that a document carries: a flow, and what its verdict should be.
public struct DocumentTest: Hashable, Sendable {
    /// What is expected.
    public enum Expectation: String, Hashable, Sendable, CaseIterable {
        /// The flow passes.
        case plug
        /// The flow is dropped, silently or with an answer.
        case unplug
    }

    /// One end of the flow.
    public enum End: Hashable, Sendable {
        /// The endpoint of this name, with the labels and the level that it has in the directory.
        case endpoint(Name)
        /// An address outside.
        case outside(IPAddress)
        /// An endpoint as described here, whether there is one or not.
        case described(Party)
    }

    /// What is expected.
    public var expectation: Expectation
    /// Who sends.
    public var from: End
    /// Who receives.
    public var to: End
    /// What is sent; nil is a protocol that no rule with ports matches.
    public var port: PortMatch?
    /// When; nil is the moment of the check.
    public var moment: Timestamp?
    /// Why this should be so, for people.
    public var reason: String

    /// Makes a test.
    public init(
        expect expectation: Expectation, from: End, to: End, port: PortMatch? = nil, moment: Timestamp? = nil,
        reason: String
    ) {
        self.expectation = expectation
        self.from = from
        self.to = to
        self.port = port
        self.moment = moment
        self.reason = reason
    }

    /// What the flow carries.
    public var transport: Transport {
        port.map { Transport.numbered($0.portProtocol, $0.first) } ?? .other(Self.unknownProtocol)
    }

    /// The number of the protocol of a flow of which none is said, 253, which is for experiments (RFC 3692).
    static let unknownProtocol: UInt8 = 253
}
