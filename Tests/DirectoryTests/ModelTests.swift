import DirectoryCore
import NetTypes
import Policy
import StoreSQLite
import Testing
import Trust

/// A directory without store, signatures and indexes: dictionaries, and loops over all of them.
struct DumbDirectory {
    struct Host: Equatable { var isEnrolled = false }
    struct Group: Hashable { var tenant, name: Name }
    struct Entry: Equatable {
        var isPlug: Bool
        var a, b: Name
        var oneWay: Bool
    }
    struct Endpoint: Equatable {
        var vnet: Name
        var ipv4: UInt32
        var groups: Set<Name>
        var host: Name
        var state: String
        var from: Name?
        var epoch: UInt64
        var publisher: Name?
    }

    var tenants: Set<Name> = []
    var vnets: [TenantName: (prefix: IPv4Prefix, next: UInt32)] = [:]
    var groups: Set<Group> = []
    var hosts: [Name: Host] = [:]
    var endpoints: [TenantName: Endpoint] = [:]
    /// By pair: how the direction first to second is protected; nil: it is unplugged.
    var plugged: [[TenantName]: Security] = [:]

    func members(_ tenant: Name) -> [TenantName] { endpoints.keys.filter { $0.tenant == tenant } }
}

@Suite("Random operations against a dumb directory")
struct ModelTests {
    @Test("The directory agrees with the model, also after the store was reopened")
    func agrees() async throws {
        var done: [String: Int] = [:]
        var refused = 0
        for seed in UInt64(1)...6 {
            let run = try ModelRun(seed: seed)
            for step in 0..<1_200 {
                do { try await run.step() } catch {
                    Issue.record("seed \(seed), step \(step), \(run.last): \(error)")
                    return
                }
                if step % 200 == 199 { try run.reopen() }
                if step % 20 == 19, try await !run.agrees("seed \(seed), step \(step), \(run.last)") { return }
            }
            for (operation, outcome) in run.outcomes {
                done[operation, default: 0] += outcome.done
                refused += outcome.refused
            }
        }
        // The runs have been somewhere: every kind of operation has happened, and many were refused.
        #expect(done.count == 18, "\(done.keys.sorted())")
        for (operation, count) in done { #expect(count >= 3, "\(operation) was done \(count) times") }
        #expect(refused > 500)
    }
}

/// One run: the same operations on both, with outcomes compared at every step.
final class ModelRun {
    private var generator: SeededGenerator
    private let fixture: Fixture
    private var store: SQLiteStore
    private var directory: Directory
    private var model = DumbDirectory()
    private var leaves: [Name: TestLeaf] = [:]
    private(set) var outcomes: [String: (done: Int, refused: Int)] = [:]
    private(set) var last = ""

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        fixture = try Fixture(.memory, seed: seed)
        store = try SQLiteStore(path: fixture.folder + "/model.sqlite")
        directory = fixture.directory(on: store)
    }

    func reopen() throws {
        try store.close()
        store = try SQLiteStore(path: fixture.folder + "/model.sqlite")
        directory = fixture.directory(on: store)
    }

    private func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &generator)] }
    private func anyTenant() throws -> Name { try name(pick(["acme", "globex"])) }
    private func anyHost() throws -> Name { try name(pick(["h1", "h2", "h3"])) }
    private func anyGroup() throws -> Name { try name(pick(["web", "db"])) }
    private func anyEndpoint() throws -> TenantName {
        TenantName(try anyTenant(), try name(pick(["e1", "e2", "e3", "e4"])))
    }

    func step() async throws {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<3: try await createTenant()
        case 3..<4: try await deleteTenant()
        case 4..<8: try await createVNet()
        case 8..<9: try await deleteVNet()
        case 9..<12: try await createHost()
        case 12..<13: try await deleteHost()
        case 13..<17: try await createGroup()
        case 17..<18: try await deleteGroup()
        case 18..<41: try await createEndpoint()
        case 41..<46: try await deleteEndpoint()
        case 46..<52: try await membership()
        case 52..<62: try await plug()
        case 62..<68: try await unplug()
        case 68..<78: try await move()
        case 78..<84: try await close()
        case 84..<97: try await publish()
        default: try await upkeep()
        }
    }

    /// Runs an operation: it must be refused if and only if the model says so.
    private func perform(
        _ operation: String, _ detail: String, refused code: DirectoryError.Code?, _ body: () async throws -> Void
    ) async throws {
        last = "\(operation) \(detail)"
        var outcome = outcomes[operation] ?? (0, 0)
        if code == nil { outcome.done += 1 } else { outcome.refused += 1 }
        outcomes[operation] = outcome
        do {
            try await body()
            guard code == nil else { throw Disagreement("done, but the model says \(code?.rawValue ?? "")") }
        } catch let error as DirectoryError {
            guard error.code == code else {
                throw Disagreement("the model says \(code?.rawValue ?? "done"), the directory \(error)")
            }
        }
    }

    struct Disagreement: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }
}

