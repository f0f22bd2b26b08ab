import APIClient
import APITypes
import Foundation
import Lab
import NetTypes

/// A controller, the real program on an empty store, and simulated leaves with an endpoint each, all of one group.
actor ChangeSite {
    private static let tenant = "acme"
    private static let group = "all"
    private static let vnet = "lan"

    private let controller: Running
    private let client: APIClient
    private let board = SimulatedLeaf.Board()
    private let endpoints: [String]
    private var sessions: [Task<Void, Never>] = []
    private var revision: UInt64 = 0

    /// Starts everything and waits until every leaf has its policy.
    init(leaves: Int) async throws {
        let directory = "\(Platform.directory)/change"
        try? FileManager.default.removeItem(atPath: directory)
        let program = "\(Lab.ownDirectory)/patchbay-controller"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchError("\(program) is missing: build all programs (scripts/build.sh)")
        }
        let data = "\(directory)/controller"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try Command.run([program, "init", "--data", data])
        let ports = try Ports.free(2)
        controller = try Running([
            program, "run", "--data", data, "--listen", "127.0.0.1:\(ports[0])", "--leaf-listen",
            "127.0.0.1:\(ports[1])", "--log-level", "warning",
        ])
        client = try APIClient(
            ControllerLocation.find(
                controller: "https://127.0.0.1:\(ports[0])", tokenFile: "\(data)/operator.token",
                rootCertificateFile: "\(data)/root.pem", environment: [:]))
        endpoints = (1...leaves).map { "vm\($0)" }
        do {
            try await awaitController()
            try await describe(directory, leafPort: ports[1])
            revision = try await client.policy(of: Self.tenant).revision
            _ = try await effect(of: revision) { _ in 0 }
        } catch {
            await close()
            throw error
        }
    }

    func close() async {
        for session in sessions { session.cancel() }
        for session in sessions { await session.value }
        await client.shutdown()
        controller.stop()
    }

    private func awaitController() async throws {
        let end = Date().addingTimeInterval(20)
        while (try? await client.health()) == nil {
            guard try !controller.hasEnded(), Date() < end else { throw try controller.failure("does not answer") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func describe(_ directory: String, leafPort: Int) async throws {
        _ = try await client.create(NewTenant(name: Self.tenant))
        _ = try await client.create(NewVNet(name: Self.vnet, ipv4Prefix: "10.0.0.0/16"), of: Self.tenant)
        _ = try await client.create(NewGroup(name: Self.group), of: Self.tenant)
        let names = try endpoints.map { try Name(parsing: $0) }
        for (index, endpoint) in endpoints.enumerated() {
            let invitation = try await client.create(NewHost(name: "h\(index + 1)"))
            let leaf = try await SimulatedLeaf(
                number: index, token: invitation.token, directory: "\(directory)/leaf\(index + 1)",
                pairs: SimulatedLeaf.Pairs(
                    own: names[index], others: names.filter { $0 != names[index] },
                    group: try Name(parsing: Self.group)), board: board)
            _ = try await client.create(
                NewEndpoint(
                    name: endpoint, vnet: Self.vnet, groups: [Self.group], host: "h\(index + 1)", kind: .namespace),
                of: Self.tenant)
            sessions.append(Task { await leaf.run(controllerPort: leafPort) })
        }
    }

    // MARK: Changes

    /// When a change was asked for, answered, and in effect at the last leaf; nanoseconds of CLOCK_MONOTONIC.
    struct Change: Sendable {
        let asked: UInt64
        let answered: UInt64
        let last: UInt64
    }

    /// Plugs a pair of endpoints, the same pair until it is unplugged: two leaves see another verdict.
    func plugPair(_ isPlugged: Bool, _ number: Int) async throws -> Change {
        let first = number % endpoints.count
        let second = (first + 1) % endpoints.count
        let (from, to) = (endpoints[first], endpoints[second])
        return try await change { leaf in
            isPlugged && (leaf == first || leaf == second) ? 1 : 0
        } by: { client in
            if isPlugged {
                _ = try await client.plug(PlugPair(from: from, to: to), of: Self.tenant)
            } else {
                _ = try await client.unplug(UnplugPair(from: from, to: to), of: Self.tenant)
            }
        }
    }

    /// Plugs every endpoint with every other by one entry about their group: all leaves see other verdicts.
    func plugAll() async throws -> Change {
        let entry = NewPolicyEntry(action: .plug, from: "group:\(Self.group)", to: "group:\(Self.group)")
        let all = endpoints.count - 1
        return try await change { _ in
            all
        } by: {
            _ = try await $0.create(entry, of: Self.tenant)
        }
    }

    /// Takes all entries away, of which there is one.
    func unplugAll() async throws -> Change {
        let entries = try await client.policy(of: Self.tenant).entries
        guard let entry = entries.first, entries.count == 1 else {
            throw BenchError("the policy has \(entries.count) entries, not 1")
        }
        return try await change { _ in
            0
        } by: {
            try await $0.deletePolicyEntry(entry.id, of: Self.tenant)
        }
    }

    /// Removes what `plug` and `unplug` have left.
    func clear() async throws {
        for entry in try await client.policy(of: Self.tenant).entries {
            try await client.deletePolicyEntry(entry.id, of: Self.tenant)
        }
        revision = try await client.policy(of: Self.tenant).revision
        _ = try await effect(of: revision) { _ in 0 }
    }

    private func change(
        plugged: (Int) -> Int, by body: (APIClient) async throws -> Void
    ) async throws -> Change {
        let asked = DispatchTime.now().uptimeNanoseconds
        try await body(client)
        let answered = DispatchTime.now().uptimeNanoseconds
        revision += 1
        return Change(
            asked: asked, answered: answered, last: try await effect(of: revision, plugged: plugged))
    }

    /// Waits until every leaf has judged its pairs by a revision; gives the moment at which the last one had.
    private func effect(of revision: UInt64, plugged: (Int) -> Int) async throws -> UInt64 {
        let end = Date().addingTimeInterval(20)
        while true {
            let judgements = try board.judgements()
            if judgements.count == endpoints.count, judgements.values.allSatisfy({ $0.revision >= revision }) {
                for (leaf, judgement) in judgements
                where judgement.revision != revision || judgement.plugged != plugged(leaf) {
                    throw BenchError(
                        "leaf \(leaf) has \(judgement.plugged) plugged pairs by revision \(judgement.revision), "
                            + "not \(plugged(leaf)) by \(revision)")
                }
                return judgements.values.map(\.at).max() ?? 0
            }
            guard Date() < end, !Interruption.isEnding else {
                let late = judgements.values.filter { $0.revision >= revision }.count
                throw try controller.failure("\(late) of \(endpoints.count) leaves have revision \(revision)")
            }
            // The leaves say themselves when it was; a short wait takes no part in it.
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
