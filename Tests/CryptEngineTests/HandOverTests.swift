import CryptClient
import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import Testing

extension EngineTests {
    @Test(arguments: [1, 2])
    func `A successor takes over without losing a packet`(_ queues: Int) throws {
        try Self.with(queues: (queues, queues)) { engines in
            try engines.connectBoth()
            let probe = try Probe(engines)
            usleep(500_000)
            for round in 1...3 {
                for side in [engines.a, engines.b] {
                    let former = side.process
                    let before = try side.client(of: former).info()
                    side.process = try side.launch(["--take-over", "--user", "nobody"])
                    let info = try side.client().info()
                    #expect(info.generation == before.generation + 1)
                    #expect(info.device == before.device && info.port == before.port)
                    let end = ContinuousClock.now + .seconds(5)
                    var code: Int32?
                    while code == nil, ContinuousClock.now < end {
                        code = try former.poll()
                        usleep(1_000)
                    }
                    #expect(code == 0, "round \(round): the former engine ends by itself")
                    usleep(200_000)
                }
            }
            let report = probe.finish()
            print("take-over six times, \(queues) queues: \(report)")
            #expect(report.lost == 0)
            #expect(report.duplicates == 0)
            #expect(report.reordered == 0)
            #expect(report.sent > 10_000)
        }
    }

    @Test func `After kill -9 an engine goes on with what the leaf kept`() throws {
        try Self.with { engines in
            try engines.connectBoth()
            let secret = try engines.a.client().counters(.transmit)
            let kept = try engines.a.client().descriptors()
            let probe = try Probe(engines)
            usleep(500_000)
            let start = ContinuousClock.now
            try engines.a.end(engines.a.process, SIGKILL)
            engines.a.process = try engines.a.launch(["--adopt", "--user", "nobody"])
            let client = try engines.a.client()
            #expect(try client.info().phase == .waiting)
            #expect(throws: EngineClientError.self) { try client.counters(.transmit) }
            try client.adopt(kept)
            let time = ContinuousClock.now - start
            let info = try client.info()
            #expect(info.phase == .running && info.generation == 2)
            usleep(500_000)
            let report = probe.finish()
            print("kill -9, start and adopt in \(time): \(report)")
            #expect(time < .seconds(1))
            #expect(report.longestGap < 1_000_000_000)
            // The TAP's queue holds 1,000 packets, a tenth of a second; what is beyond is lost, and nothing else.
            #expect(report.lost < 5_000)
            #expect(report.duplicates == 0 && report.reordered == 0)
            let groups = try client.counters(.transmit)
            #expect(groups.first?.spiBase == secret.first?.spiBase)
            #expect(try engines.b.drops(.receive, "replay") == 0)
            #expect(try engines.b.drops(.receive, "authentication") == 0)
        }
    }

    /// Bytes that a process has locked in memory, whether they are touched or not.
    private static func lockedByteCount(_ process: ChildProcess) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        let number = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
        return number * 1_024
    }

    @Test func `Keys stay out of swap, whoever has them`() throws {
        try Self.with { engines in
            // Less than any table, as the limit is where nobody raised it. What a process may raise it to stays.
            let low = ["prlimit", "--memlock=65536:"]
            let table = try Self.lockedByteCount(engines.a.process)
            #expect(table > 65_536)
            let former = engines.a.process
            engines.a.process = try engines.a.launch(["--take-over", "--user", "nobody"], by: low)
            let kept = try engines.a.client().descriptors()
            while try former.poll() == nil { usleep(1_000) }
            #expect(try Self.lockedByteCount(engines.a.process) == table)
            try engines.a.end(engines.a.process, SIGKILL)
            engines.a.process = try engines.a.launch(["--adopt", "--user", "nobody"], by: low)
            try engines.a.client().adopt(kept)
            #expect(try Self.lockedByteCount(engines.a.process) == table)
            #expect(try !engines.a.logText().contains("swap"))
        }
    }

    @Test func `An engine that may not lock its table says so and works`() throws {
        try Self.with { engines in
            let without = [
                "setpriv", "--bounding-set=-ipc_lock,-sys_resource", "prlimit", "--memlock=65536:65536",
            ]
            let former = engines.a.process
            engines.a.process = try engines.a.launch(["--take-over", "--user", "nobody"], by: without)
            #expect(try engines.a.client().info().phase == .running)
            while try former.poll() == nil { usleep(1_000) }
            #expect(try Self.lockedByteCount(engines.a.process) == 0)
            let said = try engines.a.logText()
            #expect(said.contains("keys may get into swap") && said.contains("RLIMIT_MEMLOCK"), "\(said)")
        }
    }

    @Test func `A successor that dies on the way changes nothing`() throws {
        try Self.with { engines in
            try engines.connectBoth()
            let process = engines.a.process
            // An unknown user is refused before the running engine is asked for anything.
            let failing = try engines.a.launch(["--take-over", "--user", "no-such-user"])
            var code: Int32?
            while code == nil {
                code = try failing.poll()
                usleep(1_000)
            }
            #expect(code != 0)
            #expect(try engines.a.logText().contains("no-such-user"))
            #expect(try engines.a.client(of: process).info().generation == 1)
            let probe = try Probe(engines)
            usleep(200_000)
            #expect(probe.finish().lost == 0)
        }
    }

    @Test func `A second engine at the same path is refused`() throws {
        try Self.with { engines in
            let second = try engines.a.launch(["--device", "other", "--locator", "\(engines.a.underlay)"])
            var code: Int32?
            while code == nil {
                code = try second.poll()
                usleep(1_000)
            }
            #expect(code != 0)
            #expect(try engines.a.logText().contains("Address already in use"))
            #expect(try engines.a.client().info().phase == .running)
        }
    }
}
