internal import CPacketIO
internal import Glibc
public import LinuxKit

/// A listening control socket at a path, mode 0600: whole messages (SOCK_SEQPACKET), with descriptors beside them.
public struct ControlListener: ~Copyable, Sendable {
    /// The socket's descriptor.
    public let descriptor: OwnedDescriptor

    /// Listens at a path. A file that a dead process left there is replaced; a live process's is EADDRINUSE.
    public init(path: String) throws(SystemCallError) {
        descriptor = OwnedDescriptor(
            try checked(unsafe pio_control_listen(path), "bind", "control socket \(path)"))
    }

    /// Takes a listening socket over.
    public init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        guard pio_control_is_listening(descriptor.number) == 1 else {
            throw SystemCallError(call: "getsockopt", code: EINVAL, context: "control socket: not a listening one")
        }
        self.descriptor = descriptor
    }

    /// Takes the next connection.
    public func accept() throws(SystemCallError) -> ControlConnection {
        ControlConnection(
            OwnedDescriptor(try checked(pio_control_accept(descriptor.number), "accept4", "control socket")))
    }
}

/// One end of a control connection.
public struct ControlConnection: ~Copyable, Sendable {
    /// The socket's descriptor.
    public let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Connects to a control socket.
    public init(path: String) throws(SystemCallError) {
        self.init(
            OwnedDescriptor(try checked(unsafe pio_control_connect(path), "connect", "control socket \(path)")))
    }

    /// Makes a connection of which this process has both ends: one is returned, the other one put into the place.
    public static func pair(_ other: inout ControlConnection?) throws(SystemCallError) -> ControlConnection {
        var numbers: InlineArray<2, Int32> = [-1, -1]
        var span = numbers.mutableSpan
        let result = unsafe span.withUnsafeMutableBufferPointer { unsafe pio_control_pair($0.baseAddress) }
        try checked(result, "socketpair", "control connection")
        other = ControlConnection(OwnedDescriptor(numbers[1]))
        return ControlConnection(OwnedDescriptor(numbers[0]))
    }

    /// The user at the other end as the kernel saw it when the connection was made.
    public var peerUser: UInt32 {
        get throws(SystemCallError) {
            UInt32(try checked(pio_control_peer(descriptor.number), "getsockopt", "SO_PEERCRED"))
        }
    }

    /// Bounds how long one send or receive may take; 0 is for ever.
    public func setTimeout(milliseconds: UInt32) throws(SystemCallError) {
        try checked(pio_control_timeout(descriptor.number, milliseconds), "setsockopt", "timeout of the control socket")
    }

    /// Sends one message and duplicates of the descriptors.
    public func send(_ bytes: Span<UInt8>, with descriptors: borrowing DescriptorList) throws(SystemCallError) {
        let result = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe descriptors.withNumbers { numbers, count in
                unsafe pio_control_send(descriptor.number, bytes.baseAddress, bytes.count, numbers, count)
            }
        }
        try checked(result, "sendmsg", "control socket")
    }

    /// Sends one message.
    public func send(_ bytes: Span<UInt8>) throws(SystemCallError) { try send(bytes, with: DescriptorList()) }

    /// Receives one message; 0 bytes at the end of the connection. Its descriptors are put into the list.
    public func receive(
        into bytes: inout MutableSpan<UInt8>, descriptors: inout DescriptorList
    ) throws(SystemCallError) -> Int {
        let number = descriptor.number
        let result = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            unsafe descriptors.receive { numbers, count in
                unsafe pio_control_receive(number, bytes.baseAddress, bytes.count, numbers, &count)
            }
        }
        return Int(try checked(result, "recvmsg", "control socket"))
    }
}
