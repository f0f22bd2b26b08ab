extension Reply {
    /// The kinds of replies as they stand in the header.
    enum Kind: UInt16 {
        case done = 0x8001
        case refused, info, counters, drops, descriptors, event
    }

    /// Writes the message; `number` is the request's, 0 for an event.
    public func emit(number: UInt32, into buffer: inout MessageBuffer) {
        buffer.fill { bytes in
            var cursor = Cursor()
            let kind = emitBody(&cursor, &bytes)
            MessageHeader(kind: kind.rawValue, length: cursor.offset, number: number).emit(into: &bytes)
            return cursor.offset
        }
    }

    private func emitBody(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) -> Kind {
        switch self {
        case .done: return .done
        case .refused(let refusal):
            cursor.write(refusal.reason.rawValue, &bytes)
            cursor.write(refusal.text, limit: CryptLimits.maximumTextByteCount, &bytes)
            return .refused
        case .info(let info):
            info.emit(&cursor, &bytes)
            return .info
        case .counters(let groups, let next):
            let page = groups.prefix(CryptLimits.countersPerPage)
            cursor.write(UInt16(page.count), &bytes)
            cursor.write(next ?? .max, &bytes)
            for group in page { group.emit(&cursor, &bytes) }
            return .counters
        case .drops(let counts):
            let page = counts.prefix(DropCount.maximumCount)
            cursor.write(UInt16(page.count), &bytes)
            for drop in page {
                cursor.write(drop.direction.rawValue, &bytes)
                cursor.write(drop.reason, limit: 24, &bytes)
                cursor.write(drop.count, &bytes)
            }
            return .drops
        case .descriptors(let layout):
            layout.emit(&cursor, &bytes)
            return .descriptors
        case .event(let event):
            event.emit(&cursor, &bytes)
            return .event
        }
    }

    /// Reads a whole message and its number.
    public static func parse(_ bytes: Span<UInt8>) throws(MessageError) -> (reply: Reply, number: UInt32) {
        let header = try MessageHeader(parsing: bytes)
        guard let kind = Kind(rawValue: header.kind) else { throw .unknownKind(header.kind) }
        var cursor = Cursor()
        let reply: Reply
        switch kind {
        case .done:
            try header.expect(0)
            reply = .done
        case .refused:
            try header.expect(2 + 2 + CryptLimits.maximumTextByteCount)
            let raw = cursor.read(UInt16.self, bytes)
            guard let reason = Refusal.Reason(rawValue: raw) else {
                throw .field("reason", value: "\(raw)", allowed: "1 to \(Refusal.Reason.allCases.count)")
            }
            let text = try cursor.readText("text", limit: CryptLimits.maximumTextByteCount, bytes)
            reply = .refused(Refusal(reason, text))
        case .info:
            try header.expect(EngineInfo.byteCount)
            reply = .info(try EngineInfo(&cursor, bytes))
        case .counters: reply = try counters(header, bytes)
        case .drops: reply = try drops(header, bytes)
        case .descriptors:
            try header.expect(DescriptorLayout.byteCount)
            reply = .descriptors(try DescriptorLayout(&cursor, bytes))
        case .event:
            try header.expect(EngineEvent.byteCount)
            reply = .event(try EngineEvent(&cursor, bytes))
        }
        return (reply, header.number)
    }

    private static func counters(_ header: MessageHeader, _ bytes: Span<UInt8>) throws(MessageError) -> Reply {
        var cursor = Cursor()
        let count = try listCount(header, bytes, &cursor, limit: CryptLimits.countersPerPage, more: 4)
        let next = cursor.read(UInt32.self, bytes)
        try header.expect(2 + 4 + count * GroupCounters.byteCount)
        var groups: [GroupCounters] = []
        for _ in 0..<count { groups.append(try GroupCounters(&cursor, bytes)) }
        return .counters(groups, next: next == .max ? nil : next)
    }

    private static func drops(_ header: MessageHeader, _ bytes: Span<UInt8>) throws(MessageError) -> Reply {
        var cursor = Cursor()
        let count = try listCount(header, bytes, &cursor, limit: DropCount.maximumCount, more: 0)
        try header.expect(2 + count * DropCount.byteCount)
        var drops: [DropCount] = []
        for _ in 0..<count {
            let direction = try cursor.readEnum("direction", Direction.self, bytes)
            let reason = try cursor.readText("reason", limit: 24, bytes)
            drops.append(DropCount(direction: direction, reason: reason, count: cursor.read(UInt64.self, bytes)))
        }
        return .drops(drops)
    }

    private static func listCount(
        _ header: MessageHeader, _ bytes: Span<UInt8>, _ cursor: inout Cursor, limit: Int, more: Int
    ) throws(MessageError) -> Int {
        let least = CryptLimits.headerByteCount + 2 + more
        guard header.length >= least else { throw .length(expected: least, found: header.length) }
        let count = Int(cursor.read(UInt16.self, bytes))
        guard count <= limit else { throw .field("count", value: "\(count)", allowed: "at most \(limit)") }
        return count
    }
}

