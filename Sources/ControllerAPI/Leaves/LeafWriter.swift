import DirectoryCore
import Foundation
import GRPCCore
import LeafProtocol
import NetTypes

/// Tells one leaf what waits for it, made from the directory at the moment of telling.
struct LeafWriter: Sendable {
    let directory: Directory
    let session: LeafSession
    let settings: ControllerSettings

    typealias Writer = RPCWriter<Patchbay_Leaf_V1_ToLeaf>

    /// Writes until the session ends. A write waits as long as the leaf does not read.
    func run(_ writer: Writer) async throws {
        while let item = await session.next() {
            switch item {
            case .welcome: try await writer.write(.with { $0.welcome = welcome })
            case .revocations: try await tellRevocations(writer)
            case .guardrails: try await tellGuardrails(writer)
            case .suspensions: try await tellSuspensions(writer)
            case .ports: try await tellPorts(writer)
            case .policy(let tenant): try await tellPolicy(tenant, writer)
            case .changed(let identity): try await tellChange(identity, writer)
            case .revoked(let revocation): try await writer.write(.with { $0.revoked = .init(revocation) })
            case .query(let number): try await writer.write(.with { $0.query.request = number })
            case .pair(let number, let question):
                try await writer.write(
                    .with {
                        $0.pair.request = number
                        $0.pair.source = Data(question.source.octets)
                        $0.pair.destination = Data(question.destination.octets)
                        if let outside = question.outsideSource { $0.pair.outsideSource = Data(outside.octets) }
                        if let outside = question.outsideDestination {
                            $0.pair.outsideDestination = Data(outside.octets)
                        }
                        $0.pair.protocol = UInt32(question.protocolNumber)
                        $0.pair.number = UInt32(question.number)
                        $0.pair.trace = question.isTrace
                        $0.pair.mark = question.mark
                        $0.pair.end = question.isEnd
                    })
            case .flows(let number, let since):
                try await writer.write(
                    .with {
                        $0.flows.request = number
                        $0.flows.since = since.seconds
                    })
            }
        }
    }

    private var welcome: Patchbay_Leaf_V1_Welcome {
        .with {
            $0.controller = settings.version
            $0.time = settings.now().seconds
            $0.recordLifetime = directory.platform.lifetimes.record
        }
    }

    private func tellRevocations(_ writer: Writer) async throws {
        for revocation in try await directory.revocations() {
            try await writer.write(.with { $0.revoked = .init(revocation) })
        }
    }

    /// Tells the ports, and before them the policies of tenants that are new on the leaf: a port whose policy is known
    /// can be used the moment it is open.
    private func tellPorts(_ writer: Writer) async throws {
        let ports = try await directory.desiredPorts(of: session.leaf)
        // From here on changes of these policies are pushed; so none is missed between reading and telling.
        let new = session.setTenants(Set(ports.map(\.endpoint.name.tenant)))
        for tenant in new.sorted() { try await tellPolicy(tenant, writer) }
        try await writer.write(.with { $0.ports.ports = ports.map(Patchbay_Leaf_V1_DesiredPort.init) })
    }

    private func tellPolicy(_ tenant: Name, _ writer: Writer) async throws {
        guard session.tenants.contains(tenant) else { return }
        let policy: PolicyState
        do {
            policy = try await directory.policy(of: tenant)
        } catch {
            // A deleted tenant has no ports any more; the leaf is told so.
            guard error.code == .notFound else { throw error }
            return
        }
        try await writer.write(.with { $0.policy = .init(policy.signed) })
    }

    /// Tells the guardrails; nothing where there never were any.
    private func tellGuardrails(_ writer: Writer) async throws {
        guard let guardrails = try await directory.guardrails() else { return }
        try await writer.write(.with { $0.guardrails = .init(guardrails.signed) })
    }

    /// Tells who is suspended; nothing where nobody ever was.
    private func tellSuspensions(_ writer: Writer) async throws {
        guard let suspensions = try await directory.suspensions() else { return }
        try await writer.write(.with { $0.suspensions = .init(suspensions) })
    }

    private func tellChange(_ identity: Identity, _ writer: Writer) async throws {
        let state = try await directory.state(of: identity)
        try await writer.write(
            .with {
                $0.changed.identity = Data(identity.octets)
                switch state {
                case .deleted: $0.changed.deleted = true
                case .notRunning: break
                case .published(let facts): $0.changed.facts = .init(facts)
                }
            })
    }
}
