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
        var conversation: PeerConversation
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
    ///
    /// - Throws: `RPCError` when there is no answer.
    nonisolated func plug(
        _ request: Patchbay_Leaf_V1_PlugRequest, at end: VerifiedEndpoint
    ) async throws -> Patchbay_Leaf_V1_PlugResponse {
        let answer = try await conversation(with: end.leaf, at: end.locator, port: end.plugPort).ask(.plug(request))
        guard case .plug(let response)? = answer.message else { throw Self.mismatch }
        return response
    }

    /// Tells the leaf of an endpoint that a wire has ended.
    ///
    /// - Throws: `RPCError` when there is no answer.
    nonisolated func unplug(_ request: Patchbay_Leaf_V1_UnplugRequest, at end: VerifiedEndpoint) async throws {
        let answer = try await conversation(with: end.leaf, at: end.locator, port: end.plugPort).ask(.unplug(request))
        guard case .unplug? = answer.message else { throw Self.mismatch }
    }

    /// What the leaf of an endpoint can do, as it says at the beginning of each session.
    ///
    /// - Throws: `RPCError` when it says nothing in time.
    nonisolated func abilities(at end: VerifiedEndpoint) async throws -> Patchbay_Leaf_V1_LeafAbilities {
        try await conversation(with: end.leaf, at: end.locator, port: end.plugPort).abilities()
    }

    private static var mismatch: RPCError {
        RPCError(code: .internalError, message: "the other leaf's answer does not fit the question")
    }

    /// The conversation with the leaf at a place; connecting goes on in the background where there was none.
    private func conversation(
        with leaf: LeafID, at locator: IPAddress, port: UInt16
    ) throws -> PeerConversation {
        let place = Place(leaf: leaf, locator: locator, port: port)
        if let session = sessions[place], !session.conversation.hasEnded {
            sessions[place]?.used = .now
            return session.conversation
        }
        drop(place)
        if sessions.count >= Self.sessionsKept { dropOldest() }
        let transport = try HTTP2ClientTransport.Posix(
            target: SessionTarget.leaf(at: locator, port: port),
            transportSecurity: try SessionSecurity.client(credentials, root: root),
            config: SessionSecurity.clientConfiguration(serverName: platform.leafHost(leaf)))
        let client = GRPCClient(transport: transport)
        let conversation = PeerConversation(timeout: LeafLimits.plugTimeout)
        let run = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await client.runConnections() }
                await conversation.run(with: WiresClient(wrapping: client))
                client.beginGracefulShutdown()
            }
        }
        sessions[place] = Session(client: client, conversation: conversation, run: run, used: .now)
        return conversation
    }

    /// Ends the session with a leaf that did not answer, so that the next plug connects anew.
    func forget(_ leaf: LeafID) {
        for place in sessions.keys where place.leaf == leaf { drop(place) }
    }

    /// Lets every session go, so that the next question begins one with the present certificate. Whoever waits for
    /// an answer still gets it.
    func beginAnew() {
        let former = Array(sessions.values)
        sessions.removeAll()
        Task {
            try? await Task.sleep(for: LeafLimits.plugTimeout)
            former.forEach(Self.end)
        }
    }

    /// Ends all sessions.
    func close() {
        for place in Array(sessions.keys) { drop(place) }
    }

    private func dropOldest() {
        guard let oldest = sessions.min(by: { $0.value.used < $1.value.used }) else { return }
        drop(oldest.key)
    }

    private func drop(_ place: Place) {
        sessions.removeValue(forKey: place).map(Self.end)
    }

    private static func end(_ session: Session) {
        session.conversation.end(RPCError(code: .cancelled, message: "the session was ended"))
        session.client.beginGracefulShutdown()
        session.run.cancel()
    }
}