extension EngineInfo {
    fileprivate func emit(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) {
        cursor.write(phase.rawValue, &bytes)
        cursor.write(processID, &bytes)
        cursor.write(tableVersion, &bytes)
        cursor.write(generation, &bytes)
        cursor.write(queues, &bytes)
        cursor.write(receiveCapacity, &bytes)
        cursor.write(transmitCapacity, &bytes)
        cursor.write(port, &bytes)
        for flag in [cutsInKernel, joinsInKernel, filtersInKernel, takesUDPSuperPackets] {
            cursor.write(flag ? 1 as UInt8 : 0, &bytes)
        }
        cursor.write(backend, limit: 32, &bytes)
        cursor.write(backendReason, limit: 256, &bytes)
        cursor.write(device, limit: 16, &bytes)
    }

    fileprivate init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        phase = try cursor.readEnum("phase", Phase.self, bytes)
        processID = cursor.read(UInt32.self, bytes)
        tableVersion = cursor.read(UInt16.self, bytes)
        generation = cursor.read(UInt32.self, bytes)
        queues = cursor.read(UInt8.self, bytes)
        receiveCapacity = cursor.read(UInt32.self, bytes)
        transmitCapacity = cursor.read(UInt32.self, bytes)
        port = cursor.read(UInt16.self, bytes)
        cutsInKernel = try cursor.readFlag("cuts in kernel", bytes)
        joinsInKernel = try cursor.readFlag("joins in kernel", bytes)
        filtersInKernel = try cursor.readFlag("filters in kernel", bytes)
        takesUDPSuperPackets = try cursor.readFlag("takes UDP super-packets", bytes)
        backend = try cursor.readText("backend", limit: 32, bytes)
        backendReason = try cursor.readText("backend reason", limit: 256, bytes)
        device = try cursor.readText("device", limit: 16, bytes)
    }
}

extension GroupCounters {
    fileprivate func emit(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) {
        for number in [place, slot, spiBase] { cursor.write(number, &bytes) }
        cursor.write(protection.rawValue, &bytes)
        cursor.write(queues, &bytes)
        for number in [packets, self.bytes, replayed, forged] { cursor.write(number, &bytes) }
    }

    fileprivate init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        place = cursor.read(UInt32.self, bytes)
        slot = cursor.read(UInt32.self, bytes)
        spiBase = cursor.read(UInt32.self, bytes)
        protection = try cursor.readEnum("protection", Protection.self, bytes)
        queues = cursor.read(UInt8.self, bytes)
        packets = cursor.read(UInt64.self, bytes)
        self.bytes = cursor.read(UInt64.self, bytes)
        replayed = cursor.read(UInt64.self, bytes)
        forged = cursor.read(UInt64.self, bytes)
    }
}

extension EngineEvent {
    fileprivate func emit(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) {
        switch self {
        case .limitReached(let direction, let slot, let spiBase, let limit):
            cursor.write(1 as UInt8, &bytes)
            cursor.write(direction.rawValue, &bytes)
            cursor.write(slot, &bytes)
            cursor.write(spiBase, &bytes)
            cursor.write(limit.rawValue, &bytes)
        case .pathTooSmall(let slot, let size):
            cursor.write(2 as UInt8, &bytes)
            cursor.write(Direction.transmit.rawValue, &bytes)
            cursor.write(slot, &bytes)
            cursor.write(size, &bytes)
            cursor.write(0 as UInt8, &bytes)
        }
    }

    fileprivate init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        let kind = cursor.read(UInt8.self, bytes)
        let direction = try cursor.readEnum("direction", Direction.self, bytes)
        let slot = cursor.read(UInt32.self, bytes)
        let number = cursor.read(UInt32.self, bytes)
        switch kind {
        case 1:
            self = .limitReached(
                direction, slot: slot, spiBase: number, try cursor.readEnum("limit", Limit.self, bytes))
        case 2: self = .pathTooSmall(slot: slot, bytes: number)
        default: throw .field("event", value: "\(kind)", allowed: "1 or 2")
        }
    }
}
