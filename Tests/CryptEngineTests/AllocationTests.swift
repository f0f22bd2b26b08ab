import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import Testing

extension EngineTests {
    /// Counted with a uprobe on malloc of the C library, in the packet threads only; `perf` and tracefs are needed.
    @Test(arguments: [Protection.conf, .auth])
    func `Packet threads allocate nothing while packets pass`(_ protection: Protection) throws {
        try Self.with { engines in
            try engines.connectBoth(protection: protection)
            if !FileManager.default.fileExists(atPath: "/sys/kernel/tracing/uprobe_events") {
                try run("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
            }
            let library = try #require(
                try run("sh", "-c", "ldconfig -p | awk '/libc.so.6/{print $NF; exit}'").split(separator: "\n").first)
            try run("perf", "probe", "-q", "-f", "-x", "\(library)", "--add", "pbB_malloc=malloc")
            defer { _ = try? run("perf", "probe", "-q", "--del", "probe_libc:pbB_malloc") }

            let server = try engines.b.serveTransfers()
            defer { try? engines.b.end(server, SIGTERM) }
            // The first packets of a kind may make the runtime's own tables.
            let probe = try Probe(engines)
            try run("ip", "netns", "exec", "pbB-a", "iperf3", "-c", "10.9.0.2", "-t", "1")
            _ = probe.finish()
            usleep(200_000)
            let small = try Probe(engines, port: 9_200)
            var threads: [String] = []
            for side in [engines.a, engines.b] {
                let tasks = "/proc/\(side.process.pid)/task"
                for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                    let name = try String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
                    if name.hasPrefix("seal-") || name.hasPrefix("open-") { threads.append(task) }
                }
            }
            #expect(threads.count == 4)
            let before = try packets(engines)
            let text = try run(
                "perf", "stat", "-x", ",", "-e", "probe_libc:pbB_malloc", "-t", threads.joined(separator: ","), "ip",
                "netns", "exec", "pbB-a", "iperf3", "-c", "10.9.0.2", "-t", "3")
            let passed = try packets(engines) - before
            let report = small.finish()
            let line = try #require(text.split(separator: "\n").first { $0.contains("pbB_malloc") })
            let calls = try #require(Int(line.prefix { $0 != "," }))
            print("\(protection): \(calls) calls of malloc while \(passed) packets passed; small ones: \(report)")
            #expect(passed > 100_000)
            #expect(calls == 0)
        }
    }

    private func packets(_ engines: TwoEngines) throws -> UInt64 {
        try engines.b.client().counters(.receive).reduce(0) { $0 + $1.packets }
            + engines.a.client().counters(.receive).reduce(0) { $0 + $1.packets }
    }
}
