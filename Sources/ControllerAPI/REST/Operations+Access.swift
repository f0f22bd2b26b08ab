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
                answer: ItemList<Access>.self
            ) { call in
                var items: [Access] = []
                for grant in try await directory.accessGrants(of: call.name("tenant")) {
                    items.append(try await describe(grant))
                }
                return ItemList(items: items)
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
        ]
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
