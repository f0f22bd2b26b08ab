public import DirectoryCore
import LeafProtocol
public import Logging
import NetTypes
public import ServiceLifecycle
import Synchronization

/// All attached leaves, what each of them watches, and the questions that are being put to them.
///
/// As a service it hands the directory's changes to the leaves that they concern.
public final class LeafHub: Service {
    private let directory: Directory
    private let logger: Logger
    /// Protects the sessions, who watches what, and the questions.
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var sessions: [LeafID: LeafSession] = [:]
        var watchers: [Identity: Set<LeafID>] = [:]
        var watched: [LeafID: Set<Identity>] = [:]
        var nextQuery: UInt64 = 1
        var queries: [UInt64: AsyncStream<LeafReply>.Continuation] = [:]
    }

    /// Who wants to know which hosts come and go.
    private let follower = Mutex<(@Sendable (LeafHost, Bool) -> Void)?>(nil)

    /// Has somebody told which hosts come (true) and go.
    func onSession(_ body: @escaping @Sendable (LeafHost, Bool) -> Void) { follower.withLock { $0 = body } }

    /// Makes a hub without leaves.
    public init(directory: Directory, logger: Logger) {
        self.directory = directory
        self.logger = logger
    }

    /// Hands changes on until the service is shut down.
    public func run() async throws {
        let changes = directory.changes()
        await cancelWhenGracefulShutdown {
            for await change in changes { await self.handle(change) }
        }
        close()
    }

    /// Ends all sessions, and every one that comes from now on.
    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            return Array(state.sessions.values)
        }
        for session in all { session.end(.shutdown) }
    }

    // MARK: Sessions

    /// The attached leaves.
    var sessions: [LeafSession] { state.withLock { Array($0.sessions.values) } }

    /// The session of a leaf, if it is attached.
    func session(of leaf: LeafID) -> LeafSession? { state.withLock { $0.sessions[leaf] } }

    /// Takes up a session, in place of an older one of the same leaf.
    func attach(_ session: LeafSession) {
        let (former, isClosed) = state.withLock {
            ($0.sessions.updateValue(session, forKey: session.leaf), $0.isClosed)
        }
        former?.end(.replaced)
        if isClosed { session.end(.shutdown) }
        // The platform has its say before any tenant: guardrails stand before the ports, which bring the policies.
        for item in [LeafSession.Item.welcome, .revocations, .guardrails, .suspensions, .ports] { session.push(item) }
        if former == nil { follower.withLock { $0 }?(session.host, true) }
        logger.info("leaf attached", metadata: ["host": "\(session.host.name)", "leaf": "\(session.leaf)"])
    }

    /// Forgets a session, and what the leaf watched unless it has attached anew.
    func detach(_ session: LeafSession) {
        let queries = state.withLock { state -> [AsyncStream<LeafReply>.Continuation]? in
            let leaf = session.leaf
            guard state.sessions[leaf] === session else { return nil }
            state.sessions[leaf] = nil
            for identity in state.watched.removeValue(forKey: leaf) ?? [] {
                state.watchers[identity]?.remove(leaf)
                if state.watchers[identity]?.isEmpty == true { state.watchers[identity] = nil }
            }
            return Array(state.queries.values)
        }
        guard let queries else { return }
        for query in queries { query.yield(LeafReply(leaf: session.leaf, content: .gone)) }
        follower.withLock { $0 }?(session.host, false)
        logger.info(
            "leaf detached",
            metadata: [
                "host": "\(session.host.name)", "leaf": "\(session.leaf)",
                "reason": "\(session.endReason?.rawValue ?? "its connection broke")",
            ])
    }

    // MARK: Watching

    /// Whether a leaf could be made to watch an identity, and whether it did not before.
    enum Watching {
        case begun
        case already
        /// It watches too many; its session has been ended.
        case full
    }

    /// Has a leaf told of changes of an identity from now on.
    func watch(_ identity: Identity, by leaf: LeafID) -> Watching {
        let (watching, session) = state.withLock { state -> (Watching, LeafSession?) in
            let count = state.watched[leaf]?.count ?? 0
            guard state.watched[leaf]?.contains(identity) != true else { return (.already, nil) }
            guard count < ControllerLimits.watchedByLeaf else { return (.full, state.sessions[leaf]) }
            state.watched[leaf, default: []].insert(identity)
            state.watchers[identity, default: []].insert(leaf)
            return (.begun, nil)
        }
        session?.end(.watchesTooMuch)
        return watching
    }

    // MARK: Changes

    private func handle(_ change: DirectoryChange) async {
        switch change {
        case .endpointChanged(let identity):
            let told = state.withLock { state in
                (state.watchers[identity] ?? []).compactMap { state.sessions[$0] }
            }
            for session in told { session.push(.changed(identity)) }
        case .policyChanged(let tenant):
            for session in sessions where session.tenants.contains(tenant) { session.push(.policy(tenant)) }
        case .guardrailsChanged:
            for session in sessions { session.push(.guardrails) }
        case .suspensionsChanged:
            for session in sessions { session.push(.suspensions) }
        case .portsChanged(let leaf):
            session(of: leaf)?.push(.ports)
        case .revoked(let revocation):
            for session in sessions {
                session.push(.revoked(revocation))
                if revocation.subject.hits(session) { session.end(.refused) }
            }
        case .thingChanged, .accessChanged:
            return
        case .hostChanged(let host):
            for session in sessions where session.host.name == host { await checkAgain(session) }
        case .resync:
            await resync()
        }
    }

    /// Ends the sessions of leaves that would not be accepted now, such as those whose certificates have expired.
    func checkAgain() async {
        for session in sessions { await checkAgain(session) }
    }

    private func checkAgain(_ session: LeafSession) async {
        do {
            _ = try await directory.authenticate(leaf: session.certificate)
        } catch {
            guard error.code != .storage, error.code != .cancelled else { return }
            session.end(.refused)
        }
    }

    /// Tells every leaf everything again, because the feed lost some of it.
    private func resync() async {
        logger.warning("changes were lost; every leaf is told everything again")
        let all = state.withLock { state in
            state.sessions.values.map { ($0, state.watched[$0.leaf] ?? []) }
        }
        for (session, watched) in all {
            await checkAgain(session)
            session.push(.revocations)
            session.push(.guardrails)
            session.push(.suspensions)
            session.push(.ports)
            for tenant in session.tenants { session.push(.policy(tenant)) }
            for identity in watched { session.push(.changed(identity)) }
        }
    }

    // MARK: Questions

    /// Puts a question to leaves, and hands every part of every answer over; those that do not answer in time, or
    /// leave, are missing from what is returned.
    ///
    /// - Parameters:
    ///   - item: the question under its number.
    ///   - take: takes a part of a leaf's answer; says whether it was the last one, nil when it is no answer to this.
    /// - Returns: the leaves that answered to the end.
    func ask(
        _ leaves: [LeafID], _ item: (UInt64) -> LeafSession.Item, take: (LeafID, LeafReply.Content) -> Bool?
    ) async -> Set<LeafID> {
        let (stream, source) = AsyncStream<LeafReply>.makeStream(
            bufferingPolicy: .bufferingOldest(leaves.count * 128 + 1))
        let (number, asked) = state.withLock { state in
            let number = state.nextQuery
            state.nextQuery += 1
            state.queries[number] = source
            return (number, leaves.compactMap { state.sessions[$0] })
        }
        defer { state.withLock { $0.queries[number] = nil } }
        for session in asked { session.push(item(number)) }
        let timer = Task {
            try? await Task.sleep(for: ControllerLimits.reportTime)
            source.finish()
        }
        defer { timer.cancel() }
        var waiting = Set(asked.map(\.leaf))
        var answered = Set<LeafID>()
        guard !waiting.isEmpty else { return [] }
        for await reply in stream where waiting.contains(reply.leaf) {
            if case .gone = reply.content {
                waiting.remove(reply.leaf)
            } else if let isLast = take(reply.leaf, reply.content) {
                // An answer comes in parts; one that never ends is cut by the timer.
                guard isLast else { continue }
                answered.insert(reply.leaf)
                waiting.remove(reply.leaf)
            }
            if waiting.isEmpty { break }
        }
        return answered
    }

    /// Asks leaves for their wires; those that did not answer in time are missing from the result.
    func wireReports(from leaves: [LeafID]) async -> [LeafID: Patchbay_Leaf_V1_WireReport] {
        var reports: [LeafID: Patchbay_Leaf_V1_WireReport] = [:]
        let answered = await ask(leaves, { .query($0) }) { leaf, content in
            guard case .wires(let part) = content else { return nil }
            let wires = (reports[leaf]?.wires ?? []) + part.wires
            reports[leaf] = part
            reports[leaf]?.wires = wires
            return !part.more
        }
        // What has come only in part is no report.
        return reports.filter { answered.contains($0.key) }
    }

    /// Asks leaves what they know of a pair and a flow.
    func pairReports(
        from leaves: [LeafID], about question: LeafSession.PairQuestion
    ) async -> [LeafID: Patchbay_Leaf_V1_PairReport] {
        var reports: [LeafID: Patchbay_Leaf_V1_PairReport] = [:]
        _ = await ask(leaves, { .pair($0, question) }) { leaf, content in
            guard case .pair(let report) = content else { return nil }
            reports[leaf] = report
            return true
        }
        return reports
    }

    /// Asks leaves for the flows that they have seen since a moment.
    func flowsSeen(
        by leaves: [LeafID], since moment: Timestamp
    ) async -> [LeafID: Patchbay_Leaf_V1_FlowsSeen] {
        var reports: [LeafID: Patchbay_Leaf_V1_FlowsSeen] = [:]
        let answered = await ask(leaves, { .flows($0, since: moment) }) { leaf, content in
            guard case .flows(let part) = content else { return nil }
            let flows = (reports[leaf]?.flows ?? []) + part.flows
            reports[leaf] = part
            reports[leaf]?.flows = flows
            return !part.more
        }
        return reports.filter { answered.contains($0.key) }
    }

    /// Takes a part of a leaf's answer; one that nobody waits for any more is dropped.
    func answer(_ content: LeafReply.Content, to request: UInt64, by leaf: LeafID) {
        let query = state.withLock { $0.queries[request] }
        query?.yield(LeafReply(leaf: leaf, content: content))
    }
}

/// A part of what one leaf answered to a question.
struct LeafReply: Sendable {
    enum Content: Sendable {
        case wires(Patchbay_Leaf_V1_WireReport)
        case pair(Patchbay_Leaf_V1_PairReport)
        case flows(Patchbay_Leaf_V1_FlowsSeen)
        /// The leaf left instead.
        case gone
    }

    let leaf: LeafID
    let content: Content
}

extension Revocation.Subject {
    /// Whether it revokes the certificate of a session itself.
    fileprivate func hits(_ session: LeafSession) -> Bool {
        switch self {
        case .identity: false
        case .serial(let serial): serial == session.summary.serial
        case .key(let hash): hash == session.summary.keyHash
        }
    }
}
