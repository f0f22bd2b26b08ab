internal import CLinux
internal import Glibc

/// A TAP device opened by this process: Ethernet frames are read from it and written to it.
///
/// With `vnetHeader` every frame has a `virtio_net_hdr` of 12 bytes in front (little endian, as virtio 1.x has it),
/// and super-packets stay whole. Closing the last descriptor removes a device that is not persistent.
public final class TapDevice: Sendable {
    /// The device's name.
    public let name: String
    /// Whether frames carry a `virtio_net_hdr`.
    public let hasVnetHeader: Bool
    private let descriptor: Descriptor

    /// The length of the header in front of every frame when there is one.
    public static let vnetHeaderLength = 12

    /// What the reader takes over from the kernel: checksums and the cutting of super-packets.
    public struct Offloads: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Checksums may be unfinished (TUN_F_CSUM).
        public static let checksum = Offloads(rawValue: 0x01)
        /// TCP super-packets over IPv4 and IPv6, also with ECN (TUN_F_TSO4, TSO6, TSO_ECN).
        public static let tcp = Offloads(rawValue: 0x02 | 0x04 | 0x08)
        /// UDP super-packets (TUN_F_USO4, USO6; Linux 6.2).
        public static let udp = Offloads(rawValue: 0x20 | 0x40)
    }

    /// Opens a TAP device of the calling thread's namespace, and creates it if there is none of that name.
    public init(
        name: String, in namespace: NetworkNamespace? = nil, vnetHeader: Bool = true,
        offloads: Offloads = [.checksum, .tcp, .udp]
    ) throws(SystemCallError) {
        let open: @Sendable () -> Int32 = {
            unsafe cl_tap_open(name, vnetHeader ? 1 : 0, vnetHeader ? offloads.rawValue : 0)
        }
        let number: Int32
        do {
            number = try namespace?.perform(open) ?? open()
        } catch let error as SystemCallError {
            throw error
        } catch {
            throw SystemCallError(call: "open", code: EIO, context: "\(error)")
        }
        descriptor = Descriptor(try SystemCallError.check(number, "TUNSETIFF", "TAP device \(name)"))
        self.name = name
        hasVnetHeader = vnetHeader
    }

    /// Whether the device stays when nobody has it open.
    public func setPersistent(_ persistent: Bool) throws(SystemCallError) {
        try SystemCallError.check(
            cl_tap_set_persistent(descriptor.number, persistent ? 1 : 0), "TUNSETPERSIST", "TAP device \(name)")
    }

    /// Makes a persistent TAP device for another program, such as a hypervisor, to open.
    public static func create(name: String, in namespace: NetworkNamespace? = nil) throws(SystemCallError) {
        let device = try TapDevice(name: name, in: namespace)
        try device.setPersistent(true)
    }

    /// Reads one frame, header included; nil when none came within the time.
    public func read(milliseconds: Int32 = 0) throws(SystemCallError) -> [UInt8]? {
        if milliseconds != 0,
            try SystemCallError.check(
                cl_wait_readable(descriptor.number, milliseconds), "poll", "TAP device \(name)") == 0
        {
            return nil
        }
        var buffer = [UInt8](repeating: 0, count: 70_000)
        let count = unsafe cl_read(descriptor.number, &buffer, buffer.count)
        if count == -Int64(EAGAIN) { return nil }
        try SystemCallError.check(count, "read", "TAP device \(name)")
        buffer.removeLast(buffer.count - Int(count))
        return buffer
    }

    /// Writes one frame, header included.
    public func write(_ frame: [UInt8]) throws(SystemCallError) {
        try SystemCallError.check(
            unsafe cl_write(descriptor.number, frame, frame.count), "write", "TAP device \(name)")
    }

    /// The descriptor, open as long as this object lives, for a caller that polls.
    public var fileDescriptor: Int32 { descriptor.number }
}
