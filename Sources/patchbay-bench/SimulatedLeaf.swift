import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafAgent
import LeafProtocol
import LinuxKit
import MutualTLS
import NetTypes
import Plugging
import PolicyLanguage
import PolicyZones
import Synchronization
import Trust

/// A leaf without a host: it has joined by a token and keeps a session with the controller as every leaf does, verifies
/// each policy, keeps it, puts it in force and asks it about its pairs. What it leaves out is the kernel.
actor SimulatedLeaf {
    /// What a leaf found when it had asked a new revision about all of its pairs.
    struct Judgement: Sendable {
        let revision: UInt64
        /// How many of its pairs are plugged.
        let plugged: Int
        /// Nanoseconds of CLOCK_MONOTONIC.
        let at: UInt64
    }

    /// The last judgement of each leaf, and what went wrong; the mutex is for the leaves and whoever waits for them.
    final class Board: Sendable {
        private let state = Mutex<(last: [Int: Judgement], failure: String?)>(([:], nil))

        func post(_ judgement: Judgement, by leaf: Int) { state.withLock { $0.last[leaf] = judgement } }
        func fail(_ reason: String) { state.withLock { $0.failure = $0.failure ?? reason } }

        /// The last judgements by number of the leaf.
        func judgements() throws -> [Int: Judgement] {
            let (last, failure) = state.withLock { $0 }
            if let failure { throw BenchError(failure) }
            return last
        }
    }

    /// The own endpoint and those at the other leaves, all of one group.
    struct Pairs: Sendable {
        let own: Name
        let others: [Name]
        let group: Name
    }

    private let number: Int
    private let pairs: Pairs
    private let board: Board
    private let directory: String
    private let membership: Membership
    private let anchor: TrustAnchor
    private let credentials: SessionCredentials

    private var policy: TenantPolicy?
    private var guardrails: Guardrails?
    private var lock: PolicyLock?
    private var own: Party?

    /// What the enrolment has left in the state directory.
    private struct Membership: Decodable {
        let root: Data
        let certificate: Data
        let controllerName: String
    }

    /// Joins the platform with a token.
    init(number: Int, token: String, directory: String, pairs: Pairs, board: Board) async throws {
        self.number = number
        self.pairs = pairs
        self.board = board
        self.directory = directory
        _ = try await Enrolment.join(token: token, stateDirectory: directory)
        membership = try JSONDecoder().decode(
            Membership.self, from: Data(contentsOf: URL(fileURLWithPath: "\(directory)/leaf.json")))
        guard let key = try FileKeyStore(directory: "\(directory)/keys").load("leaf") else {
            throw BenchError("\(directory) has no key of the leaf after it has joined")
        }
        anchor = try TrustAnchor(root: Array(membership.root))
        credentials = try SessionCredentials(certificate: Array(membership.certificate), keyPEM: key.pem)
    }

    /// Keeps a session with the controller until the task is cancelled; any other end is a failure.
    func run(controllerPort: Int) async {
        do {
            try await session(controllerPort)
            if !Task.isCancelled { board.fail("the controller has ended the session of leaf \(number)") }
        } catch {
            if !Task.isCancelled { board.fail("the session of leaf \(number): \(error)") }
        }
    }

    private func session(_ port: Int) async throws {
        let root = anchor.root
        let hello = Patchbay_Leaf_V1_FromLeaf.with {
            $0.hello.locators = [Data(IPv4Address(0x0a62_0200 | UInt32(number)).octets)]
            $0.hello.plugPort = 7471
            $0.hello.underlayDevice = Platform.underlayDevice
            $0.hello.version = "bench"
        }
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: .ipv4(address: "127.0.0.1", port: port),
                transportSecurity: try SessionSecurity.client(credentials, root: root),
                config: SessionSecurity.clientConfiguration(serverName: membership.controllerName))
        ) { client in
            // A leaf has nothing more to say as long as nobody asks.
            let (silence, end) = AsyncStream.makeStream(of: Patchbay_Leaf_V1_FromLeaf.self)
            defer { end.finish() }
            try await Patchbay_Leaf_V1_Directory.Client(wrapping: client).attach(
                options: SessionSecurity.longAnswers,
                requestProducer: { writer in
                    try await writer.write(hello)
                    for await message in silence { try await writer.write(message) }
                },
                onResponse: { response in
                    for try await message in response.messages { try await self.take(message) }
                })
        }
    }

    // MARK: What the controller says

    private func take(_ message: Patchbay_Leaf_V1_ToLeaf) async throws {
        switch message.message {
        case .policy(let document): try await take(policy: document)
        case .guardrails(let document): try await take(guardrails: document)
        case .ports(let ports):
            own = ports.ports.first { $0.name == pairs.own.text }.flatMap(Self.party)
            try judge()
        default: return
        }
    }

    private func take(policy message: Patchbay_Leaf_V1_PolicyDocument) async throws {
        let signed = Self.signed(message)
        let policy = try TenantPolicy(canonicalBytes: signed.body)
        let verified = try await anchor.verify(policy: signed, lock: lock, at: Self.now(), revocations: .none).get()
        guard verified.covers(tenant: policy.tenant, revision: policy.revision),
            policy.revision >= self.policy?.revision ?? 0
        else { throw BenchError("the controller sends a policy that no leaf would take") }
        (self.policy, lock) = (policy, verified.lock)
        try AtomicFile.replace("\(directory)/policies/\(policy.tenant)", with: Array(try message.serializedData()))
        try judge()
    }

    private func take(guardrails message: Patchbay_Leaf_V1_PolicyDocument) async throws {
        let signed = Self.signed(message)
        try await anchor.verify(guardrails: signed, at: Self.now(), revocations: .none).get()
        guardrails = try Guardrails(canonicalBytes: signed.body)
        try judge()
    }

    /// Puts what is there in force and asks about every pair.
    private func judge() throws {
        guard let policy, let own else { return }
        let documents = [policy.document, guardrails?.document].compactMap { $0 }
        let inForce = PolicyInForce(policy, guardrails: guardrails, zones: SystemTimeZones(of: documents))
        let now = Self.now()
        var plugged = 0
        for other in pairs.others {
            let party = Party.certified(other, groups: [pairs.group], labels: [], level: 0)
            if inForce.plan(source: own, destination: party, at: now).isPlugged { plugged += 1 }
        }
        let at = DispatchTime.now().uptimeNanoseconds
        board.post(Judgement(revision: policy.revision, plugged: plugged, at: at), by: number)
    }

    private static func party(_ port: Patchbay_Leaf_V1_DesiredPort) -> Party? {
        guard let name = try? Name(parsing: port.name), let groups = try? port.groups.map({ try Name(parsing: $0) }),
            let labels = try? port.labels.map({ try PolicyLabel(parsing: $0) }), let level = UInt8(exactly: port.level)
        else { return nil }
        return .certified(name, groups: groups, labels: labels, level: level)
    }

    private static func signed(_ message: Patchbay_Leaf_V1_PolicyDocument) -> SignedPolicy {
        SignedPolicy(
            body: Array(message.body), signature: Array(message.signature), certificate: Array(message.certificate),
            issuer: Array(message.issuer),
            locks: message.locks.map {
                SignedLock(body: Array($0.body), signature: Array($0.signature), key: Array($0.key))
            })
    }

    private static func now() -> Timestamp { Timestamp(Int64(Date().timeIntervalSince1970)) }
}
