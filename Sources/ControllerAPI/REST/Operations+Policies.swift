import APITypes
import DirectoryCore
import NetTypes
import Policy

extension Operations {
    var policies: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy", id: "showPolicy", summary: "Show a tenant's policy",
                answer: TenantPolicy.self
            ) { call in
                let state = try await directory.policy(of: call.name("tenant"))
                let document = state.policy.document.map {
                    TenantPolicy.Document(
                        rules: $0.rules.count, groups: $0.groups.count, networks: $0.networks.count,
                        tests: $0.tests.count)
                }
                return TenantPolicy(
                    tenant: state.tenant.text, revision: state.revision,
                    entries: state.entries.map(APITypes.PolicyEntry.init), document: document,
                    lock: try await directory.tenant(state.tenant).lock?.keyHash?.hexadecimal)
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/entries", id: "listPolicyEntries",
                summary: "List the entries of a tenant's policy", query: Paging.parameters,
                answer: ItemList<APITypes.PolicyEntry>.self
            ) { call in
                let state = try await directory.policy(of: call.name("tenant"))
                return try Paging(call).list(of: state.entries.map(APITypes.PolicyEntry.init)) { Paging.key($0.id) }
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/entries", id: "createPolicyEntry",
                summary: "Add an entry to a tenant's policy", body: NewPolicyEntry.self, status: .created,
                answer: APITypes.PolicyEntry.self
            ) { call in
                let tenant = try call.name("tenant")
                let new = try call.read(NewPolicyEntry.self)
                return APITypes.PolicyEntry(
                    try await directory.addPolicyEntry(
                        to: tenant, new.action == .plug ? .plug : .unplug, from: Self.selector(new.from, at: "/from"),
                        to: Self.selector(new.to, at: "/to"), oneWay: new.oneWay ?? false,
                        security: Policy.Security(new.security)))
            },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/policy/entries/{entry}", id: "deletePolicyEntry",
                summary: "Remove an entry from a tenant's policy", status: .noContent
            ) { call in
                let text = call.parameters["entry"] ?? ""
                guard let id = UInt64(text), String(id) == text else {
                    throw Problem.invalid(
                        "'\(text.prefix(80))' is not the id of an entry.", pointer: "entry",
                        remedy: "Give a whole number as 'policy/entries' lists it.")
                }
                try await directory.removePolicyEntry(id, of: call.name("tenant"))
                return nil
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/plug", id: "plug", summary: "Have a pair plugged",
                body: PlugPair.self, answer: PairVerdict.self
            ) { call in
                let tenant = try call.name("tenant")
                let pair = try call.read(PlugPair.self)
                let (from, to) = (try Self.selector(pair.from, at: "/from"), try Self.selector(pair.to, at: "/to"))
                let oneWay = pair.oneWay ?? false
                let security = Policy.Security(pair.security)
                let state = try await directory.plug(tenant, from: from, to: to, oneWay: oneWay, security: security)
                let asked = Held(verdict: .plug, security: APITypes.Security(security))
                return try await held(state, from, to, asked: (asked, oneWay ? .unplugged : asked))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/unplug", id: "unplug",
                summary: "Have a pair unplugged in both directions", body: UnplugPair.self, answer: PairVerdict.self
            ) { call in
                let tenant = try call.name("tenant")
                let pair = try call.read(UnplugPair.self)
                let (from, to) = (try Self.selector(pair.from, at: "/from"), try Self.selector(pair.to, at: "/to"))
                let state = try await directory.unplug(tenant, from: from, to: to)
                return try await held(state, from, to, asked: (.unplugged, .unplugged))
            },
        ]
    }

    static func selector(_ text: String, at pointer: String) throws(Problem) -> Selector {
        try Call.value(at: pointer) { () throws(TextError) in try Selector(parsing: text) }
    }

    /// What holds for a pair now. Of a pair with a group it says what was asked: its endpoints may differ by entries
    /// that are more specific.
    private func held(
        _ state: PolicyState, _ from: Selector, _ to: Selector, asked: (Held, Held)
    ) async throws -> PairVerdict {
        var held = asked
        if case .endpoint(let source) = from, case .endpoint(let destination) = to {
            let explained = try await directory.explain(state.tenant, from: source, to: destination)
            held = (Held(explained.forward), Held(explained.reverse))
        }
        return PairVerdict(
            tenant: state.tenant.text, from: from.description, to: to.description, verdict: held.0.verdict,
            reverseVerdict: held.1.verdict, security: held.0.security, reverseSecurity: held.1.security,
            revision: state.revision, notes: state.notes.isEmpty ? nil : state.notes)
    }
}

/// What holds for one direction of a pair.
private struct Held {
    var verdict: APITypes.Verdict
    var security: APITypes.Security

    static let unplugged = Held(verdict: .unplug, security: .none)
}

extension Held {
    init(_ way: FlowExplanation.Way) {
        self.init(verdict: APITypes.Verdict(way), security: APITypes.Security(way.security))
    }
}

extension APITypes.Verdict {
    init(_ way: FlowExplanation.Way) { self = way.isPlugged ? .plug : .unplug }
}

extension APITypes.Security {
    init(_ security: Policy.Security) {
        self =
            switch security {
            case .none: .none
            case .auth: .auth
            case .conf: .conf
            }
    }
}

extension Policy.Security {
    /// The level that a body asks for; none where it says nothing.
    init(_ asked: APITypes.Security?) {
        self =
            switch asked {
            case .auth?: .auth
            case .conf?: .conf
            case APITypes.Security.none?, nil: .none
            }
    }
}

extension APITypes.PolicyEntry {
    init(_ entry: Policy.PolicyEntry) {
        self.init(
            id: entry.id, action: entry.action == .plug ? .plug : .unplug, from: entry.from.description,
            to: entry.to.description, oneWay: entry.oneWay, security: APITypes.Security(entry.security))
    }
}
