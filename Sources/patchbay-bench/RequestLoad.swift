import APIClient
import AsyncHTTPClient
import Dispatch
import Foundation
import NIOCore
import NIOSSL
import Synchronization

/// Reads from the API at a fixed rate, whether or not earlier ones were answered: a request that has to wait counts from
/// the moment at which it was to be sent.
struct RequestLoad: Sendable {
    /// A kind of read; the path may differ with each request.
    struct Read: Sendable {
        let name: String
        /// How many of a hundred requests are of this kind.
        let share: Int
        let path: @Sendable (_ number: Int) -> String
    }

    let location: ControllerLocation
    /// Whose reads they are.
    let token: String
    let reads: [Read]
    /// Requests a second.
    let rate: Double
    let seconds: Double

    /// Milliseconds of each answer by the name of its kind.
    func run() async throws -> [String: [Double]] {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try Self.configuration(location))
        do {
            let answers = try await run(client)
            try await client.shutdown()
            return answers
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func run(_ client: HTTPClient) async throws -> [String: [Double]] {
        let kinds = order()
        // Connections and what is made at the first request of a kind.
        for (number, kind) in kinds.prefix(100).enumerated() { _ = try await ask(client, kind, number) }
        let begin = DispatchTime.now().uptimeNanoseconds + 50_000_000
        return try await withThrowingTaskGroup(of: (String, Double).self) { group in
            for number in 0..<Int(rate * seconds) {
                let due = begin + UInt64(Double(number) / rate * 1e9)
                let now = DispatchTime.now().uptimeNanoseconds
                if due > now { try await Task.sleep(for: .nanoseconds(Int64(due - now))) }
                let kind = kinds[number % kinds.count]
                group.addTask {
                    let end = try await ask(client, kind, number)
                    return (kind.name, Double(end - due) / 1e6)
                }
            }
            var answers: [String: [Double]] = [:]
            for try await (name, milliseconds) in group { answers[name, default: []].append(milliseconds) }
            return answers
        }
    }

    /// A hundred requests with each kind spread evenly, so that the dear ones do not come together.
    private func order() -> [Read] {
        var debts = reads.map { _ in 0 }
        return (0..<100).map { _ in
            for (index, read) in reads.enumerated() { debts[index] += read.share }
            let next = debts.indices.max { debts[$0] < debts[$1] } ?? 0
            debts[next] -= 100
            return reads[next]
        }
    }

    /// Asks once, reads the whole answer, and says when it was there; nanoseconds of CLOCK_MONOTONIC.
    private func ask(_ client: HTTPClient, _ read: Read, _ number: Int) async throws -> UInt64 {
        let path = read.path(number)
        var request = HTTPClientRequest(url: location.controller + path)
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        let response = try await client.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 64 << 20)
        let end = DispatchTime.now().uptimeNanoseconds
        guard response.status == .ok else {
            throw BenchError("GET \(path) answered \(response.status.code): \(String(buffer: body).prefix(300))")
        }
        return end
    }

    static func configuration(_ location: ControllerLocation) throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(location.rootCertificate.utf8)))
        tls.minimumTLSVersion = .tlsv13
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        return configuration
    }
}
