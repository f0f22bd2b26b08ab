import Accounts
import NIOCore
import NetTypes
import Synchronization

/// One who listens: what he has not got yet, bounded. Who is too slow is cut off, and comes again with the id of the last
/// event that he has.
final class EventListener: Sendable {
    /// What is listened to.
    let scope: LiveEvent.Scope
    /// The groups to which the one who listens is limited; nil: to none.
    let limit: Set<Name>?
    /// The account that listens; nil for the installation.
    let account: AccountID?
    /// Protects what waits, and the reader that waits for it.
    private let state: Mutex<State>

    private struct State {
        var waiting: [ByteBuffer]
        var reader: CheckedContinuation<[ByteBuffer]?, Never>?
        var hasEnded = false
        /// Whether it ends when what waits has been taken.
        var isFinishing = false
        /// Whether it is to be asked whether the one who listens still may.
        var isDue = true
        var onCut: (@Sendable () -> Void)?
    }

    init(_ scope: LiveEvent.Scope, limit: Set<Name>?, account: AccountID?, first: [ByteBuffer]) {
        self.account = account
        self.scope = scope
        self.limit = limit
        state = Mutex(State(waiting: first))
    }

    /// Notes what is to be done when the listener is too slow: its connection is ended, for a write may hang in it.
    func onCut(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onCut = body } }

    /// Hands something over without ever waiting; false: the listener is gone.
    func push(_ bytes: ByteBuffer, unlessBusy: Bool = false) -> Bool {
        let (outcome, reader, cut) = state.withLock {
            state -> (Bool, CheckedContinuation<[ByteBuffer]?, Never>?, (@Sendable () -> Void)?) in
            guard !state.hasEnded, !state.isFinishing else { return (false, nil, nil) }
            if let reader = state.reader {
                state.reader = nil
                return (true, reader, nil)
            }
            if unlessBusy, !state.waiting.isEmpty { return (true, nil, nil) }
            guard state.waiting.count < ControllerLimits.waitingForListener else {
                state.hasEnded = true
                state.waiting = []
                return (false, nil, state.onCut)
            }
            state.waiting.append(bytes)
            return (true, nil, nil)
        }
        reader?.resume(returning: [bytes])
        cut?()
        return outcome
    }

    /// What is to be sent next; nil when the listener has ended or the task was cancelled.
    func next() async -> [ByteBuffer]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: [ByteBuffer]?? = state.withLock { state in
                    guard !state.hasEnded, !Task.isCancelled else { return .some(nil) }
                    // Nothing waits, but rights are to be asked for.
                    if state.isDue, state.waiting.isEmpty { return .some([]) }
                    if state.isFinishing, state.waiting.isEmpty { return .some(nil) }
                    guard !state.waiting.isEmpty else {
                        state.reader = continuation
                        return .none
                    }
                    defer { state.waiting = [] }
                    return state.waiting
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            end()
        }
    }

    /// Has the reader ask at once whether the one who listens still may.
    func askAgain() {
        let reader = state.withLock { state in
            state.isDue = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: [])
    }

    /// Whether it is to be asked whether the one who listens still may; it is so once.
    func takeDue() -> Bool {
        state.withLock { state in
            defer { state.isDue = false }
            return state.isDue
        }
    }

    /// Ends it when the reader has got what waits.
    func finish() {
        let reader = state.withLock { state in
            state.isFinishing = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    /// Ends it; the reader gets nil.
    func end() {
        let reader = state.withLock { state in
            state.hasEnded = true
            state.waiting = []
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}
