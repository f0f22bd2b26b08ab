public import NetTypes

/// What a wire's packets are protected by; the raw value is the level's byte in messages and in the key derivation.
public enum Protection: UInt8, Hashable, Sendable, CaseIterable {
    /// Nobody can change or repeat them, anybody on the way can read them (AES-128-GMAC, RFC 4543).
    case auth = 1
    /// Nobody can read them either (AES-128-GCM, RFC 4106).
    case conf = 2
}

/// Which way the packets of a group go, seen from this engine.
public enum Direction: UInt8, Hashable, Sendable, CaseIterable {
    case receive = 1
    case transmit = 2
}

/// What a group may carry before the leaf is told, once, that it is time for new keys. 0 is no limit.
public struct SoftLimits: Hashable, Sendable {
    /// Packets of one queue, which is what wears a key.
    public var packets: UInt64
    /// Bytes of one queue, as they are inside of the protection.
    public var bytes: UInt64

    /// Makes limits.
    public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }
}

/// The associations by which a wire's packets are received, one for each of the sender's queues.
///
/// SPI of queue q is `spiBase + q`. The group's place in the table is `(spiBase / 8) % capacity`; the leaf takes a base
/// whose place is free, with higher bits that it did not use lately (``SPIBases``).
public struct ReceiveGroup: ~Copyable, Sendable {
    /// The wire's receive slot, which is written into the MAC address of what is delivered.
    public var slot: UInt32
    /// The first SPI, a multiple of 8, at least 256.
    public var spiBase: UInt32
    /// How packets are protected; any other protection is not accepted.
    public var protection: Protection
    /// The sender's number of queues: 1, 2, 4 or 8.
    public var queues: UInt8
    /// When to ask for new keys.
    public var limits: SoftLimits
    /// Where the keys come from.
    public var secret: WireSecret

    /// Makes a group.
    public init(
        slot: UInt32, spiBase: UInt32, protection: Protection, queues: UInt8, limits: SoftLimits = SoftLimits(),
        secret: consuming WireSecret
    ) {
        self.slot = slot
        self.spiBase = spiBase
        self.protection = protection
        self.queues = queues
        self.limits = limits
        self.secret = secret
    }
}

extension ReceiveGroup {
    /// The same group with a copy of the secret, which ends as zeros as well.
    public func duplicate() -> ReceiveGroup {
        ReceiveGroup(
            slot: slot, spiBase: spiBase, protection: protection, queues: queues, limits: limits,
            secret: secret.duplicate())
    }
}

/// The associations by which a wire's packets are sent, one for each of this engine's queues, and where to.
public struct TransmitGroup: ~Copyable, Sendable {
    /// The wire's transmit slot, which BPF writes into the MAC address of what is to be protected.
    public var slot: UInt32
    /// The first SPI, as the receiving leaf gave it.
    public var spiBase: UInt32
    /// How packets are protected.
    public var protection: Protection
    /// This engine's number of queues, which the secret's receiver was told.
    public var queues: UInt8
    /// This host's address on the underlay, one of the engine's locators.
    public var local: IPAddress
    /// The other host's address, of the same family.
    public var peer: IPAddress
    /// The UDP port at which the other engine receives.
    public var peerPort: UInt16
    /// The largest packet that the way takes, in bytes with the outer IP header.
    public var pathMTU: UInt16
    /// When to ask for new keys.
    public var limits: SoftLimits
    /// Where the keys come from.
    public var secret: WireSecret

    /// Makes a group.
    public init(
        slot: UInt32, spiBase: UInt32, protection: Protection, queues: UInt8, local: IPAddress, peer: IPAddress,
        peerPort: UInt16 = 4500, pathMTU: UInt16, limits: SoftLimits = SoftLimits(), secret: consuming WireSecret
    ) {
        self.slot = slot
        self.spiBase = spiBase
        self.protection = protection
        self.queues = queues
        self.local = local
        self.peer = peer
        self.peerPort = peerPort
        self.pathMTU = pathMTU
        self.limits = limits
        self.secret = secret
    }
}

extension TransmitGroup {
    /// The same group with a copy of the secret, which ends as zeros as well.
    public func duplicate() -> TransmitGroup {
        TransmitGroup(
            slot: slot, spiBase: spiBase, protection: protection, queues: queues, local: local, peer: peer,
            peerPort: peerPort, pathMTU: pathMTU, limits: limits, secret: secret.duplicate())
    }
}

/// Hands out SPI bases so that each has a place of its own in an engine's table and none comes back soon.
public struct SPIBases: Sendable {
    private let capacity: Int
    private var taken: Set<Int> = []
    private var next: Int
    private var round: UInt32

    /// Begins for a table of so many groups; `round` is best random, so that bases of a former run are not met again.
    public init(capacity: Int, round: UInt32) {
        precondition(capacity > 0 && capacity <= 1 << 20, "a table has 1 to 1,048,576 groups")
        self.capacity = capacity
        self.round = round
        next = 0
    }

    /// The number of rounds until a base comes back: those above ``CryptLimits/minimumSPI``, in 29 bits.
    private var rounds: UInt32 { UInt32((1 << 29) / capacity - Int(CryptLimits.minimumSPI)) }

    /// Takes a base; nil when the table is full.
    public mutating func take() -> UInt32? {
        guard taken.count < capacity else { return nil }
        while taken.contains(next) { advance() }
        let place = next
        taken.insert(place)
        advance()
        return ((round % rounds + CryptLimits.minimumSPI) * UInt32(capacity) + UInt32(place)) * 8
    }

    /// Notes a base that is in an engine already.
    public mutating func note(_ base: UInt32) { taken.insert(Int(base / 8) % capacity) }

    /// Gives a base back once its group is retired.
    public mutating func release(_ base: UInt32) { taken.remove(Int(base / 8) % capacity) }

    private mutating func advance() {
        next += 1
        guard next == capacity else { return }
        next = 0
        round &+= 1
    }
}
