import APITypes
import Accounts
import AuditLog
import DirectoryCore
import NetTypes

/// Asks whether a caller may do an operation, before it is done.
struct RightsCheck: Sendable {
    let directory: Directory
    let now: @Sendable () -> Timestamp

    /// What a permission brings with it.
    struct Permission: Sendable {
        /// Where what is done comes from, for the audit.
        var origin: Origin
        /// Whether it is a look into a tenant that the tenant is to know of.
        var isLook = false
    }

    /// Throws a problem where the caller may not.
    ///
    /// - Parameter call: the request, its body not looked at yet.
    func permit(_ operation: Operation, _ call: Call, path: String) async throws -> Permission {
        let tenant = try self.tenant(operation, call)
        var permission = Permission(origin: origin(operation, call, tenant, path))
        guard let principal = call.caller.principal else { throw Problem.unauthenticated }
        guard let action = operation.action else {
            // What the table of rights does not know is for nobody but who has the controller's files.
            guard principal.identity == .installation else { throw Problem(RightsDecision.Refusal.role) }
            return permission
        }
        // That it is nobody's account, the platform's token may be told.
        if action == .showSelf, principal.identity == .installation { return permission }
        permission.origin.isOfPlatform = tenant != nil && Self.isOfPlatform(action, operation)
        let resource = try await resource(action, call, tenant)
        switch may(principal, action, on: resource, at: now()) {
        case .allowed(let basis):
            if case .grant(let id) = basis { permission.origin.grant = id.description }
            permission.isLook = tenant != nil && Self.isLook(action, basis)
            return permission
        case .hidden: throw Problem.hidden(call.parameters, call.caller, path: path)
        case .forbidden(let refusal): throw Problem(refusal)
        }
    }

    /// Looks again when the body is known: what sub-users ask for may be named only there.
    func permitBody(_ operation: Operation, _ call: Call, path: String) async throws {
        guard let groups = call.caller.limit, let principal = call.caller.principal, let action = operation.action,
            action.rule.limited == .inside, let tenant = try tenant(operation, call)
        else { return }
        let resource = try await limited(action, call, tenant, groups)
        switch may(principal, action, on: resource, at: now()) {
        case .allowed: return
        case .hidden: throw Problem.hidden(call.parameters, call.caller, path: path)
        case .forbidden(let refusal): throw Problem(refusal)
        }
    }

    /// What the audit is told of an operation, whether it is allowed or not.
    func origin(_ operation: Operation?, _ call: Call, _ tenant: Name?, _ path: String) -> Origin {
        Origin(
            actor: call.caller.actor, means: call.caller.means, source: call.caller.source,
            action: operation?.id ?? "unknown", resource: String(path.drop { $0 == "/" }.prefix(300)), tenant: tenant)
    }

    // MARK: What is asked about

    /// The tenant that is asked about: of the path, or of the query; else that of the one who asks, for what can be of
    /// either side.
    func tenant(_ operation: Operation, _ call: Call) throws(Problem) -> Name? {
        if call.parameters["tenant"] != nil { return try call.name("tenant") }
        if call.query["tenant"] != nil { return try call.queryName("tenant") }
        switch operation.action?.rule.subject {
        case .tenant, .oneself: return call.caller.tenant
        case .nothing, .platform, .side, nil: return nil
        }
    }

    private func resource(_ action: Action, _ call: Call, _ tenant: Name?) async throws -> Resource {
        if call.parameters["user"] != nil {
            let name = try call.account()
            // Somebody else's people are hidden before anything is looked up; what is absent is asked about like the rest.
            guard let user = try? await directory.user(name) else {
                return tenant.map(Resource.tenant) ?? .platform
            }
            return .account(user.id, of: tenant)
        }
        guard let tenant else { return .platform }
        guard let groups = call.caller.limit, call.caller.tenant == tenant else { return .tenant(tenant) }
        // What the body names is looked at later; until then it is about what the path names.
        return try await limited(action, call, tenant, groups)
    }

