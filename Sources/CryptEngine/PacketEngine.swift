internal import AEAD
internal import CryptProtocol
internal import ESP
internal import LinuxKit
internal import NetTypes
internal import PacketIO
internal import SPIFilter
internal import Synchronization

/// The packet threads of one engine and what the control thread does with them.
///
/// Every change is carried out by the threads themselves between two packets and is over when the call returns: what was
/// overwritten then is in use nowhere.
final class PacketEngine {
    let table: EngineTable
    let devices: EngineDevices
    let backend: CipherBackend.Choice
    let signals = WorkerSignals()
    private let transmitters: [Mailbox]
    private let receivers: [Mailbox]
    /// What stands before the receive sockets, if the kernel has it.
    let filter: SPIFilter?
    /// Whether it is on the receive sockets.
    var isFiltered = false
    /// What former engines' filters dropped.
    private(set) var filterBase = DropRow()
    private(set) var isRunning = false

    /// Starts the threads as far as they go without touching a packet: every key of the table is expanded.
    init(
        table: EngineTable, devices: EngineDevices, backend: CipherBackend.Choice, filter: SPIFilter?, busyPoll: Int
    ) throws(EngineError) {
        self.table = table
        self.devices = devices
        self.backend = backend
        self.filter = filter
        var transmitters: [Mailbox] = []
        var receivers: [Mailbox] = []
        do throws(SystemCallError) {
            for queue in 0..<table.queues {
                for isTransmitter in [true, false] {
                    let mailbox = try Mailbox()
                    let context = WorkerContext(
                        queue: queue, table: table, devices: devices.queues[queue], mailbox: mailbox, signals: signals,
                        busyPoll: busyPoll, joinsUDP: devices.takesUDPSuperPackets,
                        cutsInKernel: devices.cutsInKernel)
                    try Self.start(context, backend.backend, isTransmitter)
                    if isTransmitter { transmitters.append(mailbox) } else { receivers.append(mailbox) }
                }
            }
        } catch {
            throw .system(error)
        }
        self.transmitters = transmitters
        self.receivers = receivers
        for mailbox in transmitters + receivers where !mailbox.waitForAnswer() {
            throw .thread(signals.failure.withLock { $0 } ?? "it does not answer")
        }
    }

    private static func start(
        _ context: WorkerContext, _ backend: CipherBackend, _ isTransmitter: Bool
    ) throws(SystemCallError) {
        // The thread lives as long as the process, or until it answered `stop`: nobody joins it.
        _ = try PacketThread(name: "\(isTransmitter ? "seal" : "open")-\(context.queue)") {
            switch backend {
            case .ipsecMB:
                #if arch(x86_64)
                    run(IPSecMBCipher.self)
                #endif
            case .openSSL: run(OpenSSLCipher.self)
            }
            func run<Cipher: PacketCipher & ~Copyable>(_ type: Cipher.Type) {
                if isTransmitter { TransmitWorker.run(type, context) } else { ReceiveWorker.run(type, context) }
            }
        }
    }

    // MARK: All threads

    /// Tells several threads the same and waits for all.
    private func tell(_ mailboxes: [Mailbox], _ command: ThreadCommand) -> Bool {
        for mailbox in mailboxes { mailbox.post(command) }
        var isDone = true
        for mailbox in mailboxes where !mailbox.waitForAnswer() { isDone = false }
        return isDone
    }

    /// Makes the table this engine's and lets packets pass from now on.
    func begin() throws(EngineError) {
        table.begin()
        filterBase = table.drops[TableLayout.filterDrops]
        guard tell(transmitters + receivers, .start) else { throw .thread("it does not answer") }
        isRunning = true
    }

    /// Ends the threads between two packets; no packet passes when this returns.
    func stop() throws(EngineError) {
        isRunning = false
        guard tell(transmitters + receivers, .stop) else { throw .thread("it does not stop") }
        publishFilterDrops()
    }

    // MARK: Receive groups

