import GRPCCore
import LeafProtocol
import MutualTLS
import Synchronization

/// The server side of the leaves' protocol with one another.
///
/// It only finds out who speaks; ``LeafAgent`` decides.
struct WiresService: Patchbay_Leaf_V1_Wires.SimpleServiceProtocol {
    let agent: LeafAgent

    func converse(
        request: RPCAsyncSequence<WireRequest, any Error>, response: RPCWriter<WireAnswer>, context: ServerContext
    ) async throws {
        guard let certificate = SessionSecurity.peerCertificate(of: context) else {
            throw RPCError(code: .unauthenticated, message: "the session shows no certificate of a leaf")
        }
        try await response.write(
            .with {
                $0.abilities.queues = UInt32(agent.engine.info?.queues ?? 0)
                $0.abilities.mtu = UInt32(agent.devices.underlayMTU)
            })
        try await withThrowingDiscardingTaskGroup { group in
            let running = Running()
            for try await question in request {
                // A stream lives long: whether the one who speaks still may is asked for each of its questions.
                let peer = try await agent.verify(peer: certificate)
                if running.count.load(ordering: .relaxed) < LeafLimits.questionsAtOnce {
                    running.count.add(1, ordering: .relaxed)
                    group.addTask {
                        defer { running.count.subtract(1, ordering: .relaxed) }
                        try await response.write(answer(to: question, from: peer))
                    }
                } else {
                    // Whoever asks faster than the answers come waits: the next question is not read meanwhile.
                    try await response.write(answer(to: question, from: peer))
                }
            }
        }
    }

    private func answer(to question: WireRequest, from peer: VerifiedPeer) async -> WireAnswer {
        var answer = WireAnswer()
        answer.number = question.number
        switch question.message {
        case .plug(let request):
            let began = ContinuousClock.now
            answer.plug = await agent.receive(request, from: peer)
            agent.counts.asked(answer.plug, took: ContinuousClock.now - began)
        case .unplug(let request):
            await agent.receive(request, from: peer)
            answer.unplug = Patchbay_Leaf_V1_UnplugResponse()
        case nil: answer.plug = .refusal(code: "malformed", detail: "this leaf does not know such a question")
        }
        return answer
    }

    /// How many questions of one stream are being answered.
    private final class Running: Sendable {
        let count = Atomic(0)
    }
}
