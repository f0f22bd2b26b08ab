import Foundation
import LeafProtocol
import NetTypes
import Testing
import Trust

/// Where a wire's secret is left once the leaves have exchanged it.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func noSecretStaysInTheMemoryOfLeafOrEngine() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/batch1", "acme/web2", "--security", "conf")
        let leaf = try LeafID(parsing: try #require(try await lab.json("host", "show", "h2")["id"].string))
        let batch1 = try Identity(parsing: try lab.endpoint("acme/batch1").identity)
        let web2 = try Identity(parsing: try lab.endpoint("acme/web2").identity)
        let facts = try await HostileLeaf(of: "h2").facts(of: batch1, asking: web2)
        // The other leaf is this test, so that both directions' secrets are known here.
        let own = (0..<32).map { _ in UInt8.random(in: 0...255) }
        let answer = try await HostileLeaf(of: "h3").plug(
            facts, to: web2, at: leaf, lab.host("h2").locator, security: .conf, reverse: .conf,
            keys: .with {
                $0.spiBase = 65_536
                $0.secret = Data(own)
            })
        #expect(answer.plugged && answer.keys.secret.count == 32, "\(answer.reason) \(answer.detail)")
        let leafProcess = try await Command(["pgrep", "-f", "patchbay-leaf run --state /run/patchbay/lab/h2"]).succeed()
        let engine = try await Command(["pgrep", "-f", "patchbay-crypt run --control /run/patchbay/lab/h2/"]).succeed()
        // Blocks that a thread keeps for itself are not overwritten: chance decides for how long, so this is asked first.
        let pid = leafProcess.output.split(separator: "\n").first.map(String.init) ?? ""
        let environment = try Data(contentsOf: URL(filePath: "/proc/\(pid)/environ"))
        let keepsNothing = String(decoding: environment, as: UTF8.self).contains("glibc.malloc.tcache_count=0")
        #expect(keepsNothing, "the leaf was not started with GLIBC_TUNABLES")
        var left: [String: Int] = [:]
        let isGone = try await eventually(within: 30, every: 0.5) {
            left = [:]
            for (name, text) in [("leaf", leafProcess.output), ("engine", engine.output)] {
                let process = text.split(separator: "\n").first.map(String.init) ?? ""
                left["\(name), received"] = try await Self.count(Data(own), in: process)
                left["\(name), sent"] = try await Self.count(answer.keys.secret, in: process)
            }
            return left.values.allSatisfy { $0 == 0 }
        }
        #expect(isGone, "\(left)")
        // The scan finds what is there: a leaf has its host's name in memory.
        #expect(try await Self.count(Data("/run/patchbay/lab/h2".utf8), in: pid) > 0)
    }

    /// glibc takes the tunables out of such a program's environment: it would start itself for ever.
    @Test(.timeLimit(.minutes(1))) func aLeafWithASetIDBitSaysWhyItDoesNotStart() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("pbi-leaf-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await Command(["cp", "\(TestLab.programDirectory)/patchbay-leaf", file]).succeed()
        try await Command(["chown", "0:1", file]).succeed()
        try await Command(["chmod", "2755", file]).succeed()
        let refused = try await Command([file, "--version"]).run(seconds: 10)
        #expect(refused.status == 1 && refused.errors.contains("chmod ug-s"), "\(refused)")
        try await Command(["chmod", "ug-s", file]).succeed()
        try await Command([file, "--version"]).succeed(seconds: 10)
    }

    /// How often bytes stand in the memory of a process.
    private static func count(_ bytes: Data, in process: String) async throws -> Int {
        let script = """
            import sys
            process, found, sought = sys.argv[1], 0, bytes.fromhex(sys.argv[2])
            with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
                for line in maps:
                    place, rights, name = line.split()[0], line.split()[1], line.split()[5:]
                    if rights[0] != "r" or name in (["[vvar]"], ["[vsyscall]"]):
                        continue
                    start, end = (int(part, 16) for part in place.split("-"))
                    try:
                        memory.seek(start)
                        kept = b""
                        while start < end:
                            piece = memory.read(min(1 << 20, end - start))
                            if not piece:
                                break
                            found += (kept + piece).count(sought)
                            kept = piece[-len(sought) + 1:]
                            start += len(piece)
                    except (OSError, OverflowError):
                        continue
            print(found)
            """
        let hex = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let finished = try await Command(["/usr/bin/python3", "-c", script, process, hex]).succeed()
        return try #require(Int(finished.output.trimmingCharacters(in: .whitespacesAndNewlines)), "\(finished)")
    }
}