// MARK: The operations

extension ModelRun {
    private func createTenant() async throws {
        let tenant = try anyTenant()
        let code: DirectoryError.Code? = model.tenants.contains(tenant) ? .conflict : nil
        try await perform("create tenant", "\(tenant)", refused: code) { _ = try await directory.createTenant(tenant) }
        model.tenants.insert(tenant)
    }

    private func deleteTenant() async throws {
        let tenant = try anyTenant()
        let code: DirectoryError.Code? =
            !model.tenants.contains(tenant) ? .notFound : model.members(tenant).isEmpty ? nil : .inUse
        try await perform("delete tenant", "\(tenant)", refused: code) { try await directory.deleteTenant(tenant) }
        guard code == nil else { return }
        model.tenants.remove(tenant)
        model.vnets = model.vnets.filter { $0.key.tenant != tenant }
        model.groups = model.groups.filter { $0.tenant != tenant }
    }

    private func createVNet() async throws {
        let vnet = TenantName(try anyTenant(), try name(pick(["lan", "dmz"])))
        let prefix = try IPv4Prefix(parsing: pick(["10.0.0.0/29", "10.0.0.0/30", "10.1.0.0/29"]))
        var code: DirectoryError.Code?
        if !model.tenants.contains(vnet.tenant) {
            code = .notFound
        } else if model.vnets[vnet] != nil
            || model.vnets.contains(where: { $0.key.tenant == vnet.tenant && $0.value.prefix.overlaps(prefix) })
        {
            code = .conflict
        }
        try await perform("create vnet", "\(vnet) \(prefix)", refused: code) {
            _ = try await directory.createVNet(vnet, prefix: prefix)
        }
        if code == nil { model.vnets[vnet] = (prefix, prefix.hosts.lowerBound) }
    }

    private func deleteVNet() async throws {
        let vnet = TenantName(try anyTenant(), try name(pick(["lan", "dmz"])))
        let inUse = model.endpoints.contains { $0.key.tenant == vnet.tenant && $0.value.vnet == vnet.name }
        let code: DirectoryError.Code? = model.vnets[vnet] == nil ? .notFound : inUse ? .inUse : nil
        try await perform("delete vnet", "\(vnet)", refused: code) { try await directory.deleteVNet(vnet) }
        if code == nil { model.vnets[vnet] = nil }
    }

    private func createHost() async throws {
        let host = try anyHost()
        let code: DirectoryError.Code? = model.hosts[host] == nil ? nil : .conflict
        let enrols = Bool.random(using: &generator) || Bool.random(using: &generator)
        try await perform("create host", "\(host)", refused: code) {
            let new = try await directory.createHost(host, controllerURL: Fixture.url)
            guard enrols else { return }
            let key = SigningKey()
            let enrolment = try await directory.enrol(
                secret: new.token.secret, signingRequest: try SigningRequest(key: key).der)
            leaves[host] = TestLeaf(
                fixture: fixture, host: enrolment.host, key: key, certificate: enrolment.certificate)
        }
        if code == nil { model.hosts[host] = DumbDirectory.Host(isEnrolled: enrols) }
    }

    private func deleteHost() async throws {
        let host = try anyHost()
        let inUse = model.endpoints.values.contains { $0.host == host || $0.from == host }
        let code: DirectoryError.Code? = model.hosts[host] == nil ? .notFound : inUse ? .inUse : nil
        try await perform("delete host", "\(host)", refused: code) { try await directory.deleteHost(host) }
        guard code == nil else { return }
        model.hosts[host] = nil
        leaves[host] = nil
        for (name, endpoint) in model.endpoints where endpoint.publisher == host {
            // A host of the same name has another leaf.
            model.endpoints[name]?.publisher = nil
            if endpoint.state == "running" { model.endpoints[name]?.state = "waiting" }
        }
    }

