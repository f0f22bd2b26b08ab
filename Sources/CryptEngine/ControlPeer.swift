internal import CryptProtocol
internal import LinuxKit
internal import PacketIO

/// One connection to the control socket.
final class ControlPeer {
    let connection: ControlConnection
    /// Whether it gets events.
    var isSubscribed = false
    /// Whether it asked to take over.
    var isSuccessor = false
    /// Whether it has ended.
    var isClosed = false
    private var buffer = MessageBuffer()

    /// Who does not read its answers is cut off after this many milliseconds.
    private static let patience: UInt32 = 500

    init(_ connection: consuming ControlConnection) throws(SystemCallError) {
        try connection.setTimeout(milliseconds: Self.patience)
        self.connection = connection
    }

    /// A request with what lies beside it, or what is wrong with it; nil at the end of the connection.
    func receive(_ descriptors: inout DescriptorList) -> Received? {
        do {
            try buffer.fill { bytes throws(SystemCallError) in
                try connection.receive(into: &bytes, descriptors: &descriptors)
            }
        } catch {
            return nil
        }
        guard buffer.count > 0 else { return nil }
        let number = buffer.withMessage { Request.number(of: $0) }
        do throws(MessageError) {
            let request = try buffer.withMessage { message throws(MessageError) in try Request.parse(message) }
            return .request(request, number)
        } catch {
            let reason: Refusal.Reason = if case .version = error { .version } else { .malformed }
            return .refused(Refusal(reason, "\(error)"), number)
        }
    }

    enum Received: ~Copyable {
        case request(Request, UInt32)
        case refused(Refusal, UInt32)
    }

    /// Sends a reply or an event. Who cannot be told is cut off.
    func send(_ reply: Reply, number: UInt32, with descriptors: borrowing DescriptorList) {
        reply.emit(number: number, into: &buffer)
        do throws(SystemCallError) {
            try buffer.withMessage { message throws(SystemCallError) in
                try connection.send(message, with: descriptors)
            }
        } catch {
            isClosed = true
        }
    }

    /// Sends a reply without descriptors.
    func send(_ reply: Reply, number: UInt32) { send(reply, number: number, with: DescriptorList()) }
}
