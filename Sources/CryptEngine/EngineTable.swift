internal import AEAD
internal import ESP
internal import LinuxKit
internal import PacketIO

/// Where everything stands in the memory that an engine shares with its successor.
///
/// header (4,096 bytes); drop counters, a row for each packet thread and one for the filter of the sockets; staging for one group of either direction; marks
/// of former transmit keys; records of transmit groups, of receive groups; transmit entries, receive associations,
/// eight for each group whatever its number of queues. Everything is in the machine's own byte order.
enum TableLayout {
    /// "PBcrypt" and a zero.
    static let magic: UInt64 = 0x0074_7079_7263_4250
    /// Raised with every change of the layout, also of what ESP puts into it.
    static let version: UInt32 = 2
    /// Queues of a group.
    static let queues = 8
    /// Groups of either direction at most.
    static let capacities = 1...65_536

    static let drops = 4_096
    /// The row of the filter, behind those of transmit and of receive threads.
    static let filterDrops = 2 * queues
    static let dropRows = filterDrops + 1
    static let stagedTransmit = drops + dropRows * MemoryLayout<DropRow>.stride
    static let stagedReceive = aligned(stagedTransmit + queues * MemoryLayout<TransmitEntry>.stride)
    static let formerKeys = aligned(stagedReceive + queues * MemoryLayout<ReceiveAssociation>.stride)

    static func formerKeyCount(_ capacity: Int) -> Int { max(1_024, 4 * capacity) }
    static func transmitRecords(_ capacity: Int) -> Int { aligned(formerKeys + 8 * formerKeyCount(capacity)) }
    static func receiveRecords(_ capacity: Int) -> Int {
        aligned(transmitRecords(capacity) + capacity * MemoryLayout<GroupRecord>.stride)
    }
    static func transmit(_ capacity: Int) -> Int {
        aligned(receiveRecords(capacity) + capacity * MemoryLayout<GroupRecord>.stride)
    }
    static func receive(_ capacity: Int) -> Int {
        aligned(transmit(capacity) + capacity * queues * MemoryLayout<TransmitEntry>.stride)
    }
    static func byteCount(_ capacity: Int) -> Int {
        aligned(receive(capacity) + capacity * queues * MemoryLayout<ReceiveAssociation>.stride)
    }

    private static func aligned(_ offset: Int) -> Int { (offset + 4_095) & ~4_095 }
}

/// The beginning of the table.
struct TableHeader: BitwiseCopyable {
    var magic: UInt64 = TableLayout.magic
    var version: UInt32 = TableLayout.version
    var capacity: UInt32
    var queues: UInt32
    /// How many engines have had the table.
    var generation: UInt32 = 0
    /// 1 after a hand-over at which every packet thread had stopped; 0 while an engine runs, and after its death.
    var isAtRest: UInt32 = 0
    /// Whether the TAP takes UDP super-packets.
    var takesUDPSuperPackets: UInt32 = 0
    /// Sizes of what is in it, so that another compiler's or architecture's table is not taken for ours.
    var transmitByteCount = UInt32(MemoryLayout<TransmitEntry>.stride)
    var receiveByteCount = UInt32(MemoryLayout<ReceiveAssociation>.stride)
    var recordByteCount = UInt32(MemoryLayout<GroupRecord>.stride)
    var port: UInt32
    /// Where the next mark of a former key goes.
    var nextFormerKey: UInt64 = 0
}

/// One queue's way to a peer.
struct TransmitEntry: BitwiseCopyable {
    var association: TransmitAssociation
    var peer: SocketAddress
    private let unused: InlineArray<4, UInt64> = .init(repeating: 0)

    init(association: TransmitAssociation, peer: SocketAddress) {
        self.association = association
        self.peer = peer
    }
}

/// What the control thread knows of a group; packet threads do not look at it.
struct GroupRecord: BitwiseCopyable {
    /// Whether the group is there; in between the packet threads are being told.
    enum State: UInt32 {
        case empty = 0
        case changing, installed
    }

    var rawState: UInt32 = State.empty.rawValue
    var slot: UInt32 = 0
    var spiBase: UInt32 = 0
    var protection: UInt8 = 0
    var queues: UInt8 = 0
    /// Bit 0: the limit of packets was reported; bit 1: that of bytes.
    var reported: UInt8 = 0
    private let unused: UInt8 = 0
    var packetLimit: UInt64 = 0
    var byteLimit: UInt64 = 0
    /// Tells one secret from another without saying anything about its keys.
    var mark: UInt64 = 0

    private init() {}

    /// No group.
    init(empty: Void) { self.init() }

    var isInstalled: Bool { rawState == State.installed.rawValue }
}

/// The table of one engine, mapped.
struct EngineTable: Sendable {
    let memory: SharedMemory
    let capacity: Int
    let queues: Int

    let header: MemoryRegion<TableHeader>
    let drops: MemoryRegion<DropRow>
    let stagedTransmit: MemoryRegion<TransmitEntry>
    let stagedReceive: MemoryRegion<ReceiveAssociation>
    let formerKeys: MemoryRegion<UInt64>
    let transmitRecords: MemoryRegion<GroupRecord>
    let receiveRecords: MemoryRegion<GroupRecord>
    let transmit: MemoryRegion<TransmitEntry>
    let receive: MemoryRegion<ReceiveAssociation>

