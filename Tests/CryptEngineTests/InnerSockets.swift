import Foundation
import Glibc
import LinuxKit
import NetTypes

/// Runs a program to its end; what it printed, or an error with it.
@discardableResult
func run(_ words: String...) throws -> String { try run(words) }

@discardableResult
func run(_ words: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw CommandFailed(description: "\(words.joined(separator: " ")): \(process.terminationStatus)\n\(text)")
    }
    return text
}

struct CommandFailed: Error, CustomStringConvertible {
    let description: String
}

/// A UDP socket of an endpoint, in its namespace.
final class InnerSocket: Sendable {
    private let number: Int32

    init(in namespace: NetworkNamespace, _ address: String, port: UInt16) throws {
        number = try namespace.perform { Self.open(address, port) }
        guard number >= 0 else { throw SystemCallError(call: "bind", code: -number, context: address) }
    }

    deinit { close(number) }

    private static func open(_ address: String, _ port: UInt16) -> Int32 {
        let isIPv6 = address.contains(":")
        let number = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var big: Int32 = 32 << 20
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &big, 4)
        let result = unsafe withAddress(address, port) { unsafe bind(number, $0, $1) }
        return result == 0 ? number : -errno
    }

    static func withAddress(
        _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        if text.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            _ = unsafe inet_pton(AF_INET6, text, &address.sin6_addr)
            return unsafe withUnsafePointer(to: address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, 28) }
            }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        _ = unsafe inet_pton(AF_INET, text, &address.sin_addr)
        return unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, 16) }
        }
    }

    func connect(_ address: String, port: UInt16) {
        _ = unsafe Self.withAddress(address, port) { unsafe Glibc.connect(number, $0, $1) }
    }

    /// Whether the don't-fragment bit is set; of IPv6, whether the sender itself may cut.
    func setDontFragment(_ on: Bool) {
        var value: Int32 = on ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT
        _ = unsafe setsockopt(number, Int32(IPPROTO_IP), IP_MTU_DISCOVER, &value, 4)
        _ = unsafe setsockopt(number, Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, &value, 4)
    }

    /// Cuts what is sent into datagrams of a size by the kernel (UDP_SEGMENT); 0 does not.
    func setSegment(_ bytes: Int32) {
        var value = bytes
        _ = unsafe setsockopt(number, Int32(IPPROTO_UDP), 103, &value, 4)
    }

    /// Leaves the checksum out, as only UDP over IPv4 may.
    func leaveChecksumOut() {
        var value: Int32 = 1
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_NO_CHECK, &value, 4)
    }

    /// Sends; the error number, 0 for none.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int32 {
        unsafe Glibc.send(number, bytes, bytes.count, 0) < 0 ? errno : 0
    }

    func receive(milliseconds: Int32) -> [UInt8]? {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 66_000)
        let count = unsafe recv(number, &bytes, bytes.count, 0)
        guard count >= 0 else { return nil }
        return Array(bytes.prefix(count))
    }
}

/// Everything that a device of a namespace hands to its host, frame by frame.
final class FrameSocket: Sendable {
    private let number: Int32
    private let device: UInt32

    init(in namespace: NetworkNamespace, device: UInt32) throws {
        self.device = device
        number = try namespace.perform {
            let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue), Int32(UInt16(0x0003).bigEndian))
            guard number >= 0 else { return -errno }
            // struct sockaddr_ll: of other devices nothing is even copied.
            var address = [UInt8](repeating: 0, count: 20)
            address[0] = UInt8(AF_PACKET)
            address[3] = 0x03
            for byte in 0..<4 { address[4 + byte] = UInt8(truncatingIfNeeded: device >> UInt32(8 * byte)) }
            let result = unsafe address.withUnsafeBytes { raw in
                guard let base = raw.baseAddress else { return Int32(-1) }
                return unsafe bind(number, base.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
            }
            return result == 0 ? number : -errno
        }
        guard number >= 0 else { throw SystemCallError(call: "socket", code: -number, context: "packet socket") }
    }

    deinit { close(number) }

    /// The next frame that satisfies a condition and did not leave by the host itself.
    func receive(milliseconds: Int, where matches: ([UInt8]) -> Bool = { _ in true }) -> [UInt8]? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {
            var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&entry, 1, 20) > 0 else { continue }
            var bytes = [UInt8](repeating: 0, count: 70_000)
            // struct sockaddr_ll: family, protocol (2 each), device (4), hardware type (2), packet type (1), ...
            var from = [UInt8](repeating: 0, count: 20)
            var length = socklen_t(from.count)
            let count = unsafe from.withUnsafeMutableBytes { raw in
                unsafe recvfrom(
                    number, &bytes, bytes.count, 0, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            guard count > 0, from[10] != 4, from[4] == UInt8(truncatingIfNeeded: device) else { continue }
            let frame = Array(bytes.prefix(count))
            if matches(frame) { return frame }
        }
        return nil
    }
}
