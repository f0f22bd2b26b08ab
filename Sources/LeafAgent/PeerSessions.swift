import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import MutualTLS
import NetTypes
import Trust

typealias WiresClient = Patchbay_Leaf_V1_Wires.Client<HTTP2ClientTransport.Posix>

/// The sessions with other leaves, one for each leaf and place, kept warm after the first plug.
///
/// A session is tied to the leaf's id: the server must show a certificate with the name of that very leaf, so
/// whoever took over an address is not taken for the leaf that had it.
actor PeerSessions {
    private struct Place: Hashable {
        var leaf: LeafID
        var locator: IPAddress
        var port: UInt16
    }

    private struct Session {
        var client: GRPCClient<HTTP2ClientTransport.Posix>
        var run: Task<Void, Never>
        var used: ContinuousClock.Instant
    }

    private var sessions: [Place: Session] = [:]
    private let credentials: SessionCredentials
    private let root: [UInt8]
    private let platform: PlatformName
    private static let sessionsKept = 4_096

    init(credentials: SessionCredentials, root: [UInt8], platform: PlatformName) {
        self.credentials = credentials
        self.root = root
        self.platform = platform
    }

    /// Asks the leaf of an endpoint to plug; connects first where there is no session.
    func plug(
        _ request: Patchbay_Leaf_V1_PlugRequest, at end: VerifiedEndpoint
    ) async throws -> Patchbay_Leaf_V1_PlugResponse {
        try await client(of: end.leaf, at: end.locator, port: end.plugPort).plug(request, options: options)
    }

    /// Tells the leaf of an endpoint that a wire has ended.
    func unplug(_ request: Patchbay_Leaf_V1_UnplugRequest, at end: VerifiedEndpoint) async throws {
        _ = try await client(of: end.leaf, at: end.locator, port: end.plugPort).unplug(request, options: options)
    }

    private var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = LeafLimits.plugTimeout
        return options
    }

    /// A client for the leaf at a place; connecting goes on in the background where there was none.
    private func client(of leaf: LeafID, at locator: IPAddress, port: UInt16) throws -> WiresClient {
        let place = Place(leaf: leaf, locator: locator, port: port)
        if sessions[place] == nil {
            if sessions.count >= Self.sessionsKept { dropOldest() }
            let transport = try HTTP2ClientTransport.Posix(
                target: SessionTarget.leaf(at: locator, port: port),
                transportSecurity: try SessionSecurity.client(credentials, root: root),
                config: SessionSecurity.clientConfiguration(serverName: platform.leafHost(leaf)))
            let client = GRPCClient(transport: transport)
            sessions[place] = Session(client: client, run: Task { try? await client.runConnections() }, used: .now)
        }
        sessions[place]?.used = .now
        guard let session = sessions[place] else {
            throw RPCError(code: .unavailable, message: "no session with leaf \(leaf)")
        }
        return WiresClient(wrapping: session.client)
    }

    /// Ends the session with a leaf that did not answer, so that the next plug connects anew.
    func forget(_ leaf: LeafID) {
        for (place, session) in sessions where place.leaf == leaf {
            session.client.beginGracefulShutdown()
            sessions[place] = nil
        }
    }

    /// Ends all sessions.
    func close() {
        for session in sessions.values {
            session.client.beginGracefulShutdown()
            session.run.cancel()
        }
        sessions.removeAll()
    }

    private func dropOldest() {
        guard let oldest = sessions.min(by: { $0.value.used < $1.value.used }) else { return }
        oldest.value.client.beginGracefulShutdown()
        sessions[oldest.key] = nil
    }
}
