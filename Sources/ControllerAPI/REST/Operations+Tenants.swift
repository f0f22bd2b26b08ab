import APITypes
import DirectoryCore
import NetTypes

extension Operations {
    var tenants: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants", id: "listTenants", summary: "List the tenants",
                query: Paging.parameters, answer: ItemList<APITypes.Tenant>.self
            ) { call in
                let part = try Paging(call).part(of: await directory.tenants()) { $0.name.text }
                var items: [APITypes.Tenant] = []
                for tenant in part.items { items.append(try await describe(tenant)) }
                return ItemList(items: items, next: part.next)
            },
            Operation(
                method: .post, path: "/v1/tenants", id: "createTenant", summary: "Create a tenant",
                body: NewTenant.self, status: .created, answer: APITypes.Tenant.self
            ) { call in
                let name = try call.name(call.read(NewTenant.self).name, at: "/name")
                return try await describe(directory.createTenant(name))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}", id: "showTenant", summary: "Show a tenant",
                answer: APITypes.Tenant.self
            ) { call in try await describe(directory.tenant(call.name("tenant"))) },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}", id: "deleteTenant",
                summary: "Delete a tenant without endpoints, or with all that was confirmed",
                query: [
                    .init(
                        name: "confirm", isRequired: false,
                        summary: "the confirmation that the preview of the deletion gave")
                ], status: .noContent
            ) { call in
                let tenant = try call.name("tenant")
                if let confirmation = call.query["confirm"] {
                    try await directory.deleteTenant(tenant, confirmation: confirmation)
                } else {
                    try await directory.deleteTenant(tenant)
                }
                return nil
            },
        ]
    }

    var vnets: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/vnets", id: "listVNets", summary: "List a tenant's vnets",
                query: Paging.parameters, answer: ItemList<APITypes.VNet>.self
            ) { call in
                try Paging(call).list(of: await directory.vnets(of: call.name("tenant")).map(APITypes.VNet.init)) {
                    $0.name
                }
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/vnets", id: "createVNet", summary: "Create a vnet",
                body: NewVNet.self, status: .created, answer: APITypes.VNet.self
            ) { call in
                let tenant = try call.name("tenant")
                let new = try call.read(NewVNet.self)
                let name = TenantName(tenant, try call.name(new.name, at: "/name"))
                let prefix = try Call.value(at: "/ipv4_prefix") { () throws(TextError) in
                    try IPv4Prefix(parsing: new.ipv4Prefix)
                }
                let id = try new.id.map { (text) throws(Problem) in
                    try Call.value(at: "/id") { () throws(TextError) in try VNetID(parsing: text) }
                }
                return APITypes.VNet(try await directory.createVNet(name, prefix: prefix, id: id))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/vnets/{vnet}", id: "showVNet", summary: "Show a vnet",
                answer: APITypes.VNet.self
            ) { call in APITypes.VNet(try await directory.vnet(call.tenantName("vnet"))) },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/vnets/{vnet}", id: "deleteVNet",
                summary: "Delete a vnet without endpoints", status: .noContent
            ) { call in
                try await directory.deleteVNet(call.tenantName("vnet"))
                return nil
            },
        ]
    }

    var groups: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/groups", id: "listGroups", summary: "List a tenant's groups",
                query: Paging.parameters, answer: ItemList<APITypes.Group>.self
            ) { call in
                let own = try await directory.groups(of: call.name("tenant"))
                    .filter { call.caller.limit?.contains($0.name.name) ?? true }
                let part = try Paging(call).part(of: own) { $0.name.name.text }
                let summaries = try await directory.summaries(
                    of: part.items.map(\.name), members: ControllerLimits.listedMembers)
                return ItemList(items: summaries.map(APITypes.Group.init), next: part.next)
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/groups", id: "createGroup", summary: "Create a group",
                body: NewGroup.self, status: .created, answer: APITypes.Group.self
            ) { call in
                let tenant = try call.name("tenant")
                let name = try call.name(call.read(NewGroup.self).name, at: "/name")
                return try await describe(directory.createGroup(TenantName(tenant, name)))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/groups/{group}", id: "showGroup", summary: "Show a group",
                answer: APITypes.Group.self
            ) { call in try await describe(directory.group(call.tenantName("group"))) },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/groups/{group}", id: "deleteGroup",
                summary: "Delete a group that is not in use", status: .noContent
            ) { call in
                try await directory.deleteGroup(call.tenantName("group"))
                return nil
            },
            Operation(
                method: .put, path: "/v1/tenants/{tenant}/groups/{group}/members/{endpoint}", id: "addMember",
                summary: "Put an endpoint into a group", status: .noContent
            ) { call in
                try await directory.addMember(call.name("endpoint"), to: call.tenantName("group"))
                return nil
            },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/groups/{group}/members/{endpoint}", id: "removeMember",
                summary: "Take an endpoint out of a group", status: .noContent
            ) { call in
                try await directory.removeMember(call.name("endpoint"), from: call.tenantName("group"))
                return nil
            },
        ]
    }

    private func describe(_ group: DirectoryCore.Group) async throws -> APITypes.Group {
        let summary = try await directory.summaries(of: [group.name], members: ControllerLimits.shownMembers).first
        return APITypes.Group(summary ?? GroupSummary(group: group, memberCount: 0, members: []))
    }
}

extension APITypes.Group {
    init(_ summary: GroupSummary) {
        let name = summary.group.name
        self.init(
            tenant: name.tenant.text, name: name.name.text, memberCount: summary.memberCount,
            members: summary.members.map(\.text))
    }
}

extension APITypes.VNet {
    init(_ vnet: DirectoryCore.VNet) {
        self.init(
            tenant: vnet.name.tenant.text, name: vnet.name.name.text, id: vnet.id.description,
            ipv4Prefix: vnet.prefix.description)
    }
}
