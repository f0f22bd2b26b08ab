internal import CPacketIO
internal import Glibc
public import LinuxKit

/// What a read or a receive brought.
public enum PacketRead: Sendable {
    /// So many bytes.
    case bytes(Int)
    /// Nothing is there now (EAGAIN).
    case nothing
    /// The call failed with this error number.
    case failed(Int32)

    init(_ result: Int64) {
        self = result >= 0 ? .bytes(Int(result)) : result == -Int64(EAGAIN) ? .nothing : .failed(Int32(-result))
    }
}

/// One queue of a multi-queue TAP device: Ethernet frames behind a `virtio_net_hdr` of ten bytes in the machine's own order.
///
/// Super-packets of TCP and, from Linux 6.2 on, of UDP stay whole. The device goes with its last descriptor.
public struct TapQueue: ~Copyable, Sendable {
    /// The queue's descriptor.
    public let descriptor: OwnedDescriptor

    /// Opens one more queue of the device of a name, in the calling thread's network namespace.
    public init(device name: String) throws(SystemCallError) {
        descriptor = OwnedDescriptor(try checked(unsafe pio_tap_queue(name), "TUNSETIFF", "TAP device \(name)"))
    }

    /// Takes a queue that was opened before; refused is anything else.
    public init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        _ = try Self.deviceName(of: descriptor.number)
        self.descriptor = descriptor
    }

    /// The device's name.
    public var deviceName: String {
        get throws(SystemCallError) { try Self.deviceName(of: descriptor.number) }
    }

    private static func deviceName(of number: Int32) throws(SystemCallError) -> String {
        var name = [CChar](repeating: 0, count: 17)
        try checked(unsafe pio_tap_name(number, &name), "TUNGETIFF", "TAP queue")
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Turns the device's offloads on; gives whether UDP super-packets are among them.
    public func enableOffloads() throws(SystemCallError) -> Bool {
        let checksum: UInt32 = 0x01
        let tcp: UInt32 = 0x02 | 0x04 | 0x08
        let udp: UInt32 = 0x20 | 0x40
        if pio_tap_offloads(descriptor.number, checksum | tcp | udp) == 0 { return true }
        try checked(pio_tap_offloads(descriptor.number, checksum | tcp), "TUNSETOFFLOAD", "TAP queue")
        return false
    }

    /// The queue for a packet thread, which must end before this value does.
    public var port: TapPort { TapPort(number: descriptor.number) }
}

/// A TAP queue as a packet thread uses it. It does not own the descriptor.
public struct TapPort: Sendable {
    let number: Int32

    /// Reads one frame with its header, at most `limit` bytes.
    public func read(into bytes: inout MutableSpan<UInt8>, limit: Int) -> PacketRead {
        PacketRead(
            unsafe bytes.withUnsafeMutableBufferPointer {
                unsafe pio_read(number, $0.baseAddress, min(limit, $0.count))
            })
    }

    /// Writes one frame with its header: 0, or the error number.
    public func write(_ bytes: Span<UInt8>) -> Int32 {
        let result = unsafe bytes.withUnsafeBufferPointer { unsafe pio_write(number, $0.baseAddress, $0.count) }
        return result < 0 ? Int32(-result) : 0
    }
}

/// Settings of a network device that packets enter and leave by.
public enum PacketDevice {
    /// Brings a device up with an MTU and, where given, a bound on the super-packets that the kernel builds for it.
    ///
    /// The bound belongs on the device where TCP builds them, so that each fills one send exactly. On a device that
    /// packets are redirected to, the kernel cuts what is above the bound in software, which is slower than to take it.
    public static func bringUp(
        _ name: String, mtu: Int, superPacketBytes: Int? = nil, superPacketSegments: Int? = nil
    ) throws(SystemCallError) {
        // Nothing is to be said on it by the host itself, such as router solicitations.
        let netlink = try Netlink()
        if let link = try netlink.link(named: name) { try netlink.disableLinkLocal(of: link.index) }
        try checked(
            unsafe pio_link_set(
                name, UInt32(clamping: mtu), UInt32(clamping: superPacketBytes ?? 0),
                UInt32(clamping: superPacketSegments ?? 0)),
            "RTM_NEWLINK", "device \(name)")
    }
}
