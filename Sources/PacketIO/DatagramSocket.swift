internal import CPacketIO
internal import Glibc
public import LinuxKit
public import NetTypes

/// An address and port as the kernel takes it, made once for many sends. 32 bytes.
public struct SocketAddress: BitwiseCopyable, Sendable {
    var value: pio_address

    /// Makes an address.
    public init(_ address: IPAddress, port: UInt16) {
        var value = pio_address()
        let octets = address.octets
        _ = unsafe pio_address_make(&value, octets.count == 4 ? 4 : 6, octets, UInt32(port))
        self.value = value
    }

    /// Makes no address, to which nothing can be sent.
    public init() { value = pio_address() }
}

/// A bound UDP socket with big buffers that sends with the don't-fragment bit.
///
/// Sending waits while the buffer is full, so that the queue grows where the sender sees it; receiving never waits.
public struct DatagramSocket: ~Copyable, Sendable {
    /// The socket's descriptor.
    public let descriptor: OwnedDescriptor

    /// The bytes of its receive and send buffers, doubled by the kernel for its own bookkeeping.
    public static let bufferByteCount: Int32 = 8 << 20

    /// Opens and binds a socket; port 0 is any. Sockets that share a port need `sharesPort`.
    public init(local: IPAddress, port: UInt16, sharesPort: Bool = false) throws(SystemCallError) {
        var address = SocketAddress(local, port: port).value
        let number = unsafe pio_udp_open(&address, sharesPort ? 1 : 0, Self.bufferByteCount)
        descriptor = OwnedDescriptor(try checked(number, "bind", "UDP \(local) port \(port)"))
    }

    /// Takes a socket that was bound before.
    public init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        _ = try Self.local(of: descriptor.number)
        self.descriptor = descriptor
    }

    /// The address and port that it is bound to.
    public var local: (address: IPAddress, port: UInt16) {
        get throws(SystemCallError) { try Self.local(of: descriptor.number) }
    }

    private static func local(of number: Int32) throws(SystemCallError) -> (address: IPAddress, port: UInt16) {
        var octets = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        let family = try checked(unsafe pio_address_local(number, &octets, &port), "getsockname", "UDP socket")
        guard let address = IPAddress(octets: octets.prefix(family == 4 ? 4 : 16)) else {
            throw SystemCallError(call: "getsockname", code: EAFNOSUPPORT, context: "UDP socket")
        }
        return (address, port)
    }

    /// Whether the kernel can cut datagrams on sending (UDP_SEGMENT, Linux 4.18).
    public var canSegment: Bool { pio_udp_can_segment(descriptor.number) == 1 }

    /// Asks for the datagrams of one flow joined (UDP_GRO, Linux 5.0); false where the kernel cannot.
    public func enableJoining() -> Bool { pio_udp_join(descriptor.number) == 0 }

    /// Leaves out UDP checksums over IPv4 (RFC 3948, section 2.1: SHOULD be zero).
    ///
    /// Linux refuses UDP_SEGMENT on such a socket, and with UDP_SEGMENT the device computes them: this is for sockets
    /// without it.
    public func disableChecksum() throws(SystemCallError) {
        try checked(pio_udp_without_checksum(descriptor.number), "setsockopt", "SO_NO_CHECK")
    }

    /// Steers datagrams between the `count` sockets that share this one's port, in the order in which they were bound,
    /// by the low bits of the SPI; `count` is a power of two.
    public func steer(among count: Int) throws(SystemCallError) {
        precondition(count.nonzeroBitCount == 1 && count <= 256, "the number of queues is a power of two")
        try checked(
            pio_udp_steer(descriptor.number, UInt32(count - 1)), "setsockopt", "SO_ATTACH_REUSEPORT_CBPF")
    }

    /// The socket for a packet thread, which must end before this value does.
    public var port: DatagramPort { DatagramPort(number: descriptor.number) }
}

/// What a send came to.
public enum PacketSend: Sendable {
    /// All of it went.
    case sent
    /// A datagram is larger than the underlay's device takes.
    case tooBig
    /// The device cannot complete checksums, so it cannot cut either (EIO): send each by itself from now on.
    case cannotSegment
    /// The call failed with this error number; what was left is lost.
    case failed(Int32)
}

/// A UDP socket as a packet thread uses it. It does not own the descriptor.
public struct DatagramPort: Sendable {
    let number: Int32

    /// No socket: nothing comes from it, and what is sent fails.
    public static let none = DatagramPort(number: -1)

    /// Whether this is a socket.
    public var isOpen: Bool { number >= 0 }

    /// Sends bytes as datagrams of `segment` bytes, the last of what is left, by one call (UDP_SEGMENT).
    public func send(_ bytes: Span<UInt8>, segment: Int, to peer: borrowing SocketAddress) -> PacketSend {
        var to = peer.value
        let result = unsafe bytes.withUnsafeBufferPointer {
            unsafe pio_udp_send(number, &to, $0.baseAddress, $0.count, UInt32(clamping: segment))
        }
        if result >= 0 { return .sent }
        switch Int32(-result) {
        case EMSGSIZE: return .tooBig
        // Before Linux 6.14 a segment above the device's MTU is EINVAL.
        case EINVAL where segment < bytes.count: return .tooBig
        case EIO where segment < bytes.count: return .cannotSegment
        default: return .failed(Int32(-result))
        }
    }

    /// The same with a message for each datagram (sendmmsg).
    public func sendEach(_ bytes: Span<UInt8>, segment: Int, to peer: borrowing SocketAddress) -> PacketSend {
        var to = peer.value
        var at = 0
        while at < bytes.count {
            let result = unsafe bytes.extracting(at...).withUnsafeBufferPointer {
                unsafe pio_udp_send_each(number, &to, $0.baseAddress, $0.count, UInt32(clamping: segment))
            }
            guard result > 0 else { return -result == Int64(EMSGSIZE) ? .tooBig : .failed(Int32(-result)) }
            at += Int(result) * segment
        }
        return .sent
    }

    /// Receives one datagram, or several of one flow joined; `segment` is then the bytes of each but the last, else 0.
    public func receive(into bytes: inout MutableSpan<UInt8>, segment: inout Int) -> PacketRead {
        var size: UInt32 = 0
        let result = unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe pio_udp_receive(number, $0.baseAddress, $0.count, &size)
        }
        segment = Int(size)
        return PacketRead(result)
    }
}
