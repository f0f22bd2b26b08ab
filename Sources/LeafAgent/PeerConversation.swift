import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import NetTypes
import Synchronization

typealias WireRequest = Patchbay_Leaf_V1_WireRequest
typealias WireAnswer = Patchbay_Leaf_V1_WireAnswer

/// The one long stream on which this leaf asks another.
///
/// A question costs a message, not a call: no stream of HTTP/2 is set up and no task for its deadline. Questions are
/// numbered, and each waits for the answer with its number, until the deadline or the end of the stream.
final class PeerConversation: Sendable {
    private struct Waiting {
        var answer: CheckedContinuation<WireAnswer, any Error>
        var deadline: ContinuousClock.Instant
    }

    /// The number under which the other leaf's first message comes, which answers nothing.
    private static let greeting: UInt64 = 0

    private struct State {
        var next: UInt64 = greeting + 1
        var abilities: Patchbay_Leaf_V1_LeafAbilities?
        var greeted: [CheckedContinuation<Patchbay_Leaf_V1_LeafAbilities, any Error>] = []
        var waiting: [UInt64: Waiting] = [:]
        /// Whether a task looks after the deadlines; it lives only while something waits.
        var isWatched = false
        var end: RPCError?
    }

    /// Protects the questions that wait for an answer.
    private let state = Mutex<State>(State())
    private let questions: AsyncStream<WireRequest>
    private let ask: AsyncStream<WireRequest>.Continuation
    private let timeout: Duration

    /// - Parameter timeout: how long a question waits for its answer, connecting included.
    init(timeout: Duration) {
        self.timeout = timeout
        (questions, ask) = AsyncStream.makeStream(
            of: WireRequest.self, bufferingPolicy: .bufferingOldest(LeafLimits.questionsWaiting))
    }

    /// Whether the stream has ended; then another conversation has to be begun.
    var hasEnded: Bool { state.withLock { $0.end != nil } }

    /// Carries the conversation until the stream ends.
    func run(with client: WiresClient) async {
        var options = CallOptions.defaults
        options.waitForReady = true
        do {
            try await client.converse(
                options: options,
                requestProducer: { writer in
                    for await question in self.questions { try await writer.write(question) }
                },
                onResponse: { response in
                    for try await answer in response.messages {
                        if answer.number == Self.greeting {
                            self.greet(answer.abilities)
                        } else {
                            self.settle(answer.number, .success(answer))
                        }
                    }
                })
            end(RPCError(code: .unavailable, message: "the other leaf has ended the session"))
        } catch {
            end(error as? RPCError ?? RPCError(code: .unavailable, message: "\(error)"))
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// - Throws: `RPCError`: `deadlineExceeded` without an answer in time, `resourceExhausted` when too many wait,
    ///   else what ended the stream.
    func ask(_ message: WireRequest.OneOf_Message) async throws -> WireAnswer {
        try await withCheckedThrowingContinuation { continuation in
            let began = state.withLock { state -> Result<(UInt64, Bool), RPCError> in
                if let end = state.end { return .failure(end) }
                guard state.waiting.count < LeafLimits.questionsWaiting else {
                    return .failure(RPCError(code: .resourceExhausted, message: "too many questions wait"))
                }
                let number = state.next
                state.next += 1
                state.waiting[number] = Waiting(answer: continuation, deadline: .now + timeout)
                defer { state.isWatched = true }
                return .success((number, state.isWatched))
            }
            switch began {
            case .failure(let error): continuation.resume(throwing: error)
            case .success(let (number, isWatched)):
                var question = WireRequest()
                question.number = number
                question.message = message
                ask.yield(question)
                if !isWatched { Task { await self.watchDeadlines() } }
            }
        }
    }

    /// What the other leaf can do; waits for its first message.
    ///
    /// - Throws: `RPCError` when the conversation ends before.
    func abilities() async throws -> Patchbay_Leaf_V1_LeafAbilities {
        // Whoever waits here would wait for as long as the connection takes; the deadline is that of a question.
        let timer = Task {
            try await Task.sleep(for: timeout)
            let late = state.withLock { state in
                defer { state.greeted.removeAll() }
                return state.greeted
            }
            let error = RPCError(code: .deadlineExceeded, message: "no word within \(timeout)")
            for waiting in late { waiting.resume(throwing: error) }
        }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            let known: Result<Patchbay_Leaf_V1_LeafAbilities, any Error>? = state.withLock { state in
                if let abilities = state.abilities { return .success(abilities) }
                if let end = state.end { return .failure(end) }
                state.greeted.append(continuation)
                return nil
            }
            if let known { continuation.resume(with: known) }
        }
    }

    private func greet(_ abilities: Patchbay_Leaf_V1_LeafAbilities) {
        let waiting = state.withLock { state in
            state.abilities = abilities
            defer { state.greeted.removeAll() }
            return state.greeted
        }
        for continuation in waiting { continuation.resume(returning: abilities) }
    }

    /// Ends the conversation; whoever waits is told so.
    func end(_ error: RPCError) {
        ask.finish()
        let (waiting, greeted) = state.withLock { state in
            if state.end == nil { state.end = error }
            defer {
                state.waiting.removeAll()
                state.greeted.removeAll()
            }
            return (state.waiting, state.greeted)
        }
        for question in waiting.values { question.answer.resume(throwing: error) }
        for continuation in greeted { continuation.resume(throwing: error) }
    }

    private func settle(_ number: UInt64, _ result: Result<WireAnswer, any Error>) {
        // An answer that comes after its deadline has nobody who waits for it.
        state.withLock { $0.waiting.removeValue(forKey: number) }?.answer.resume(with: result)
    }

    /// Looks after the deadlines for as long as something waits. Deadlines come in the order of the questions.
    private func watchDeadlines() async {
        while true {
            let next = state.withLock { state -> ContinuousClock.Instant? in
                let next = state.waiting.values.map(\.deadline).min()
                if next == nil { state.isWatched = false }
                return next
            }
            guard let next else { return }
            try? await Task.sleep(until: max(next, .now + .milliseconds(50)), clock: .continuous)
            let late = state.withLock { state in
                state.waiting.filter { $0.value.deadline <= .now }.map(\.key)
            }
            for number in late {
                settle(number, .failure(RPCError(code: .deadlineExceeded, message: "no answer within \(timeout)")))
            }
        }
    }
}
