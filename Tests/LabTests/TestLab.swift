import Foundation
import NetTypes
import Testing

/// The lab that the tests of one suite share: made once by the programs that were built beside the tests, removed at
/// the end.
///
///            underlay 10.200.0.0/24 (or fd00:200::/64), MTU 1500
///       ┌─────────────┬─────────────┬──────────────── br0 ── controller
///     h1│.1         h2│.2         h3│.3
///     ┌─┴─────────┐ ┌─┴─────────┐ ┌─┴───────────┐
///     │ leaf      │ │ leaf      │ │ leaf        │
///     │ acme/web1 │ │ acme/web2 │ │ acme/batch1 │     acme:   web1 .1  web2 .2  db1 .3  batch1 .4
///     │           │ │ acme/db1  │ │             │     globex: web1 .1           db1 .3  probe1 .4
///     │globex/web1│ │globex/db1 │ │globex/probe1│     both tenants: 10.0.0.0/24
///     └───────────┘ └───────────┘ └─────────────┘
final class TestLab: Sendable {
    enum Underlay: String, Sendable {
        case ipv4, ipv6
    }

    struct Endpoint: Sendable, Hashable {
        let name: String
        let namespace: String
        let identity: String
        let ipv4: String
        /// The host on which the lab made it.
        let home: String

        var tenant: String { String(name.prefix { $0 != "/" }) }
        var shortName: String { String(name.drop { $0 != "/" }.dropFirst()) }
        var inside: [String] { ["ip", "netns", "exec", namespace] }

        func mac() throws -> String { "\(MACAddress(of: try Identity(parsing: identity)))" }
    }

    struct Host: Sendable {
        let name: String
        let namespace: String
        let device: String
        let locator: String
        var inside: [String] { ["ip", "netns", "exec", namespace] }
    }

    @TaskLocal private static var shared: TestLab?

    /// The lab of the suite that runs.
    static func current() throws -> TestLab {
        guard let shared else { throw Command.Failed(description: "the lab is not up") }
        return shared
    }

    let programs: String
    let underlay: Underlay
    let endpoints: [Endpoint]
    let hosts: [Host]
    /// One in each endpoint; what it printed says what really arrived there.
    let listeners: [String: RunningCommand]
    let daemons: Daemons
    /// Before any test did anything.
    let wiresAtTheStart: [WireReport]
    let entriesAtTheStart: Int
    private let rest: RESTClient

    /// The largest inner packet: underlay 1500 less Ethernet 14, VXLAN 8, UDP 8 and the outer IP header.
    var mtu: Int { underlay == .ipv4 ? 1450 : 1430 }

    /// Makes the lab, does something in it, and removes it whatever happens.
    ///
    /// - Parameter options: further options of `patchbay lab up`.
    static func with(_ underlay: Underlay, options: [String] = [], perform body: @Sendable () async throws -> Void)
        async throws
    {
        try await checkTools()
        let programs = Self.programDirectory
        let patchbay = "\(programs)/patchbay"
        do {
            try await Command([patchbay, "lab", "up", "--underlay", underlay.rawValue] + options).succeed(seconds: 90)
            let lab = try await TestLab(programs: programs, underlay: underlay)
            try await $shared.withValue(lab) { try await body() }
            for listener in lab.listeners.values { await listener.stop() }
            await lab.daemons.stop()
            await keepLogs(of: underlay)
        } catch {
            await keepLogs(of: underlay)
            _ = try? await Command([patchbay, "lab", "down"]).run(seconds: 60)
            throw error
        }
        try await Command([patchbay, "lab", "down"]).succeed(seconds: 60)
        let left = try await Command(["ip", "netns", "list"]).succeed()
        #expect(!left.output.contains("pb-"), "'lab down' left namespaces: \(left.output)")
    }

