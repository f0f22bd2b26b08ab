import Dispatch
import Synchronization

/// Where password hashes are computed: on threads of its own, a few at a time, behind bounded queues, so that a flood of
/// sign-ins takes no more than ``slots`` times the memory of one hash, and keeps nothing else waiting.
///
/// Known devices have a queue of their own, which goes first; unknown ones may have one attempt in the queue for each
/// source. When a queue is full the attempt is refused at once, before it cost anything.
public final class PasswordWorker: Sendable {
    /// From whom an attempt comes.
    public enum Lane: Hashable, Sendable {
        /// A device on which the account signed in before, or an account that is signed in.
        case known
        /// Anybody else, by the source's network.
        case unknown(SourceNetwork)
    }

    /// How many are computed at once.
    public static let slots = 2
    /// How many may wait in each queue.
    public static let waiting = 16

    private let queue = DispatchQueue(label: "patchbay.passwords", attributes: .concurrent)
    /// Which work is under way and which waits.
    private let state = Mutex(State())

    private struct Job: Sendable {
        let lane: Lane
        let run: @Sendable () -> Void
    }

    private struct State {
        var running = 0
        var known: [Job] = []
        var unknown: [Job] = []
        /// The networks that have an attempt in ``unknown`` or under way.
        var sources: Set<SourceNetwork> = []
    }

    /// Makes one with nothing under way.
    public init() {}

    /// How much is under way, and how much waits.
    public var load: (running: Int, waiting: Int) {
        state.withLock { ($0.running, $0.known.count + $0.unknown.count) }
    }

    /// Does a piece of work in its turn; nil, and nothing done, when there are too many before it.
    public func run<T: Sendable>(_ lane: Lane, _ work: @escaping @Sendable () -> T) async -> T? {
        await withCheckedContinuation { continuation in
            let job = Job(lane: lane) { [self] in
                let value = work()
                // The slot is free before the waiter goes on, so that what he does next finds it so.
                finish(lane)
                continuation.resume(returning: value)
            }
            guard accept(job) else { return continuation.resume(returning: nil) }
        }
    }

    private func accept(_ job: Job) -> Bool {
        let decision: (isAccepted: Bool, startsNow: Bool) = state.withLock { state in
            switch job.lane {
            case .known:
                guard state.running < Self.slots || state.known.count < Self.waiting else { return (false, false) }
            case .unknown(let source):
                guard state.running < Self.slots || state.unknown.count < Self.waiting,
                    state.sources.insert(source).inserted
                else { return (false, false) }
            }
            guard state.running >= Self.slots else {
                state.running += 1
                return (true, true)
            }
            if job.lane == .known { state.known.append(job) } else { state.unknown.append(job) }
            return (true, false)
        }
        if decision.startsNow { queue.async(execute: job.run) }
        return decision.isAccepted
    }

    private func finish(_ lane: Lane) {
        let next: Job? = state.withLock { state in
            if case .unknown(let source) = lane { state.sources.remove(source) }
            if !state.known.isEmpty { return state.known.removeFirst() }
            if !state.unknown.isEmpty { return state.unknown.removeFirst() }
            state.running -= 1
            return nil
        }
        if let next { queue.async(execute: next.run) }
    }
}
