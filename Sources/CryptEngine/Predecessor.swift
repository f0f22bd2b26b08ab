internal import CryptProtocol
internal import LinuxKit
internal import PacketIO

/// The running engine, seen by the one that takes its place.
///
/// 1. ``takeOver()``: its descriptors, while it goes on; this engine then expands its keys. 2. ``end()``: it stops between
/// two packets, answers and ends. Packets wait in the TAP queues and sockets from there until the successor starts.
struct Predecessor: ~Copyable {
    private let connection: ControlConnection
    private var buffer = MessageBuffer()

    init(path: String) throws(EngineError) {
        connection = try Self.connect(path)
    }

    private static func connect(_ path: String) throws(EngineError) -> ControlConnection {
        do throws(SystemCallError) {
            let connection = try ControlConnection(path: path)
            try connection.setTimeout(milliseconds: 5_000)
            return connection
        } catch {
            throw .system(error)
        }
    }

    mutating func takeOver() throws(EngineError) -> Belongings {
        var none = DescriptorList()
        guard case .info(let info) = try ask(.info, &none) else { throw .predecessor("it does not say who it is") }
        guard UInt32(info.tableVersion) == TableLayout.version else {
            throw .tableVersion(found: UInt32(info.tableVersion), known: TableLayout.version)
        }
        var list = DescriptorList()
        guard case .descriptors(let layout) = try ask(.takeOver, &list) else {
            throw .predecessor("it gives no descriptors")
        }
        guard layout.hasListener, list.count == layout.count, let memory = list.removeFirst(),
            let listening = list.removeFirst()
        else { throw .descriptors("\(MessageError.descriptors(expected: layout.count, found: list.count))") }
        let table = try EngineTable(adopting: memory)
        let listener: ControlListener
        do throws(SystemCallError) {
            listener = try ControlListener(adopting: listening)
        } catch {
            throw .system(error)
        }
        let devices = try EngineDevices(
            adopting: &list, layout: layout, takesUDPSuperPackets: table.header[0].takesUDPSuperPackets == 1)
        guard table.queues == devices.queues.count else {
            throw .descriptors("the table has \(table.queues) queues, \(devices.queues.count) are given")
        }
        return Belongings(table: table, devices: devices, listener: listener)
    }

    /// What the running engine has.
    struct Belongings: ~Copyable {
        let table: EngineTable
        let devices: EngineDevices
        let listener: ControlListener

        consuming func takeListener() -> ControlListener { listener }
    }

    mutating func end() throws(EngineError) {
        var none = DescriptorList()
        guard case .done = try ask(.handOver, &none) else { throw .predecessor("it does not stop") }
    }

    private mutating func ask(
        _ request: consuming Request, _ descriptors: inout DescriptorList
    ) throws(EngineError) -> Reply {
        request.emit(number: 1, into: &buffer)
        do throws(SystemCallError) {
            try buffer.withMessage { message throws(SystemCallError) in try connection.send(message) }
            try buffer.fill { bytes throws(SystemCallError) in
                try connection.receive(into: &bytes, descriptors: &descriptors)
            }
        } catch {
            throw .system(error)
        }
        guard buffer.count > 0 else { throw .predecessor("it closed the connection") }
        let reply: Reply
        do throws(MessageError) {
            reply = try buffer.withMessage { message throws(MessageError) in try Reply.parse(message).reply }
        } catch {
            throw .predecessor("\(error)")
        }
        if case .refused(let refusal) = reply { throw .predecessor(refusal.text) }
        return reply
    }
}
