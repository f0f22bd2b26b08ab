import Foundation
import Glibc
import LinuxKit
import NetTypes

/// A TCP connection between two endpoints, both ends of which are here.
final class InnerStream {
    private var ends: [Int32] = []

    /// Connects.
    ///
    /// - Parameter segment: The most bytes of a segment (TCP_MAXSEG); nil leaves it to the kernel.
    init(
        from near: NetworkNamespace, to far: NetworkNamespace, _ address: String, port: UInt16, segment: Int32?
    ) throws {
        let listener = try far.perform { Self.open(address) }
        defer { close(listener) }
        let bound = unsafe InnerSocket.withAddress(address, port) { unsafe bind(listener, $0, $1) }
        guard bound == 0, listen(listener, 1) == 0 else {
            throw SystemCallError(call: "listen", code: errno, context: address)
        }
        let client = try near.perform { Self.open(address) }
        ends.append(client)
        if var segment { _ = unsafe setsockopt(client, Int32(IPPROTO_TCP), 2, &segment, 4) }
        guard unsafe InnerSocket.withAddress(address, port, { unsafe connect(client, $0, $1) }) == 0 else {
            throw SystemCallError(call: "connect", code: errno, context: address)
        }
        ends.append(accept(listener, nil, nil))
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    deinit { for end in ends { close(end) } }

    private static func open(_ address: String) -> Int32 {
        let number = socket(address.contains(":") ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        return number
    }

    /// Sends bytes both ways at once, from the first on or from the last quarter; nil when they came as they were sent,
    /// else what went wrong.
    func exchange(_ bytes: [UInt8], within seconds: Int) -> String? {
        let end = ContinuousClock.now + .seconds(seconds)
        var sent = [0, 0]
        var came = [0, 0]
        var buffer = [UInt8](repeating: 0, count: 262_144)
        while came.contains(where: { $0 < bytes.count }) {
            guard ContinuousClock.now < end else { return "sent \(sent), came \(came) of \(bytes.count) bytes in time" }
            var entries = ends.indices.map {
                pollfd(
                    fd: ends[$0], events: Int16(POLLIN | (sent[$0] < bytes.count ? POLLOUT : 0)), revents: 0)
            }
            _ = unsafe poll(&entries, 2, 100)
            for index in ends.indices {
                if entries[index].revents & Int16(POLLOUT) != 0, sent[index] < bytes.count {
                    let from = sent[index]
                    let count = unsafe bytes.withUnsafeBytes {
                        unsafe Glibc.send(
                            ends[index], $0.baseAddress?.advanced(by: from), min(65_536, $0.count - from), 0)
                    }
                    sent[index] += max(0, count)
                }
                guard entries[index].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { continue }
                let count = unsafe recv(ends[index], &buffer, buffer.count, 0)
                guard count > 0 else {
                    if count < 0, errno == EAGAIN { continue }
                    return "closed after \(came[index]) bytes"
                }
                guard Self.isSame(buffer, count, bytes, from: came[index]) else {
                    return "other bytes between \(came[index]) and \(came[index] + count)"
                }
                came[index] += count
            }
        }
        return nil
    }

    private static func isSame(_ part: [UInt8], _ count: Int, _ whole: [UInt8], from start: Int) -> Bool {
        guard start + count <= whole.count else { return false }
        return unsafe part.withUnsafeBytes { part in
            unsafe whole.withUnsafeBytes { whole in
                guard let a = part.baseAddress, let b = whole.baseAddress else { return false }
                return unsafe memcmp(a, b + start, count) == 0
            }
        }
    }
}
