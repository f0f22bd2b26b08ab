/// First packets that wait for their wire, bounded in every respect: what does not fit is dropped and counted.
///
/// `Key` says which packets wait together. Packets of one key leave in the order in which they came.
public struct HoldQueue<Key: Hashable & Sendable>: Sendable {
    /// The bounds of a queue.
    public struct Limits: Hashable, Sendable {
        /// Packets and bytes that one key may hold.
        public var packetsPerKey = 16
        public var bytesPerKey = 32_768
        /// Keys and bytes in all.
        public var keys = 4_096
        public var bytes = 4 << 20

        /// The defaults: 16 packets and 32 KiB a key, 4,096 keys and 4 MiB in all.
        public init() {}
    }

    /// What became of a packet.
    public enum Outcome: Hashable, Sendable {
        /// It waits, and is the first of its key.
        case first
        /// It waits behind others of its key.
        case held
        /// It was dropped.
        case dropped(DropReason)
    }

    /// Which bound a packet met.
    public enum DropReason: String, Hashable, Sendable, CaseIterable {
        case packetsPerKey = "packets-per-key"
        case bytesPerKey = "bytes-per-key"
        case keys
        case bytes
    }

    private struct Waiting {
        var packets: [[UInt8]] = []
        var bytes = 0
    }

    private let limits: Limits
    private var waiting: [Key: Waiting] = [:]
    /// Bytes that wait now.
    public private(set) var byteCount = 0
    /// Packets dropped since the beginning, by the bound that they met.
    public private(set) var dropped: [DropReason: UInt64] = [:]

    /// Makes an empty queue.
    public init(limits: Limits = Limits()) { self.limits = limits }

    /// The number of keys that wait.
    public var keyCount: Int { waiting.count }

    /// Lets a packet wait, if it fits.
    public mutating func hold(_ packet: [UInt8], for key: Key) -> Outcome {
        let present = waiting[key]
        if let reason = obstacle(to: packet.count, present) {
            dropped[reason, default: 0] += 1
            return .dropped(reason)
        }
        waiting[key, default: Waiting()].packets.append(packet)
        waiting[key, default: Waiting()].bytes += packet.count
        byteCount += packet.count
        return present == nil ? .first : .held
    }

    private func obstacle(to bytes: Int, _ present: Waiting?) -> DropReason? {
        if present == nil, waiting.count >= limits.keys { return .keys }
        if (present?.packets.count ?? 0) >= limits.packetsPerKey { return .packetsPerKey }
        if (present?.bytes ?? 0) + bytes > limits.bytesPerKey { return .bytesPerKey }
        return byteCount + bytes > limits.bytes ? .bytes : nil
    }

    /// Hands over what waits for a key, in order.
    public mutating func release(for key: Key) -> [[UInt8]] {
        guard let waiting = waiting.removeValue(forKey: key) else { return [] }
        byteCount -= waiting.bytes
        return waiting.packets
    }

    /// Drops what waits for a key.
    public mutating func discard(for key: Key) { _ = release(for: key) }
}
