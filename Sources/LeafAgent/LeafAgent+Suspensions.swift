import Foundation
import LeafProtocol
import NetTypes
import Plugging
import PolicyLanguage
import Trust

/// Tenants that are suspended: their wires are cut, and none is plugged. Ports, certificates, addresses and policies stay
/// as they are, so that all is as before when they are resumed.
extension LeafAgent {
    /// Whether a tenant is suspended.
    func isSuspended(_ tenant: Name) -> Bool { suspensions?.tenants.contains(tenant) == true }

    /// What a tenant's policy says now; nil where there is none, or the tenant is suspended.
    func policy(of tenant: Name) -> PolicyInForce? { isSuspended(tenant) ? nil : policies[tenant]?.inForce }

    /// Verifies a statement about who is suspended and puts it in force: what is to be cut is cut before this returns.
    func take(suspensions message: Patchbay_Leaf_V1_PolicyDocument) async {
        let new: Suspensions
        switch await membership.anchor.verify(
            suspensions: SignedPolicy(message), at: now(), revocations: revocations)
        {
        case .success(let suspensions): new = suspensions
        case .failure(let refusal):
            return logger.error("suspensions refused", metadata: ["reason": "\(refusal)"])
        }
        // An older statement is a replay, whoever sends it.
        guard new.revision >= suspensions?.revision ?? 0 else {
            return logger.error("suspensions refused", metadata: ["reason": "revision \(new.revision) is an older one"])
        }
        do {
            try state.save(suspensions: try message.serializedData())
        } catch {
            // In force all the same: it is there to forbid something.
            logger.error("suspensions not kept on disk", metadata: ["error": "\(error)"])
        }
        replace(by: new)
    }

    /// Takes over what this leaf has kept. It was verified when it was taken; that a certificate has expired since is no
    /// reason to plug what was to be cut.
    func takeSaved(suspensions data: Data) throws {
        suspensions = try Suspensions(
            canonicalBytes: Array(try Patchbay_Leaf_V1_PolicyDocument(serializedBytes: data).body))
    }

    private func replace(by new: Suspensions) {
        let former = suspensions?.tenants ?? []
        suspensions = new
        guard former != new.tenants else { return }
        generation += 1
        for tenant in new.tenants.subtracting(former) {
            logger.notice("tenant suspended", metadata: ["tenant": "\(tenant)"])
            cutWires(of: tenant)
        }
        for tenant in former.subtracting(new.tenants) {
            logger.notice("tenant resumed", metadata: ["tenant": "\(tenant)"])
            clearRefusals(of: tenant)
        }
    }

    /// Cuts every wire with an end of a tenant.
    private func cutWires(of tenant: Name) {
        for pair in wires.pairs
        where [pair.sourceEnd, pair.destinationEnd].contains(where: { party($0)?.tenant == tenant }) {
            cut(pair, because: .suspended(tenant))
        }
        interrupted = interrupted.filter { ports[$0.key.source]?.endpoint.name.tenant != tenant }
    }
}
