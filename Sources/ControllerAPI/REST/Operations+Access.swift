import APITypes
import Accounts
import DirectoryCore
import NetTypes

/// The access of the provider's people to a tenant, which its owner grants.
extension Operations {
    var access: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/access", id: "listAccessGrants",
                summary: "List the access that was granted to the provider, the newest first",
                query: Paging.positions, answer: ItemList<Access>.self
            ) { call in
                var items: [Access] = []
                let part = try await Paging(call).part(of: directory.accessGrants(of: call.name("tenant"))) {
                    Paging.fallingKey($0.from, $0.id)
                }
                for grant in part.items { items.append(try await describe(grant)) }
                return ItemList(items: items, next: part.next)
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/access", id: "createAccessGrant",
                summary: "Give the provider's people access for a time", body: NewAccess.self, status: .created,
                answer: Access.self
            ) { call in
                let new = try call.read(NewAccess.self)
                guard let granter = call.caller.principal?.account else { throw Problem(.noAccount) }
                let grantee = try new.grantee.map { (text) throws(Problem) in
                    try Call.value(at: "/grantee") { () throws(TextError) in try AccountName(parsing: text) }
                }
                return try await describe(
                    directory.grantAccess(
                        to: call.name("tenant"), by: granter, grantee: grantee,
                        roles: Self.read(new.roles, TenantRole.allCases), includesConsoles: new.consoles ?? false,
                        reason: Self.displayName(new.reason, at: "/reason"), lifetime: Int64(new.hours) * 3_600))
            },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/access/{grant}", id: "revokeAccessGrant",
                summary: "End the access of a grant now", status: .noContent
            ) { call in
                try await directory.revokeAccess(call.id("grant"), to: call.name("tenant"))
                return nil
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/access-requests", id: "listAccessRequests",
                summary: "List what the provider's people have asked the tenant for, the newest first",
                query: Paging.positions, answer: ItemList<AccessRequestSummary>.self, isAction: .listAccessGrants
            ) { call in
                let part = try await Paging(call).part(of: directory.accessRequests(of: call.name("tenant"))) {
                    Paging.fallingKey($0.createdAt, $0.id)
                }
                var items: [AccessRequestSummary] = []
                for request in part.items { items.append(try await describe(request)) }
                return ItemList(items: items, next: part.next)
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/access-requests", id: "requestAccess",
                summary: "Ask a tenant's owners for access", body: NewAccessRequest.self, status: .created,
                answer: AccessRequestSummary.self
            ) { call in
                let new = try call.read(NewAccessRequest.self)
                guard let requester = call.caller.principal?.account else { throw Problem(.noAccount) }
                return try await describe(
                    directory.requestAccess(
                        to: call.name("tenant"), by: requester, roles: Self.read(new.roles, TenantRole.allCases),
                        includesConsoles: new.consoles ?? false, reason: Self.displayName(new.reason, at: "/reason"),
                        lifetime: Int64(new.hours) * 3_600))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/access-requests/{request}/grant", id: "grantAccessRequest",
                summary: "Grant what was asked for, to the one who has asked", answer: AccessRequestSummary.self,
                isAction: .createAccessGrant
            ) { call in
                guard let granter = call.caller.principal?.account else { throw Problem(.noAccount) }
                return try await describe(
                    directory.grantRequest(call.id("request"), of: call.name("tenant"), by: granter))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/access-requests/{request}/decline",
                id: "declineAccessRequest", summary: "Decline what was asked for",
                answer: AccessRequestSummary.self, isAction: .revokeAccessGrant
            ) { call in
                try await describe(directory.declineRequest(call.id("request"), of: call.name("tenant")))
            },
        ]
    }

    private func describe(_ request: AccessRequest) async throws -> AccessRequestSummary {
        let requester = try await directory.user(request.requester)?.name.description
        var (state, grant): (AccessRequestSummary.State, AccountID?) =
            request.waits(at: settings.now()) ? (.waiting, nil) : (.expired, nil)
        switch request.decision {
        case .granted(let id): (state, grant) = (.granted, id)
        case .declined: state = .declined
        case nil: break
        }
        return AccessRequestSummary(
            id: request.id.description, requester: requester ?? request.requester.description,
            roles: request.roles.sorted().map(\.rawValue), consoles: request.includesConsoles,
            hours: UInt64(clamping: request.lifetime / 3_600), reason: request.reason.text,
            createdAt: request.createdAt.description, expiresAt: request.expiresAt.description, state: state,
            decidedAt: request.decidedAt?.description, grant: grant?.description)
    }

    private func describe(_ grant: AccessGrant) async throws -> Access {
        var grantee: String?
        if let id = grant.grantee { grantee = try await directory.user(id)?.name.description ?? id.description }
        return Access(
            id: grant.id.description,
            grantedBy: try await directory.user(grant.grantedBy)?.name.description, grantee: grantee,
            roles: grant.roles.sorted().map(\.rawValue),
            consoles: grant.includesConsoles, reason: grant.reason.text, from: grant.from.description,
            until: grant.until.description, revokedAt: grant.revokedAt?.description,
            holds: grant.holds(at: settings.now()))
    }
}
