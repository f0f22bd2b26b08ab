/// The IP version of the network under a wire, as it stands in tables.
public enum UnderlayFamily: UInt8, CaseIterable, Hashable, Sendable {
    case v4 = 4
    case v6 = 6

    /// The bytes of the outer IP header, which never has options.
    public var headerByteCount: Int {
        switch self {
        case .v4: 20
        case .v6: 40
        }
    }
}