    /// What a sub-user's request is about.
    private func limited(_ action: Action, _ call: Call, _ tenant: Name, _ own: Set<Name>) async throws -> Resource {
        var endpoints: [Set<Name>] = []
        var named: Set<Name> = []
        if call.parameters["endpoint"] != nil { endpoints.append(await groups(of: try call.tenantName("endpoint"))) }
        if call.parameters["group"] != nil { named.insert(try call.name("group")) }
        switch action {
        case .explain:
            for key in ["from", "to"] {
                if case .endpoint(let name) = try Operations.flowEnd(call.query[key], key) {
                    endpoints.append(await groups(of: TenantName(tenant, name)))
                }
            }
        case .createEndpoint, .plug, .unplug, .trace:
            guard !call.body.isEmpty else { return .groups(own, of: tenant) }
            try await addBody(action, call, tenant, &endpoints, &named)
        default: break
        }
        return .endpoints(of: tenant, groups: endpoints, named: named)
    }

    private func addBody(
        _ action: Action, _ call: Call, _ tenant: Name, _ endpoints: inout [Set<Name>], _ named: inout Set<Name>
    ) async throws {
        switch action {
        case .createEndpoint:
            let new = try call.read(APITypes.NewEndpoint.self)
            // Labels, levels and networks choose rules beyond the groups of a sub-user.
            guard new.labels?.isEmpty ?? true, new.level ?? 0 == 0, new.networks?.isEmpty ?? true else {
                throw Problem(RightsDecision.Refusal.wholeTenant)
            }
            for (index, group) in (new.groups ?? []).enumerated() {
                named.insert(try call.name(group, at: "/groups/\(index)"))
            }
        case .trace:
            let pair = try call.read(TracePair.self)
            for (text, pointer) in [(pair.from, "/from"), (pair.to, "/to")] {
                if case .endpoint(let name) = try Operations.flowEnd(text, pointer) {
                    endpoints.append(await groups(of: TenantName(tenant, name)))
                }
            }
        default:
            let ends: [(String, String)]
            if action == .plug {
                let pair = try call.read(PlugPair.self)
                ends = [(pair.from, "/from"), (pair.to, "/to")]
            } else {
                let pair = try call.read(UnplugPair.self)
                ends = [(pair.from, "/from"), (pair.to, "/to")]
            }
            for (text, pointer) in ends {
                switch try Operations.selector(text, at: pointer) {
                case .endpoint(let name): endpoints.append(await groups(of: TenantName(tenant, name)))
                case .group(let name): named.insert(name)
                }
            }
        }
    }

    /// The groups of an endpoint; none for one that is not there.
    private func groups(of name: TenantName) async -> Set<Name> {
        guard let endpoint = try? await directory.endpoint(name) else { return [] }
        return Set(endpoint.groups)
    }

    // MARK: What the audit is to know

    /// What is about a tenant but is the platform's affair as well.
    private static func isOfPlatform(_ action: Action, _ operation: Operation) -> Bool {
        let actions: Set<Action> = [
            .deleteTenant, .suspendTenant, .resumeTenant, .changeQuota, .inviteFirstOwner, .requestAccess,
        ]
        // So are the answers to what it has asked for.
        return actions.contains(action) || ["grantAccessRequest", "declineAccessRequest"].contains(operation.id)
    }

    /// Whether the provider looks into a tenant by it: a grant or the platform's token reaches what no role of the provider
    /// does.
    private static func isLook(_ action: Action, _ basis: RightsDecision.Basis) -> Bool {
        switch basis {
        case .grant: !action.isChange
        case .platformToken: !action.isChange && action.rule.provider.isEmpty
        case .nothing, .role: false
        }
    }
}

extension Action {
    /// Whether it changes something, so that a refused attempt belongs into the audit.
    var isChange: Bool {
        if rawValue.hasPrefix("list") || rawValue.hasPrefix("show") { return false }
        let looks: Set<Action> = [
            .checkDocument, .diffDocument, .diffRevisions, .checkGuardrails, .explain, .trace, .previewTenantDeletion,
            .exportTenant, .exportAudit,
        ]
        switch rule.scope {
        case .read?, .policyRead?, .usage?, .audit?: return false
        case .network?, .policy?, .people?, .platform?, nil: return !looks.contains(self)
        }
    }
}
