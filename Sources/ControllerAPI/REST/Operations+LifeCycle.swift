import APITypes
import Crypto
import DirectoryCore
import NetTypes

/// What the provider does with tenants as a whole.
extension Operations {
    var lifeCycle: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/suspend", id: "suspendTenant",
                summary: "Cut all wires of a tenant until it is resumed; nothing is lost", body: SuspendTenant.self,
                answer: APITypes.Tenant.self
            ) { call in
                let tenant = try call.name("tenant")
                return try await describe(
                    directory.suspendTenant(tenant, reason: call.read(SuspendTenant.self).reason))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/resume", id: "resumeTenant",
                summary: "End the suspension of a tenant", answer: APITypes.Tenant.self
            ) { call in try await describe(directory.resumeTenant(call.name("tenant"))) },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/quota", id: "showQuota",
                summary: "Show how many of each thing a tenant may have, and has", answer: TenantQuota.self
            ) { call in
                let tenant = try call.name("tenant")
                return TenantQuota(tenant, try await directory.quota(of: tenant))
            },
            Operation(
                method: .put, path: "/v1/tenants/{tenant}/quota", id: "changeQuota",
                summary: "Set how many of each thing a tenant may have, in the place of all former limits",
                body: TenantLimits.self, answer: TenantQuota.self
            ) { call in
                let tenant = try call.name("tenant")
                let quota = Quota(try call.read(TenantLimits.self))
                return TenantQuota(tenant, try await directory.setQuota(quota, of: tenant))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/deletion", id: "previewTenantDeletion",
                summary: "List what would go with a tenant, and the confirmation with which it can be deleted",
                answer: TenantDeletionPreview.self
            ) { call in
                let found = try await directory.previewDeletion(of: call.name("tenant"))
                return TenantDeletionPreview(
                    tenant: found.tenant.text, id: found.id,
                    items: found.parts.map { .init(kind: $0.kind, count: $0.count, names: $0.names) },
                    confirmation: found.confirmation)
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/export", id: "exportTenant",
                summary: "Everything of a tenant in one document, without secrets", answer: TenantExport.self
            ) { call in
                TenantExportStream(
                    archive: try await directory.archive(of: call.name("tenant")), platform: directory.platform)
            },
        ]
    }

    func describe(_ tenant: DirectoryCore.Tenant) async throws -> APITypes.Tenant {
        let vnets = try await directory.vnets(of: tenant.name)
        return APITypes.Tenant(
            tenant, endpoints: vnets.reduce(0) { $0 + Int($1.endpointCount) },
            certificate: try CertificateFacts(tenant.authority, platform: directory.platform))
    }
}

extension APITypes.Tenant {
    init(_ tenant: DirectoryCore.Tenant, endpoints: Int, certificate: CertificateFacts? = nil) {
        self.init(
            id: tenant.id, name: tenant.name.text, createdAt: tenant.createdAt.description, endpoints: endpoints,
            state: tenant.suspension == nil ? .active : .suspended,
            suspendedAt: tenant.suspension?.at.description, suspensionReason: tenant.suspension?.reason,
            certificateExpiresAt: tenant.authorityNotAfter.description,
            certificateSHA256: Array(SHA256.hash(data: tenant.authority)).hexadecimal,
            certificate: certificate)
    }
}

extension Quota {
    fileprivate init(_ limits: TenantLimits) {
        func number(_ limit: UInt64?) -> Int64? { limit.map { Int64(clamping: $0) } }
        self.init(
            endpoints: number(limits.endpoints), vnets: number(limits.vnets), groups: number(limits.groups),
            rules: number(limits.rules), users: number(limits.users))
    }
}

extension TenantQuota {
    init(_ tenant: Name, _ use: QuotaUse) {
        self.init(
            tenant: tenant.text,
            items: Quota.Kind.allCases.map { kind in
                Item(
                    kind: kind.rawValue, limit: use.quota[kind].map { UInt64(clamping: $0) },
                    used: UInt64(clamping: use.used[kind] ?? 0))
            })
    }
}
