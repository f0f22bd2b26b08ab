import APIClient
import APITypes
import FoundationEssentials
import LinuxKit
import NetTypes

/// Makes a lab, step by step, in the order in which each needs the one before.
struct LabBuilder {
    let plan: LabPlan
    let programs: String
    let reporter: any LabReporter
    private(set) var state: LabState

    init(plan: LabPlan, programs: String, reporter: any LabReporter) {
        self.plan = plan
        self.programs = programs
        self.reporter = reporter
        state = LabState(plan: plan)
    }

    mutating func build() async throws(LabError) -> LabStatus {
        try prepare()
        try await makeNetwork()
        let controller = try await startController()
        let client: APIClient
        do { client = try Lab.client() } catch { throw LabError("\(error)") }
        let status: LabStatus
        do {
            try await waitForController(controller, client)
            let endpoints = try await describe(client)
            try await startLeaves(client)
            try await waitForEndpoints(client)
            try writeHostsFiles(endpoints)
            state.isComplete = true
            try state.write()
            status = try await LabStatus.read(state: state, client: client)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        return status
    }

    /// 1: the directories, and the state that tells a later 'down' what to look for.
    private mutating func prepare() throws(LabError) {
        for directory in [LabLayout.namespaceDirectory, LabLayout.overlayDirectory]
        where !Files.exists(directory) {
            state.madeDirectories.append(directory)
        }
        for directory in [LabLayout.directory, LabLayout.logDirectory] { try Files.makeDirectory(directory) }
        try state.write()
    }

    /// 2: namespaces and underlay.
    private func makeNetwork() async throws(LabError) {
        let network = LabNetwork(plan: plan)
        let hosts = plan.hosts.count
        reporter.begin("Underlay: \(hosts) \(hosts == 1 ? "host" : "hosts") on a bridge, \(plan.underlay.words)")
        try await network.makeNamespaces()
        try await network.makeUnderlay()
        try await network.configureHosts { reporter.progress("\($0) of \(hosts) hosts") }
        try await network.configureEndpoints { reporter.progress("\($0) of \(plan.endpoints.count) endpoints") }
        try await network.checkUnderlay()
        reporter.end("every host reaches the controller's address")
    }

    /// 3: the controller, in the plain namespace: people reach it on 127.0.0.1, leaves on the underlay.
    private mutating func startController() async throws(LabError) -> LabProcess {
        reporter.begin("Controller: a new platform on an empty SQLite store")
        let program = "\(programs)/patchbay-controller"
        let data = LabLayout.controllerDirectory
        try await Command.check([program, "init", "--data", data])
        let port = try await Self.freePort(from: LabLayout.controllerPort)
        let address = plan.underlayAddress(LabLayout.controllerNumber)
        let leafListen =
            switch address {
            case .v4(let ipv4): "\(ipv4):\(LabLayout.leafListenPort)"
            case .v6(let ipv6): "[\(ipv6)]:\(LabLayout.leafListenPort)"
            }
        state.controller = "https://127.0.0.1:\(port)"
        let controller = try start(
            "controller",
            [
                program, "run", "--data", data, "--listen", "127.0.0.1:\(port)", "--leaf-listen", leafListen,
                "--console-url", state.console,
            ] + plan.lifetimes)
        try Files.write(
            try JSON.text([
                "controller": state.controller, "token_file": "\(data)/operator.token",
                "root_certificate": "\(data)/root.pem",
            ]), to: LabLayout.clientFile)
        return controller
    }

    private func waitForController(_ controller: LabProcess, _ client: APIClient) async throws(LabError) {
        var last = ""
        for _ in 0..<200 {
            guard controller.isRunning else { throw controller.failure("ended at once") }
            do {
                _ = try await client.health()
                let leaves = plan.underlayAddress(LabLayout.controllerNumber)
                return reporter.end("\(state.controller) for people, \(leaves) for leaves")
            } catch {
                last = "\(error)"
            }
            try await Self.pause(milliseconds: 100)
        }
        throw controller.failure("does not answer within 20 seconds: \(last)")
    }

    /// 4: hosts, tenants and endpoints as the directory is to know them; everything is unplugged.
    private func describe(_ client: APIClient) async throws(LabError) -> [Endpoint] {
        reporter.begin("Directory: \(plan.tenants.joined(separator: " and ")), both with \(plan.prefix)")
        var endpoints: [Endpoint] = []
        do {
            for host in plan.hosts { try await join(try await client.create(NewHost(name: host.name)), host) }
            for tenant in plan.tenants {
                _ = try await client.create(NewTenant(name: tenant))
                _ = try await client.create(NewVNet(name: Self.vnet, ipv4Prefix: plan.prefix), of: tenant)
                for group in plan.groups(of: tenant) {
                    _ = try await client.create(NewGroup(name: group), of: tenant)
                }
            }
            for one in plan.endpoints {
                let new = NewEndpoint(
                    name: one.name, vnet: Self.vnet, ipv4: one.ipv4, groups: one.groups, host: one.host,
                    kind: .namespace, attachment: one.namespace)
                endpoints.append(try await client.create(new, of: one.tenant))
                reporter.progress("\(endpoints.count) of \(plan.endpoints.count) endpoints")
            }
        } catch let error as LabError {
            throw error
        } catch {
            throw LabError(
                "the controller refused: \(error)", log: Files.tail("\(LabLayout.logDirectory)/controller.log"))
        }
        reporter.end("\(endpoints.count) endpoints, all unplugged")
        return endpoints
    }

    private static let vnet = "lan"

    /// Enrols a leaf. The token's URL is that of the REST API on 127.0.0.1, so this is done in the plain namespace.
    private func join(_ invitation: HostInvitation, _ host: LabPlan.Host) async throws(LabError) {
        let state = LabLayout.stateDirectory(ofHost: host.name)
        try await Command.check(
            ["\(programs)/patchbay-leaf", "join", "--token", "-", "--state", state], input: invitation.token + "\n")
    }

    /// 5: the leaves, each in its host's namespace; the pins lie in the plain mount namespace.
    private mutating func startLeaves(_ client: APIClient) async throws(LabError) {
        reporter.begin("Leaves: \(plan.hosts.map(\.name).joined(separator: ", "))")
        do { try BPFFileSystem.ensureMounted(at: LabLayout.pinDirectory) } catch {
            throw LabError("\(error)", remedy: "the kernel needs CONFIG_BPF_SYSCALL")
        }
        for host in plan.hosts {
            _ = try start(
                "leaf \(host.name)",
                [
                    "\(programs)/patchbay-leaf", "run", "--state", LabLayout.stateDirectory(ofHost: host.name),
                    "--underlay", LabLayout.underlayDevice, "--locator", plan.locator(host).description, "--pins",
                    LabLayout.pinDirectory(ofHost: host.name),
                    "--account-seconds", "1",
                ] + plan.leafOptions, in: .network(host.namespace))
        }
        let leaves = state.processes.dropFirst()
        try await poll(seconds: 30, "the leaves do not connect to the controller") { () throws(APIClientError) in
            let connected = try await client.hosts().filter(\.connected).count
            reporter.progress("\(connected) of \(leaves.count) connected")
            return connected == leaves.count ? nil : "\(connected) of \(leaves.count) are connected"
        }
        reporter.end("enrolled with single-use tokens, connected by mutual TLS")
    }

    /// 6: every endpoint has its interface, its certificate and a published location.
    private func waitForEndpoints(_ client: APIClient) async throws(LabError) {
        reporter.begin("Endpoints: ports, certificates, location records")
        let all = plan.endpoints.count
        try await poll(seconds: 30 + all / 4, "not every endpoint comes up") { () throws(APIClientError) in
            var endpoints: [Endpoint] = []
            for tenant in plan.tenants { endpoints += try await client.endpoints(of: tenant) }
            let running = endpoints.filter { $0.state == .running }.count
            reporter.progress("\(running) of \(all) running")
            if running == all { return nil }
            guard
                let waiting = endpoints.first(where: { $0.state == .failed })
                    ?? endpoints.first(where: { $0.state != .running })
            else { return "none is known" }
            let why = waiting.detail.map { " (\($0))" } ?? ""
            return "\(running) of \(all) are running; \(waiting.tenant)/\(waiting.name) on \(waiting.host) is "
                + "\(waiting.state.rawValue)\(why)"
        }
        reporter.end("all \(all) running")
    }

    /// 7: until there is DNS, each endpoint has its own tenant's names, and no other's, in its hosts file.
    private func writeHostsFiles(_ endpoints: [Endpoint]) throws(LabError) {
        for one in plan.endpoints {
            let peers = endpoints.filter { $0.tenant == one.tenant }
            let lines =
                ["127.0.0.1 localhost", "::1 localhost ip6-localhost", ""]
                + peers.flatMap { ["\($0.ipv4) \($0.name)", "\($0.identity) \($0.name)"] }
            let directory = LabLayout.overlay(ofNamespace: one.namespace)
            try Files.makeDirectory(LabLayout.overlayDirectory, mode: 0o755)
            try Files.makeDirectory(directory, mode: 0o755)
            try Files.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/hosts", mode: 0o644)
            // An endpoint has no name server; asking the machine's would only take time.
            if Files.exists("/etc/resolv.conf") {
                try Files.write("# no name server yet\n", to: "\(directory)/resolv.conf", mode: 0o644)
            }
        }
    }

    private mutating func start(
        _ name: String, _ arguments: [String], in place: Command.Place = .here
    ) throws(LabError) -> LabProcess {
        let process = try LabProcess.start(name, arguments, in: place)
        state.processes.append(process)
        try state.write()
        return process
    }

    /// Asks again and again until there is no more to wait for, or a daemon has ended, or the time is over.
    private func poll(
        seconds: Int, _ failure: String, _ missing: () async throws(APIClientError) -> String?
    ) async throws(LabError) {
        let deadline = ContinuousClock().now + .seconds(seconds)
        var last = ""
        while ContinuousClock().now < deadline {
            if let dead = state.processes.first(where: { !$0.isRunning }) { throw dead.failure("has ended") }
            do {
                guard let text = try await missing() else { return }
                last = text
            } catch {
                last = "\(error)"
            }
            try await Self.pause(milliseconds: 50)
        }
        let named = state.processes.first { last.contains("on \($0.name.dropFirst("leaf ".count)) ") }
        throw (named ?? state.processes[0]).failure("is not at fault by itself, but \(failure): \(last)")
    }

    private static func pause(milliseconds: Int) async throws(LabError) {
        do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch { throw LabError("interrupted") }
    }

    /// The first TCP port on 127.0.0.1, from one on, on which nobody listens.
    private static func freePort(from first: Int) async throws(LabError) -> Int {
        let listening = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap(Files.text).joined()
        let taken = Set(
            listening.split(separator: "\n").compactMap { line -> Int? in
                let fields = line.split(separator: " ")
                guard fields.count > 3, fields[3] == "0A" else { return nil }
                return fields[1].split(separator: ":").last.flatMap { Int($0, radix: 16) }
            })
        guard let port = (first..<first + 200).first(where: { !taken.contains($0) }) else {
            throw LabError("no TCP port from \(first) to \(first + 199) is free on 127.0.0.1")
        }
        return port
    }
}

extension LabOptions.Underlay {
    var words: String {
        switch self {
        case .ipv4: "10.200.0.0/24"
        case .ipv6: "fd00:200::/64, no IPv4"
        }
    }
}
