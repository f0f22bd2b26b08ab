/// The key material of one association: an AES-128 key and the salt of its nonces (RFC 4106, section 8.1).
///
/// Layout of 24 bytes: the key's first eight bytes as a number, its last eight, the salt, four unused bytes. A number's
/// highest bits are the bytes that come first. A copy lives wherever it is copied to: whoever keeps one calls ``wipe()``.
public struct PacketKey: BitwiseCopyable, Sendable {
    /// The first eight bytes of the AES key.
    public let high: UInt64
    /// The last eight bytes of the AES key.
    public let low: UInt64
    /// The first four bytes of every nonce.
    public let salt: UInt32
    /// Keeps the layout free of padding.
    private let unused: UInt32

    /// The bytes of a key with its salt, as they are derived.
    public static let byteCount = 20

    /// Makes a key from numbers.
    public init(high: UInt64, low: UInt64, salt: UInt32) {
        self.high = high
        self.low = low
        self.salt = salt
        unused = 0
    }

    /// Makes a key from its ``byteCount`` bytes: key, then salt (RFC 4106, section 8.1); nil for another number of them.
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(high: bytes.load64(0), low: bytes.load64(8), salt: bytes.load32(16))
    }

    /// Overwrites the key with zeros in a way that the compiler keeps.
    public mutating func wipe() { secureWipe(&self) }
}
