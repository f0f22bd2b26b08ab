internal import NetTypes

extension Request {
    /// The kinds of requests as they stand in the header.
    enum Kind: UInt16, CaseIterable {
        case info = 1
        case installReceive, installTransmit, retireReceive, retireTransmit, setPathMTU, readCounters, readDrops
        case descriptors, subscribe, takeOver, handOver, adopt, stop

        /// The bytes of the body.
        var byteCount: Int {
            switch self {
            case .info, .readDrops, .descriptors, .subscribe, .takeOver, .handOver, .stop: 0
            case .installReceive: 4 + 4 + 1 + 1 + 16 + CryptLimits.secretByteCount
            case .installTransmit: 4 + 4 + 1 + 1 + 17 + 17 + 2 + 2 + 16 + CryptLimits.secretByteCount
            case .retireReceive: 4
            case .retireTransmit: 4 + 4
            case .setPathMTU: 4 + 2
            case .readCounters: 1 + 4
            case .adopt: DescriptorLayout.byteCount
            }
        }
    }

    var kind: Kind {
        switch self {
        case .info: .info
        case .installReceive: .installReceive
        case .installTransmit: .installTransmit
        case .retireReceive: .retireReceive
        case .retireTransmit: .retireTransmit
        case .setPathMTU: .setPathMTU
        case .readCounters: .readCounters
        case .readDrops: .readDrops
        case .descriptors: .descriptors
        case .subscribe: .subscribe
        case .takeOver: .takeOver
        case .handOver: .handOver
        case .adopt: .adopt
        case .stop: .stop
        }
    }

    /// Writes the message; `number` comes back in the reply.
    public func emit(number: UInt32, into buffer: inout MessageBuffer) {
        let length = CryptLimits.headerByteCount + kind.byteCount
        buffer.fill { bytes in
            MessageHeader(kind: kind.rawValue, length: length, number: number).emit(into: &bytes)
            var cursor = Cursor()
            emitBody(&cursor, &bytes)
            return length
        }
    }

    private func emitBody(_ cursor: inout Cursor, _ bytes: inout MutableSpan<UInt8>) {
        switch self {
        case .installReceive(let group):
            cursor.write(group.slot, &bytes)
            cursor.write(group.spiBase, &bytes)
            cursor.write(group.protection.rawValue, &bytes)
            cursor.write(group.queues, &bytes)
            cursor.write(group.limits, &bytes)
            cursor.write(group.secret, &bytes)
        case .installTransmit(let group):
            cursor.write(group.slot, &bytes)
            cursor.write(group.spiBase, &bytes)
            cursor.write(group.protection.rawValue, &bytes)
            cursor.write(group.queues, &bytes)
            cursor.write(group.local, &bytes)
            cursor.write(group.peer, &bytes)
            cursor.write(group.peerPort, &bytes)
            cursor.write(group.pathMTU, &bytes)
            cursor.write(group.limits, &bytes)
            cursor.write(group.secret, &bytes)
        case .retireReceive(let base): cursor.write(base, &bytes)
        case .retireTransmit(let slot, let base):
            cursor.write(slot, &bytes)
            cursor.write(base, &bytes)
        case .setPathMTU(let slot, let mtu):
            cursor.write(slot, &bytes)
            cursor.write(mtu, &bytes)
        case .readCounters(let direction, let place):
            cursor.write(direction.rawValue, &bytes)
            cursor.write(place, &bytes)
        case .adopt(let layout): layout.emit(&cursor, &bytes)
        default: break
        }
    }

    /// Reads a whole message. Everything that does not depend on the engine's own configuration is checked.
    public static func parse(_ bytes: Span<UInt8>) throws(MessageError) -> Request {
        let header = try MessageHeader(parsing: bytes)
        guard let kind = Kind(rawValue: header.kind) else { throw .unknownKind(header.kind) }
        try header.expect(kind.byteCount)
        var cursor = Cursor()
        switch kind {
        case .info: return .info
        case .installReceive: return .installReceive(try ReceiveGroup(&cursor, bytes))
        case .installTransmit: return .installTransmit(try TransmitGroup(&cursor, bytes))
        case .retireReceive: return .retireReceive(spiBase: cursor.read(UInt32.self, bytes))
        case .retireTransmit:
            let slot = cursor.read(UInt32.self, bytes)
            return .retireTransmit(slot: slot, spiBase: cursor.read(UInt32.self, bytes))
        case .setPathMTU:
            let slot = cursor.read(UInt32.self, bytes)
            let mtu = cursor.read(UInt16.self, bytes)
            try checkPathMTU(mtu)
            return .setPathMTU(slot: slot, pathMTU: mtu)
        case .readCounters:
            let direction = try cursor.readEnum("direction", Direction.self, bytes)
            return .readCounters(direction, from: cursor.read(UInt32.self, bytes))
        case .readDrops: return .readDrops
        case .descriptors: return .descriptors
        case .subscribe: return .subscribe
        case .takeOver: return .takeOver
        case .handOver: return .handOver
        case .adopt: return .adopt(try DescriptorLayout(&cursor, bytes))
        case .stop: return .stop
        }
    }

    /// The number of a message whose header can be read; 0 where not.
    public static func number(of bytes: Span<UInt8>) -> UInt32 {
        guard bytes.count >= CryptLimits.headerByteCount else { return 0 }
        var cursor = Cursor(at: 12)
        return cursor.read(UInt32.self, bytes)
    }
}

extension ReceiveGroup {
    init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        let slot = cursor.read(UInt32.self, bytes)
        let spiBase = cursor.read(UInt32.self, bytes)
        let protection = try cursor.readEnum("protection", Protection.self, bytes)
        let queues = cursor.read(UInt8.self, bytes)
        let limits = cursor.readLimits(bytes)
        try checkBase(spiBase)
        try checkQueues(queues)
        self.init(
            slot: slot, spiBase: spiBase, protection: protection, queues: queues, limits: limits,
            secret: try cursor.readSecret(bytes))
    }
}

extension TransmitGroup {
    init(_ cursor: inout Cursor, _ bytes: Span<UInt8>) throws(MessageError) {
        let slot = cursor.read(UInt32.self, bytes)
        let spiBase = cursor.read(UInt32.self, bytes)
        let protection = try cursor.readEnum("protection", Protection.self, bytes)
        let queues = cursor.read(UInt8.self, bytes)
        let local = try cursor.readAddress("local address", bytes)
        let peer = try cursor.readAddress("peer address", bytes)
        let peerPort = cursor.read(UInt16.self, bytes)
        let pathMTU = cursor.read(UInt16.self, bytes)
        let limits = cursor.readLimits(bytes)
        try checkBase(spiBase)
        try checkQueues(queues)
        try checkPathMTU(pathMTU)
        guard local.octets.count == peer.octets.count else {
            throw .field("peer address", value: "\(peer)", allowed: "of the family of the local address \(local)")
        }
        guard peerPort > 0 else { throw .field("peer port", value: "0", allowed: "1 to 65535") }
        self.init(
            slot: slot, spiBase: spiBase, protection: protection, queues: queues, local: local, peer: peer,
            peerPort: peerPort, pathMTU: pathMTU, limits: limits, secret: try cursor.readSecret(bytes))
    }
}
