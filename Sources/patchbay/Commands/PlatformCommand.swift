import APITypes
import ArgumentParser

struct PlatformCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "platform", abstract: "The platform: who vouches for everything, and how much there is.",
        subcommands: [Show.self, Health.self, API.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the platform: its id, its authority's certificate, versions and counts.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.platform() }) { platform in
                let counts = platform.counts
                Facts([
                    ("Platform", platform.name), ("Id", platform.id), ("Prefix", platform.prefix),
                    ("Authority", platform.authorities.map(\.inWords).joined(separator: "\n")),
                    ("Controller", "\(platform.controllerName), version \(platform.version), API \(platform.api)"),
                    ("Leaves", Formatting.list(platform.leafVersions, none: "none connected")),
                    (
                        "Hosts",
                        "\(counts.hosts), \(counts.enrolledHosts) enrolled, \(counts.connectedHosts) connected"
                    ),
                    ("Tenants", "\(counts.tenants)"), ("Vnets", "\(counts.vnets)"),
                    ("Endpoints", "\(counts.endpoints), \(counts.publishedEndpoints) running"),
                    ("People", "\(counts.accounts), \(counts.sessions) sessions"),
                ]).write()
            }
        }
    }

    struct Health: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether the controller answers, and its version.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let health = try await options.withClient(needsCredentials: false) { try await $0.health() }
            if options.json { return try JSONOutput.write(health) }
            Facts([("Status", health.status), ("Version", health.version)]).write()
        }
    }

    struct API: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "api", abstract: "Write the description of the API, OpenAPI in JSON.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            Screen.write(try await options.withClient(needsCredentials: false) { try await $0.openAPI() })
        }
    }
}

extension CertificateFacts {
    /// Four lines: whose it is, its fingerprint, serial number and validity.
    var inWords: String {
        [
            name, sha256.map { "SHA-256 \($0)" }, "serial \(serial)",
            (validFrom.map { "\(Formatting.moment($0)) to " } ?? "until ") + Formatting.moment(expiresAt),
        ].compactMap(\.self).joined(separator: "\n")
    }
}
