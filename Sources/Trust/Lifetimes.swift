/// How long what a platform issues lives, in seconds. Shorter lives mean less to revoke and more to renew.
public struct Lifetimes: Hashable, Sendable {
    /// Certificates of leaves and controllers.
    public let leaf: Int64
    /// Certificates of endpoints and of the keys that sign policies.
    public let endpoint: Int64
    /// Location records.
    public let record: Int64

    /// The shortest life: what is renewed at half of it is renewed in time though a controller restarts meanwhile.
    public static let shortest: Int64 = 10

    /// Takes lifetimes; those of ``TrustLimits`` where nothing is said.
    ///
    /// - Throws: ``LifetimeError`` for one that is too short, too long, or a record's that outlives its certificate.
    public init(
        leaf: Int64 = TrustLimits.leafLifetime, endpoint: Int64 = TrustLimits.endpointLifetime,
        record: Int64 = TrustLimits.recordLifetime
    ) throws(LifetimeError) {
        for (what, seconds, most) in [
            ("leaf certificates", leaf, TrustLimits.certificateLongest),
            ("endpoint certificates", endpoint, TrustLimits.certificateLongest),
            ("location records", record, TrustLimits.recordLongest),
        ] where !(Self.shortest...most).contains(seconds) {
            throw LifetimeError(what: what, seconds: seconds, allowed: Self.shortest...most)
        }
        guard record <= endpoint else {
            throw LifetimeError(what: "location records", seconds: record, allowed: Self.shortest...endpoint)
        }
        (self.leaf, self.endpoint, self.record) = (leaf, endpoint, record)
    }

    private init() {
        (leaf, endpoint, record) = (
            TrustLimits.leafLifetime, TrustLimits.endpointLifetime, TrustLimits.recordLifetime
        )
    }

    /// Those of ``TrustLimits``.
    public static let standard = Lifetimes()
}

/// A lifetime that cannot be.
public struct LifetimeError: Error, Hashable, CustomStringConvertible {
    /// What was to live so long.
    public let what: String
    /// What was asked for, in seconds.
    public let seconds: Int64
    /// What is allowed, in seconds.
    public let allowed: ClosedRange<Int64>

    /// The error in words.
    public var description: String {
        "A lifetime of \(seconds) s for \(what) is not possible; it can be \(allowed.lowerBound) to \(allowed.upperBound) s"
    }
}
