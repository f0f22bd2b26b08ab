internal import NetTypes

/// What a leaf, or a successor, asks of an engine.
///
/// Every message is a header of 16 bytes (``CryptLimits/headerByteCount``) and a body of fixed size for its kind, in
/// network byte order. Installing what is there already, with the same keys, changes nothing and succeeds, so that a
/// leaf can repeat a request to which it got no answer.
public enum Request: ~Copyable, Sendable {
    /// Who are you?
    case info
    /// Receive by these associations from now on.
    case installReceive(ReceiveGroup)
    /// Send by these associations from now on, in place of the slot's former ones.
    case installTransmit(TransmitGroup)
    /// Forget the receive group of an SPI base and overwrite its keys.
    case retireReceive(spiBase: UInt32)
    /// Forget the transmit group of a slot and overwrite its keys. `spiBase` says which is meant; 0 is any.
    case retireTransmit(slot: UInt32, spiBase: UInt32)
    /// The way of a slot has another MTU.
    case setPathMTU(slot: UInt32, pathMTU: UInt16)
    /// The counters of the groups from this place in the table on, a page of them.
    case readCounters(Direction, from: UInt32)
    /// The packets that were dropped, by reason.
    case readDrops
    /// Duplicates of the engine's descriptors, for the leaf to keep.
    case descriptors
    /// Send events to this connection.
    case subscribe
    /// A successor asks for the descriptors, the listening socket among them.
    case takeOver
    /// The successor is ready: stop, and answer when no packet thread runs any more. The engine then ends.
    case handOver
    /// Descriptors that a leaf kept, for an engine that was started to adopt them.
    case adopt(DescriptorLayout)
    /// End: overwrite all keys, close everything.
    case stop
}

/// Which descriptors lie beside a message, in this order: table memory; listening control socket; a TAP queue for each
/// queue; for each family, IPv4 first, a receiving socket for each queue and a sending one for each queue.
public struct DescriptorLayout: Hashable, Sendable {
    /// The number of queues: 1, 2, 4 or 8.
    public var queues: UInt8
    /// Whether there are sockets of IPv4.
    public var hasIPv4: Bool
    /// Whether there are sockets of IPv6.
    public var hasIPv6: Bool
    /// Whether the listening control socket is there.
    public var hasListener: Bool

    /// Makes a layout.
    public init(queues: UInt8, hasIPv4: Bool, hasIPv6: Bool, hasListener: Bool) {
        self.queues = queues
        self.hasIPv4 = hasIPv4
        self.hasIPv6 = hasIPv6
        self.hasListener = hasListener
    }

    /// How many descriptors there are.
    public var count: Int {
        1 + (hasListener ? 1 : 0) + Int(queues) * (1 + (hasIPv4 ? 2 : 0) + (hasIPv6 ? 2 : 0))
    }

    static let byteCount = 4

    init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        queues = cursor.read(UInt8.self, bytes)
        hasIPv4 = try cursor.readFlag("IPv4 sockets", bytes)
        hasIPv6 = try cursor.readFlag("IPv6 sockets", bytes)
        hasListener = try cursor.readFlag("listening socket", bytes)
        try checkQueues(queues)
    }

    func emit(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) {
        cursor.write(queues, &bytes)
        cursor.write(hasIPv4 ? 1 as UInt8 : 0, &bytes)
        cursor.write(hasIPv6 ? 1 as UInt8 : 0, &bytes)
        cursor.write(hasListener ? 1 as UInt8 : 0, &bytes)
    }
}

extension Cursor {
    mutating func readFlag(_ name: String, _ bytes: Span<UInt8>) throws(MessageError) -> Bool {
        let value = read(UInt8.self, bytes)
        guard value <= 1 else { throw .field(name, value: "\(value)", allowed: "0 or 1") }
        return value == 1
    }

    mutating func readEnum<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Value.Type, _ bytes: Span<UInt8>
    ) throws(MessageError) -> Value where Value.RawValue == UInt8 {
        let raw = read(UInt8.self, bytes)
        guard let value = Value(rawValue: raw) else {
            let all = Value.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
            throw .field(name, value: "\(raw)", allowed: all)
        }
        return value
    }

    mutating func readLimits(_ bytes: Span<UInt8>) -> SoftLimits {
        let packets = read(UInt64.self, bytes)
        return SoftLimits(packets: packets, bytes: read(UInt64.self, bytes))
    }

    mutating func readSecret(_ bytes: Span<UInt8>) throws(MessageError) -> WireSecret {
        let end = offset + CryptLimits.secretByteCount
        guard let secret = WireSecret(copying: bytes.extracting(offset..<end)) else {
            throw .length(expected: end, found: bytes.count)
        }
        offset = end
        return secret
    }

    mutating func write(_ secret: borrowing WireSecret, _ bytes: inout MutableSpan<UInt8>) {
        for index in 0..<CryptLimits.secretByteCount {
            bytes[offset + index] = secret.withBytes { $0[index] }
        }
        offset += CryptLimits.secretByteCount
    }

    mutating func write(_ limits: SoftLimits, _ bytes: inout MutableSpan<UInt8>) {
        write(limits.packets, &bytes)
        write(limits.bytes, &bytes)
    }
}

func checkQueues(_ queues: UInt8) throws(MessageError) {
    guard queues.nonzeroBitCount == 1, Int(queues) <= CryptLimits.maximumQueues else {
        throw .field("queues", value: "\(queues)", allowed: "1, 2, 4 or \(CryptLimits.maximumQueues)")
    }
}

func checkBase(_ base: UInt32) throws(MessageError) {
    guard base >= CryptLimits.minimumSPI, base % UInt32(CryptLimits.maximumQueues) == 0 else {
        throw .field(
            "SPI base", value: "\(base)",
            allowed: "a multiple of \(CryptLimits.maximumQueues), at least \(CryptLimits.minimumSPI)")
    }
}

func checkPathMTU(_ mtu: UInt16) throws(MessageError) {
    guard CryptLimits.pathMTU.contains(Int(mtu)) else {
        throw .field(
            "path MTU", value: "\(mtu)",
            allowed: "\(CryptLimits.pathMTU.lowerBound) to \(CryptLimits.pathMTU.upperBound) bytes")
    }
}
