/// How much a ``HoldQueue`` keeps at most.
public struct HoldLimits: Hashable, Sendable {
    /// Packets of one key.
    public var packetsPerKey: Int
    /// Bytes of one key.
    public var bytesPerKey: Int
    /// Keys that wait at one time.
    public var keys: Int
    /// Bytes of all keys together.
    public var bytes: Int

    /// The defaults hold four whole super-packets of 64 KiB a pair, and 32 MiB in all: a leaf that everybody
    /// scans at once drops packets and does not run out of memory.
    public init(packetsPerKey: Int = 16, bytesPerKey: Int = 4 << 16, keys: Int = 4_096, bytes: Int = 32 << 20) {
        self.packetsPerKey = packetsPerKey
        self.bytesPerKey = bytesPerKey
        self.keys = keys
        self.bytes = bytes
    }
}

/// The first packets of pairs whose wires are not plugged yet, in the order in which they came.
///
/// It is bounded four times over (``HoldLimits``); what does not fit is dropped and counted. The caller releases or
/// discards every key, also after a time of its own choosing: there is no clock in here.
public struct HoldQueue<Key: Hashable & Sendable>: Sendable {
    /// What became of a packet.
    public enum Outcome: Hashable, Sendable {
        /// Held, and the first one of its key: whoever gets this begins to plug.
        case first
        /// Held behind others.
        case held
        /// Not held.
        case dropped(DropReason)
    }

    /// Which limit was in the way.
    public enum DropReason: String, Hashable, Sendable, CaseIterable {
        case tooManyPackets = "too-many-packets"
        case tooManyBytes = "too-many-bytes"
        case tooManyKeys = "too-many-keys"
        case full = "full"
    }

    /// What has happened since the beginning, in packets.
    public struct Counters: Hashable, Sendable {
        /// Taken in.
        public fileprivate(set) var held: UInt64 = 0
        /// Given out again.
        public fileprivate(set) var released: UInt64 = 0
        /// Thrown away by ``HoldQueue/discard(for:)``.
        public fileprivate(set) var discarded: UInt64 = 0
        /// Never taken in, by the limit that was in the way.
        public fileprivate(set) var dropped: [DropReason: UInt64] = [:]
    }

    private struct Waiting: Sendable {
        var packets: [[UInt8]] = []
        var byteCount = 0
    }

    /// What is kept at most.
    public let limits: HoldLimits
    /// What has happened since the beginning.
    public private(set) var counters = Counters()
    /// The bytes that are held now.
    public private(set) var byteCount = 0
    private var waiting: [Key: Waiting] = [:]

    /// Makes an empty queue.
    public init(limits: HoldLimits = HoldLimits()) { self.limits = limits }

    /// The keys that wait now.
    public var keys: some Collection<Key> { waiting.keys }

    /// Whether packets of a key wait.
    public func isHolding(_ key: Key) -> Bool { waiting[key] != nil }

    /// Holds a packet behind the others of its key, or drops it.
    public mutating func hold(_ packet: [UInt8], for key: Key) -> Outcome {
        let present = waiting[key]
        if let reason = obstacle(to: packet, behind: present) {
            counters.dropped[reason, default: 0] += 1
            return .dropped(reason)
        }
        waiting[key, default: Waiting()].packets.append(packet)
        waiting[key, default: Waiting()].byteCount += packet.count
        byteCount += packet.count
        counters.held += 1
        return present == nil ? .first : .held
    }

    /// Gives the packets of a key out, oldest first, and forgets the key.
    public mutating func release(for key: Key) -> [[UInt8]] {
        let packets = take(key)
        counters.released += UInt64(packets.count)
        return packets
    }

    /// Throws the packets of a key away and forgets the key; gives their number.
    @discardableResult
    public mutating func discard(for key: Key) -> Int {
        let count = take(key).count
        counters.discarded += UInt64(count)
        return count
    }

    private mutating func take(_ key: Key) -> [[UInt8]] {
        guard let gone = waiting.removeValue(forKey: key) else { return [] }
        byteCount -= gone.byteCount
        return gone.packets
    }

    private func obstacle(to packet: [UInt8], behind present: Waiting?) -> DropReason? {
        if present == nil, waiting.count >= limits.keys { return .tooManyKeys }
        if let present, present.packets.count >= limits.packetsPerKey { return .tooManyPackets }
        if limits.packetsPerKey < 1 { return .tooManyPackets }
        if (present?.byteCount ?? 0) + packet.count > limits.bytesPerKey { return .tooManyBytes }
        if byteCount + packet.count > limits.bytes { return .full }
        return nil
    }
}
