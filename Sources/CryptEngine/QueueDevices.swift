internal import CryptProtocol
internal import LinuxKit
internal import NetTypes
internal import PacketIO

/// A socket that may be there or not, such as that of a family without a locator.
final class UnderlaySocket: Sendable {
    let socket: DatagramSocket
    init(_ socket: consuming DatagramSocket) { self.socket = socket }
}

/// What one queue reads and writes: its TAP queue, and for each underlay family a socket to receive by, which shares
/// the engine's port with the other queues', and one to send by, whose own port lets network devices tell flows apart.
final class QueueDevices: Sendable {
    let tap: TapQueue
    let receive4: UnderlaySocket?
    let send4: UnderlaySocket?
    let receive6: UnderlaySocket?
    let send6: UnderlaySocket?

    init(
        tap: consuming TapQueue, receive4: UnderlaySocket?, send4: UnderlaySocket?,
        receive6: UnderlaySocket?, send6: UnderlaySocket?
    ) {
        self.tap = tap
        self.receive4 = receive4
        self.send4 = send4
        self.receive6 = receive6
        self.send6 = send6
    }

    var receivePort4: DatagramPort { receive4?.socket.port ?? .none }
    var receivePort6: DatagramPort { receive6?.socket.port ?? .none }
    var sendPort4: DatagramPort { send4?.socket.port ?? .none }
    var sendPort6: DatagramPort { send6?.socket.port ?? .none }
}

/// All queues' devices, in the order of the queues, and the underlay addresses that they are bound to.
struct EngineDevices: Sendable {
    let queues: [QueueDevices]
    let device: String
    let local4: IPAddress?
    let local6: IPAddress?
    let port: UInt16
    let takesUDPSuperPackets: Bool
    let joinsInKernel: Bool

    /// Opens everything new.
    init(_ configuration: EngineConfiguration) throws(EngineError) {
        let local4 = configuration.locators.first { $0.octets.count == 4 }
        let local6 = configuration.locators.first { $0.octets.count == 16 }
        let queues = configuration.queues
        do throws(SystemCallError) {
            var all: [QueueDevices] = []
            for queue in 0..<queues {
                all.append(
                    QueueDevices(
                        tap: try TapQueue(device: configuration.device),
                        receive4: try Self.receiving(local4, configuration, queue),
                        send4: try Self.sending(local4),
                        receive6: try Self.receiving(local6, configuration, queue),
                        send6: try Self.sending(local6)))
            }
            let takesUDP = try all[0].tap.enableOffloads()
            try PacketDevice.bringUp(configuration.device, mtu: configuration.deviceMTU)
            try self.init(
                queues: all, local4: local4, local6: local6, port: configuration.port, takesUDPSuperPackets: takesUDP)
        } catch {
            throw .system(error)
        }
    }

    private init(
        queues: [QueueDevices], local4: IPAddress?, local6: IPAddress?, port: UInt16, takesUDPSuperPackets: Bool
    ) throws(SystemCallError) {
        self.queues = queues
        device = try queues[0].tap.deviceName
        self.local4 = local4
        self.local6 = local6
        self.port = port
        self.takesUDPSuperPackets = takesUDPSuperPackets
        // Also on sockets that were opened before: the answer is wanted, and asking again changes nothing.
        let joins4 = queues[0].receive4?.socket.enableJoining() ?? true
        let joins6 = queues[0].receive6?.socket.enableJoining() ?? true
        joinsInKernel = joins4 && joins6
    }

    private static func receiving(
        _ local: IPAddress?, _ configuration: EngineConfiguration, _ queue: Int
    ) throws(SystemCallError) -> UnderlaySocket? {
        guard let local else { return nil }
        let socket = try DatagramSocket(local: local, port: configuration.port, sharesPort: true)
        _ = socket.enableJoining()
        // The program belongs to the group of sockets; it may name only members, so the last one brings it.
        if queue == configuration.queues - 1, queue > 0 { try socket.steer(among: configuration.queues) }
        return UnderlaySocket(socket)
    }

