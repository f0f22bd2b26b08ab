import ArgumentParser
import CBench
import Foundation
import Glibc
import LinuxKit
import Plugging
import Policy
import PolicyLanguage

/// What a document takes in memory, for each of its rules. A process of its own makes several copies and looks at its
/// resident bytes, so that nothing else of the benchmark is in the figure.
struct PolicyMemory {
    private let compiled: Double
    private let groups: Double
    private let held: Double

    static func measure() throws -> PolicyMemory {
        let numbers = try Running(["/proc/\(ChildProcess.ownID)/exe", "load", "memory"]).finish(seconds: 120)
            .loadNumbers(3)
        return PolicyMemory(compiled: numbers[0], groups: numbers[1], held: numbers[2])
    }

    /// Bytes for each rule: of the rules alone, with the groups that they name, and with the document from which a
    /// leaf compiles anew when the guardrails change.
    func readings(limit: Limit) -> [Reading] {
        let rules = Double(PolicyWorkload.rules)
        return [
            Reading(metric: .ruleMemory, value: (compiled - groups) / rules, limit: limit),
            Reading(metric: .ruleMemoryWithGroups, value: compiled / rules),
            Reading(metric: .ruleMemoryWithDocument, value: held / rules),
        ]
    }
}

extension Load {
    /// Says how many bytes one copy has of the compiled document, of the same without rules, and of what a leaf holds.
    struct Memory: ParsableCommand {
        private static let copies = 20

        func run() throws {
            let workload = try PolicyWorkload()
            // As a leaf has them: from the canonical form, without places in a text.
            let document = try Document(canonicalBytes: workload.canonicalBytes)
            let entries = PolicyDocument(tenant: try .init(parsing: "acme"), revision: 1)
            let bytes = try TenantPolicy(entries: entries, document: document).canonicalBytes
            let sizes = [
                try Self.bytes { CompiledPolicy(document) },
                try Self.bytes { CompiledPolicy(workload.groupsAlone) },
                try Self.bytes {
                    let policy = try TenantPolicy(canonicalBytes: bytes)
                    return (policy, PolicyInForce(policy))
                },
            ]
            say(sizes.map { UInt64(max(0, $0)) })
        }

        /// The resident bytes of one of several copies. What the allocator could give back is given back before.
        private static func bytes<Value>(_ make: () throws -> Value) throws -> Int {
            var kept: [Value] = []
            kept.reserveCapacity(copies)
            let before = try resident()
            for _ in 0..<copies { kept.append(try make()) }
            let after = try resident()
            guard kept.count == copies else { throw BenchError("copies are missing") }
            return (after - before) / copies
        }

        private static func resident() throws -> Int {
            bench_give_back()
            let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            guard fields.count > 1, let pages = Int(fields[1]) else {
                throw BenchError("/proc/self/statm is not understood")
            }
            return pages * Int(getpagesize())
        }
    }
}
