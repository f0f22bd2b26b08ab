internal import CLinux
internal import Glibc
public import NetTypes
internal import Synchronization

/// A network device as the kernel describes it.
public struct Link: Hashable, Sendable {
    /// The device's index in its namespace.
    public let index: UInt32
    /// Its name, at most 15 bytes.
    public let name: String
    /// Its Ethernet address; nil for a device that has none.
    public let mac: MACAddress?
    /// The largest packet it sends, in bytes without the Ethernet header.
    public let mtu: UInt32
    /// What made it, such as `veth`, `tun`, `vxlan`, `bridge`; empty for hardware.
    public let kind: String
    /// Whether it is administratively up.
    public let isUp: Bool
    /// Whether the other end of a veth pair is in another network namespace.
    public let peerIsElsewhere: Bool
}

/// A connection to the kernel's routing and device control (rtnetlink, RFC 3549) of one network namespace.
///
/// One request is under way at a time. Errors carry the kernel's own sentence (extended acknowledgement) where
/// it gives one.
public final class Netlink: Sendable {
    private let descriptor: Descriptor
    /// The sequence number of the last request; holding the lock owns the socket.
    private let sequence = Mutex<UInt32>(0)

    /// Connects to the control of a namespace, or of the calling thread's own.
    public init(in namespace: NetworkNamespace? = nil) throws(SystemCallError) {
        let open: @Sendable () -> Int32 = { cl_netlink_open(NETLINK_ROUTE) }
        let number: Int32
        do {
            number = try namespace?.perform(open) ?? open()
        } catch let error as SystemCallError {
            throw error
        } catch {
            throw SystemCallError(call: "socket", code: EIO, context: "\(error)")
        }
        descriptor = Descriptor(try SystemCallError.check(number, "socket", "netlink"))
    }

    // MARK: Requests

    /// Sends a request and collects the bodies of the answer's messages, each without its header.
    func request(
        _ message: NetlinkMessage, _ call: String, _ context: @autoclosure () -> String
    ) throws(SystemCallError) -> [(type: Int, body: ArraySlice<UInt8>)] {
        let answer: Result<[(type: Int, body: ArraySlice<UInt8>)], SystemCallError> = sequence.withLock { number in
            number &+= 1
            var message = message
            let bytes = message.finish(sequence: number)
            do throws(SystemCallError) {
                try SystemCallError.check(
                    unsafe cl_netlink_send(descriptor.number, bytes, bytes.count), call, context())
                return .success(try receive(number, call, context))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }

    private func receive(
        _ number: UInt32, _ call: String, _ context: () -> String
    ) throws(SystemCallError) -> [(type: Int, body: ArraySlice<UInt8>)] {
        var answers: [(type: Int, body: ArraySlice<UInt8>)] = []
        while true {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = try SystemCallError.check(
                unsafe cl_read(descriptor.number, &buffer, buffer.count), call, context())
            var rest = buffer[..<Int(count)]
            while rest.count >= 16 {
                let length = Int(rest.number(at: 0, UInt32.self))
                guard length >= 16, length <= rest.count else { break }
                let type = Int(rest.number(at: 4, UInt16.self))
                let flags = rest.number(at: 6, UInt16.self)
                let isOurs = rest.number(at: 8, UInt32.self) == number
                let body = rest.prefix(length).dropFirst(16)
                rest = rest.dropFirst((length + 3) & ~3)
                guard isOurs else { continue }
                if type == Int(NLMSG_DONE) { return answers }
                guard type == Int(NLMSG_ERROR) else {
                    answers.append((type, body))
                    continue
                }
                if let error = Self.error(body, flags, call, context) { throw error }
                return answers
            }
        }
    }

    /// Reads `struct nlmsgerr` and the extended acknowledgement behind it; nil when it says that all went well.
    private static func error(
        _ body: ArraySlice<UInt8>, _ flags: UInt16, _ call: String, _ context: () -> String
    ) -> SystemCallError? {
        guard body.count >= 20 else { return SystemCallError(call: call, code: EBADMSG, context: context()) }
        let code = body.number(at: 0, Int32.self)
        guard code != 0 else { return nil }
        var context = context()
        if Int32(flags) & NLM_F_ACK_TLVS != 0 {
            let isCapped = Int32(flags) & NLM_F_CAPPED != 0
            let echoed = isCapped ? 16 : Int(body.number(at: 4, UInt32.self))
            let attributes = NetlinkAttributes(body.dropFirst(4 + ((echoed + 3) & ~3)))
            if let text = attributes.text(Int(NLMSGERR_ATTR_MSG.rawValue)) { context += ": \(text)" }
        }
        return SystemCallError(call: call, code: -code, context: context)
    }

    /// Sends a request that is only acknowledged.
    func command(
        _ message: NetlinkMessage, _ call: String, _ context: @autoclosure () -> String
    ) throws(SystemCallError) {
        _ = try request(message, call, context())
    }
}
