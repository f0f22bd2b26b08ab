import APITypes
import DirectoryCore
import Logging
import OpenIDConnect

/// The table of the API's operations, with what they work on.
struct Operations: Sendable {
    let directory: Directory
    let leaves: LeafHub
    let settings: ControllerSettings
    let metrics: ControllerMetrics
    let logger: Logger
    let events: EventHub
    /// Asks providers of identities.
    let identities: OpenIDClient

    /// - Parameter events: nil: a hub of its own, to which nothing is told.
    init(
        directory: Directory, leaves: LeafHub, settings: ControllerSettings, metrics: ControllerMetrics = .init(),
        logger: Logger, events: EventHub? = nil
    ) {
        self.directory = directory
        self.leaves = leaves
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
        identities = OpenIDClient(timeout: settings.providerTime, now: settings.now)
        self.events = events ?? EventHub(directory: directory, leaves: leaves, logger: logger)
    }

    /// All operations, and the one that describes them.
    var all: [Operation] {
        let others =
            platform + tenants + lifeCycle + live + vnets + groups + endpoints + policies + documents + guardrails
            + wires + traces + hosts + sessions + providerSessions + identityProviders + passkeys + certificates
            + ownIdentities + people + userIdentities + access + audits + measurements + usage
        // What somebody may do is told of what there is, so the table is asked for that first.
        let described = others + oneself(Set((others + oneself([])).compactMap(\.action)))
        let document = OpenAPI.document(described, version: settings.version)
        return described + [
            Operation(
                method: .get, path: "/openapi.json", id: "describe", summary: "Describe this API", access: .everyone,
                answer: JSONTree.self
            ) { _ in document }
        ]
    }

    private var platform: [Operation] {
        let health = Health(status: "ok", version: settings.version)
        return [
            Operation(
                method: .get, path: "/v1/health", id: "health", summary: "Say whether the controller can answer",
                access: .everyone, answer: Health.self
            ) { _ in health },
            Operation(
                method: .get, path: "/v1/platform", id: "showPlatform",
                summary: "Show the platform: its id, authority, versions, and how much there is",
                answer: PlatformDescription.self
            ) { _ in try await describePlatform() },
        ]
    }
}
