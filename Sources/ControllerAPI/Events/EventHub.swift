import Accounts
public import DirectoryCore
public import Logging
import NIOCore
import NetTypes
public import ServiceLifecycle
import Synchronization

/// Live events: keeps the latest ones for those who come again, and hands each to all who listen.
///
/// An event is encoded once and shared by all that wait for it. Ids are `RUN-NUMBER`: a run of the controller begins a new
/// count, so that an id of a former run is seen to be one.
public final class EventHub: Service {
    let directory: Directory
    let leaves: LeafHub
    let logger: Logger
    private let runMark: String
    /// Protects the latest events and who listens.
    private let state = Mutex(State())

    private struct State {
        var next: UInt64 = 1
        /// The latest, the oldest first; begins at ``first``.
        var latest: [LiveEvent] = []
        var head = 0
        var isClosed = false
        var nextListener: UInt64 = 1
        var listeners: [LiveEvent.Scope: [UInt64: EventListener]] = [:]
        var count = 0
    }

    /// Makes a hub without listeners.
    public init(directory: Directory, leaves: LeafHub, logger: Logger) {
        self.directory = directory
        self.leaves = leaves
        self.logger = logger
        runMark = String(UInt64.random(in: 0 ... .max), radix: 36)
        leaves.onSession { [weak self] host, isThere in
            self?.tell(
                .platform, isThere ? "host.connected" : "host.disconnected",
                ["host": host.name.text, "leaf": host.id.description])
        }
    }

    // MARK: Listening

    /// Whether anybody listens to what is about a tenant.
    var followedTenants: [Name] {
        state.withLock { state in
            state.listeners.keys.compactMap { if case .tenant(let name) = $0 { name } else { nil } }
        }
    }

    /// How many listen.
    var listenerCount: Int { state.withLock { $0.count } }

    /// Begins to listen. First comes what has happened since an event that the listener has, or a `reset` where that is
    /// not known any more: then everything is to be read again.
    ///
    /// - Returns: nil where there are as many listeners as can be.
    func listen(
        to scope: LiveEvent.Scope, limit: Set<Name>?, account: AccountID? = nil, after last: String?
    ) -> (UInt64, EventListener)? {
        state.withLock { state in
            guard !state.isClosed, state.count < ControllerLimits.listeners else { return nil }
            var first: [ByteBuffer] = []
            let present = "\(runMark)-\(state.next - 1)"
            if let last {
                if let missed = missed(after: last, state) {
                    first = missed.filter { $0.reaches(scope, limit: limit) }.map(\.bytes)
                    if first.count > ControllerLimits.waitingForListener / 2 { first = [reset(present, "too-many")] }
                } else {
                    first = [reset(present, "unknown-place")]
                }
            }
            // So that one who comes again before anything happened knows its place.
            if first.isEmpty { first = [LiveEvent.encode(id: present, type: "ready", [:])] }
            let listener = EventListener(scope, limit: limit, account: account, first: first)
            let id = state.nextListener
            state.nextListener += 1
            state.count += 1
            state.listeners[scope, default: [:]][id] = listener
            return (id, listener)
        }
    }

    /// Ends listening.
    func leave(_ id: UInt64, _ listener: EventListener) {
        listener.end()
        state.withLock { state in
            guard state.listeners[listener.scope]?.removeValue(forKey: id) != nil else { return }
            state.count -= 1
            if state.listeners[listener.scope]?.isEmpty == true { state.listeners[listener.scope] = nil }
        }
    }

    /// The events after one that was sent; nil where that is not known any more.
    private func missed(after id: String, _ state: State) -> ArraySlice<LiveEvent>? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == runMark, let number = UInt64(parts[1]), number < state.next else {
            return nil
        }
        let oldest = state.next - UInt64(state.latest.count - state.head)
        guard number + 1 >= oldest else { return nil }
        return state.latest[(state.head + Int(number + 1 - oldest))...]
    }

    private func reset(_ id: String, _ reason: String) -> ByteBuffer {
        LiveEvent.encode(id: id, type: "reset", ["reason": reason])
    }

    // MARK: Happening

    /// Tells something to whom it concerns.
    func tell(_ scope: LiveEvent.Scope, _ type: String, groups: Set<Name>? = nil, _ data: [String: String?]) {
        // Handed over inside, so that everybody gets events in the order of their numbers.
        let gone = state.withLock { state -> [(UInt64, EventListener)] in
            let event = LiveEvent(
                number: state.next, scope: scope, groups: groups,
                bytes: LiveEvent.encode(id: "\(runMark)-\(state.next)", type: type, data))
            state.next += 1
            state.latest.append(event)
            if state.latest.count - state.head > ControllerLimits.keptEvents { state.head += 1 }
            if state.head > ControllerLimits.keptEvents {
                state.latest.removeFirst(state.head)
                state.head = 0
            }
            var gone: [(UInt64, EventListener)] = []
            for scope in scope == .everyone ? Array(state.listeners.keys) : [scope] {
                for (id, listener) in state.listeners[scope] ?? [:]
                where event.reaches(listener.scope, limit: listener.limit) && !listener.push(event.bytes) {
                    gone.append((id, listener))
                }
            }
            return gone
        }
        for (id, listener) in gone { leave(id, listener) }
    }

    /// Has those whose rights may have become fewer be asked for them at once.
    func askAgain(_ change: AccessChange) {
        let concerned = state.withLock { state -> [EventListener] in
            switch change {
            case .account(let account):
                state.listeners.values.flatMap { $0.values.filter { $0.account == account } }
            case .tenant(let tenant): Array((state.listeners[.tenant(tenant)] ?? [:]).values)
            }
        }
        for listener in concerned { listener.askAgain() }
    }

    /// Ends those who listen to a tenant that is gone, when they have got what waits for them, and forgets what happened
    /// to it: a later tenant of the name is another one.
    func close(_ scope: LiveEvent.Scope) {
        let gone = state.withLock { state in
            for index in state.latest.indices where state.latest[index].scope == scope {
                let event = state.latest[index]
                state.latest[index] = LiveEvent(
                    number: event.number, scope: .nobody, groups: nil, bytes: event.bytes)
            }
            let gone = Array((state.listeners.removeValue(forKey: scope) ?? [:]).values)
            state.count -= gone.count
            return gone
        }
        for listener in gone { listener.finish() }
    }

    /// Tells everybody who is waiting that the connection is alive.
    private func beat() {
        let all = state.withLock { $0.listeners.values.flatMap { Array($0) } }
        for (id, listener) in all where !listener.push(LiveEvent.heartbeat, unlessBusy: true) { leave(id, listener) }
    }

    private func close() {
        let all = state.withLock { state in
            state.isClosed = true
            return state.listeners.values.flatMap { Array($0) }
        }
        for (id, listener) in all { leave(id, listener) }
    }

    // MARK: The service

    /// Works until the service is shut down.
    public func run() async throws {
        let changes = directory.changes()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await change in changes { await self.follow(change) } }
                group.addTask {
                    while (try? await Task.sleep(for: ControllerLimits.heartbeat)) != nil { self.beat() }
                }
                group.addTask { await WireWatch(hub: self).run() }
                await group.waitForAll()
            }
        }
        close()
    }
}
