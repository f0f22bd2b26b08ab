import DirectoryCore
import NetTypes
import PolicyLanguage
import Testing

// What lists of endpoints ask of every store: the same answers as looking at each endpoint, in parts of any size, and counts
// that hold whatever comes and goes.
extension DirectoryStoreConformance {
    private static let webGroup = TenantName(Samples.acme, Samples.known("web"))
    private static let allGroup = TenantName(Samples.acme, Samples.known("all"))

    /// 60 endpoints of acme and one of another tenant, with names, groups, hosts, states and labels in all mixtures.
    private static func crowd() throws -> [Endpoint] {
        let labels = [try PolicyLabel(parsing: "env=prod"), try PolicyLabel(parsing: "env=test")]
        var crowd: [Endpoint] = []
        for number in 0..<60 {
            let states: [Endpoint.State] = [.running, .failed(detail: "no device"), .waiting, .waiting]
            let groups: [[String]] = [["all", "web"], ["web"], [], [], []]
            let name: String = (number % 2 == 0 ? "db-" : "www") + String(100 + number)
            crowd.append(
                try endpoint(
                    UInt128(number + 10), name, host: number % 3 == 0 ? "h2" : "h1", state: states[number % 4],
                    groups: groups[number % 5], labels: number % 7 < 2 ? [labels[number % 7]] : []))
        }
        crowd.append(try endpoint(3 | 1 << 64, "db-100", vnet: .max, tenant: "globex", host: "h1", state: .running))
        return crowd
    }

    @Sendable static func queries(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        let crowd = try crowd()
        try await store.write { (tx) throws(DirectoryError) in for endpoint in crowd { try tx.put(endpoint) } }
        let (web, allGroup) = (Samples.known("web"), Samples.known("all"))
        let questions: [(EndpointQuery, (Endpoint) -> Bool)] = [
            (EndpointQuery(), { _ in true }),
            (EndpointQuery(group: web), { $0.groups.contains(web) }),
            (EndpointQuery(host: Samples.known("h2")), { $0.host == Samples.known("h2") }),
            (EndpointQuery(vnet: Samples.known("lan")), { _ in true }),
            (EndpointQuery(vnet: Samples.known("nowhere")), { _ in false }),
            (EndpointQuery(state: "failed"), { $0.state.code == "failed" }),
            (EndpointQuery(label: "env=prod"), { $0.labels.contains { $0.description == "env=prod" } }),
            (EndpointQuery(label: "env=pro"), { _ in false }),
            (EndpointQuery(search: "b-1"), { $0.name.name.text.contains("b-1") }),
            (EndpointQuery(search: "%"), { _ in false }),
            (EndpointQuery(search: "57"), { $0.name.name.text.contains("57") }),
            (EndpointQuery(search: "w15"), { $0.name.name.text.contains("w15") }),
            (EndpointQuery(search: "www1"), { $0.name.name.text.contains("www1") }),
            (EndpointQuery(search: "db-158"), { $0.name.name.text == "db-158" }),
            (EndpointQuery(search: "db-15 "), { _ in false }),
            (
                EndpointQuery(state: "running", search: "b-1"),
                {
                    $0.state.code == "running" && $0.name.name.text.contains("b-1")
                }
            ),
            (EndpointQuery(anyGroup: [allGroup]), { $0.groups.contains(allGroup) }),
            (EndpointQuery(anyGroup: [allGroup, web]), { !$0.groups.isEmpty }),
            (EndpointQuery(anyGroup: []), { _ in false }),
            (
                EndpointQuery(
                    group: web, host: Samples.known("h1"), state: "running", search: "db", anyGroup: [allGroup]),
                {
                    $0.groups.contains(web) && $0.groups.contains(allGroup) && $0.host == Samples.h1
                        && $0.state.code == "running" && $0.name.name.text.contains("db")
                }
            ),
        ]
        // Names that were taken away or changed are found no longer by what was in them.
        let gone = try endpoint(1_000, "db-158-gone")
        var renamed = try endpoint(1_001, "db-158-former")
        let former = renamed
        try await store.write { (tx) throws(DirectoryError) in for each in [gone, former] { try tx.put(each) } }
        renamed.name = TenantName(Samples.known("globex"), Samples.known("other"))
        let other = renamed
        try await store.write { (tx) throws(DirectoryError) in
            try tx.put(other)
            try tx.delete(endpoint: gone.identity)
        }
        for (query, isWanted) in questions {
            let wanted = crowd.filter { $0.name.tenant == Samples.acme && isWanted($0) }
                .sorted { $0.name.name < $1.name.name }
            for limit in [1, 7, 100] {
                var found: [Endpoint] = []
                while true {
                    let after = found.last?.name.name
                    let page = try await store.read { (tx) throws(DirectoryError) in
                        try tx.endpoints(of: Samples.acme, matching: query, page: Page(after: after, limit: limit))
                    }
                    #expect(page.count <= limit)
                    found += page
                    if page.count < limit { break }
                }
                #expect(found == wanted, "\(query), \(limit) at a time")
            }
        }
    }