    private init(programs: String, underlay: Underlay) async throws {
        self.programs = programs
        self.underlay = underlay
        let output = try await Command(["\(programs)/patchbay", "lab", "status", "--json"]).succeed()
        let status = try JSONValue(parsing: output.output)
        hosts = try status["hosts"].items.map { host in
            Host(
                name: try #require(host["name"].string), namespace: try #require(host["namespace"].string),
                device: try #require(host["underlay_device"].string), locator: try #require(host["locator"].string))
        }
        endpoints = try status["endpoints"].items.map { endpoint in
            Endpoint(
                name: try #require(endpoint["name"].string), namespace: try #require(endpoint["namespace"].string),
                identity: try #require(endpoint["identity"].string), ipv4: try #require(endpoint["ipv4"].string),
                home: try #require(endpoint["host"].string))
        }
        daemons = try Daemons(status["processes"].items)
        let rest = try RESTClient()
        self.rest = rest
        wiresAtTheStart = try await rest.ask("GET", "/v1/wires").body["items"].items.map { try WireReport($0) }
        var entries = 0
        for tenant in ["acme", "globex"] {
            entries += try await rest.ask("GET", "/v1/tenants/\(tenant)/policy/entries").body["items"].items.count
        }
        entriesAtTheStart = entries
        var listeners: [String: RunningCommand] = [:]
        for endpoint in endpoints {
            listeners[endpoint.name] = try Command(
                endpoint.inside + ["/usr/bin/python3", "-u", "-c", Scripts.listener, endpoint.name]
            ).start()
        }
        self.listeners = listeners
        let ready = try await eventually(within: 20) {
            listeners.values.allSatisfy { $0.output.contains("ready") }
        }
        guard ready else { throw Command.Failed(description: "the listeners do not start: \(listeners)") }
    }

    /// The directory with the built programs: named by `PATCHBAY_BIN`, else that of the test bundle.
    static var programDirectory: String {
        if let named = ProcessInfo.processInfo.environment["PATCHBAY_BIN"] { return named }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return (own as NSString).deletingLastPathComponent
    }

    /// `PATCHBAY_LAB_LOGS` names a directory that keeps what the daemons said.
    private static func keepLogs(of underlay: Underlay) async {
        guard let directory = ProcessInfo.processInfo.environment["PATCHBAY_LAB_LOGS"] else { return }
        let target = "\(directory)/\(underlay.rawValue)"
        _ = try? await Command(["mkdir", "-p", target]).run()
        _ = try? await Command(["cp", "-rT", "/run/patchbay/lab/logs", target]).run()
    }

    /// A test that cannot run fails: it says what is missing.
    private static func checkTools() async throws {
        guard getuid() == 0 else { throw Command.Failed(description: "the lab's tests need root") }
        for tool in [
            "ip", "ping", "curl", "iperf3", "arping", "nmap", "ndisc6", "tcpdump", "tshark", "nsenter",
            "qemu-system-x86_64", "/usr/bin/python3",
        ] {
            let found = try await Command(["sh", "-c", "command -v \"$0\"", tool]).run()
            guard found.succeeded else { throw Command.Failed(description: "\(tool) is not installed") }
        }
        let scapy = try await Command(["/usr/bin/python3", "-c", "import scapy"]).run()
        guard scapy.succeeded else { throw Command.Failed(description: "python3-scapy is not installed") }
    }

    // MARK: Parts

    func endpoint(_ name: String) throws -> Endpoint {
        guard let endpoint = endpoints.first(where: { $0.name == name }) else {
            throw Command.Failed(description: "the lab has no endpoint \(name)")
        }
        return endpoint
    }

    func host(_ name: String) throws -> Host {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw Command.Failed(description: "the lab has no host \(name)")
        }
        return host
    }

    /// What a listener has written: one line for each datagram that arrived.
    func heard(by name: String) -> String { listeners[name]?.output ?? "" }

    // MARK: The programs

    /// Runs `patchbay` with these words.
    func patchbay(_ words: String..., seconds limit: Double = 30) async throws -> Finished {
        try await Command(["\(programs)/patchbay"] + words).run(seconds: limit)
    }

    /// Runs `patchbay` with these words, which must succeed.
    @discardableResult
    func succeed(_ words: String..., seconds limit: Double = 30) async throws -> Finished {
        try await Command(["\(programs)/patchbay"] + words).succeed(seconds: limit)
    }

    /// Runs `patchbay … --json`, which must succeed.
    func json(_ words: String...) async throws -> JSONValue {
        try await json(words)
    }

    func json(_ words: [String]) async throws -> JSONValue {
        try JSONValue(parsing: try await Command(["\(programs)/patchbay"] + words + ["--json"]).succeed().output)
    }

    /// Asks the REST API.
    func rest(_ method: String, _ path: String, _ body: String? = nil, token: Bool = true) async throws -> RESTAnswer {
        try await rest.ask(method, path, body, token: token)
    }

    // MARK: State

    /// Brings the lab back to its beginning: nobody is plugged, everyone is at home, no wire is left.
    func reset() async throws {
        for tenant in ["acme", "globex"] {
            let path = "/v1/tenants/\(tenant)/policy/entries"
            for entry in try await rest("GET", path).body["items"].items {
                let id = try #require(entry["id"].integer)
                _ = try await rest("DELETE", "\(path)/\(id)")
            }
        }
        for endpoint in endpoints {
            let now = try await rest("GET", "/v1/tenants/\(endpoint.tenant)/endpoints/\(endpoint.shortName)").body
            if now["host"].string != endpoint.home {
                try await succeed("endpoint", "move", endpoint.name, endpoint.home)
                try await waitUntilRunning(endpoint.name)
            }
        }
        // What endpoints have learned of the sizes of protected wires, which they would keep for ten minutes.
        for endpoint in endpoints {
            for family in ["-4", "-6"] {
                try await Command(endpoint.inside + ["ip", family, "route", "flush", "cache"]).succeed()
            }
        }
        var left: [WireReport] = []
        let empty = try await eventually(within: 5) {
            left = try await wires()
            return left.isEmpty
        }
        #expect(empty, "wires stay without a policy: \(left)")
    }

    func waitUntilRunning(_ name: String, within limit: Double = 10) async throws {
        let parts = name.split(separator: "/")
        var state = ""
        let running = try await eventually(within: limit) {
            let now = try await rest("GET", "/v1/tenants/\(parts[0])/endpoints/\(parts[1])").body
            state = "\(now)"
            return now["state"].string == "running"
        }
        guard running else { throw Command.Failed(description: "\(name) does not run after \(limit) s: \(state)") }
    }

    /// Every wire that the leaves report now.
    func wires() async throws -> [WireReport] {
        try await rest("GET", "/v1/wires").body["items"].items.map { try WireReport($0) }
    }

    /// The wires from one endpoint to another.
    func wires(_ source: String, _ destination: String) async throws -> [WireReport] {
        try await wires().filter { $0.source == source && $0.destination == destination }
    }

    /// What a host's leaf has counted, by reason.
    func counters(of host: String) async throws -> [String: Int] {
        let leaves = try await rest("GET", "/v1/wires").body["leaves"].items
        guard let leaf = leaves.first(where: { $0["host"].string == host }) else {
            throw Command.Failed(description: "no report of \(host) in \(leaves)")
        }
        return leaf["counters"].members.compactMapValues(\.integer)
    }

    /// Packets that have reached an endpoint's interface.
    func received(by name: String) async throws -> Int {
        let text = try await Command(
            try endpoint(name).inside + ["ip", "-j", "-s", "link", "show", "dev", "eth0"]
        ).succeed().output
        let links = try JSONValue(parsing: text)
        return try #require(links.items.first?["stats64"]["rx"]["packets"].integer)
    }
}

/// A wire as one leaf reports it.
struct WireReport: Sendable, CustomStringConvertible {
    let host: String
    let source: String
    let destination: String
    let direction: String
    let label: Int
    let peer: String?
    let security: String
    let packets: Int
    let bytes: Int

