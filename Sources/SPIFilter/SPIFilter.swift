internal import CLibbpf
internal import CSPIFilter
internal import Glibc
public import LinuxKit
public import PacketIO

/// A program in the kernel that drops, before they take room in a socket or wake a thread, datagrams that cannot be for
/// an installed association.
///
/// Loading it needs CAP_BPF and CAP_NET_ADMIN or their like; everything after that needs nothing. The calls that change
/// it are one thread's.
@safe
public final class SPIFilter: @unchecked Sendable {  // the memory's words are read and written atomically
    /// Why it dropped a datagram; the names are those of the engine's own reasons.
    public enum Reason: UInt32, CaseIterable, Sendable {
        /// One byte of ones.
        case keepalive = 0
        /// No ESP packet has this length.
        case malformed
        /// SPI zero.
        case notESP
        /// No installed group has the SPI.
        case unknownSPI
    }

    private let memory: UnsafeMutablePointer<spi_filter_memory>
    private let program: OwnedDescriptor
    /// The most places.
    public static let maximumCapacity = Int(SPI_FILTER_PLACES)

    /// Loads the program into the kernel. No SPI is known to it.
    public init() throws(SystemCallError) {
        // libbpf would write to standard error by itself.
        unsafe _ = libbpf_set_print(nil)
        let opened = unsafe spiFilterObject.withUnsafeBytes { bytes in
            unsafe bpf_object__open_mem(bytes.baseAddress, spiFilterObjectByteCount, nil)
        }
        guard let object = unsafe opened else {
            throw SystemCallError(call: "bpf", code: errno, context: "the embedded BPF object")
        }
        defer { unsafe bpf_object__close(object) }
        let result = unsafe bpf_object__load(object)
        guard result == 0 else {
            throw SystemCallError(call: "bpf", code: -result, context: "the filter of the receive sockets")
        }
        let map = unsafe bpf_object__find_map_by_name(object, "memory")
        program = OwnedDescriptor(
            try Self.checked(
                unsafe spi_filter_duplicate(bpf_program__fd(bpf_object__find_program_by_name(object, "spi_filter"))),
                "fcntl"))
        var address: UnsafeMutablePointer<spi_filter_memory>?
        try Self.checked(unsafe spi_filter_map(bpf_map__fd(map), &address), "mmap")
        guard let address = unsafe address else { throw SystemCallError(call: "mmap", code: ENOMEM, context: "") }
        unsafe memory = address
    }

    deinit { unsafe spi_filter_unmap(memory) }

    /// Says how many places there are, before it is put on a socket: an SPI's is SPI / 8 modulo this.
    public func setCapacity(_ capacity: Int) {
        precondition((1...Self.maximumCapacity).contains(capacity), "a capacity beyond the filter's")
        unsafe spi_filter_set_capacity(memory, UInt32(capacity))
    }

    /// Lets the packets of a group pass, from the base's SPI on one for each queue; it is done when this returns.
    public func admit(spiBase: UInt32, queues: UInt8, at place: Int) {
        precondition((0..<Self.maximumCapacity).contains(place), "a place beyond the filter's")
        unsafe spi_filter_set(memory, UInt32(place), UInt64(spiBase) << 32 | UInt64(queues))
    }

    /// Lets the packets of a place's group pass no more.
    public func refuse(at place: Int) { admit(spiBase: 0, queues: 0, at: place) }

    /// How many datagrams it dropped for a reason, on all sockets that it is on.
    public func drops(_ reason: Reason) -> UInt64 { unsafe spi_filter_count(memory, reason.rawValue) }

    /// Puts it on a socket in place of what is there.
    public func attach(to socket: borrowing DatagramSocket) throws(SystemCallError) {
        try Self.checked(spi_filter_attach(socket.descriptor.number, program.number), "setsockopt SO_ATTACH_BPF")
    }

    /// Takes any filter off a socket.
    public static func detach(from socket: borrowing DatagramSocket) throws(SystemCallError) {
        try checked(spi_filter_detach(socket.descriptor.number), "setsockopt SO_DETACH_BPF")
    }

    @discardableResult
    private static func checked(_ result: Int32, _ call: String) throws(SystemCallError) -> Int32 {
        guard result < 0 else { return result }
        throw SystemCallError(call: call, code: -result, context: "the filter of the receive sockets")
    }
}
