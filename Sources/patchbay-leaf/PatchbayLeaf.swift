public import ArgumentParser
import CoreMetrics
import Foundation
import LeafAgent
import LinuxKit
public import Logging
import MetricsEndpoint
import NetTypes
import PrometheusMetrics
import ServiceLifecycle
public import StructuredLog

/// The agent of a host: parses, composes, runs.
@main
struct PatchbayLeaf: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patchbay-leaf",
        abstract: "The Patchbay agent of a host: ports, wires and addressing.",
        discussion: """
            A host joins a platform once, with a token that 'patchbay host create NAME' prints, and then runs:

              patchbay-leaf join --token TOKEN --state /var/lib/patchbay/leaf
              patchbay-leaf run --state /var/lib/patchbay/leaf --underlay eth0 --pins /sys/fs/bpf/patchbay

            Stopping the agent leaves ports and wires in the kernel as they are; the next start takes them over. \
            'patchbay-leaf clear' removes them.
            """,
        version: LeafVersion.text,
        subcommands: [Join.self, Run.self, Clear.self])

    /// Secrets of wires pass through the heap of 'run', so the program has itself started with a heap that clears them. On
    /// the main thread, as nothing has been awaited yet.
    @MainActor static func main() async {
        do {
            guard !FreedMemory.cannotBeChosen else {
                throw LeafError(
                    "The file of this program has capabilities or a set-id bit, with which it cannot have its heap cleared",
                    remedy: "Take them away (setcap -r, chmod ug-s) and run patchbay-leaf as root.")
            }
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            try FreedMemory.restartWithoutThreadCaches(program: own)
        } catch { exit(withError: error) }
        await main(nil)
    }

    struct Join: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make this host a leaf of a platform.")

        @Option(help: "The token, or '-' to read it from standard input, where no process list shows it.")
        var token: String

        @Option(help: "The directory of the leaf's own files.")
        var state = "/var/lib/patchbay/leaf"

        func run() async throws {
            let text = token == "-" ? readLine() ?? "" : token
            let host = try await Enrolment.join(token: text, stateDirectory: state)
            print("This host is now the leaf '\(host)'.")
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close the ports and cut the wires that a stopped agent has left, and end its ESP engine.")

        @Option(help: "The directory of the leaf's own files.")
        var state = "/var/lib/patchbay/leaf"

        @Option(help: "The directory on a bpffs where maps and links are pinned.")
        var pins = "/sys/fs/bpf/patchbay"

        func run() async throws {
            try await LeafRemains.clear(stateDirectory: state, pinDirectory: pins)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Run the agent.")

        @Option(help: "The directory of the leaf's own files.")
        var state = "/var/lib/patchbay/leaf"

        @Option(help: "The device that leads to the other hosts.")
        var underlay: String

        @Option(help: "The underlay address at which this leaf receives (default: the device's first).")
        var locator: String?

        @Option(help: "The directory on a bpffs where maps and links are pinned.")
        var pins = "/sys/fs/bpf/patchbay"

        @Option(help: "The TCP port at which other leaves ask for wires.")
        var plugPort: UInt16 = 7471

        @Option(help: "Remove a wire that carried nothing for this many seconds.")
        var idleSeconds = 300

        @Option(help: "How many wires the host can have in one direction.")
        var maxWires: UInt32 = 1 << 20

        @Option(help: "Tell the controller every so many seconds what the wires have counted.")
        var accountSeconds = 10

        @OptionGroup(title: "Protected wires")
        var protection: ProtectionOptions

        @Option(help: "The least severe messages to log: trace, debug, info, notice, warning, error or critical.")
        var logLevel: Logger.Level = .notice

        @Option(help: "How the log is written to standard error: text, or json with one object a line.")
        var logFormat = LogFormat.text

        @Option(
            help: """
                Where metrics and health are shown to whoever can connect: an address and port, or unix:PATH; may be \
                given several times. Nowhere when left out.
                """,
            transform: { try MetricsAddress(parsing: $0) })
        var metrics: [MetricsAddress] = []

        func validate() throws {
            guard idleSeconds > 0 else { throw ValidationError("--idle-seconds must be at least 1.") }
            guard (1...3_600).contains(accountSeconds) else {
                throw ValidationError("--account-seconds must be 1 to 3600.")
            }
            guard plugPort > 0 else { throw ValidationError("--plug-port must be 1 to 65535.") }
            guard maxWires > 0 else { throw ValidationError("--max-wires must be at least 1.") }
        }

        func run() async throws {
            var configuration = LeafConfiguration(
                stateDirectory: state, underlayDevice: underlay, pinDirectory: pins)
            configuration.locator = try locator.map { try IPAddress(parsing: $0) }
            configuration.plugPort = plugPort
            configuration.idleSeconds = idleSeconds
            configuration.maxWires = maxWires
            configuration.accountSeconds = accountSeconds
            configuration.engine = protection.settings()
            configuration.engine.logFormat = logFormat.rawValue
            let logger = logFormat.logger("leaf", level: logLevel)
            let counted = LeafMetrics()
            MetricsSystem.bootstrap(counted.registry)
            ProcessMetrics.collect(in: counted.registry, program: "patchbay-leaf", version: LeafVersion.text)
            let endpoints = metrics.map { address in
                MetricsEndpoint(on: address, registry: counted.registry, logger: logger) {
                    Readiness(await counted.checks().map { .init($0.name, problem: $0.problem) })
                }
            }
            let group = ServiceGroup(
                configuration: .init(
                    services: endpoints.map { .init(service: $0) } + [
                        .init(service: Leaf(configuration: configuration, metrics: counted, logger: logger))
                    ],
                    gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
            try await group.run()
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
