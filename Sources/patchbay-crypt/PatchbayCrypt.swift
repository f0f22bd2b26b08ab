internal import AEAD
public import ArgumentParser
internal import CryptClient
internal import CryptEngine
public import Logging
internal import MetricsEndpoint
internal import NetTypes
internal import PrometheusMetrics
public import StructuredLog

/// The engine of protected wires: parses, composes, runs.
@main
struct PatchbayCrypt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patchbay-crypt",
        abstract: "The engine of protected wires: ESP in UDP between hosts, TAP to the host's kernel path.",
        discussion: """
            The leaf starts it and gives it keys through the control socket; no key is ever an argument or in a log.

              patchbay-crypt run --control /run/patchbay/crypt.sock --device pb-crypt --queues 2 \\
                --locator 192.0.2.1 --user patchbay
              patchbay-crypt run --control /run/patchbay/crypt.sock --take-over --user patchbay

            The second takes the place of the first without losing a packet.
            """,
        subcommands: [Run.self])

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Run the engine.")

        @Option(help: "The path of the control socket.")
        var control: String

        @Option(help: "The TAP device that leads to the kernel path.")
        var device = "patchbay-crypt"

        @Option(help: "The MTU of the TAP device.")
        var deviceMTU = 9_000

        @Option(help: "Packet threads of either direction: 1, 2, 4 or 8.")
        var queues = 1

        @Option(help: "An address of this host on the underlay; once for each family.")
        var locator: [String] = []

        @Option(help: "The UDP port at which engines receive.")
        var port: UInt16 = 4_500

        @Option(help: "How many wires the host can have in one direction.")
        var capacity = 4_096

        @Option(help: "The cipher's implementation: ipsec-mb or openssl (default: the fastest that works).")
        var backend: String?

        @Option(help: "How often packet threads look for packets, at most, before they sleep; 0 sleeps at once.")
        var busyPoll = EngineConfiguration.defaultBusyPoll

        @Option(help: "The user to become once everything is open.")
        var user: String?

        @Flag(help: "Wait for the descriptors of an engine that died, which the leaf kept.")
        var adopt = false

        @Flag(help: "Take everything over from the engine that runs at the control socket.")
        var takeOver = false

        @Option(help: "The least severe messages to log: trace, debug, info, notice, warning, error or critical.")
        var logLevel: Logger.Level = .notice

        @Option(help: "How the log is written to standard error: text, or json with one object a line.")
        var logFormat = LogFormat.text

        @Option(
            help:
                "An address and port where metrics and health are shown to whoever can connect; nowhere when left out.",
            transform: { try MetricsAddress(parsing: $0) })
        var metrics: MetricsAddress?

        func validate() throws {
            guard !(adopt && takeOver) else { throw ValidationError("--adopt and --take-over exclude each other.") }
            if let backend, CipherBackend(rawValue: backend) == nil {
                let known = CipherBackend.allCases.map(\.rawValue).joined(separator: " or ")
                throw ValidationError("--backend \(backend): \(known).")
            }
        }

        func run() throws {
            var configuration = EngineConfiguration(controlPath: control)
            configuration.device = device
            configuration.deviceMTU = deviceMTU
            configuration.queues = queues
            configuration.locators = try locator.map { try IPAddress(parsing: $0) }
            configuration.port = port
            configuration.capacity = capacity
            configuration.backend = backend.flatMap { CipherBackend(rawValue: $0) }
            configuration.busyPoll = busyPoll
            configuration.user = user
            configuration.start = adopt ? .adopt : takeOver ? .takeOver : .fresh
            let logger = logFormat.logger("crypt", level: logLevel)
            let server = try EngineServer(configuration: configuration, logger: logger)
            if let metrics { showMetrics(at: metrics, of: try EngineClient(server.ownConnection()), logger) }
            server.run()
        }

        /// Shows metrics, on threads of their own and without any privilege: it asks by a control connection, as
        /// everyone does, and shares nothing with the packet threads.
        private func showMetrics(at metrics: MetricsAddress, of client: EngineClient, _ logger: Logger) {
            let counted = CryptMetrics(control: control, client: client)
            ProcessMetrics.collect(in: counted.registry, program: "patchbay-crypt", version: CryptMetrics.version)
            let endpoint = MetricsEndpoint(on: metrics, registry: counted.registry, logger: logger) {
                Readiness([.init("engine", problem: await counted.problem())])
            }
            Task {
                // A predecessor keeps the address until it has ended. Packets do not wait for metrics.
                for attempt in 0..<60 {
                    do { return try await endpoint.run() } catch {
                        if attempt == 59 { logger.error("no metrics", metadata: ["error": "\(error)"]) }
                        try? await Task.sleep(for: .seconds(1))
                    }
                }
            }
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
