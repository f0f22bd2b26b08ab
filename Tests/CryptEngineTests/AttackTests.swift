import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import Testing

extension EngineTests {
    @Test(arguments: [Protection.conf, .auth])
    func `Changed, repeated and foreign datagrams are dropped and counted`(_ protection: Protection) throws {
        try Self.with { engines in
            let secret = randomSecret()
            let base: UInt32 = 4_096
            try engines.send(engines.a, to: engines.b, spiBase: base, secret: secret, protection: protection)
            // 1. Catch a packet while its receiver knows nothing of it yet.
            let under = try #require(try engines.b.netlink.link(named: "under")).index
            let listener = try FrameSocket(in: engines.b.namespace, device: under)
            let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_000)
            let right = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: 9_000)
            left.connect("10.9.0.2", port: 9_000)
            let words: [UInt8] = Array("sixteen bytes ok".utf8)
            left.send(words)
            let frame = try #require(
                listener.receive(milliseconds: 1_000) { $0.count > 60 && Array($0[36..<38]) == [0x11, 0x94] })
            let packet = Array(frame[42...])
            #expect(packet[0..<4].elementsEqual([0, 0, 0x10, 0]))
            #expect(try engines.b.drops(.receive, "unknown-spi") == 1)
            #expect(packet.firstRange(of: words) != nil || protection == .conf)

            // 2. Then the receiver gets its keys, and an attacker who has none sends.
            try engines.b.client().install(
                ReceiveGroup(
                    slot: TwoEngines.receiveSlot, spiBase: base, protection: protection, queues: 1,
                    secret: try wireSecret(secret)))
            let attacker = try InnerSocket(in: engines.a.namespace, "192.0.2.1", port: 9_999)
            attacker.connect("192.0.2.2", port: 4_500)
            var sent = 0
            for byte in packet.indices {
                for bit in 0..<8 {
                    var changed = packet
                    changed[byte] ^= 1 << UInt8(bit)
                    attacker.send(changed)
                    sent += 1
                }
                usleep(200)
            }
            for count in 1..<packet.count {
                attacker.send(Array(packet.prefix(count)))
                sent += 1
            }
            attacker.send(packet + [0, 0, 0, 0])
            sent += 1
            #expect(right.receive(milliseconds: 200) == nil)
            let drops = try engines.b.client().drops().filter { $0.direction == .receive }
            #expect(drops.reduce(0) { $0 + $1.count } == UInt64(sent) + 1)
            #expect(try engines.b.drops(.receive, "authentication") > UInt64(packet.count * 4))
            #expect(try engines.b.drops(.receive, "replay") == 0)

            // 3. The packet itself is good once, and only once.
            attacker.send(packet)
            #expect(right.receive(milliseconds: 1_000) == words)
            for _ in 0..<10 { attacker.send(packet) }
            #expect(right.receive(milliseconds: 200) == nil)
            #expect(try engines.b.drops(.receive, "replay") == 10)
            let group = try #require(try engines.b.client().counters(.receive).first)
            // Among the changed ones were numbers that nobody can have sent, such as zero.
            #expect(group.packets == 1)
            #expect(group.replayed == (try engines.b.drops(.receive, "too-old")) + 10)

            // 4. Garbage of every length.
            var generator = SystemRandomNumberGenerator()
            for count in 0..<1_400 {
                attacker.send((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
            }
            #expect(right.receive(milliseconds: 200) == nil)
            try engines.send(engines.a, to: engines.b, spiBase: base, secret: secret, protection: protection)
            left.send(words)
            #expect(right.receive(milliseconds: 1_000) == words)
        }
    }

    @Test func `Only root and the engine's own user may control it`() throws {
        try Self.with { engines in
            // Mode 0600 keeps others out; who gets in all the same, by a mode that somebody changed, is refused.
            try run("chmod", "0666", engines.a.control)
            let text = try run(
                "setpriv", "--reuid", "2", "--clear-groups", "/usr/bin/python3", "-c",
                """
                import socket, struct
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.connect("\(engines.a.control)")
                try:
                    s.send(b"PBCE" + struct.pack(">HHII", 1, 1, 16, 1))
                except BrokenPipeError:
                    pass
                # What was not read when the engine closed is an error first; its answer is there all the same.
                for attempt in range(2):
                    try:
                        print(s.recv(4096))
                    except ConnectionResetError:
                        continue
                    break
                """)
            #expect(text.contains("may not control"))
            #expect(try engines.a.client().info().phase == .running)
        }
    }

    @Test func `Malformed control messages are refused and the connection goes on`() throws {
        try Self.with { engines in
            let text = try run(
                "/usr/bin/python3", "-c",
                """
                import socket, struct, os
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.connect("\(engines.a.control)")
                refused = 0
                for kind in range(0, 40):
                    for size in (16, 17, 40, 200, 4000):
                        if kind in (1, 8, 9, 10, 11, 12, 14) and size == 16: continue
                        s.send(b"PBCE" + struct.pack(">HHII", 1, kind, size, 7) + os.urandom(size - 16))
                        if struct.unpack(">H", s.recv(4096)[6:8])[0] == 0x8002: refused += 1
                s.send(b"PBCE" + struct.pack(">HHII", 1, 1, 16, 8))
                print(refused, hex(struct.unpack(">H", s.recv(4096)[6:8])[0]))
                """)
            #expect(text == "193 0x8003\n")
        }
    }
}