    private func createGroup() async throws {
        let group = DumbDirectory.Group(tenant: try anyTenant(), name: try anyGroup())
        let code: DirectoryError.Code? =
            !model.tenants.contains(group.tenant) ? .notFound : model.groups.contains(group) ? .conflict : nil
        try await perform("create group", "\(group)", refused: code) {
            _ = try await directory.createGroup(TenantName(group.tenant, group.name))
        }
        if code == nil { model.groups.insert(group) }
    }

    private func deleteGroup() async throws {
        let group = DumbDirectory.Group(tenant: try anyTenant(), name: try anyGroup())
        let inUse = model.endpoints.contains { $0.key.tenant == group.tenant && $0.value.groups.contains(group.name) }
        let code: DirectoryError.Code? = !model.groups.contains(group) ? .notFound : inUse ? .inUse : nil
        try await perform("delete group", "\(group)", refused: code) {
            try await directory.deleteGroup(TenantName(group.tenant, group.name))
        }
        if code == nil { model.groups.remove(group) }
    }

    private func createEndpoint() async throws {
        let endpoint = try anyEndpoint()
        let vnetName = try name(pick(["lan", "lan", "dmz"]))
        let host = try anyHost()
        let groups = Bool.random(using: &generator) ? [try anyGroup()] : []
        let wanted: UInt32? =
            Int.random(in: 0..<4, using: &generator) > 0
            ? nil : 0x0a00_0000 + UInt32.random(in: 0...8, using: &generator)
        let vnet = model.vnets[TenantName(endpoint.tenant, vnetName)]
        let taken = Set(
            model.endpoints.filter { $0.key.tenant == endpoint.tenant && $0.value.vnet == vnetName }.map(\.value.ipv4))
        var code: DirectoryError.Code?
        var address: UInt32 = 0
        if let vnet, model.tenants.contains(endpoint.tenant) {
            let all = Array(vnet.prefix.hosts)
            let free = (all.filter { $0 >= vnet.next } + all.filter { $0 < vnet.next }).first { !taken.contains($0) }
            if model.endpoints[endpoint] != nil {
                code = .conflict
            } else if model.hosts[host] == nil
                || groups.contains(where: { !model.groups.contains(.init(tenant: endpoint.tenant, name: $0)) })
            {
                code = .notFound
            } else if let wanted {
                code = !all.contains(wanted) ? .invalid : taken.contains(wanted) ? .conflict : nil
                address = wanted
            } else if let free {
                address = free
                model.vnets[TenantName(endpoint.tenant, vnetName)]?.next = free == all.last ? all[0] : free + 1
            } else {
                code = .exhausted
            }
        } else {
            code = .notFound
        }
        try await perform("create endpoint", "\(endpoint) in \(vnetName) on \(host)", refused: code) {
            _ = try await directory.createEndpoint(
                NewEndpoint(
                    name: endpoint, vnet: vnetName, ipv4: wanted.map(IPv4Address.init), groups: groups, host: host))
        }
        guard code == nil else { return }
        model.endpoints[endpoint] = DumbDirectory.Endpoint(
            vnet: vnetName, ipv4: address, groups: Set(groups), host: host, state: "waiting", from: nil, epoch: 0,
            publisher: nil)
    }

    private func deleteEndpoint() async throws {
        let endpoint = try anyEndpoint()
        let code: DirectoryError.Code? = model.endpoints[endpoint] == nil ? .notFound : nil
        try await perform("delete endpoint", "\(endpoint)", refused: code) {
            try await directory.deleteEndpoint(endpoint)
        }
        model.endpoints[endpoint] = nil
        model.plugged = model.plugged.filter { !$0.key.contains(endpoint) }
    }

