public import ArgumentParser
import Foundation
public import Lab
import NetTypes

struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "A whole platform on this machine, in network namespaces (needs root).",
        discussion: """
            Hosts and endpoints are network namespaces, joined by an underlay; controller and leaves are the real \
            programs. At the start everything is unplugged.
            """,
        subcommands: [Up.self, Down.self, Status.self, Exec.self, TourCommand.self])

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the lab; whatever is there of one is removed before.",
            discussion: """
                Without --endpoints: acme/web1 (h1), acme/web2 (h2), acme/db1 (h2), acme/batch1 (h3); \
                globex/web1 (h1), globex/db1 (h2), globex/probe1 (h3); both tenants with 10.0.0.0/24.

                  patchbay lab up
                  patchbay lab up --hosts 5 --endpoints 40 --underlay ipv6
                """)
        @Option(help: "How many hosts.") var hosts = 3
        @Option(help: "How many endpoints in all, vm1, vm2 … of both tenants; the tour's seven when left out.")
        var endpoints: Int?
        @Option(help: "The address family of the underlay: ipv4 or ipv6.")
        var underlay = LabOptions.Underlay.ipv4
        @Option(help: "How long certificates of leaves live, like 30s; see patchbay-controller help run.")
        var leafLifetime: String?
        @Option(help: "How long certificates of endpoints live.") var endpointLifetime: String?
        @Option(help: "How long location records live.") var recordLifetime: String?
        @Option(help: "After how long protected wires get new keys, like 600ms; see patchbay-leaf help run.")
        var rekeyAge: String?
        @Flag(help: "Write JSON, for programs.") var json = false

        func run() async throws {
            let lifetimes = [
                ("--leaf-lifetime", leafLifetime), ("--endpoint-lifetime", endpointLifetime),
                ("--record-lifetime", recordLifetime),
            ].flatMap { option, value in value.map { [option, $0] } ?? [] }
            let reporter: any LabReporter = json ? SilentReporter() : ProgressReporter()
            let lab = Lab(reporter: reporter)
            let options = LabOptions(
                hosts: hosts, endpoints: endpoints, underlay: underlay, lifetimes: lifetimes,
                leafOptions: rekeyAge.map { ["--rekey-age", $0] } ?? [])
            if !json { Screen.line(Style.output.bold("The lab")) }
            let status = try await Interruption.cancelling { try await lab.up(options) }
            if json { return try JSONOutput.write(status) }
            status.writeSummary()
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove the lab: processes, namespaces, devices, pins, mounts, files.")

        func run() async throws {
            let removal = try await Lab().down()
            Screen.line(removal.isEmpty ? "There is no lab; nothing to remove." : "Removed the lab: \(removal).")
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what there is of the lab.", discussion: "Exits with 1 when there is none or it is broken.")
        @Flag(help: "Write JSON, for programs.") var json = false

        func run() async throws {
            guard let status = try await LabStatus.read() else {
                throw LabError("the lab is not up", remedy: "start it with 'patchbay lab up'")
            }
            if json { try JSONOutput.write(status) } else { status.write() }
            if !status.healthy { throw ExitCode.failure }
        }
    }

    struct Exec: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a command inside an endpoint or a host.",
            discussion: """
                The command takes over this terminal, its signals and its exit code. Inside an endpoint the names of \
                its own tenant are known.

                  patchbay lab exec acme/web1 -- ping db1
                  patchbay lab exec acme/web1 -- bash
                  patchbay lab exec --host h1 -- ip -brief address
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var endpoint: TenantName?
        @Option(help: "A host instead of an endpoint.", transform: Typed.name) var host: Name?
        @Argument(parsing: .postTerminator, help: "The command and its arguments, after '--'.")
        var command: [String] = []

        func validate() throws {
            guard (endpoint == nil) != (host == nil) else {
                throw ValidationError("name either an endpoint or --host, such as: lab exec acme/web1 -- ping db1")
            }
            guard !command.isEmpty else {
                throw ValidationError("name a command after '--', such as: lab exec acme/web1 -- ping db1")
            }
        }

        func run() async throws {
            let place: Command.Place
            if let endpoint {
                place = try Lab.place(ofEndpoint: endpoint)
            } else if let host {
                place = try Lab.place(ofHost: host)
            } else {
                return
            }
            guard Lab.canFind(command[0]) else {
                Screen.error("patchbay: there is no command '\(command[0])'")
                throw ExitCode(127)
            }
            try Lab.replaceSelf(with: command, in: place)
        }
    }
}

extension LabOptions.Underlay: ExpressibleByArgument {}

extension LabStatus {
    /// What is there, for people.
    func write() {
        let style = Style.output
        Screen.line("Controller \(console), underlay \(underlay.rawValue)")
        var table = Table("HOST", "LOCATOR", "NAMESPACE", "DEVICE", "ENDPOINTS")
        for host in hosts {
            table.add(
                host.name, host.locator, host.namespace, host.underlayDevice, Formatting.list(host.endpoints))
        }
        table.lines(style).forEach { Screen.line($0) }
        Screen.line()
        var endpointTable = Table("ENDPOINT", "STATE", "HOST", "IPV4", "IDENTITY")
        for one in endpoints {
            endpointTable.add(one.name, one.state ?? "?", one.host, one.ipv4, one.identity ?? "?")
        }
        endpointTable.lines(style).forEach { Screen.line($0) }
        for problem in problems { Screen.line(style.red("✗ ") + problem) }
    }

    /// The few lines after `lab up`.
    func writeSummary() {
        Screen.line()
        var table = Table("HOST", "LOCATOR", "ENDPOINTS")
        for host in hosts {
            let shown = host.endpoints.prefix(4)
            let more = host.endpoints.count - shown.count
            table.add(
                host.name, host.locator,
                Formatting.list(Array(shown)) + (more > 0 ? " and \(more) more" : ""))
        }
        table.lines(.output).forEach { Screen.line("  " + $0) }
    }
}

/// Turns an interrupt from the keyboard into the cancellation of a task, so that it can clean up.
enum Interruption {
    static func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = Task(operation: body)
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await task.value
    }
}
