import APITypes
import DirectoryCore
import NetTypes

/// What becomes of the directory's changes: each is looked up as it is now, and told.
extension EventHub {
    func follow(_ change: DirectoryChange) async {
        switch change {
        case .endpointChanged(let identity):
            // One that is gone was told by name when it went.
            guard let endpoint = try? await directory.endpoint(identity) else { return }
            tell("endpoint.changed", endpoint)
        case .thingChanged(let thing): await follow(thing)
        case .policyChanged(let tenant):
            guard let revision = try? await directory.policyRevision(of: tenant) else { return }
            tell(.tenant(tenant), "policy.changed", ["tenant": tenant.text, "revision": "\(revision)"])
        case .guardrailsChanged: tell(.everyone, "guardrails.changed", [:])
        case .hostChanged(let host): tell(.platform, "host.changed", ["host": host.text])
        case .resync: tell(.everyone, "reset", ["reason": "changes-lost"])
        case .accessChanged(let change): askAgain(change)
        case .portsChanged, .revoked, .suspensionsChanged: return
        }
    }

    private func follow(_ thing: ThingChange) async {
        let scope = LiveEvent.Scope.tenant(thing.tenant)
        var data: [String: String?] = ["tenant": thing.tenant.text]
        if let name = thing.name { data[thing.kind.rawValue] = name.text }
        let type = "\(thing.kind).\(thing.what)"
        switch thing.kind {
        case .tenant:
            let tenant = try? await directory.tenant(thing.tenant)
            let state = [
                "tenant": thing.tenant.text, "state": tenant.map { $0.suspension == nil ? "active" : "suspended" },
            ]
            tell(.platform, type, state)
            tell(scope, type, state)
            if thing.what == .deleted { close(scope) }
        case .endpoint:
            if thing.what != .deleted, let name = thing.name,
                let endpoint = try? await directory.endpoint(TenantName(thing.tenant, name))
            {
                tell(type, endpoint)
            } else {
                tell(scope, type, groups: thing.groups, data)
            }
        case .group: tell(scope, type, groups: thing.name.map { [$0] }, data)
        case .vnet, .access: tell(scope, type, data)
        }
    }

    private func tell(_ type: String, _ endpoint: DirectoryCore.Endpoint) {
        tell(
            .tenant(endpoint.name.tenant), type, groups: Set(endpoint.groups),
            [
                "tenant": endpoint.name.tenant.text, "endpoint": endpoint.name.name.text,
                "identity": endpoint.identity.description, "host": endpoint.host.text,
                "state": EndpointState(endpoint.state).rawValue,
            ])
    }
}
