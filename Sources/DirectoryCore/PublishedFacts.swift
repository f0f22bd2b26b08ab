public import NetTypes
public import Trust

/// What was last published of an endpoint: signed by others, kept as it came.
public struct PublishedFacts: Hashable, Sendable {
    /// The endpoint.
    public var identity: Identity
    /// The leaf that published, and that the record names.
    public var leaf: LeafID
    /// The record's epoch.
    public var epoch: Epoch
    /// The last second in which the record is valid.
    public var recordNotAfter: Timestamp
    /// The last second in which the certificate is valid.
    public var certificateNotAfter: Timestamp
    /// The underlay address in the record.
    public var locator: IPAddress
    /// Certificate, issuer and record, DER.
    public var facts: EndpointFacts

    public init(
        identity: Identity, leaf: LeafID, epoch: Epoch, recordNotAfter: Timestamp,
        certificateNotAfter: Timestamp, locator: IPAddress, facts: EndpointFacts
    ) {
        self.identity = identity
        self.leaf = leaf
        self.epoch = epoch
        self.recordNotAfter = recordNotAfter
        self.certificateNotAfter = certificateNotAfter
        self.locator = locator
        self.facts = facts
    }

    /// Whether record and certificate are good at a time.
    public func isLive(at now: Timestamp) -> Bool { now <= recordNotAfter && now <= certificateNotAfter }
}
