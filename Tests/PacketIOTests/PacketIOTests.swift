import Foundation
import Glibc
import LinuxKit
import NetTypes
import PacketIO
import Testing

/// Real sockets and devices, in a namespace of their own.
@Suite(.serialized) struct PacketIOTests {
    static let name = "pbB-io"

    static func inNamespace(_ body: @escaping @Sendable () throws -> Void) throws {
        try? NetworkNamespace.delete(named: name)
        let namespace = try NetworkNamespace.create(named: name)
        defer { try? NetworkNamespace.delete(named: name) }
        try namespace.perform(body)
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `Datagrams leave by one call and come joined`(_ address: String) throws {
        try Self.inNamespace {
            let local = try IPAddress(parsing: address)
            let receiver = try DatagramSocket(local: local, port: 4_500, sharesPort: true)
            let joins = receiver.enableJoining()
            #expect(joins)
            let sender = try DatagramSocket(local: local, port: 0)
            let cuts = sender.canSegment
            #expect(cuts)
            let bound = try receiver.local
            #expect(bound.port == 4_500)
            #expect(bound.address == local)
            let bytes = (0..<5_500).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            let peer = SocketAddress(local, port: 4_500)
            for isOneCall in [true, false] {
                let result =
                    isOneCall
                    ? sender.port.send(bytes.span, segment: 1_000, to: peer)
                    : sender.port.sendEach(bytes.span, segment: 1_000, to: peer)
                guard case .sent = result else {
                    Issue.record("\(result)")
                    return
                }
                var memory = try PacketMemory(byteCount: 65_536)
                var got: [UInt8] = []
                var reads = 0
                while got.count < bytes.count, reads < 10 {
                    var segment = 0
                    let read = memory.withBytes { receiver.port.receive(into: &$0, segment: &segment) }
                    guard case .bytes(let count) = read else { break }
                    reads += 1
                    memory.withBytes { span in for index in 0..<count { got.append(span[index]) } }
                    #expect(segment == 1_000 || count <= 1_000)
                }
                #expect(got == bytes)
                #expect(isOneCall ? reads == 1 : reads >= 1)
            }
            guard case .nothing = try Self.receive(receiver) else {
                Issue.record("something was left")
                return
            }
        }
    }

    private static func receive(_ socket: borrowing DatagramSocket) throws -> PacketRead {
        var memory = try PacketMemory(byteCount: 65_536)
        var segment = 0
        let port = socket.port
        return memory.withBytes { port.receive(into: &$0, segment: &segment) }
    }

    @Test func `The low bits of the SPI choose the socket`() throws {
        try Self.inNamespace {
            let local = IPAddress.v4(IPv4Address(127, 0, 0, 1))
            let first = try DatagramSocket(local: local, port: 4_500, sharesPort: true)
            let second = try DatagramSocket(local: local, port: 4_500, sharesPort: true)
            let third = try DatagramSocket(local: local, port: 4_500, sharesPort: true)
            let fourth = try DatagramSocket(local: local, port: 4_500, sharesPort: true)
            try fourth.steer(among: 4)
            let sender = try DatagramSocket(local: local, port: 0)
            let peer = SocketAddress(local, port: 4_500)
            for number in 0..<16 {
                let datagram: [UInt8] = [1, 2, 3, UInt8(number), 9, 9, 9, 9]
                _ = sender.port.send(datagram.span, segment: 8, to: peer)
                var hits: [Int] = []
                if case .bytes = try Self.receive(first) { hits.append(0) }
                if case .bytes = try Self.receive(second) { hits.append(1) }
                if case .bytes = try Self.receive(third) { hits.append(2) }
                if case .bytes = try Self.receive(fourth) { hits.append(3) }
                #expect(hits == [number % 4])
            }
        }
    }

    @Test func `A datagram above the device's MTU is too big, not cut`() throws {
        try Self.inNamespace {
            let netlink = try Netlink()
            let loopback = try #require(try netlink.link(named: "lo")).index
            try netlink.setMTU(1_300, of: loopback)
            let local = IPAddress.v4(IPv4Address(127, 0, 0, 1))
            let sender = try DatagramSocket(local: local, port: 0)
            let peer = SocketAddress(local, port: 4_500)
            let bytes = [UInt8](repeating: 1, count: 4_000)
            for segment in [1_273, 1_400, 4_000] {
                let result = sender.port.send(bytes.span, segment: segment, to: peer)
                guard case .tooBig = result else {
                    Issue.record("\(segment): \(result)")
                    return
                }
            }
            guard case .sent = sender.port.send(bytes.span, segment: 1_272, to: peer) else {
                Issue.record("what fits is sent")
                return
            }
        }
    }

    @Test func `A TAP has as many queues as are opened and goes with the last`() throws {
        try Self.inNamespace {
            do {
                let first = try TapQueue(device: "tap-io")
                let second = try TapQueue(device: "tap-io")
                let takesUDP = try first.enableOffloads()
                #expect(takesUDP, "this kernel has UDP super-packets on TAPs")
                let name = try second.deviceName
                #expect(name == "tap-io")
                try PacketDevice.bringUp("tap-io", mtu: 1_400, superPacketBytes: 60_000, superPacketSegments: 44)
                let netlink = try Netlink()
                let link = try #require(try netlink.link(named: "tap-io"))
                #expect(link.isUp && link.mtu == 1_400)
            }
            #expect(try Netlink().link(named: "tap-io") == nil)
            #expect(throws: SystemCallError.self) { _ = try TapQueue(device: "a-name-of-more-than-15") }
        }
    }

    @Test func `Descriptors travel beside a message and close with their list`() throws {
        let path = "/run/pbB-io-\(getpid()).sock"
        defer { _ = unsafe unlink(path) }
        let listener = try ControlListener(path: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let client = try ControlConnection(path: path)
        let server = try listener.accept()
        // A second listener finds the first one alive.
        #expect(throws: SystemCallError.self) { _ = try ControlListener(path: path) }
        let user = try server.peerUser
        #expect(user == getuid())
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        do {
            let memory = try SharedMemory(name: "io", byteCount: 8_192)
            memory.region(of: UInt64.self, at: 0, count: 1_024)[5] = 77
            var sent = DescriptorList()
            for _ in 0..<42 { try sent.append(try memory.duplicateDescriptor()) }
            let hello: [UInt8] = [1, 2, 3]
            try client.send(hello.span, with: sent)
            var got = DescriptorList()
            var room = try PacketMemory(byteCount: 4_096)
            let count = try room.withBytes { try server.receive(into: &$0, descriptors: &got) }
            let received = got.count
            #expect(count == 3 && received == 42)
            guard let first = got.removeFirst() else {
                Issue.record("no descriptor")
                return
            }
            let again = try SharedMemory(adopting: first)
            #expect(again.byteCount == 8_192)
            #expect(again.region(of: UInt64.self, at: 0, count: 1_024)[5] == 77)
            again.wipe(0..<8_192)
            #expect(memory.region(of: UInt64.self, at: 0, count: 1_024)[5] == 0)
        }
        let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        #expect(after == before)
    }

    @Test func `Memory whose size could change is not taken`() throws {
        // O_TMPFILE, which is a macro of several parts.
        let number = unsafe open("/tmp", 0o20200000 | O_RDWR | O_CLOEXEC, 0o600)
        _ = ftruncate(number, 4_096)
        #expect(throws: SystemCallError.self) { try SharedMemory(adopting: OwnedDescriptor(number)) }
    }

    @Test func `An unknown user is named`() {
        do {
            _ = try SystemUser(named: "no-such-user")
            Issue.record("it was found")
        } catch {
            #expect(error.isMissing)
            #expect(error.description.contains("no-such-user"))
        }
    }
}
