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
                let document = try await directory.policy(of: call.name("tenant")).document
                return TenantPolicy(
                    tenant: document.tenant.text, revision: document.revision,
                    entries: document.entries.sorted { $0.id < $1.id }.map(APITypes.PolicyEntry.init))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/entries", id: "listPolicyEntries",
                summary: "List the entries of a tenant's policy", answer: ItemList<APITypes.PolicyEntry>.self
            ) { call in
                let document = try await directory.policy(of: call.name("tenant")).document
                return ItemList(items: document.entries.sorted { $0.id < $1.id }.map(APITypes.PolicyEntry.init))
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
                        to: tenant, new.action == .plug ? .plug : .unplug, from: selector(new.from, at: "/from"),
                        to: selector(new.to, at: "/to"), oneWay: new.oneWay ?? false))
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
                let (from, to) = (try selector(pair.from, at: "/from"), try selector(pair.to, at: "/to"))
                let oneWay = pair.oneWay ?? false
                let state = try await directory.plug(tenant, from: from, to: to, oneWay: oneWay)
                return try await verdict(state, from, to, asked: (.plug, oneWay ? .unplug : .plug))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/unplug", id: "unplug",
                summary: "Have a pair unplugged in both directions", body: UnplugPair.self, answer: PairVerdict.self
            ) { call in
                let tenant = try call.name("tenant")
                let pair = try call.read(UnplugPair.self)
                let (from, to) = (try selector(pair.from, at: "/from"), try selector(pair.to, at: "/to"))
                let state = try await directory.unplug(tenant, from: from, to: to)
                return try await verdict(state, from, to, asked: (.unplug, .unplug))
            },
        ]
    }

    private func selector(_ text: String, at pointer: String) throws(Problem) -> Selector {
        try Call.value(at: pointer) { () throws(TextError) in try Selector(parsing: text) }
    }

    /// What holds for a pair now. Of a pair with a group it says what was asked: its endpoints may differ by entries
    /// that are more specific.
    private func verdict(
        _ state: PolicyState, _ from: Selector, _ to: Selector, asked: (APITypes.Verdict, APITypes.Verdict)
    ) async throws -> PairVerdict {
        var verdicts = asked
        if case .endpoint(let source) = from, case .endpoint(let destination) = to {
            let explained = try await directory.explain(state.tenant, from: source, to: destination)
            verdicts = (APITypes.Verdict(explained.forward), APITypes.Verdict(explained.reverse))
        }
        return PairVerdict(
            tenant: state.tenant.text, from: from.description, to: to.description, verdict: verdicts.0,
            reverseVerdict: verdicts.1, revision: state.revision)
    }
}

extension APITypes.Verdict {
    init(_ verdict: Policy.Verdict) { self = verdict.isPlugged ? .plug : .unplug }
}

extension APITypes.PolicyEntry {
    init(_ entry: Policy.PolicyEntry) {
        self.init(
            id: entry.id, action: entry.action == .plug ? .plug : .unplug, from: entry.from.description,
            to: entry.to.description, oneWay: entry.oneWay)
    }
}
