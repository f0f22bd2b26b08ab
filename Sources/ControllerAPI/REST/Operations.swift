import APITypes
import DirectoryCore
import Logging

/// The table of the API's operations, with what they work on.
struct Operations: Sendable {
    let directory: Directory
    let leaves: LeafHub
    let settings: ControllerSettings
    let logger: Logger
    let events: EventHub

    /// All operations, and the one that describes them.
    var all: [Operation] {
        let described =
            platform + tenants + lifeCycle + live + vnets + groups + endpoints + policies + documents + guardrails
            + wires
            + traces
            + hosts + sessions + oneself + people + access + audits
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
            ) { _ in health }
        ]
    }
}
