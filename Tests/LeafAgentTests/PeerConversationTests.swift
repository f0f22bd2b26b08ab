import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import Testing

@testable import LeafAgent

/// The stream between two leaves, over a real connection of HTTP/2 on loopback, with another leaf that misbehaves.
@Suite struct PeerConversationTests {
    /// A leaf that collects `batch` questions and answers them last come, first served; the reason `silent` is
    /// never answered, and `hang-up` ends the stream.
    private struct Backwards: Patchbay_Leaf_V1_Wires.SimpleServiceProtocol {
        let batch: Int

        func converse(
            request: RPCAsyncSequence<WireRequest, any Error>, response: RPCWriter<WireAnswer>, context: ServerContext
        ) async throws {
            var waiting: [WireRequest] = []
            for try await question in request {
                switch question.unplug.reason {
                case "silent": continue
                case "hang-up": throw RPCError(code: .permissionDenied, message: "not a leaf of this platform")
                default: waiting.append(question)
                }
                guard waiting.count == batch else { continue }
                for question in waiting.reversed() {
                    var answer = WireAnswer()
                    answer.number = question.number
                    answer.plug.reason = question.unplug.reason
                    try await response.write(answer)
                }
                waiting.removeAll()
            }
        }
    }

    private func converse(
        batch: Int = 1, timeout: Duration = .seconds(10), _ body: (PeerConversation) async throws -> Void
    ) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [Backwards(batch: batch)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let address = try await server.listeningAddress
            let port = try #require(address?.ipv4?.port)
            let client = GRPCClient(
                transport: try HTTP2ClientTransport.Posix(
                    target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext))
            let conversation = PeerConversation(timeout: timeout)
            group.addTask { try await client.runConnections() }
            group.addTask { await conversation.run(with: WiresClient(wrapping: client)) }
            let result = await Result(catching: { try await body(conversation) })
            conversation.end(RPCError(code: .cancelled, message: "the test is over"))
            client.beginGracefulShutdown()
            server.beginGracefulShutdown()
            try result.get()
        }
    }

    private func question(_ reason: String) -> WireRequest.OneOf_Message {
        var unplug = Patchbay_Leaf_V1_UnplugRequest()
        unplug.reason = reason
        return .unplug(unplug)
    }

    @Test func answersThatOvertakeOneAnotherFindTheirQuestions() async throws {
        try await converse(batch: 100) { conversation in
            try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<1_000 {
                    group.addTask { (number, try await conversation.ask(self.question("\(number)")).plug.reason) }
                }
                for try await (number, answer) in group { #expect(answer == "\(number)") }
            }
        }
    }

    @Test func aQuestionWithoutAnAnswerEndsAtItsDeadlineAndTheOthersGoOn() async throws {
        try await converse(timeout: .milliseconds(300)) { conversation in
            let began = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                _ = try await conversation.ask(self.question("silent"))
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(ContinuousClock.now - began >= .milliseconds(300))
            #expect(!conversation.hasEnded)
            let next = try await conversation.ask(self.question("next"))
            #expect(next.plug.reason == "next")
        }
    }

    @Test func whoeverWaitsIsToldWhenTheStreamEnds() async throws {
        try await converse { conversation in
            let waiting = Task { try await conversation.ask(self.question("silent")) }
            _ = try? await conversation.ask(self.question("hang-up"))
            let error = await #expect(throws: RPCError.self) {
                _ = try await waiting.value
            }
            #expect(error?.code == .permissionDenied)
            #expect(conversation.hasEnded)
            // Later questions fail at once and do not wait for a deadline.
            let late = await #expect(throws: RPCError.self) {
                _ = try await conversation.ask(self.question("late"))
            }
            #expect(late?.code == .permissionDenied)
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(catching body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
