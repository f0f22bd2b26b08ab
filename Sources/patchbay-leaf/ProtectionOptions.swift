import ArgumentParser
import Foundation
import LeafAgent
import MetricsEndpoint

/// How the ESP engine is run, and when wires get new keys.
struct ProtectionOptions: ParsableArguments {
    @Option(help: "The ESP engine (default: patchbay-crypt beside this program).")
    var cryptProgram: String?

    @Flag(help: "Run without an ESP engine: wires that are to be protected are refused.")
    var noCrypt = false

    @Option(help: "The TAP device between the kernel and the engine.")
    var cryptDevice = "patchbay-crypt"

    @Option(help: "Packet threads of either direction: 1, 2, 4 or 8 (default: by the number of processors).")
    var cryptQueues: Int?

    @Option(help: "The UDP port at which engines receive.")
    var cryptPort: UInt16 = 4_500

    @Option(help: "How many protected wires the host can have in one direction.")
    var cryptCapacity = 65_536

    @Option(help: "The cipher's implementation: ipsec-mb or openssl (default: the fastest that works).")
    var cryptBackend: String?

    @Option(
        help: "How often packet threads look for packets before they sleep, at most (default: the engine's choice).")
    var cryptBusyPoll: Int?

    @Option(help: "The user that the engine becomes once everything is open.")
    var cryptUser = "nobody"

    @Option(
        help: "An address and port where the engine shows its metrics to whoever can connect; nowhere when left out.",
        transform: { try MetricsAddress(parsing: $0) })
    var cryptMetrics: MetricsAddress?

    @Option(
        help: "After how long a protected wire gets new keys, like 600ms, 90s, 15m or 8h (default: 1h).",
        transform: Self.duration)
    var rekeyAge: Duration = .seconds(3_600)

    @Option(help: "After how many packets a protected wire gets new keys, at the latest.")
    var rekeyPackets: UInt64 = 1 << 31

    @Option(help: "After how many bytes a protected wire gets new keys, at the latest.")
    var rekeyBytes: UInt64 = 1 << 40

    func validate() throws {
        if let cryptQueues, ![1, 2, 4, 8].contains(cryptQueues) {
            throw ValidationError("--crypt-queues \(cryptQueues): 1, 2, 4 or 8.")
        }
        if let cryptBackend, !["ipsec-mb", "openssl"].contains(cryptBackend) {
            throw ValidationError("--crypt-backend \(cryptBackend): ipsec-mb or openssl.")
        }
        guard (1...1 << 16).contains(cryptCapacity) else {
            throw ValidationError("--crypt-capacity must be 1 to 65536.")
        }
        if let cryptBusyPoll, !(0...1_000_000).contains(cryptBusyPoll) {
            throw ValidationError("--crypt-busy-poll \(cryptBusyPoll): 0 to 1000000 looks.")
        }
        guard cryptPort > 0 else { throw ValidationError("--crypt-port must be 1 to 65535.") }
        guard rekeyPackets > 0, rekeyPackets <= 1 << 31 else {
            throw ValidationError("--rekey-packets must be 1 to 2147483648: one key is never used for 2^32 packets.")
        }
        guard rekeyBytes > 0 else { throw ValidationError("--rekey-bytes must be at least 1.") }
    }

    /// The settings.
    func settings() -> EngineSettings {
        var settings = EngineSettings()
        settings.program = noCrypt ? nil : cryptProgram ?? Self.beside("patchbay-crypt")
        settings.device = cryptDevice
        settings.queues = cryptQueues
        settings.port = cryptPort
        settings.capacity = cryptCapacity
        settings.backend = cryptBackend
        settings.busyPoll = cryptBusyPoll
        settings.user = cryptUser
        settings.metrics = cryptMetrics?.description
        settings.rekeyAge = rekeyAge
        settings.rekeyPackets = rekeyPackets
        settings.rekeyBytes = rekeyBytes
        return settings
    }

    private static func beside(_ name: String) -> String? {
        guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        let path = (own as NSString).deletingLastPathComponent + "/" + name
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    @Sendable private static func duration(_ text: String) throws -> Duration {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            guard let count = Int64(text.dropLast(unit.count)), (1...1_000_000).contains(count) else { continue }
            let age = Duration.milliseconds(count * milliseconds)
            guard age >= .milliseconds(100), age <= .seconds(86_400) else { break }
            return age
        }
        throw ValidationError("'\(text)' is not a time from 100ms to 24h; write it like 600ms, 90s, 15m or 8h.")
    }
}
