/// One thread's cipher contexts: AES-128-GCM and -GMAC as ESP uses them, one context per slot of the caller's table.
///
/// The memory for all slots is made at the start and wiped at the end, expanded keys are wiped when they are removed or
/// replaced, and nothing is allocated per packet. A value belongs to one thread at a time; it may be handed to another.
///
/// Sealed are `count` bytes of the source into `count` bytes and a tag of 16 behind them. What is authenticated beside
/// them follows from the slot's level:
/// - ``SecurityLevel/conf``: SPI and the 64-bit sequence number (RFC 4106, section 5), or the caller's own bytes;
/// - ``SecurityLevel/auth``: these, the initialisation vector, and the bytes themselves, which are copied (RFC 4543,
///   section 3.3).
///
/// Source and destination are different memory. Offsets and counts beyond the spans, slots beyond the capacity and
/// slots without a key are a programmer's error and stop the process.
public protocol PacketCipher: ~Copyable, Sendable {
    /// What library does the work.
    static var backend: CipherBackend { get }

    /// Makes contexts without keys.
    ///
    /// - Parameter capacity: How many; the slots are `0..<capacity`.
    /// - Throws: ``CipherError`` where the library or the memory is not there.
    init(capacity: Int) throws(CipherError)

    /// The number of slots.
    var capacity: Int { get }

    /// Expands a key into a slot. The key that was there is wiped.
    ///
    /// - Throws: ``CipherError/noContext(_:)``, and the slot is empty.
    mutating func install(_ slot: Int, key: PacketKey, level: SecurityLevel) throws(CipherError)

    /// Wipes a slot. An empty one stays empty.
    mutating func remove(_ slot: Int)

    /// The level with which a slot was installed; nil for an empty slot.
    func level(of slot: Int) -> SecurityLevel?

    /// Seals the body of an ESP packet: the nonce is the slot's salt and `iv`.
    ///
    /// - Returns: False where the library refuses; then the destination holds nothing to send.
    mutating func seal(
        _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
        destination: inout MutableSpan<UInt8>, to target: Int
    ) -> Bool

    /// Opens the body of an ESP packet, whose tag of 16 bytes follows the `count` bytes in the source.
    ///
    /// - Returns: Whether the packet is authentic. If not, the destination's `count` bytes are undefined: a caller that
    ///   needs what was there keeps a copy.
    mutating func open(
        _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
        destination: inout MutableSpan<UInt8>, to target: Int
    ) -> Bool

    /// Seals with a nonce of 12 bytes and any additional data; for checks against published answers.
    mutating func seal(
        _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
        destination: inout MutableSpan<UInt8>
    ) -> Bool

    /// Opens with a nonce of 12 bytes and any additional data; the last 16 bytes of the source are the tag.
    mutating func open(
        _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
        destination: inout MutableSpan<UInt8>
    ) -> Bool
}

/// The sizes of AES-GCM as ESP uses it (RFC 4106).
public enum CipherSizes {
    /// The bytes of an AES-128 key.
    public static let key = 16
    /// The bytes of a salt, the first part of a nonce.
    public static let salt = 4
    /// The bytes of an initialisation vector, the second part of a nonce, which every packet carries.
    public static let iv = 8
    /// The bytes of a nonce.
    public static let nonce = salt + iv
    /// The bytes of an authentication tag.
    public static let tag = 16
    /// The bytes authenticated before those of the packet: SPI and 64-bit sequence number.
    static let header = 12
}