    func install(_ group: borrowing ReceiveGroup) throws(Refusal) {
        let level = Self.level(group.protection)
        let mark = Self.mark(group.secret, level)
        let place = table.place(group.spiBase)
        let former = table.receiveRecords[place]
        if former.isInstalled {
            guard former.spiBase == group.spiBase, former.mark == mark, former.slot == group.slot,
                former.queues == group.queues
            else {
                throw Refusal(
                    .taken, "SPI base \(group.spiBase): place \(place) of the table has the group \(former.spiBase)")
            }
            table.receiveRecords.withElement(place) { $0.set(group.limits) }
            return
        }
        table.receiveRecords[place] = GroupRecord(
            slot: group.slot, spiBase: group.spiBase, protection: level, queues: group.queues, limits: group.limits,
            mark: mark)
        for queue in 0..<Int(group.queues) {
            guard var key = group.secret.withBytes({ derivePacketKey(secret: $0, level: level, queue: UInt8(queue)) })
            else { throw Refusal(.malformed, "secret: 32 bytes") }
            table.stagedReceive.withElement(queue) {
                $0 = ReceiveAssociation(spi: group.spiBase + UInt32(queue), wire: group.slot, key: key, level: level)
            }
            key.wipe()
        }
        defer { for queue in 0..<TableLayout.queues { table.stagedReceive.wipe(queue) } }
        guard tell(receivers, .installReceive(place: place)) else {
            _ = tell(receivers, .retireReceive(place: place))
            table.wipeReceive(place)
            throw Refusal(.system, "SPI base \(group.spiBase): the cipher has no room for its keys")
        }
        table.receiveRecords.withElement(place) { $0.rawState = GroupRecord.State.installed.rawValue }
        admit(place)
    }

    func retireReceive(spiBase: UInt32) throws(Refusal) {
        let place = table.place(spiBase)
        guard table.receiveRecords[place].isInstalled, table.receiveRecords[place].spiBase == spiBase else {
            throw Refusal(.missing, "SPI base \(spiBase): there is no such receive group")
        }
        table.receiveRecords.withElement(place) { $0.rawState = GroupRecord.State.changing.rawValue }
        filter?.refuse(at: place)
        guard tell(receivers, .retireReceive(place: place)) else { throw Self.silent }
        table.wipeReceive(place)
    }

    // MARK: Transmit groups

    func install(_ group: borrowing TransmitGroup) throws(Refusal) {
        let slot = try check(slot: group.slot)
        let level = Self.level(group.protection)
        let path = try path(of: group, level)
        let mark = Self.mark(group.secret, level)
        let former = table.transmitRecords[slot]
        let isSame = former.isInstalled && former.mark == mark && former.spiBase == group.spiBase
        if !isSame {
            // Under a key that was in use before, the sequence numbers would begin again, and nonces with them.
            guard former.mark != mark || !former.isInstalled, !isFormerKey(mark) else {
                throw Refusal(.taken, "slot \(slot): these keys were used before; new ones are needed")
            }
        }
        let peer = SocketAddress(group.peer, port: group.peerPort)
        for queue in 0..<table.queues {
            guard var key = group.secret.withBytes({ derivePacketKey(secret: $0, level: level, queue: UInt8(queue)) })
            else { throw Refusal(.malformed, "secret: 32 bytes") }
            table.stagedTransmit.withElement(queue) {
                $0 = TransmitEntry(
                    association: TransmitAssociation(
                        spi: group.spiBase + UInt32(queue), wire: group.slot, key: key, level: level, path: path),
                    peer: peer)
            }
            key.wipe()
        }
        defer { for queue in 0..<TableLayout.queues { table.stagedTransmit.wipe(queue) } }
        if isSame {
            table.transmitRecords.withElement(slot) { $0.set(group.limits) }
            guard tell(transmitters, .changePath(slot: slot)) else { throw Self.silent }
            return
        }
        if former.isInstalled { noteFormerKey(former.mark) }
        table.transmitRecords[slot] = GroupRecord(
            slot: group.slot, spiBase: group.spiBase, protection: level, queues: group.queues, limits: group.limits,
            mark: mark)
        guard tell(transmitters, .installTransmit(slot: slot)) else {
            noteFormerKey(mark)
            _ = tell(transmitters, .retireTransmit(slot: slot))
            table.wipeTransmit(slot)
            throw Refusal(.system, "slot \(slot): the cipher has no room for its keys")
        }
        table.transmitRecords.withElement(slot) { $0.rawState = GroupRecord.State.installed.rawValue }
    }

