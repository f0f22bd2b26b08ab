/// What an engine answers, or says by itself to who subscribed (number 0).
public enum Reply: Hashable, Sendable {
    /// It is done.
    case done
    /// It is not done.
    case refused(Refusal)
    /// Who the engine is.
    case info(EngineInfo)
    /// A page of counters, and the place to go on from; nil after the last.
    case counters([GroupCounters], next: UInt32?)
    /// Packets that were dropped, by reason; reasons that never happened are left out.
    case drops([DropCount])
    /// Descriptors lie beside the message.
    case descriptors(DescriptorLayout)
    /// Something happened.
    case event(EngineEvent)
}

/// What an engine says about itself.
public struct EngineInfo: Hashable, Sendable {
    /// The state that an engine is in.
    public enum Phase: UInt8, Hashable, Sendable, CaseIterable {
        /// It waits for descriptors that a leaf kept.
        case waiting = 1
        /// It moves packets.
        case running
    }

    public var phase: Phase
    /// The process.
    public var processID: UInt32
    /// The version of the table's layout; a successor needs the same.
    public var tableVersion: UInt16
    /// How many engines have had this table, this one among them.
    public var generation: UInt32
    /// The number of queues.
    public var queues: UInt8
    /// Receive groups in the table at most, and the divisor of SPI bases (``ReceiveGroup``).
    public var receiveCapacity: UInt32
    /// Transmit slots: 0 up to this.
    public var transmitCapacity: UInt32
    /// The UDP port at which it receives.
    public var port: UInt16
    /// Whether the kernel cuts the datagrams that it sends (UDP_SEGMENT), on IPv4 and IPv6 alike.
    public var cutsInKernel: Bool
    /// Whether the kernel joins datagrams on receiving (UDP_GRO).
    public var joinsInKernel: Bool
    /// Whether the kernel drops datagrams of unknown SPIs before a packet thread sees them.
    public var filtersInKernel: Bool
    /// Whether UDP super-packets stay whole on the TAP (USO, Linux 6.2).
    public var takesUDPSuperPackets: Bool
    /// The cipher's implementation, such as `ipsec-mb`.
    public var backend: String
    /// Why it was chosen.
    public var backendReason: String
    /// The TAP device's name.
    public var device: String

    static let byteCount = 1 + 4 + 2 + 4 + 1 + 4 + 4 + 2 + 4 + (2 + 32) + (2 + 256) + (2 + 16)

    /// Makes one.
    public init(
        phase: Phase, processID: UInt32, tableVersion: UInt16, generation: UInt32, queues: UInt8,
        receiveCapacity: UInt32, transmitCapacity: UInt32, port: UInt16, cutsInKernel: Bool, joinsInKernel: Bool,
        filtersInKernel: Bool,
        takesUDPSuperPackets: Bool, backend: String, backendReason: String, device: String
    ) {
        self.phase = phase
        self.processID = processID
        self.tableVersion = tableVersion
        self.generation = generation
        self.queues = queues
        self.receiveCapacity = receiveCapacity
        self.transmitCapacity = transmitCapacity
        self.port = port
        self.cutsInKernel = cutsInKernel
        self.joinsInKernel = joinsInKernel
        self.filtersInKernel = filtersInKernel
        self.takesUDPSuperPackets = takesUDPSuperPackets
        self.backend = backend
        self.backendReason = backendReason
        self.device = device
    }
}

/// What a group carried, all queues together.
public struct GroupCounters: Hashable, Sendable {
    /// The group's place in the table: the transmit slot, or the place of the SPI base.
    public var place: UInt32
    /// The wire's slot.
    public var slot: UInt32
    public var spiBase: UInt32
    public var protection: Protection
    public var queues: UInt8
    /// Packets, those inside of super-packets one by one.
    public var packets: UInt64
    /// Their bytes, inside of the protection.
    public var bytes: UInt64
    /// Received packets that were refused: seen before or too old.
    public var replayed: UInt64
    /// Received packets that were refused: changed on the way, or made by somebody without the key.
    public var forged: UInt64

    static let byteCount = 4 + 4 + 4 + 1 + 1 + 8 * 4

    /// Makes one.
    public init(
        place: UInt32, slot: UInt32, spiBase: UInt32, protection: Protection, queues: UInt8, packets: UInt64 = 0,
        bytes: UInt64 = 0, replayed: UInt64 = 0, forged: UInt64 = 0
    ) {
        self.place = place
        self.slot = slot
        self.spiBase = spiBase
        self.protection = protection
        self.queues = queues
        self.packets = packets
        self.bytes = bytes
        self.replayed = replayed
        self.forged = forged
    }
}

/// How many packets were dropped for one reason, in one direction.
public struct DropCount: Hashable, Sendable {
    public var direction: Direction
    /// The reason's name, such as `replay`.
    public var reason: String
    public var count: UInt64

    static let byteCount = 1 + (2 + 24) + 8
    /// The most of them in a message.
    static let maximumCount = 100

    /// Makes one.
    public init(direction: Direction, reason: String, count: UInt64) {
        self.direction = direction
        self.reason = reason
        self.count = count
    }
}

/// What an engine says by itself.
public enum EngineEvent: Hashable, Sendable {
    /// A group reached a soft limit. Said once for each group and limit.
    case limitReached(Direction, slot: UInt32, spiBase: UInt32, Limit)
    /// The underlay's device refused a packet of the slot's path MTU: the way takes less. Said at most once a second.
    case pathTooSmall(slot: UInt32, bytes: UInt32)

    /// Which limit.
    public enum Limit: UInt8, Hashable, Sendable, CaseIterable {
        case packets = 1
        case bytes
    }

    static let byteCount = 1 + 1 + 4 + 4 + 1
}
