import APITypes
import Accounts
import DirectoryCore
import FoundationEssentials
import NetTypes
import Trust

// How an archive of the directory becomes the document that people get.

extension TenantExport {
    /// - Parameter hasLongLists: whether endpoints and revisions are in it.
    init(_ archive: TenantArchive, _ platform: Platform, hasLongLists: Bool = true) {
        let tenant = archive.tenant
        var members: [Name: [String]] = [:]
        for item in archive.endpoints {
            for group in item.endpoint.groups { members[group, default: []].append(item.endpoint.name.name.text) }
        }
        self.init(
            exportedAt: archive.at.description, platform: platform.name.prefix.description,
            rootCertificate: platform.rootPEM,
            tenant: APITypes.Tenant(
                tenant, endpoints: archive.endpoints.count,
                certificate: try? CertificateFacts(tenant.authority, platform: platform)),
            authority: CertificatePEM.text([tenant.authority]),
            policyCertificate: CertificatePEM.text([tenant.policyCertificate]),
            quota: TenantQuota(tenant.name, archive.quota), vnets: archive.vnets.map(APITypes.VNet.init),
            groups: archive.groups.map { group in
                let members = members[group.name.name] ?? []
                return APITypes.Group(
                    tenant: tenant.name.text, name: group.name.name.text, memberCount: members.count,
                    members: members)
            },
            endpoints: hasLongLists ? archive.endpoints.map(Item.init) : [],
            revisions: hasLongLists ? archive.revisions.map(Revision.init) : [],
            locks: tenant.locks.map(Lock.init), users: archive.users.map { Person($0, archive.passkeys[$0.id] ?? []) },
            accessGrants: archive.grants.map(Grant.init))
    }
}

extension TenantExport.Item {
    init(_ item: TenantArchive.Item) {
        self.init(
            endpoint: APITypes.Endpoint(item.endpoint, item.published),
            certificate: item.published.map { CertificatePEM.text([$0.facts.certificate]) },
            record: item.published.map { Data($0.facts.record).base64EncodedString() })
    }
}

extension TenantExport.Revision {
    init(_ revision: PolicyRevision) {
        self.init(
            revision: revision.revision, changedAt: revision.changedAt.description, summary: revision.summary,
            body: String(decoding: revision.body, as: UTF8.self),
            signature: Data(revision.signature).base64EncodedString(),
            text: revision.text.map { String(decoding: $0, as: UTF8.self) })
    }
}

extension TenantExport.Lock {
    fileprivate init(_ lock: SignedLock) {
        self.init(
            body: String(decoding: lock.body, as: UTF8.self), signature: Data(lock.signature).base64EncodedString(),
            key: Data(lock.key).base64EncodedString())
    }
}

extension TenantExport.Person {
    fileprivate init(_ user: User, _ passkeys: [Passkey]) {
        var roles: [String] = []
        var groups: [String]?
        switch user.home {
        case .provider(let given): roles = given.map(\.rawValue)
        case .tenant(let membership):
            roles = membership.roles.map(\.rawValue)
            groups = membership.groups.map { $0.map(\.text).sorted() }
        }
        self.init(
            id: "\(user.id)", name: "\(user.name)", displayName: "\(user.displayName)", roles: roles.sorted(),
            groups: groups, state: user.state.rawValue, hasSecondFactor: user.hasSecondFactor,
            passkeys: passkeys.map { passkey in
                TenantExport.PasskeyNote(
                    label: passkey.label.text, createdAt: passkey.createdAt.description,
                    lastUsedAt: passkey.lastUsedAt?.description)
            }, createdAt: user.createdAt.description)
    }
}

extension TenantExport.Grant {
    fileprivate init(_ grant: AccessGrant) {
        self.init(
            id: "\(grant.id)", roles: grant.roles.map(\.rawValue).sorted(), consoles: grant.includesConsoles,
            reason: "\(grant.reason)", from: grant.from.description, until: grant.until.description,
            revokedAt: grant.revokedAt?.description)
    }
}