    private init(memory: SharedMemory, capacity: Int, queues: Int) {
        self.memory = memory
        self.capacity = capacity
        self.queues = queues
        let each = TableLayout.queues
        header = memory.region(of: TableHeader.self, at: 0, count: 1)
        drops = memory.region(of: DropRow.self, at: TableLayout.drops, count: TableLayout.dropRows)
        stagedTransmit = memory.region(of: TransmitEntry.self, at: TableLayout.stagedTransmit, count: each)
        stagedReceive = memory.region(of: ReceiveAssociation.self, at: TableLayout.stagedReceive, count: each)
        formerKeys = memory.region(
            of: UInt64.self, at: TableLayout.formerKeys, count: TableLayout.formerKeyCount(capacity))
        transmitRecords = memory.region(
            of: GroupRecord.self, at: TableLayout.transmitRecords(capacity), count: capacity)
        receiveRecords = memory.region(of: GroupRecord.self, at: TableLayout.receiveRecords(capacity), count: capacity)
        transmit = memory.region(of: TransmitEntry.self, at: TableLayout.transmit(capacity), count: capacity * each)
        receive = memory.region(of: ReceiveAssociation.self, at: TableLayout.receive(capacity), count: capacity * each)
    }

    /// Makes an empty table.
    init(capacity: Int, queues: Int, port: UInt16) throws(EngineError) {
        do throws(SystemCallError) {
            let memory = try SharedMemory(name: "patchbay-crypt", byteCount: TableLayout.byteCount(capacity))
            self.init(memory: memory, capacity: capacity, queues: queues)
        } catch {
            throw .system(error)
        }
        header[0] = TableHeader(capacity: UInt32(capacity), queues: UInt32(queues), port: UInt32(port))
    }

    /// Maps a former engine's table. Whatever does not fit to the last byte is refused.
    init(adopting descriptor: consuming OwnedDescriptor) throws(EngineError) {
        let memory: SharedMemory
        do throws(SystemCallError) {
            memory = try SharedMemory(adopting: descriptor)
        } catch {
            throw .system(error)
        }
        guard memory.byteCount >= TableLayout.drops else { throw .table("it has \(memory.byteCount) bytes") }
        let header = memory.region(of: TableHeader.self, at: 0, count: 1)[0]
        guard header.magic == TableLayout.magic else { throw .table("it is no table of an engine") }
        guard header.version == TableLayout.version else {
            throw .tableVersion(found: header.version, known: TableLayout.version)
        }
        let capacity = Int(header.capacity)
        let queues = Int(header.queues)
        let own = TableHeader(capacity: 0, queues: 0, port: 0)
        guard header.transmitByteCount == own.transmitByteCount, header.receiveByteCount == own.receiveByteCount,
            header.recordByteCount == own.recordByteCount, TableLayout.capacities.contains(capacity),
            memory.byteCount == TableLayout.byteCount(capacity), queues.nonzeroBitCount == 1,
            queues <= TableLayout.queues
        else { throw .table("its sizes are not those of its version") }
        self.init(memory: memory, capacity: capacity, queues: queues)
    }

    /// The place of a receive group.
    func place(_ spiBase: UInt32) -> Int { Int(spiBase) / TableLayout.queues % capacity }

    /// Makes it this process's: another engine has it, and what was half done when its predecessor died is undone.
    ///
    /// A predecessor that died may have sealed packets under numbers that its memory does not show yet; numbers are
    /// passed over so that none of those is used again. Receivers do not mind (RFC 4303, section 3.4.3).
    func begin() {
        let wasAtRest = header[0].isAtRest == 1 || header[0].generation == 0
        header.withElement(0) {
            $0.generation &+= 1
            $0.isAtRest = 0
        }
        for index in 0..<TableLayout.queues {
            stagedTransmit.wipe(index)
            stagedReceive.wipe(index)
        }
        for place in 0..<capacity {
            if transmitRecords[place].rawState == GroupRecord.State.changing.rawValue { wipeTransmit(place) }
            if receiveRecords[place].rawState == GroupRecord.State.changing.rawValue { wipeReceive(place) }
            guard !wasAtRest, transmitRecords[place].isInstalled else { continue }
            for queue in 0..<queues {
                transmit.withElement(place * TableLayout.queues + queue) {
                    $0.association.sequence &+= Self.skippedAfterDeath
                }
            }
        }
    }

    /// The sequence numbers that are passed over after an engine died.
    static let skippedAfterDeath: UInt64 = 1 << 16

    /// Overwrites a transmit group.
    func wipeTransmit(_ slot: Int) {
        for queue in 0..<TableLayout.queues { transmit.wipe(slot * TableLayout.queues + queue) }
        transmitRecords.wipe(slot)
    }

    /// Overwrites a receive group.
    func wipeReceive(_ place: Int) {
        for queue in 0..<TableLayout.queues { receive.wipe(place * TableLayout.queues + queue) }
        receiveRecords.wipe(place)
    }

    /// Overwrites everything.
    func wipe() { memory.wipe(0..<memory.byteCount) }
}