    private func membership() async throws {
        let endpoint = try anyEndpoint()
        let group = try anyGroup()
        let adds = Bool.random(using: &generator)
        let known = model.groups.contains(.init(tenant: endpoint.tenant, name: group))
        let code: DirectoryError.Code? = known && model.endpoints[endpoint] != nil ? nil : .notFound
        try await perform(adds ? "add member" : "remove member", "\(endpoint) \(group)", refused: code) {
            let group = TenantName(endpoint.tenant, group)
            if adds {
                try await directory.addMember(endpoint.name, to: group)
            } else {
                try await directory.removeMember(endpoint.name, from: group)
            }
        }
        guard code == nil else { return }
        if adds {
            model.endpoints[endpoint]?.groups.insert(group)
        } else if model.endpoints[endpoint]?.groups.remove(group) != nil, model.endpoints[endpoint]?.state == "running"
        {
            model.endpoints[endpoint]?.state = "waiting"
        }
    }

    private func plug() async throws {
        let (a, other) = (try anyEndpoint(), try anyEndpoint())
        let b = TenantName(a.tenant, other.name)
        let oneWay = Bool.random(using: &generator)
        let security = Security.allCases.randomElement(using: &generator) ?? .none
        let known = model.endpoints[a] != nil && model.endpoints[b] != nil
        let code: DirectoryError.Code? = !known ? .notFound : a == b ? .invalid : nil
        try await perform("plug", "\(a) \(b) \(oneWay) \(security)", refused: code) {
            _ = try await directory.plug(
                a.tenant, from: .endpoint(a.name), to: .endpoint(b.name), oneWay: oneWay, security: security)
        }
        guard code == nil else { return }
        model.plugged[[a, b]] = security
        model.plugged[[b, a]] = oneWay ? nil : security
    }

    private func unplug() async throws {
        let (a, other) = (try anyEndpoint(), try anyEndpoint())
        let b = TenantName(a.tenant, other.name)
        let known = model.endpoints[a] != nil && model.endpoints[b] != nil
        let code: DirectoryError.Code? = !known ? .notFound : a == b ? .invalid : nil
        try await perform("unplug", "\(a) \(b)", refused: code) {
            _ = try await directory.unplug(a.tenant, from: .endpoint(a.name), to: .endpoint(b.name))
        }
        for pair in [[a, b], [b, a]] { model.plugged[pair] = nil }
    }

    private func move() async throws {
        let endpoint = try anyEndpoint()
        let target = try anyHost()
        let code: DirectoryError.Code? =
            model.endpoints[endpoint] == nil || model.hosts[target] == nil ? .notFound : nil
        try await perform("move", "\(endpoint) to \(target)", refused: code) {
            _ = try await directory.moveEndpoint(endpoint, to: target)
        }
        guard code == nil, var moved = model.endpoints[endpoint], moved.host != target else { return }
        let former = moved.host
        moved.host = target
        if moved.state == "moving" {
            if moved.from == target {
                moved.state = moved.publisher == target ? "running" : "waiting"
                moved.from = nil
            }
        } else if model.hosts[former]?.isEnrolled == true {
            moved.state = "moving"
            moved.from = former
        } else {
            moved.state = "waiting"
        }
        model.endpoints[endpoint] = moved
    }

    private func close() async throws {
        let endpoint = try anyEndpoint()
        guard let identity = try? await directory.endpoint(endpoint).identity,
            let host = leaves.keys.sorted().randomElement(using: &generator),
            let leaf = leaves[host]
        else { return }
        try await perform("close", "\(endpoint) by \(host)", refused: nil) {
            try await directory.report(leaf: leaf.id, identity: identity, .closed)
        }
        guard var closed = model.endpoints[endpoint] else { return }
        if closed.state == "moving" {
            if closed.from == host {
                closed.state = "waiting"
                closed.from = nil
            }
        } else if closed.host == host {
            closed.state = "waiting"
        }
        model.endpoints[endpoint] = closed
    }

    private func publish() async throws {
        let endpoint = try anyEndpoint()
        guard let identity = try? await directory.endpoint(endpoint).identity,
            let host = leaves.keys.sorted().randomElement(using: &generator),
            let leaf = leaves[host], let before = model.endpoints[endpoint]
        else { return }
        let isAssigned = before.host == host && before.state != "moving"
        let least = before.publisher == host ? before.epoch : before.epoch + 1
        let epoch = max(1, least + UInt64.random(in: 0...2, using: &generator) - (least > 1 ? 1 : 0))
        let code: DirectoryError.Code? = !isAssigned ? .forbidden : epoch < least ? .olderEpoch : nil
        try await perform("publish", "\(endpoint) by \(host), epoch \(epoch)", refused: code) {
            let key = SigningKey()
            let answer = try await directory.certifyEndpoint(
                leaf: leaf.id, identity: identity, signingRequest: try SigningRequest(key: key).der)
            guard answer.epoch == least else { throw Disagreement("epoch \(answer.epoch), the model says \(least)") }
            let facts = try leaf.facts(identity, TestLeaf.Certified(key: key, answer: answer), epoch: epoch)
            try await directory.publish(leaf: leaf.id, facts)
        }
        guard code == nil else { return }
        model.endpoints[endpoint]?.epoch = epoch
        model.endpoints[endpoint]?.publisher = host
        model.endpoints[endpoint]?.state = "running"
    }