    @Sendable static func tallies(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        var crowd = try crowd()
        func expect(sourceLocation: SourceLocation = #_sourceLocation) async throws {
            let own = crowd.filter { $0.name.tenant == Samples.acme }
            for part in EndpointPart.allCases {
                for limit in [nil, [Samples.known("web")]] as [Set<Name>?] {
                    var expected: [Name?: EndpointTally] = [:]
                    for endpoint in own where limit.map({ !$0.isDisjoint(with: endpoint.groups) }) ?? true {
                        let name: Name? =
                            switch part {
                            case .group: endpoint.groups.min()
                            case .host: endpoint.host
                            case .vnet: endpoint.vnetName
                            }
                        var tally = expected[name] ?? EndpointTally(name: name)
                        switch endpoint.state {
                        case .waiting: tally.waiting += 1
                        case .running: tally.running += 1
                        case .moving: tally.moving += 1
                        case .failed: tally.failed += 1
                        }
                        expected[name] = tally
                    }
                    let sorted = expected.values.sorted { ($0.name?.text ?? "") < ($1.name?.text ?? "") }
                    let found = try await store.read { (tx) throws(DirectoryError) in
                        try tx.tally(of: Samples.acme, by: part, limit: limit)
                    }
                    #expect(found == sorted, "\(part)", sourceLocation: sourceLocation)
                }
            }
        }
        func put(_ endpoints: [Endpoint]) async throws {
            try await store.write { (tx) throws(DirectoryError) in for each in endpoints { try tx.put(each) } }
        }
        try await put(crowd)
        try await expect()
        // Everything starts, some change groups and hosts, some go.
        for index in crowd.indices { crowd[index].state = .running }
        for index in stride(from: 0, to: 60, by: 4) {
            crowd[index].groups = index % 8 == 0 ? [] : [Samples.known("web")]
        }
        for index in stride(from: 1, to: 60, by: 6) {
            crowd[index].state = .moving(from: crowd[index].host, deadline: Timestamp(9))
        }
        try await put(crowd)
        try await put(crowd)
        try await expect()
        let gone = crowd.prefix(20).map(\.identity)
        try await store.write { (tx) throws(DirectoryError) in for each in gone { try tx.delete(endpoint: each) } }
        crowd.removeFirst(20)
        try await expect()
    }

    @Sendable static func counts(_ store: any DirectoryStore) async throws {
        try await furnish(store)
        func expect(
            web: Int, all: Int, h1: Int, h2: Int, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let found = try await store.read { (tx) throws(DirectoryError) in
                [
                    try tx.memberCount(of: Self.webGroup), try tx.memberCount(of: Self.allGroup),
                    try tx.endpointCount(on: Samples.h1), try tx.endpointCount(on: Samples.known("h2")),
                ]
            }
            #expect(found == [web, all, h1, h2], sourceLocation: sourceLocation)
        }
        try await expect(web: 0, all: 0, h1: 0, h2: 0)
        var (a, b) = (try endpoint(3, "a", groups: ["all", "web"]), try endpoint(4, "b", host: "h2", groups: ["all"]))
        func put(_ endpoints: Endpoint...) async throws {
            try await store.write { (tx) throws(DirectoryError) in for each in endpoints { try tx.put(each) } }
        }
        try await put(a, b)
        try await expect(web: 1, all: 2, h1: 1, h2: 1)
        // Put again as it is, with another state, in other groups, on another host.
        a.state = .running
        try await put(a, b)
        try await expect(web: 1, all: 2, h1: 1, h2: 1)
        a.groups = [Samples.known("web")]
        b.groups = [Samples.known("all"), Samples.known("web")]
        b.host = Samples.h1
        try await put(a, b)
        try await expect(web: 2, all: 1, h1: 2, h2: 0)
        // The groups and the host themselves, put again, keep their counts.
        let host = try host("h1", 1)
        try await store.write { (tx) throws(DirectoryError) in
            try tx.put(host)
            try tx.put(Group(name: Self.webGroup, createdAt: Timestamp(3)))
        }
        try await expect(web: 2, all: 1, h1: 2, h2: 0)
        // What is rolled back was not counted.
        let c = try endpoint(5, "c", groups: ["web"])
        await expectRefusal(.expired) {
            try await store.write { (tx) throws(DirectoryError) in
                try tx.put(c)
                throw DirectoryError(.expired, "on purpose")
            }
        }
        let gone = b.identity
        try await store.write { (tx) throws(DirectoryError) in try tx.delete(endpoint: gone) }
        try await expect(web: 1, all: 0, h1: 1, h2: 0)
        // Of what is not there.
        try await store.read { (tx) throws(DirectoryError) in
            let none = try tx.memberCount(of: TenantName(Samples.known("globex"), Samples.known("web")))
            let nowhere = try tx.endpointCount(on: Samples.known("h9"))
            #expect(none == 0 && nowhere == 0)
        }
    }
}