    func retireTransmit(slot number: UInt32, spiBase: UInt32) throws(Refusal) {
        let slot = try check(slot: number)
        let record = table.transmitRecords[slot]
        guard record.isInstalled, spiBase == 0 || record.spiBase == spiBase else {
            throw Refusal(.missing, "slot \(slot): there is no such transmit group")
        }
        noteFormerKey(record.mark)
        table.transmitRecords.withElement(slot) { $0.rawState = GroupRecord.State.changing.rawValue }
        guard tell(transmitters, .retireTransmit(slot: slot)) else { throw Self.silent }
        table.wipeTransmit(slot)
    }

    func setPathMTU(slot number: UInt32, pathMTU: UInt16) throws(Refusal) {
        let slot = try check(slot: number)
        let record = table.transmitRecords[slot]
        guard record.isInstalled, let level = SecurityLevel(rawValue: record.protection) else {
            throw Refusal(.missing, "slot \(slot): there is no transmit group")
        }
        for queue in 0..<table.queues {
            let entry = slot * TableLayout.queues + queue
            let path = table.transmit.withElement(entry) { $0.association.path }
            let new: ESPPath
            do throws(ESPLimitError) {
                new = try ESPPath(pathMTU: Int(pathMTU), family: path.family ?? .v4, level: level)
            } catch {
                throw Refusal(.malformed, "\(error)")
            }
            table.stagedTransmit.copy(table.transmit, entry, to: queue)
            table.stagedTransmit.withElement(queue) { $0.association.path = new }
        }
        defer { for queue in 0..<TableLayout.queues { table.stagedTransmit.wipe(queue) } }
        guard tell(transmitters, .changePath(slot: slot)) else { throw Self.silent }
    }

    // MARK: Checks

    private static let silent = Refusal(.notReady, "a packet thread does not answer: the engine has to be restarted")

    private func check(slot: UInt32) throws(Refusal) -> Int {
        guard slot < UInt32(table.capacity) else {
            throw Refusal(.malformed, "slot \(slot): this engine has slots 0 to \(table.capacity - 1)")
        }
        return Int(slot)
    }

    private func path(of group: borrowing TransmitGroup, _ level: SecurityLevel) throws(Refusal) -> ESPPath {
        guard Int(group.queues) == table.queues else {
            throw Refusal(.malformed, "queues \(group.queues): this engine has \(table.queues)")
        }
        let isIPv6 = group.local.octets.count == 16
        guard let own = isIPv6 ? devices.local6 : devices.local4, own == group.local else {
            let all = [devices.local4, devices.local6].compactMap { $0?.description }.joined(separator: ", ")
            throw Refusal(.malformed, "local address \(group.local): this engine has \(all)")
        }
        do throws(ESPLimitError) {
            return try ESPPath(pathMTU: Int(group.pathMTU), family: isIPv6 ? .v6 : .v4, level: level)
        } catch {
            throw Refusal(.malformed, "\(error)")
        }
    }

    private static func level(_ protection: Protection) -> SecurityLevel {
        switch protection {
        case .auth: .auth
        case .conf: .conf
        }
    }

    // MARK: Keys that were used

    /// A number that tells secrets apart: a key for a queue that no engine has, so that it says nothing about the others.
    private static func mark(_ secret: borrowing WireSecret, _ level: SecurityLevel) -> UInt64 {
        guard var key = secret.withBytes({ derivePacketKey(secret: $0, level: level, queue: 255) }) else { return 0 }
        defer { key.wipe() }
        return key.high
    }

    private func isFormerKey(_ mark: UInt64) -> Bool {
        (0..<table.formerKeys.count).contains { table.formerKeys[$0] == mark }
    }

    private func noteFormerKey(_ mark: UInt64) {
        let next = Int(table.header[0].nextFormerKey % UInt64(table.formerKeys.count))
        table.formerKeys[next] = mark
        table.header.withElement(0) { $0.nextFormerKey &+= 1 }
    }
}

extension GroupRecord {
    /// A group that the packet threads are about to be told.
    init(
        slot: UInt32, spiBase: UInt32, protection: SecurityLevel, queues: UInt8, limits: SoftLimits, mark: UInt64
    ) {
        self.init(empty: ())
        rawState = State.changing.rawValue
        self.slot = slot
        self.spiBase = spiBase
        self.protection = protection.rawValue
        self.queues = queues
        self.mark = mark
        set(limits)
    }

    mutating func set(_ limits: SoftLimits) {
        packetLimit = limits.packets
        byteLimit = limits.bytes
    }
}
