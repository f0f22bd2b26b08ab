import Foundation
import Testing

/// A packet made by hand, and whether it is to reach its destination's interface.
struct Case: Sendable {
    /// Small letters, digits and dashes; stands in the packet, and tells it from all others.
    let token: String
    /// A Python expression of the packet over scapy's names; `six` and `four` are its IP headers.
    let packet: String
    let passes: Bool

    init(_ token: String, _ packet: String, _ passes: Bool) {
        self.token = token
        self.packet = packet
        self.passes = passes
    }

    /// The same packet, expected to arrive.
    var passing: Case { Case(token, packet, true) }
    /// And not to.
    var stopping: Case { Case(token, packet, false) }
}

extension TestLab {
    /// Sends packets from one endpoint to another, and expects those to arrive that may, and no other.
    ///
    /// The wire is plugged by the first of them, and policies travel: so all are sent again, for five seconds at most,
    /// until the expected ones have arrived.
    func expect(
        _ cases: [Case], from source: String, to destination: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let (from, to) = (try endpoint(source), try endpoint(destination))
        let watcher = try Command(to.inside + ["/usr/bin/python3", "-u", "-c", CaseScripts.watcher]).start()
        let ready = try await eventually(within: 10, every: 0.02) { watcher.output.contains("ready") }
        guard ready else { throw Command.Failed(description: "nobody watches: \(watcher.errors)") }
        let packets = cases.map { "ether/(\($0.packet))/Raw(b'tok:\($0.token);')" }.joined(separator: ", ")
        let frames = """
            (lambda ether, six, four: [\(packets)])(Ether(src="\(try from.mac())", dst="\(try to.mac())"), \
            IPv6(src="\(from.identity)", dst="\(to.identity)"), IP(src="\(from.ipv4)", dst="\(to.ipv4)"))
            """
        let expected = Set(cases.filter(\.passes).map(\.token))
        func arrived() -> Set<String> { Set(watcher.output.split(separator: "\n").dropFirst().map(String.init)) }
        let end = ContinuousClock.now + .seconds(5)
        repeat {
            try await send(frames: frames, on: "eth0", inside: from.inside)
            _ = try await eventually(within: 0.5, every: 0.02) { arrived().isSuperset(of: expected) }
        } while !arrived().isSuperset(of: expected) && ContinuousClock.now < end
        // What is not to arrive has had as long as what did, and a little more.
        try await Task.sleep(for: .milliseconds(200))
        let all = arrived()
        await watcher.stop()
        #expect(
            all == expected,
            """
            \(source) -> \(destination): missing \(expected.subtracting(all).sorted()), \
            not allowed \(all.subtracting(expected).sorted())
            """, sourceLocation: sourceLocation)
    }

    /// Sends a datagram to a port, and says what comes back: `answer`, `timeout` or the name of an error.
    func ask(from source: String, _ address: String, _ port: Int, bytes: Int = 5) async throws -> String {
        let words =
            try endpoint(source).inside + [
                "/usr/bin/python3", "-c", CaseScripts.ask, address, "\(port)", "\(bytes)",
            ]
        return try await Command(words).succeed().output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// The small programs of packets that are made by hand.
enum CaseScripts {
    /// Prints the token of every frame that comes in.
    static let watcher = """
        import re, socket
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 0))
        print("ready", flush=True)
        while True:
            frame, origin = s.recvfrom(65536)
            if origin[2] != 4:
                # An error quotes a packet that has a token too; its own is the last.
                found = re.findall(rb"tok:([-a-z0-9]+);", frame)
                if found: print(found[-1].decode(), flush=True)
        """

    /// Prints how many datagrams came in the third of a second after the first. Word: port.
    static let early = """
        import socket, sys, time
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.bind(("::", int(sys.argv[1]))); s.settimeout(5); print("ready", flush=True)
        s.recv(2000); end = time.monotonic() + 0.33; count = 1
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try: s.recv(2000); count += 1
            except socket.timeout: break
        print(count)
        """

    /// Sends a hundred datagrams of 1,300 bytes at once. Words: address, port.
    static let hundred = """
        import socket, sys
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        for _ in range(100): s.sendto(b"x" * 1300, (sys.argv[1], int(sys.argv[2])))
        """

    /// Asks once more after 0.3 s: the first datagram may have found a policy that was on its way. Words: address, port,
    /// bytes.
    static let ask = """
        import errno, socket, sys
        address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(0.4); outcome = "timeout"
        for attempt in range(3):
            try:
                s.connect((address, port)); s.send(b"x" * size); s.recv(65536); outcome = "answer"
            except socket.timeout: continue
            except OSError as e: outcome = errno.errorcode.get(e.errno, "error")
            break
        print(outcome)
        """
}
