internal import CLinux
internal import Glibc
public import NetTypes

/// Sends UDP datagrams of both families from a namespace: the leaf's own way to the VXLAN port of another leaf.
public final class DatagramSender: Sendable {
    private let v4: Descriptor
    private let v6: Descriptor

    /// Opens the sockets in a namespace, or in the calling thread's own.
    ///
    /// A receiver knows a wire by its outer source, so the locators of this host are given as source addresses, at most
    /// one of each family; without one the kernel chooses.
    public init(in namespace: NetworkNamespace? = nil, sources: [IPAddress] = []) throws(SystemCallError) {
        let open: @Sendable () -> (Int32, Int32) = { (cl_datagram_open(4), cl_datagram_open(6)) }
        let numbers: (Int32, Int32)
        do {
            numbers = try namespace?.perform(open) ?? open()
        } catch let error as SystemCallError {
            throw error
        } catch {
            throw SystemCallError(call: "socket", code: EIO, context: "\(error)")
        }
        v4 = Descriptor(try SystemCallError.check(numbers.0, "socket", "UDP over IPv4"))
        v6 = Descriptor(try SystemCallError.check(numbers.1, "socket", "UDP over IPv6"))
        for source in sources {
            let octets = source.octets
            let bound = unsafe cl_datagram_bind(
                source.isIPv6 ? v6.number : v4.number, source.isIPv6 ? 6 : 4, octets)
            try SystemCallError.check(bound, "bind", "source address \(source)")
        }
    }

    /// Sends one datagram.
    public func send(_ payload: [UInt8], to address: IPAddress, port: UInt16) throws(SystemCallError) {
        let octets = address.octets
        let sent = unsafe cl_datagram_send(
            address.isIPv6 ? v6.number : v4.number, address.isIPv6 ? 6 : 4, octets, port, payload, payload.count)
        try SystemCallError.check(sent, "sendto", "\(address) port \(port)")
    }
}
