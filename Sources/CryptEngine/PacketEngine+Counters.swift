internal import CryptProtocol
internal import ESP
internal import LinuxKit
internal import Synchronization

extension PacketEngine {
    /// A page of groups with what they carried, from a place of the table on.
    func counters(_ direction: Direction, from first: UInt32) -> (groups: [GroupCounters], next: UInt32?) {
        let records = direction == .transmit ? table.transmitRecords : table.receiveRecords
        var groups: [GroupCounters] = []
        var place = Int(first)
        while place < table.capacity {
            if records[place].isInstalled {
                guard groups.count < CryptLimits.countersPerPage else { return (groups, UInt32(place)) }
                if let group = counters(direction, records[place], at: place) { groups.append(group) }
            }
            place += 1
        }
        return (groups, nil)
    }

    private func counters(_ direction: Direction, _ record: GroupRecord, at place: Int) -> GroupCounters? {
        guard let protection = Protection(rawValue: record.protection) else { return nil }
        var group = GroupCounters(
            place: UInt32(place), slot: record.slot, spiBase: record.spiBase, protection: protection,
            queues: record.queues)
        for queue in 0..<Int(record.queues) {
            let index = place * TableLayout.queues + queue
            let carried = carried(direction, index)
            group.packets &+= carried.packets
            group.bytes &+= carried.bytes
            guard direction == .receive else { continue }
            group.replayed &+= table.receive.counter(at: index, offset: ReceiveAssociation.Layout.replays)
            group.forged &+= table.receive.counter(at: index, offset: ReceiveAssociation.Layout.failures)
        }
        return group
    }

    /// What one queue of a group carried. Its thread goes on counting meanwhile.
    private func carried(_ direction: Direction, _ index: Int) -> (packets: UInt64, bytes: UInt64) {
        switch direction {
        case .transmit:
            (
                table.transmit.counter(at: index, offset: TransmitAssociation.Layout.packets),
                table.transmit.counter(at: index, offset: TransmitAssociation.Layout.bytes)
            )
        case .receive:
            (
                table.receive.counter(at: index, offset: ReceiveAssociation.Layout.packets),
                table.receive.counter(at: index, offset: ReceiveAssociation.Layout.bytes)
            )
        }
    }

    /// What happened since the last time that is worth an event. Each limit of each group is reported once.
    func events() -> [EngineEvent] {
        var events: [EngineEvent] = []
        let word = signals.underlayTooSmall.exchange(0, ordering: .relaxed)
        if word != 0 {
            events.append(.pathTooSmall(slot: UInt32(word >> 32), bytes: UInt32(truncatingIfNeeded: word)))
        }
        for direction in Direction.allCases {
            let records = direction == .transmit ? table.transmitRecords : table.receiveRecords
            for place in 0..<table.capacity where records[place].isInstalled {
                let record = records[place]
                guard record.packetLimit != 0 || record.byteLimit != 0, record.reported != 3 else { continue }
                for limit in [EngineEvent.Limit.packets, .bytes] {
                    guard hasReached(limit, direction, record, place) else { continue }
                    records.withElement(place) { $0.reported |= limit.rawValue }
                    events.append(.limitReached(direction, slot: record.slot, spiBase: record.spiBase, limit))
                }
            }
        }
        return events
    }

    private func hasReached(
        _ limit: EngineEvent.Limit, _ direction: Direction, _ record: GroupRecord, _ place: Int
    ) -> Bool {
        let most = limit == .packets ? record.packetLimit : record.byteLimit
        guard most > 0, record.reported & limit.rawValue == 0 else { return false }
        return (0..<Int(record.queues)).contains { queue in
            let carried = carried(direction, place * TableLayout.queues + queue)
            return (limit == .packets ? carried.packets : carried.bytes) >= most
        }
    }

    /// Who this engine is.
    var info: EngineInfo {
        EngineInfo(
            phase: isRunning ? .running : .waiting, processID: UInt32(ChildProcess.ownID),
            tableVersion: UInt16(TableLayout.version), generation: table.header[0].generation,
            queues: UInt8(table.queues), receiveCapacity: UInt32(table.capacity),
            transmitCapacity: UInt32(table.capacity), port: devices.port,
            cutsInKernel: devices.cutsInKernel && !signals.cannotCut.load(ordering: .relaxed),
            joinsInKernel: devices.joinsInKernel, filtersInKernel: isFiltered,
            takesUDPSuperPackets: devices.takesUDPSuperPackets,
            backend: backend.backend.rawValue, backendReason: backend.reason, device: devices.device)
    }
}
