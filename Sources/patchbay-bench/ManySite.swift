import APIClient
import APITypes
import DirectoryCore
import Foundation
import Lab
import NetTypes
import StoreSQLite
import Trust

/// A controller, the real program on one processor, over a tenant with 100,000 endpoints that run.
///
/// Tenant, vnet, groups, hosts and policy are made by the API. The endpoints are written into the store while the
/// controller is stopped, which takes seconds in place of minutes; what leaves would have published of them are octets of
/// the usual length.
final class ManySite {
    static let tenant = "acme"
    static let groups = 100
    static let hosts = 100

    let endpoints: Int
    let location: ControllerLocation
    /// The personal token of the tenant's owner.
    private(set) var token = ""
    private let data: String
    private let arguments: [String]
    private var controller: Running

    init(endpoints: Int) throws {
        self.endpoints = endpoints
        let directory = "\(Platform.directory)/many"
        try? FileManager.default.removeItem(atPath: directory)
        let program = "\(Lab.ownDirectory)/patchbay-controller"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchError("\(program) is missing: build all programs (scripts/build.sh)")
        }
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        data = "\(directory)/controller"
        try Command.run([program, "init", "--data", data])
        let ports = try Ports.free(2)
        arguments = [
            "taskset", "-c", "0", program, "run", "--data", data, "--listen", "127.0.0.1:\(ports[0])", "--leaf-listen",
            "127.0.0.1:\(ports[1])", "--log-level", "warning",
        ]
        controller = try Running(arguments)
        location = try ControllerLocation.find(
            controller: "https://127.0.0.1:\(ports[0])", tokenFile: "\(data)/operator.token",
            rootCertificateFile: "\(data)/root.pem", environment: [:])
        do {
            try awaitController()
            try describe()
            controller.stop()
            try fill()
            controller = try Running(arguments)
            try awaitController()
        } catch {
            controller.stop()
            throw error
        }
    }

    func close() { controller.stop() }

    /// The controller's resident memory in megabytes (10^6 octets).
    func residentMegabytes() throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(controller.id)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
            throw BenchError("the controller's memory cannot be read")
        }
        return kilobytes * 1024 / 1e6
    }

    static func endpointName(_ number: Int) -> String { "vm" + String(format: "%06d", number) }

    private func withClient<Value: Sendable>(
        _ body: @escaping @Sendable (APIClient) async throws -> Value
    ) throws -> Value {
        let location = location
        return try Blocking.wait {
            let client = try APIClient(location)
            do {
                let value = try await body(client)
                await client.shutdown()
                return value
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    private func awaitController() throws {
        let end = Date().addingTimeInterval(30)
        while true {
            if (try? withClient { _ = try await $0.health() }) != nil { return }
            guard try !controller.hasEnded(), Date() < end else { throw try controller.failure("does not answer") }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    private func describe() throws {
        let person = ManyPerson(location: location)
        token = try withClient { client in
            _ = try await client.create(NewTenant(name: Self.tenant))
            _ = try await client.create(NewVNet(name: "lan", ipv4Prefix: "10.0.0.0/8"), of: Self.tenant)
            for number in 0..<Self.groups {
                _ = try await client.create(NewGroup(name: "g\(number)"), of: Self.tenant)
            }
            for number in 0..<Self.hosts { _ = try await client.create(APITypes.NewHost(name: "h\(number)")) }
            for number in 1..<Self.groups {
                let entry = NewPolicyEntry(action: .plug, from: "group:g\(number - 1)", to: "group:g\(number)")
                _ = try await client.create(entry, of: Self.tenant)
            }
            return try await person.token(of: Self.tenant, client)
        }
    }

    private func fill() throws {
        let (path, count) = ("\(data)/directory.sqlite", endpoints)
        try Blocking.wait {
            let store = try SQLiteStore(path: path)
            let tenant = try Name(parsing: Self.tenant)
            try await store.write { (tx) throws(DirectoryError) in
                guard var vnet = try tx.vnets(of: tenant).first else { return }
                let hosts = try tx.hosts()
                let groups = try tx.groups(of: tenant)
                for number in 0..<count {
                    let host = hosts[number % hosts.count]
                    try Self.put(number, on: host, in: groups[number % groups.count], vnet, tx)
                }
                vnet.endpointCount = UInt32(count)
                try tx.put(vnet)
            }
            try store.close()
        }
    }

    private static func put(
        _ number: Int, on host: LeafHost, in group: DirectoryCore.Group, _ vnet: DirectoryCore.VNet,
        _ tx: any DirectoryTransaction
    ) throws(DirectoryError) {
        let name: Name
        let identity: Identity
        do {
            name = try Name(parsing: endpointName(number))
            identity = try Platform.identity(UInt64(number) + 1)
        } catch { throw DirectoryError(.storage, "\(error)") }
        let now = Timestamp(Int64(Date().timeIntervalSince1970))
        try tx.put(
            DirectoryCore.Endpoint(
                identity: identity, name: TenantName(vnet.name.tenant, name), vnet: vnet.id, vnetName: vnet.name.name,
                ipv4: IPv4Address(vnet.prefix.hosts.lowerBound + UInt32(number)), groups: [group.name.name],
                kind: .namespace, attachment: "acme-\(name)", host: host.name,
                state: number % 1_000 == 7 ? .waiting : .running, epoch: 1, publishedBy: host.id, createdAt: now))
        guard number % 1_000 != 7 else { return }
        // The lengths of those in a lab.
        func octets(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) } }
        try tx.put(
            PublishedFacts(
                identity: identity, leaf: host.id, epoch: 1, recordNotAfter: now + 86_400,
                certificateNotAfter: now + 86_400, locator: .v4(Platform.locator(UInt32(number % 100 + 1))),
                facts: EndpointFacts(certificate: octets(560), issuer: octets(480), record: octets(180))))
    }
}
