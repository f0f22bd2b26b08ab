import ControllerAPI
import CoreMetrics
import DirectoryCore
import Foundation
import Logging
import MetricsEndpoint
import NetTypes
import PrometheusMetrics
import ServiceLifecycle
import StoreSQLite
import Trust

/// Where a controller listens, and what it tells others of that.
struct ControllerPlaces {
    var listen: [ListenAddress]
    var leafListen: [ListenAddress]
    var advertised: [ListenAddress]
    var url: String
    var consoleURL: String
    /// Where metrics and health are shown, to whoever can connect.
    var metrics: [MetricsAddress] = []

    /// The addresses that are names in the controller's certificate.
    var certified: [IPAddress] {
        var addresses: [IPAddress] = []
        for place in listen + leafListen + advertised where !place.isWildcard && !addresses.contains(place.address) {
            addresses.append(place.address)
        }
        return addresses
    }
}

/// The services of a controller, put together.
struct ControllerParts {
    /// In the order of their starts; they are shut down the other way round.
    let services: [any Service]
    /// To be closed when all services have ended.
    let store: SQLiteStore
    private let directory: Directory
    private let restoration: Restoration?

    /// How long a former host has to let go of an endpoint, in seconds.
    private static let moveDeadline: Int64 = 3

    init(
        _ places: ControllerPlaces, data: String, lifetimes: Lifetimes, retention: RetentionOptions, logger: Logger
    ) throws {
        let platform = try Platform.open(dataDirectory: data, lifetimes: lifetimes)
        store = try SQLiteStore(path: platform.storePath)
        var configuration = DirectoryConfiguration()
        configuration.moveDeadline = Self.moveDeadline
        retention.apply(to: &configuration)
        restoration = try Restoration(of: data)
        configuration.unnoted = restoration?.unnoted
        let metrics = ControllerMetrics()
        MetricsSystem.bootstrap(metrics.registry)
        let directory = Directory(
            platform: platform, store: MeasuredStore(store, metrics), configuration: configuration, now: Machine.now,
            random: Machine.random)
        self.directory = directory
        let settings = ControllerSettings(
            version: PatchbayController.version, url: places.url, consoleURL: places.consoleURL,
            leafAddresses: places.advertised.map(\.description), serverName: platform.name.controllerHost,
            now: Machine.now)
        let identity = try ControllerIdentity(
            platform: platform, addresses: places.certified, consoleURL: places.consoleURL, now: Machine.now,
            logger: logger)
        let leaves = LeafHub(directory: directory, logger: logger)
        let events = EventHub(directory: directory, leaves: leaves, logger: logger)
        let responder = RESTService.responder(
            directory: directory, leaves: leaves, settings: settings, metrics: metrics, events: events,
            logger: logger)
        ProcessMetrics.collect(
            in: metrics.registry, program: "patchbay-controller", version: PatchbayController.version)
        metrics.collect(directory, leaves, identity)
        var services: [any Service] = [leaves, events, identity]
        services.append(DirectoryUpkeep(directory: directory, leaves: leaves, logger: logger))
        for address in places.metrics {
            services.append(
                MetricsEndpoint(on: address, registry: metrics.registry, logger: logger) {
                    await Self.readiness(directory)
                })
        }
        let leafServers = try places.leafListen.map { address in
            try LeafServer(
                directory: directory, leaves: leaves, settings: settings, on: address, identity: identity,
                logger: logger)
        }
        let notice = ReadyNotice(apiServers: places.listen.count, leafServers: leafServers, logger: logger)
        services += leafServers
        for address in places.listen {
            services.append(
                try RESTService.server(responder, on: address, identity: identity, logger: logger) { _ in
                    notice.apiListens()
                })
        }
        services.append(notice)
        self.services = services
        try ControllerFile(platform, places).write(to: data)
        logger.info(
            "controller of platform \(platform.name.globalID)",
            metadata: [
                "url": "\(places.url)", "leaves": "\(settings.leafAddresses.joined(separator: ", "))",
                "data": "\(data)",
            ])
    }

    /// Brings a directory that was restored ahead of what leaves have seen; before anything listens.
    func recover(_ logger: Logger) async throws {
        guard let restoration, !restoration.isDone else { return }
        let done = try await directory.recover()
        try restoration.finish()
        logger.notice(
            "the directory was restored; epochs and revisions go on at the present time",
            metadata: ["endpoints": "\(done.endpoints)", "policies": "\(done.policies)"])
        for tenant in done.locked {
            logger.warning(
                "the policy of a tenant is locked and stays as in the backup; what came later has to be applied again",
                metadata: ["tenant": "\(tenant)"])
        }
    }

    /// Whether the controller can answer for the directory.
    private static func readiness(_ directory: Directory) async -> Readiness {
        do {
            try await directory.checkStore()
            return Readiness([.init("store")])
        } catch {
            return Readiness([.init("store", problem: error.message)])
        }
    }
}

/// What `controller.json` in the data directory tells programs of this machine: where the controller is, and what they
/// need to speak with it.
private struct ControllerFile: Encodable {
    let controller: String
    let tokenFile: String
    let rootCertificate: String
    let leafAddresses: [String]
    let serverName: String

    enum CodingKeys: String, CodingKey {
        case controller
        case tokenFile = "token_file"
        case rootCertificate = "root_certificate"
        case leafAddresses = "leaf_addresses"
        case serverName = "server_name"
    }

    init(_ platform: Platform, _ places: ControllerPlaces) {
        controller = places.url
        tokenFile = platform.operatorTokenPath
        rootCertificate = platform.rootCertificatePath
        leafAddresses = places.advertised.map(\.description)
        serverName = platform.name.controllerHost
    }

    func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: directory + "/controller.json"), options: .atomic)
    }
}
