/// The constants of the engine's control protocol.
public enum CryptLimits {
    /// The version of the messages. Both ends have the same one.
    public static let protocolVersion: UInt16 = 1
    /// The bytes in front of every message: magic (4), version (2), kind (2), length of all (4), number (4).
    public static let headerByteCount = 16
    /// "PBCE", the first four bytes of every message.
    public static let magic: UInt32 = 0x5042_4345
    /// The most bytes of a message.
    public static let maximumMessageByteCount = 4_096
    /// The bytes of a wire's secret.
    public static let secretByteCount = 32
    /// The most transmit queues of an engine; a group's SPIs are this far apart whatever its number of queues.
    public static let maximumQueues = 8
    /// The least SPI (RFC 4303, section 2.1: 1 to 255 are reserved); a base is a multiple of ``maximumQueues``.
    public static let minimumSPI: UInt32 = 256
    /// The path MTUs that a group can have, in bytes with the outer IP header. The least is what every IPv4 host takes
    /// (RFC 791).
    public static let pathMTU = 576...65_535
    /// The most groups in one page of counters.
    public static let countersPerPage = 50
    /// The most bytes of a text in a message.
    public static let maximumTextByteCount = 512
}
