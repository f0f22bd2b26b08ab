/// Writes CBOR (RFC 8949) for tests, apart from what reads it.
public enum CBORWriter {
    public static func number(_ value: Int64) -> [UInt8] {
        value >= 0 ? head(0, UInt64(value)) : head(1, UInt64(-1 - value))
    }

    public static func bytes(_ value: some Collection<UInt8>) -> [UInt8] { head(2, UInt64(value.count)) + value }

    public static func text(_ value: String) -> [UInt8] { head(3, UInt64(value.utf8.count)) + value.utf8 }

    public static func array(_ items: [[UInt8]]) -> [UInt8] { head(4, UInt64(items.count)) + items.joined() }

    /// The members in the order in which they are given.
    public static func map(_ members: [([UInt8], [UInt8])]) -> [UInt8] {
        head(5, UInt64(members.count)) + members.flatMap { $0.0 + $0.1 }
    }

    private static func head(_ major: UInt8, _ value: UInt64) -> [UInt8] {
        let width: Int
        let info: UInt8
        switch value {
        case 0..<24: return [major << 5 | UInt8(value)]
        case 24..<256: (width, info) = (1, 24)
        case 256..<65_536: (width, info) = (2, 25)
        case 65_536..<4_294_967_296: (width, info) = (4, 26)
        default: (width, info) = (8, 27)
        }
        let octets = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - $0))) }
        return [major << 5 | info] + octets
    }
}
