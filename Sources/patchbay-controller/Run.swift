public import ArgumentParser
import ControllerAPI
import DirectoryCore
import Foundation
import Logging
import MetricsEndpoint
import NetTypes
import ServiceLifecycle
public import StructuredLog
import Trust

/// Runs a controller until SIGTERM or SIGINT.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the controller of a data directory.")

    @Option(help: "The data directory, made by 'init'.")
    var data: String

    @Option(
        help: "An address and port of the REST API; may be given several times.",
        transform: { try ListenAddress(parsing: $0) })
    var listen: [ListenAddress] = []

    @Option(
        help: "An address and port for leaves; may be given several times.",
        transform: { try ListenAddress(parsing: $0) })
    var leafListen: [ListenAddress] = []

    @Option(
        help: "An address and port at which leaves find this controller, if others than it listens on.",
        transform: { try ListenAddress(parsing: $0) })
    var leafAdvertise: [ListenAddress] = []

    @Option(help: "The URL at which leaves enrol; the first --listen address when left out.")
    var url: String?

    @Option(
        help: """
            The URL under which people's browsers find the console, https://NAME[:PORT]; --url when left out. Passkeys \
            are bound to its name, and there are none behind an address.
            """)
    var consoleURL: String?

    @Option(
        help: """
            Where metrics and health are shown to whoever can connect: an address and port, or unix:PATH; may be given \
            several times. Nowhere when left out; /metrics of the REST API asks who is there.
            """,
        transform: { try MetricsAddress(parsing: $0) })
    var metrics: [MetricsAddress] = []

    @OptionGroup(title: "Lifetimes (like 90s, 30m, 12h, 7d)")
    var lifetimes: LifetimeOptions

    @OptionGroup(title: "Accounts of traffic")
    var retention: RetentionOptions

    @Option(
        help: "How much is logged: trace, debug, info, notice, warning, error or critical.",
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else { throw ValidationError("There is no such level.") }
            return level
        })
    var logLevel = Logger.Level.info

    @Option(help: "How the log is written to standard error: text, or json with one object a line.")
    var logFormat = LogFormat.text

    func run() async throws {
        let logger = logFormat.logger("patchbay-controller", level: logLevel)
        let parts: ControllerParts
        do {
            parts = try ControllerParts(
                places(), data: data, lifetimes: lifetimes.values(), retention: retention, logger: logger)
            try await parts.recover(logger)
        } catch let error as DirectoryError {
            throw CommandError(error.message, remedy: error.remedy)
        }
        var configuration = ServiceGroupConfiguration(
            services: parts.services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            let places = (listen + leafListen).map(\.description).joined(separator: ", ")
            throw CommandError(
                "The controller ended: \(error).",
                remedy:
                    "If one of its addresses (\(places)) is in use, end the other program or choose another address.")
        }
        try parts.store.close()
    }

    /// Where it listens, and what it tells others of that.
    private func places() throws -> ControllerPlaces {
        let listen = self.listen.isEmpty ? [Self.defaultListen] : self.listen
        let leafListen = self.leafListen.isEmpty ? [Self.defaultLeafListen] : self.leafListen
        let advertised = leafAdvertise.isEmpty ? leafListen.filter { !$0.isWildcard } : leafAdvertise
        guard !advertised.isEmpty else {
            throw CommandError(
                "Leaves cannot connect to \(leafListen.map(\.description).joined(separator: ", ")) by that name.",
                remedy: "Give --leaf-advertise ADDRESS:PORT.")
        }
        guard let url = url ?? listen.first(where: { !$0.isWildcard }).map({ "https://\($0)" }) else {
            throw CommandError(
                "Leaves cannot enrol at \(listen.map(\.description).joined(separator: ", ")) by that name.",
                remedy: "Give --url https://ADDRESS:PORT.")
        }
        return ControllerPlaces(
            listen: listen, leafListen: leafListen, advertised: advertised, url: url, consoleURL: try console(url),
            metrics: metrics)
    }

    /// The console's URL without a slash at its end.
    private func console(_ url: String) throws -> String {
        guard let given = consoleURL else { return url }
        let plain = String(given.hasSuffix("/") ? given.dropLast() : given[...])
        guard let parts = URLComponents(string: plain), parts.scheme == "https", parts.host?.isEmpty == false,
            parts.path.isEmpty, parts.query == nil, parts.fragment == nil, parts.user == nil
        else {
            throw CommandError(
                "'\(given)' is no URL of the console.", remedy: "Give --console-url https://NAME or https://NAME:PORT.")
        }
        return plain
    }

    private static let defaultListen = ListenAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 7443)
    private static let defaultLeafListen = ListenAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 7444)
}

extension LogFormat: ExpressibleByArgument {}