    init(_ json: JSONValue) throws {
        host = try #require(json["host"].string)
        source = try #require(json["source"].string)
        destination = try #require(json["destination"].string)
        direction = try #require(json["direction"].string)
        label = try #require(json["label"].integer)
        peer = json["peer"].string
        security = try #require(json["security"].string)
        packets = try #require(json["packets"].integer)
        bytes = try #require(json["bytes"].integer)
    }

    var description: String {
        "\(source) -> \(destination) (\(direction) on \(host), label \(label), \(packets) packets)"
    }
}

/// Gives a suite its lab.
struct LabTrait: SuiteTrait, TestScoping {
    let underlay: TestLab.Underlay
    var options: [String] = []

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await TestLab.with(underlay, options: options) { try await function() }
    }
}

extension Trait where Self == LabTrait {
    static func lab(_ underlay: TestLab.Underlay, _ options: String...) -> LabTrait {
        LabTrait(underlay: underlay, options: options)
    }
}

/// Everything on real packets, one after the other: the labs share names and cores.
@Suite(.serialized) struct LabTests {
    @Suite(.serialized, .lab(.ipv4)) struct OverIPv4 {}
    @Suite(.serialized, .lab(.ipv6)) struct OverIPv6 {}
    @Suite(
        .serialized,
        .lab(.ipv4, "--leaf-lifetime", "60s", "--endpoint-lifetime", "16s", "--record-lifetime", "10s"))
    struct WithShortLives {}
    @Suite(.serialized, .lab(.ipv4, "--rekey-age", "200ms")) struct WithShortKeys {}
}
