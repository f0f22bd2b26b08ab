internal import CryptProtocol
internal import Glibc
internal import LinuxKit
internal import PacketIO

/// One end of a control connection on which requests and answers alternate, or events come.
struct EngineConnection: ~Copyable, Sendable {
    private let connection: ControlConnection
    private var buffer = MessageBuffer()
    private var number: UInt32 = 0

    init(path: String, timeout: Duration) throws(EngineClientError) {
        connection = try Self.connect(path, timeout)
    }

    init(_ connected: consuming ControlConnection, timeout: Duration) throws(EngineClientError) {
        do throws(SystemCallError) {
            try connected.setTimeout(milliseconds: max(1, Self.milliseconds(timeout)))
        } catch {
            throw .system(error)
        }
        connection = connected
    }

    private static func connect(_ path: String, _ timeout: Duration) throws(EngineClientError) -> ControlConnection {
        do throws(SystemCallError) {
            let connection = try ControlConnection(path: path)
            try connection.setTimeout(milliseconds: max(1, milliseconds(timeout)))
            return connection
        } catch {
            throw .system(error)
        }
    }

    static func milliseconds(_ duration: Duration) -> UInt32 {
        UInt32(clamping: duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000)
    }

    /// Asks and waits for the answer. Answers to earlier questions, which timed out, are passed over.
    mutating func call(
        _ request: borrowing Request, sending: borrowing DescriptorList, receiving: inout DescriptorList
    ) throws(EngineClientError) -> Reply {
        number &+= 1
        if number == 0 { number = 1 }
        request.emit(number: number, into: &buffer)
        do throws(SystemCallError) {
            try buffer.withMessage { message throws(SystemCallError) in try connection.send(message, with: sending) }
        } catch {
            throw Self.meaning(error)
        }
        while true {
            let (reply, answered) = try receive(&receiving)
            guard answered == number || answered == 0 else { continue }
            if case .event = reply { continue }
            if case .refused(let refusal) = reply { throw .refused(refusal) }
            return reply
        }
    }

    /// Waits for the next message.
    mutating func receive(
        _ descriptors: inout DescriptorList
    ) throws(EngineClientError) -> (reply: Reply, number: UInt32) {
        do throws(SystemCallError) {
            try fill(&descriptors)
        } catch {
            // An engine that closes before it read everything gives this error first, and then what it had to say.
            guard error.code == ECONNRESET else { throw Self.meaning(error) }
            do throws(SystemCallError) { try fill(&descriptors) } catch { throw Self.meaning(error) }
        }
        guard buffer.count > 0 else { throw .closed }
        do throws(MessageError) {
            return try buffer.withMessage { message throws(MessageError) in try Reply.parse(message) }
        } catch {
            throw .malformed(error)
        }
    }

    private mutating func fill(_ descriptors: inout DescriptorList) throws(SystemCallError) {
        try buffer.fill { bytes throws(SystemCallError) in
            try connection.receive(into: &bytes, descriptors: &descriptors)
        }
    }

    func setTimeout(_ timeout: Duration) throws(EngineClientError) {
        do throws(SystemCallError) {
            try connection.setTimeout(milliseconds: max(1, Self.milliseconds(timeout)))
        } catch {
            throw .system(error)
        }
    }

    private static func meaning(_ error: SystemCallError) -> EngineClientError {
        switch error.code {
        case EAGAIN, ETIMEDOUT: .timedOut
        case EPIPE, ECONNRESET, ENOTCONN: .closed
        default: .system(error)
        }
    }
}
