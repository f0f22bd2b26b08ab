import DirectoryCore
import NetTypes
import Synchronization
import Trust

/// One leaf's Attach stream: who is at its other end, and what is still to be told.
///
/// What waits are names of things, not messages: a message is made from the directory when it is its turn, so that
/// ten changes of a policy in a moment are told once, and a leaf never gets something older than it has. The queue is
/// bounded; when it is full the session ends, and the leaf attaches anew and is told everything again.
final class LeafSession: Sendable {
    /// Something that the leaf is to be told.
    enum Item: Hashable, Sendable {
        case welcome
        case guardrails
        case suspensions
        case revocations
        case ports
        case policy(Name)
        case changed(Identity)
        case revoked(Revocation)
        case query(UInt64)
        case pair(UInt64, PairQuestion)
        case flows(UInt64, since: Timestamp)
    }

    /// What a leaf is asked about a pair.
    struct PairQuestion: Hashable, Sendable {
        var source: Identity
        var destination: Identity
        /// The address outside, where the source is the border that speaks for it.
        var outsideSource: IPAddress?
        /// The same of the destination.
        var outsideDestination: IPAddress?
        /// IP protocol number; 0: none in particular.
        var protocolNumber: UInt8
        /// The destination port, or ICMP type × 256 + code.
        var number: UInt16
        /// Whether a marked packet is to be sent.
        var isTrace = false
        /// The mark of the packet that is sent, or that is to be followed; 0: there is none.
        var mark: UInt32 = 0
        /// Whether the packet of the mark is to be followed no more.
        var isEnd = false
    }

    /// Why a session ended.
    enum End: String, Sendable {
        case leafLeft = "the leaf left"
        case noHello = "the leaf did not say hello in time"
        case replaced = "the leaf has attached anew"
        case slow = "the leaf is too slow; it is to attach anew"
        case watchesTooMuch = "the leaf watches too many identities; it is to attach anew"
        case refused = "the leaf is no longer accepted"
        case shutdown = "the controller is shutting down"
    }

    /// What the leaf said of itself.
    struct Hello: Sendable {
        var locators: [IPAddress]
        var underlayDevice: String
        var version: String
        /// Its ESP engine in words; nil: it has none.
        var engine: String?
    }

    /// Whose leaf is at the other end, as the certificate of its session says.
    let host: LeafHost
    /// The certificate of its session, DER, to be looked at again when something is revoked.
    let certificate: [UInt8]
    /// What of the certificate can be revoked.
    let summary: CertificateSummary
    private let capacity: Int
    /// Protects what waits, and the reader that waits for it.
    private let state = Mutex(State())
    private let ending: AsyncStream<Void>
    private let endingSource: AsyncStream<Void>.Continuation

    private struct State {
        var hello: Hello?
        var tenants: Set<Name> = []
        var order: [Item] = []
        var head = 0
        var waiting: Set<Item> = []
        var reader: CheckedContinuation<Item?, Never>?
        var end: End?
    }

    init(
        host: LeafHost, certificate: [UInt8], summary: CertificateSummary,
        capacity: Int = ControllerLimits.waitingForLeaf
    ) {
        self.host = host
        self.certificate = certificate
        self.summary = summary
        self.capacity = capacity
        (ending, endingSource) = AsyncStream.makeStream()
    }

    /// The leaf.
    var leaf: LeafID { host.id }

    /// What the leaf said of itself; nil before it did.
    var hello: Hello? { state.withLock { $0.hello } }

    /// Notes what the leaf says of itself; false when it said it before.
    func greet(_ hello: Hello) -> Bool {
        state.withLock { state in
            guard state.hello == nil else { return false }
            state.hello = hello
            return true
        }
    }

    /// The tenants whose policies the leaf is told of.
    var tenants: Set<Name> { state.withLock { $0.tenants } }

    /// Sets the tenants that have endpoints on the leaf; returns those that it had not before.
    func setTenants(_ tenants: Set<Name>) -> Set<Name> {
        state.withLock { state in
            defer { state.tenants = tenants }
            return tenants.subtracting(state.tenants)
        }
    }

    /// Has the leaf told something, unless that waits already.
    func push(_ item: Item) {
        let outcome: (reader: CheckedContinuation<Item?, Never>?, isFull: Bool) = state.withLock { state in
            guard state.end == nil else { return (nil, false) }
            if let reader = state.reader {
                state.reader = nil
                return (reader, false)
            }
            guard !state.waiting.contains(item) else { return (nil, false) }
            guard state.waiting.count < capacity else { return (nil, true) }
            state.waiting.insert(item)
            state.order.append(item)
            return (nil, false)
        }
        outcome.reader?.resume(returning: item)
        if outcome.isFull { end(.slow) }
    }

    /// The next thing to tell; nil when the session has ended or the task was cancelled.
    func next() async -> Item? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Item?? = state.withLock { state in
                    guard state.end == nil, !Task.isCancelled else { return .some(nil) }
                    guard state.head < state.order.count else {
                        state.reader = continuation
                        return .none
                    }
                    let item = state.order[state.head]
                    state.head += 1
                    state.waiting.remove(item)
                    if state.head == state.order.count || state.head > 1_024 {
                        state.order.removeFirst(state.head)
                        state.head = 0
                    }
                    return item
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: nil)
        }
    }

    /// Ends the session; the first reason stays.
    func end(_ reason: End) {
        let reader = state.withLock { state in
            guard state.end == nil else { return nil as CheckedContinuation<Item?, Never>? }
            state.end = reason
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
        endingSource.finish()
    }

    /// Why the session ended; nil while it lives.
    var endReason: End? { state.withLock { $0.end } }

    /// Waits until the session has ended. One task only may wait.
    func ended() async {
        for await _ in ending {}
    }
}
