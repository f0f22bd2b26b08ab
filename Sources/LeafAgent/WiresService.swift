import GRPCCore
import LeafProtocol
import MutualTLS

/// The server side of the leaves' protocol with one another.
///
/// It only finds out who speaks; ``LeafAgent`` decides.
struct WiresService: Patchbay_Leaf_V1_Wires.SimpleServiceProtocol {
    let agent: LeafAgent

    func plug(
        request: Patchbay_Leaf_V1_PlugRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_PlugResponse {
        await agent.receive(request, from: try await peer(of: context))
    }

    func unplug(
        request: Patchbay_Leaf_V1_UnplugRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_UnplugResponse {
        await agent.receive(request, from: try await peer(of: context))
        return Patchbay_Leaf_V1_UnplugResponse()
    }

    private func peer(of context: ServerContext) async throws -> VerifiedPeer {
        guard let certificate = SessionSecurity.peerCertificate(of: context) else {
            throw RPCError(code: .unauthenticated, message: "the session shows no certificate of a leaf")
        }
        return try await agent.verify(peer: certificate)
    }
}