    private static func sending(_ local: IPAddress?) throws(SystemCallError) -> UnderlaySocket? {
        guard let local else { return nil }
        let socket = try DatagramSocket(local: local, port: 0)
        if local.octets.count == 4, !socket.canSegment { try socket.disableChecksum() }
        return UnderlaySocket(socket)
    }

    /// Whether the kernel cuts what is sent.
    var cutsInKernel: Bool {
        (queues[0].send4?.socket.canSegment ?? true) && (queues[0].send6?.socket.canSegment ?? true)
    }

    // MARK: From one process to another

    /// Which descriptors ``list(table:)`` gives.
    func layout(hasListener: Bool) -> DescriptorLayout {
        DescriptorLayout(
            queues: UInt8(queues.count), hasIPv4: local4 != nil, hasIPv6: local6 != nil, hasListener: hasListener)
    }

    /// Duplicates of all descriptors in the order of ``CryptProtocol/DescriptorLayout``.
    ///
    /// The listening socket is the server's to put in.
    func list(table: SharedMemory) throws(SystemCallError) -> DescriptorList {
        var list = DescriptorList()
        try list.append(try table.duplicateDescriptor())
        for queue in queues { try list.append(try queue.tap.descriptor.duplicate()) }
        try append(\.receive4, to: &list)
        try append(\.send4, to: &list)
        try append(\.receive6, to: &list)
        try append(\.send6, to: &list)
        return list
    }

    private func append(
        _ socket: (QueueDevices) -> UnderlaySocket?, to list: inout DescriptorList
    ) throws(SystemCallError) {
        for queue in queues {
            if let socket = socket(queue) { try list.append(try socket.socket.descriptor.duplicate()) }
        }
    }

    /// Takes over what is left of a list once table and listener are out of it.
    init(
        adopting list: inout DescriptorList, layout: DescriptorLayout, takesUDPSuperPackets: Bool
    ) throws(EngineError) {
        let count = Int(layout.queues)
        do throws(SystemCallError) {
            var taps = DescriptorList()
            var receive4 = DescriptorList()
            var send4 = DescriptorList()
            var receive6 = DescriptorList()
            var send6 = DescriptorList()
            try Self.move(count, from: &list, to: &taps)
            if layout.hasIPv4 {
                try Self.move(count, from: &list, to: &receive4)
                try Self.move(count, from: &list, to: &send4)
            }
            if layout.hasIPv6 {
                try Self.move(count, from: &list, to: &receive6)
                try Self.move(count, from: &list, to: &send6)
            }
            var all: [QueueDevices] = []
            while let tap = taps.removeFirst() {
                all.append(
                    QueueDevices(
                        tap: try TapQueue(adopting: tap), receive4: try Self.socket(&receive4),
                        send4: try Self.socket(&send4), receive6: try Self.socket(&receive6),
                        send6: try Self.socket(&send6)))
            }
            guard all.count == count, count > 0, list.count == 0 else {
                throw SystemCallError(call: "recvmsg", code: 0, context: "a descriptor is missing or left over")
            }
            let local4 = try all[0].receive4?.socket.local
            let local6 = try all[0].receive6?.socket.local
            try self.init(
                queues: all, local4: local4?.address, local6: local6?.address, port: (local4 ?? local6)?.port ?? 0,
                takesUDPSuperPackets: takesUDPSuperPackets)
        } catch {
            throw .descriptors(error.description)
        }
    }

    private static func move(
        _ count: Int, from source: inout DescriptorList, to target: inout DescriptorList
    ) throws(SystemCallError) {
        for _ in 0..<count {
            if let descriptor = source.removeFirst() { try target.append(descriptor) }
        }
    }

    private static func socket(_ list: inout DescriptorList) throws(SystemCallError) -> UnderlaySocket? {
        guard let descriptor = list.removeFirst() else { return nil }
        return UnderlaySocket(try DatagramSocket(adopting: descriptor))
    }
}
