import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import MutualTLS
import NetTypes
import Testing
import Trust

/// A leaf in good standing that lies: it has the certificate and the key of host h3, and speaks for others.
struct HostileLeaf {
    private let credentials: SessionCredentials
    private let anchor: TrustAnchor

    /// What a leaf keeps of its membership in `leaf.json`.
    private struct Membership: Decodable {
        let root: Data
        let certificate: Data
    }

    /// - Parameter key: another key than the one that the certificate is for.
    init(of host: String, key other: SigningKey? = nil) throws {
        try self.init(directory: "/run/patchbay/lab/\(host)", key: other)
    }

    /// A leaf whose own files are in a directory, as they are now.
    init(directory: String, key other: SigningKey? = nil) throws {
        let saved = try JSONDecoder().decode(
            Membership.self, from: try Data(contentsOf: URL(filePath: directory + "/leaf.json")))
        let key = try #require(try FileKeyStore(directory: directory + "/keys").load("leaf"))
        anchor = try TrustAnchor(root: Array(saved.root))
        credentials = try SessionCredentials(certificate: Array(saved.certificate), keyPEM: (other ?? key).pem)
    }

    /// Does something with a client of a server that shows a name.
    private func with<Result: Sendable>(
        _ address: String, port: Int, name: String,
        _ body: (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: .ipv4(address: address, port: port),
                transportSecurity: try SessionSecurity.client(credentials, root: anchor.root),
                config: SessionSecurity.clientConfiguration(serverName: name))
        ) { try await body($0) }
    }

    /// Looks an endpoint up as any leaf may for an endpoint of its own.
    func facts(of destination: Identity, asking source: Identity) async throws -> Patchbay_Leaf_V1_EndpointFacts {
        try await with("10.200.0.254", port: 7444, name: anchor.platform.controllerHost) { client in
            let directory = Patchbay_Leaf_V1_Directory.Client(wrapping: client)
            let answer = try await directory.lookup(
                .with {
                    $0.source = Data(source.octets)
                    $0.destination = Data(destination.octets)
                })
            return answer.facts
        }
    }

    /// Asks the leaf of another host to plug.
    func plug(
        _ source: Patchbay_Leaf_V1_EndpointFacts, to destination: Identity, at leaf: LeafID, _ locator: String,
        security: Patchbay_Leaf_V1_Security = .none, reverse: Patchbay_Leaf_V1_Security = .none,
        keys: Patchbay_Leaf_V1_Keys? = nil
    ) async throws -> Patchbay_Leaf_V1_PlugResponse {
        try await ask(
            .plug(
                .with {
                    $0.source = source
                    $0.destination = Data(destination.octets)
                    $0.security = security
                    $0.reverseSecurity = reverse
                    $0.queues = 2
                    $0.reverseLabel = 4_242
                    if let keys { $0.reverseKeys = keys }
                }), at: leaf, locator
        ).plug
    }

    /// Says something to the leaf of another host, and returns its first answer.
    func ask(
        _ message: Patchbay_Leaf_V1_WireRequest.OneOf_Message?, at leaf: LeafID, _ locator: String
    ) async throws -> Patchbay_Leaf_V1_WireAnswer {
        try await with(locator, port: 7471, name: anchor.platform.leafHost(leaf)) { client in
            let wires = Patchbay_Leaf_V1_Wires.Client(wrapping: client)
            var options = CallOptions.defaults
            options.timeout = .seconds(5)
            return try await wires.converse(options: options) { writer in
                try await writer.write(
                    .with {
                        $0.number = 7
                        $0.message = message
                    })
            } onResponse: { response in
                // The first message, with the number 0, says what the leaf can do.
                for try await answer in response.messages where answer.number > 0 { return answer }
                throw RPCError(code: .unavailable, message: "no answer")
            }
        }
    }

    /// Asks twice on one stream, with something done in between; gives how many answers came.
    func ask(
        twice message: Patchbay_Leaf_V1_WireRequest.OneOf_Message?, at leaf: LeafID, _ locator: String,
        between: @escaping @Sendable () async throws -> Void
    ) async throws -> (answers: Int, error: RPCError?) {
        try await with(locator, port: 7471, name: anchor.platform.leafHost(leaf)) { client in
            let wires = Patchbay_Leaf_V1_Wires.Client(wrapping: client)
            let (first, came) = AsyncStream.makeStream(of: Void.self)
            var options = CallOptions.defaults
            options.timeout = .seconds(20)
            return try await wires.converse(options: options) { writer in
                try await writer.write(
                    .with {
                        $0.number = 1
                        $0.message = message
                    })
                for await _ in first { break }
                try await between()
                try await writer.write(
                    .with {
                        $0.number = 2
                        $0.message = message
                    })
            } onResponse: { response in
                defer { came.finish() }
                var count = 0
                do {
                    for try await answer in response.messages where answer.number > 0 {
                        count += 1
                        came.yield()
                    }
                    return (count, nil)
                } catch {
                    return (count, error as? RPCError)
                }
            }
        }
    }
}