    private func upkeep() async throws {
        fixture.advance(20)
        try await perform("upkeep", "", refused: nil) { try await directory.upkeep() }
        for (name, endpoint) in model.endpoints where endpoint.state == "moving" {
            model.endpoints[name]?.state = "waiting"
            model.endpoints[name]?.from = nil
        }
    }
}

// MARK: The comparison

extension ModelRun {
    /// Whether everything that can be asked is answered as the model says.
    func agrees(_ place: String) async throws -> Bool {
        var differences: [String] = []
        func compare<T: Equatable>(_ what: String, _ real: T, _ dumb: T) {
            if real != dumb { differences.append("\(what): the directory \(real), the model \(dumb)") }
        }
        compare("tenants", try await directory.tenants().map(\.name), model.tenants.sorted())
        compare("hosts", try await directory.hosts().map(\.name), model.hosts.keys.sorted())
        for tenant in model.tenants {
            let vnets = try await directory.vnets(of: tenant)
            compare("vnets", vnets.map(\.name), model.vnets.keys.filter { $0.tenant == tenant }.sorted())
            for vnet in vnets {
                let count = model.endpoints.filter { $0.key.tenant == tenant && $0.value.vnet == vnet.name.name }.count
                compare("count of \(vnet.name)", Int(vnet.endpointCount), count)
            }
            let groups = try await directory.groups(of: tenant).map(\.name.name)
            compare("groups", groups, model.groups.filter { $0.tenant == tenant }.map(\.name).sorted())
            for group in groups {
                let members = model.endpoints.filter { $0.key.tenant == tenant && $0.value.groups.contains(group) }
                compare(
                    "members of \(group)", try await directory.members(of: TenantName(tenant, group)),
                    members.keys.map(\.name).sorted())
            }
            try await compareEndpoints(of: tenant, compare)
        }
        for (host, leaf) in leaves {
            let ports = try await directory.desiredPorts(of: leaf.id).map(\.endpoint.name)
            let dumb = model.endpoints.filter { $0.value.host == host && $0.value.state != "moving" }
            compare("ports of \(host)", Set(ports), Set(dumb.keys))
        }
        if !differences.isEmpty { Issue.record("\(place): \(differences.joined(separator: "\n"))") }
        return differences.isEmpty
    }

    private func compareEndpoints(
        of tenant: Name, _ compare: (String, String, String) -> Void
    ) async throws {
        let endpoints = try await directory.endpoints(of: tenant)
        compare("endpoints", "\(endpoints.map(\.name))", "\(model.members(tenant).sorted())")
        for endpoint in endpoints {
            guard let dumb = model.endpoints[endpoint.name] else { continue }
            var from: Name?
            if case .moving(let host, _) = endpoint.state { from = host }
            let real = DumbDirectory.Endpoint(
                vnet: endpoint.vnetName, ipv4: endpoint.ipv4.value, groups: Set(endpoint.groups), host: endpoint.host,
                state: endpoint.state.code, from: from, epoch: endpoint.epoch,
                publisher: leaves.first { $0.value.id == endpoint.publishedBy }?.key)
            if real != dumb { compare("\(endpoint.name)", "\(real)", "\(dumb)") }
            for other in endpoints where other.name != endpoint.name {
                let explanation = try await directory.explain(tenant, from: endpoint.name.name, to: other.name.name)
                let (real, dumb) = (explanation.forward, model.plugged[[endpoint.name, other.name]])
                compare(
                    "\(endpoint.name) to \(other.name)", "\(real.isPlugged) \(real.security)",
                    "\(dumb != nil) \(dumb ?? .none)")
            }
        }
    }
}
