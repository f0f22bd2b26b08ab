internal import CLinux
internal import Glibc

/// A socket that sends whole Ethernet frames out of the devices of one namespace, and receives nothing.
public final class PacketSocket: Sendable {
    private let descriptor: Descriptor

    /// Opens a socket in a namespace, or in the calling thread's own.
    public init(in namespace: NetworkNamespace? = nil) throws(SystemCallError) {
        let open: @Sendable () -> Int32 = { cl_packet_open() }
        let number: Int32
        do {
            number = try namespace?.perform(open) ?? open()
        } catch let error as SystemCallError {
            throw error
        } catch {
            throw SystemCallError(call: "socket", code: EIO, context: "\(error)")
        }
        descriptor = Descriptor(try SystemCallError.check(number, "socket", "packet socket"))
    }

    /// Sends a frame, from the destination address on and with finished checksums, out of a device.
    public func send(_ frame: [UInt8], to device: UInt32) throws(SystemCallError) {
        try SystemCallError.check(
            unsafe cl_packet_send(descriptor.number, device, frame, frame.count), "sendto", "device \(device)")
    }
}
