import APIClient
import APITypes

/// What is there of a lab now.
public struct LabStatus: Codable, Sendable, Hashable {
    /// One host.
    public struct Host: Codable, Sendable, Hashable {
        /// The name.
        public var name: String
        /// Its network namespace.
        public var namespace: String
        /// The name of its underlay device.
        public var underlayDevice: String
        /// The address at which it receives.
        public var locator: String
        /// The endpoints that it runs now, `tenant/name`.
        public var endpoints: [String]

        enum CodingKeys: String, CodingKey {
            case name, namespace, locator, endpoints
            case underlayDevice = "underlay_device"
        }
    }

    /// One endpoint.
    public struct Endpoint: Codable, Sendable, Hashable {
        /// `tenant/name`
        public var name: String
        /// Its network namespace.
        public var namespace: String
        /// Its identity; absent when the controller does not answer.
        public var identity: String?
        /// Its address in its tenant's vnet.
        public var ipv4: String
        /// The host that is to run it.
        public var host: String
        /// How far it has come; absent when the controller does not answer.
        public var state: String?
    }

    /// One daemon.
    public struct Process: Codable, Sendable, Hashable {
        /// What it is.
        public var name: String
        /// The process id.
        public var pid: Int32
        /// Whether it runs.
        public var running: Bool
        /// The file with what it says.
        public var log: String
    }

    /// The URL of the console and of the API.
    public var console: String
    /// Whether everything was made and every daemon runs.
    public var healthy: Bool
    /// What is wrong, in words.
    public var problems: [String]
    /// The address family of the underlay.
    public var underlay: LabOptions.Underlay
    /// The hosts.
    public var hosts: [Host]
    /// The endpoints.
    public var endpoints: [Endpoint]
    /// The daemons.
    public var processes: [Process]

    /// What is there of the lab, as the controller sees it where that answers; nil when there is no lab.
    public static func read() async throws(LabError) -> LabStatus? {
        try Lab.checkPrivileges()
        guard let state = LabState.read() else {
            guard LabRemover.findsAnything() else { return nil }
            throw LabError(
                "there are only remains of a lab", remedy: "remove them with 'patchbay lab down'")
        }
        guard let client = try? Lab.client() else { return try await read(state: state, client: nil) }
        let status = try await read(state: state, client: client)
        await client.shutdown()
        return status
    }

    static func read(state: LabState, client: APIClient?) async throws(LabError) -> LabStatus {
        var problems = state.isComplete ? [] : ["'patchbay lab up' was not finished"]
        let processes = state.processes.map {
            Process(name: $0.name, pid: $0.pid, running: $0.isRunning, log: $0.log)
        }
        problems += processes.filter { !$0.running }.map { "\($0.name) has ended; its log is \($0.log)" }
        var known: [APITypes.Endpoint] = []
        if let client {
            do {
                for tenant in state.plan.tenants { known += try await client.endpoints(of: tenant) }
            } catch {
                problems.append("\(error)")
            }
        }
        let endpoints = state.plan.endpoints.map { planned in
            let now = known.first { $0.tenant == planned.tenant && $0.name == planned.name }
            return Endpoint(
                name: planned.fullName, namespace: planned.namespace, identity: now?.identity, ipv4: planned.ipv4,
                host: now?.host ?? planned.host, state: now?.state.rawValue)
        }
        let hosts = state.plan.hosts.map { host in
            Host(
                name: host.name, namespace: host.namespace, underlayDevice: LabLayout.underlayDevice,
                locator: state.plan.locator(host).description,
                endpoints: endpoints.filter { $0.host == host.name }.map(\.name))
        }
        return LabStatus(
            console: state.console, healthy: problems.isEmpty, problems: problems, underlay: state.plan.underlay,
            hosts: hosts, endpoints: endpoints, processes: processes)
    }
}
