internal import CLinux
internal import Glibc
internal import LinuxKit

/// Queues of one device, by rtnetlink: an HTB whose classes each have a rate and a queue of bytes.
///
/// LinuxKit knows no messages of traffic control, and these are all that is needed.
final class TrafficControl: Sendable {
    private let descriptor: Int32
    private let device: UInt32

    /// The number of the HTB; its classes are 1:1 to 1:ffff, and the queue of class m is m + 1.
    private static let root: UInt32 = 1 << 16

    /// Talks about a device of a namespace. The caller holds a lock at each call.
    init(device: UInt32, in namespace: NetworkNamespace?) throws(DataPathError) {
        let open: @Sendable () -> Int32 = { cl_netlink_open(NETLINK_ROUTE) }
        let number: Int32
        do {
            number = try namespace?.perform(open) ?? open()
        } catch {
            throw DataPathError(.system, "a netlink socket: \(error)")
        }
        if number < 0 { throw .system(number, "a netlink socket") }
        descriptor = number
        self.device = device
    }

    deinit { _ = cl_close(descriptor) }

    /// Makes the device's HTB, if it is not there. What has no class is dropped.
    func makeRoot() throws(DataPathError) {
        var message = Message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, device, handle: Self.root, parent: .max)
        message.attribute(1, Array("htb".utf8) + [0])
        message.nested(2) { options in
            // struct tc_htb_glob: version, rate2quantum, defcls, debug, direct_pkts
            options.attribute(2, [UInt32(3), 10, 0, 0, 0].flatMap(\.bytes))
            options.attribute(5, UInt32(0).bytes)
        }
        let result = try request(message)
        if result == -EEXIST { return }
        if result < 0 { throw .system(result, "the HTB of device \(device) (the kernel's sch_htb is needed)") }
    }

    /// Makes a class and its queue, or changes them in place.
    func setClass(_ minor: UInt32, _ limit: FlowLimit) throws(DataPathError) {
        let rate = max(1, limit.bitsPerSecond / 8)
        // Five milliseconds: timers come late by some tens of microseconds, and what was missed is made up for. A
        // super-packet may be larger: HTB sends it and then waits for longer.
        let burst = limit.burst > 0 ? UInt64(limit.burst) : max(3_028, rate / 200)
        // The kernel counts time in units of 64 ns (PSCHED_TICKS2NS).
        let ticks = UInt32(clamping: burst * 1_000_000_000 / rate / 64)
        // struct tc_ratespec: cell_log, linklayer (Ethernet: no tables), overhead, cell_align, mpu, rate
        let specification: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0] + UInt32(clamping: rate).bytes
        var message = Message(RTM_NEWTCLASS, NLM_F_CREATE, device, handle: Self.root | minor, parent: Self.root)
        message.attribute(1, Array("htb".utf8) + [0])
        message.nested(2) { options in
            // struct tc_htb_opt: rate, ceil, buffer, cbuffer, quantum, level, prio
            let times = [ticks, ticks, 60_000, 0, 0].flatMap(\.bytes)
            options.attribute(1, specification + specification + times)
            options.attribute(6, rate.bytes)
            options.attribute(7, rate.bytes)
        }
        let result = try request(message)
        if result < 0 { throw .system(result, "class \(minor) of device \(device)") }

        // 100 ms, so that TCP finds its rate and nobody waits for long; or two super-packets, which TCP sends at once.
        let queue = UInt32(clamping: max(rate / 10, 2 * 68_000))
        message = Message(
            RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, device, handle: (minor + 1) << 16, parent: Self.root | minor)
        message.attribute(1, Array("bfifo".utf8) + [0])
        message.attribute(2, queue.bytes)
        let queued = try request(message)
        if queued < 0 { throw .system(queued, "the queue of class \(minor) of device \(device)") }
    }

    /// Removes a class with what waits in it; one that is not there is fine.
    func removeClass(_ minor: UInt32) throws(DataPathError) {
        let result = try request(Message(RTM_DELTCLASS, 0, device, handle: Self.root | minor, parent: 0))
        if result < 0, result != -ENOENT { throw .system(result, "class \(minor) of device \(device)") }
    }

    // MARK: Messages

    /// Sends a message and returns the kernel's answer: 0, or a negative error number.
    private func request(_ message: Message) throws(DataPathError) -> Int32 {
        let bytes = message.finished
        let sent = unsafe cl_netlink_send(descriptor, bytes, bytes.count)
        if sent < 0 { throw .system(Int32(clamping: sent), "a message of traffic control") }
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = unsafe cl_read(descriptor, &buffer, buffer.count)
        if count < 0 { throw .system(Int32(clamping: count), "an answer of traffic control") }
        // struct nlmsghdr, then the error number.
        guard count >= 20, Self.number(buffer, 4) & 0xffff == UInt32(NLMSG_ERROR) else {
            throw DataPathError(.system, number: EBADMSG, "an answer of traffic control that is none")
        }
        return Int32(bitPattern: Self.number(buffer, 16))
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        // Numbers of netlink are in the machine's own order.
        UInt32(
            littleEndian: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) })
    }
}

/// `struct nlmsghdr`, `struct tcmsg` and attributes (RFC 3549, section 3.1.3).
private struct Message {
    private var bytes: [UInt8]

    init(_ type: Int, _ flags: Int32, _ device: UInt32, handle: UInt32, parent: UInt32) {
        bytes = UInt32(0).bytes + UInt16(type).bytes + UInt16(flags | NLM_F_REQUEST | NLM_F_ACK).bytes
        // Sequence number and sender, then family and padding.
        bytes += [UInt8](repeating: 0, count: 12)
        bytes += device.bytes + handle.bytes + parent.bytes + UInt32(0).bytes
    }

    init() { bytes = [] }

    mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        bytes += UInt16(4 + value.count).bytes + type.bytes + value
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }

    mutating func nested(_ type: UInt16, _ body: (inout Message) -> Void) {
        var inner = Message()
        body(&inner)
        attribute(type, inner.bytes)
    }

    var finished: [UInt8] { UInt32(bytes.count).bytes + bytes.dropFirst(4) }
}

extension FixedWidthInteger {
    /// In the machine's own order.
    fileprivate var bytes: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }
}
