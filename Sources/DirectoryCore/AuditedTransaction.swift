import Accounts
import AuditLog
import NetTypes
import Trust

/// A transaction that notes what each thing was before it was written and what it is after, so that the entry of a change
/// says both, whichever operation made it.
final class AuditedTransaction: DirectoryTransaction {
    let tx: any DirectoryTransaction
    /// What was written, in the order in which each thing was written first.
    private var places: [String] = []
    private var noted: Set<String> = []
    private var before: [String: AuditValue] = [:]
    private var after: [String: AuditValue] = [:]

    init(_ tx: any DirectoryTransaction) { self.tx = tx }

    /// Whether anything was written that belongs into the audit.
    var hasChanges: Bool { places.contains { before[$0] != after[$0] } }

    /// What the things were; nil when none of them was there.
    var statesBefore: AuditValue? { states(before) }
    /// What the things are; nil when none of them is there any more.
    var statesAfter: AuditValue? { states(after) }

    /// How many things an entry names; of more it says how many there are.
    private static let most = 64

    private func states(_ values: [String: AuditValue]) -> AuditValue? {
        let named = places.filter { values[$0] != nil && before[$0] != after[$0] }
        guard !named.isEmpty else { return nil }
        var members = Dictionary(
            uniqueKeysWithValues: named.prefix(Self.most).compactMap { place in values[place].map { (place, $0) } })
        if named.count > Self.most { members["more"] = .number(Int64(named.count - Self.most)) }
        return .object(members)
    }

    /// Notes one thing. What was written twice was before what it was before the first time.
    private func note(_ place: String, before old: AuditValue?, after new: AuditValue?) {
        if noted.insert(place).inserted {
            places.append(place)
            before[place] = old
        }
        after[place] = new
    }
}

// What is noted. Secrets never come here: of a password it is said that there is one.

extension AuditedTransaction {
    func put(_ tenant: Tenant) throws(DirectoryError) {
        note("tenant/\(tenant.name)", before: try tx.tenant(tenant.name)?.audited, after: tenant.audited)
        try tx.put(tenant)
    }

    func delete(tenant: Name) throws(DirectoryError) {
        note("tenant/\(tenant)", before: try tx.tenant(tenant)?.audited, after: nil)
        try tx.delete(tenant: tenant)
    }

    func put(_ vnet: VNet) throws(DirectoryError) {
        note("vnet/\(vnet.name)", before: try tx.vnet(vnet.id)?.audited, after: vnet.audited)
        try tx.put(vnet)
    }

    func delete(vnet: VNetID) throws(DirectoryError) {
        let old = try tx.vnet(vnet)
        note("vnet/\(old?.name.description ?? vnet.description)", before: old?.audited, after: nil)
        try tx.delete(vnet: vnet)
    }

    func put(_ endpoint: Endpoint) throws(DirectoryError) {
        note(
            "endpoint/\(endpoint.name)", before: try tx.endpoint(endpoint.identity)?.audited, after: endpoint.audited)
        try tx.put(endpoint)
    }

    func delete(endpoint: Identity) throws(DirectoryError) {
        let old = try tx.endpoint(endpoint)
        note("endpoint/\(old?.name.description ?? endpoint.description)", before: old?.audited, after: nil)
        try tx.delete(endpoint: endpoint)
    }

    func put(_ group: Group) throws(DirectoryError) {
        note("group/\(group.name)", before: try tx.group(group.name)?.audited, after: group.audited)
        try tx.put(group)
    }

    func delete(group: TenantName) throws(DirectoryError) {
        note("group/\(group)", before: try tx.group(group)?.audited, after: nil)
        try tx.delete(group: group)
    }

    func put(_ host: LeafHost) throws(DirectoryError) {
        note("host/\(host.name)", before: try tx.host(host.name)?.audited, after: host.audited)
        try tx.put(host)
    }

    func delete(host: Name) throws(DirectoryError) {
        note("host/\(host)", before: try tx.host(host)?.audited, after: nil)
        try tx.delete(host: host)
    }

    func put(_ grant: JoinGrant) throws(DirectoryError) {
        note(
            "join-token-of/\(grant.host)", before: nil,
            after: .object([
                "expires_at": .number(grant.expiresAt.seconds), "used_at": .optional(grant.usedAt?.seconds),
            ]))
        try tx.put(grant)
    }

    func add(_ policy: PolicyRevision, keep: Int, bytes: Int) throws(DirectoryError) {
        let old = try tx.policy(of: policy.tenant)
        note("policy/\(policy.tenant)", before: old?.audited, after: policy.audited)
        try tx.add(policy, keep: keep, bytes: bytes)
    }

    func add(_ guardrails: GuardrailsRevision, keep: Int, bytes: Int) throws(DirectoryError) {
        note("guardrails", before: try tx.guardrails()?.audited, after: guardrails.audited)
        try tx.add(guardrails, keep: keep, bytes: bytes)
    }

    func put(_ user: User) throws(DirectoryError) {
        note("user/\(user.name)", before: try tx.user(user.id)?.audited, after: user.audited)
        try tx.put(user)
    }

    func delete(user: AccountID) throws(DirectoryError) {
        let old = try tx.user(user)
        note("user/\(old?.name.description ?? user.description)", before: old?.audited, after: nil)
        try tx.delete(user: user)
    }

    func put(_ session: Session) throws(DirectoryError) {
        note("session/\(session.id)", before: try tx.session(session.id)?.audited, after: session.audited)
        try tx.put(session)
    }

    func delete(session: AccountID) throws(DirectoryError) {
        note("session/\(session)", before: try tx.session(session)?.audited, after: nil)
        try tx.delete(session: session)
    }

    func deleteSessions(of user: AccountID, except: AccountID?) throws(DirectoryError) {
        for session in try tx.sessions(of: user) where session.id != except {
            note("session/\(session.id)", before: session.audited, after: nil)
        }
        try tx.deleteSessions(of: user, except: except)
    }

    func put(_ token: PersonalToken) throws(DirectoryError) {
        note("token/\(token.id)", before: try tx.token(token.id)?.audited, after: token.audited)
        try tx.put(token)
    }

    func delete(token: AccountID) throws(DirectoryError) {
        note("token/\(token)", before: try tx.token(token)?.audited, after: nil)
        try tx.delete(token: token)
    }

    func put(_ passkey: Passkey) throws(DirectoryError) {
        note("passkey/\(passkey.id)", before: try tx.passkey(passkey.id)?.audited, after: passkey.audited)
        try tx.put(passkey)
    }

    func delete(passkey: AccountID) throws(DirectoryError) {
        note("passkey/\(passkey)", before: try tx.passkey(passkey)?.audited, after: nil)
        try tx.delete(passkey: passkey)
    }

    func put(_ certificate: UserCertificate) throws(DirectoryError) {
        note(
            "certificate/\(certificate.id)", before: try tx.userCertificate(certificate.id)?.audited,
            after: certificate.audited)
        try tx.put(certificate)
    }

    func put(_ request: AccessRequest) throws(DirectoryError) {
        note(
            "access-request/\(request.id)", before: try tx.accessRequest(request.id)?.audited, after: request.audited)
        try tx.put(request)
    }

    func put(_ grant: AccessGrant) throws(DirectoryError) {
        note("access/\(grant.id)", before: try tx.accessGrant(grant.id)?.audited, after: grant.audited)
        try tx.put(grant)
    }

    func put(_ provider: IdentityProvider) throws(DirectoryError) {
        note(
            "identity-provider/\(provider.name)", before: try tx.identityProvider(provider.id)?.audited,
            after: provider.audited)
        try tx.put(provider)
    }

    func delete(identityProvider: AccountID) throws(DirectoryError) {
        let old = try tx.identityProvider(identityProvider)
        note("identity-provider/\(old?.name.text ?? identityProvider.description)", before: old?.audited, after: nil)
        try tx.delete(identityProvider: identityProvider)
    }

    /// How many, and not whose: the provider is the platform's, the people are tenants'.
    func deleteSessions(begunBy provider: AccountID, except tenant: Name?) throws(DirectoryError) -> [AccountID] {
        let name = try tx.identityProvider(provider)?.name.text ?? provider.description
        let ended = try tx.deleteSessions(begunBy: provider, except: tenant)
        if !ended.isEmpty {
            note(
                "identity-provider/\(name)/sessions", before: .object(["ended": .number(Int64(ended.count))]),
                after: nil)
        }
        return ended
    }

    func put(_ identity: LinkedIdentity) throws(DirectoryError) {
        note("identity/\(identity.id)", before: try tx.linkedIdentity(identity.id)?.audited, after: identity.audited)
        try tx.put(identity)
    }

    func delete(linkedIdentity: AccountID) throws(DirectoryError) {
        note("identity/\(linkedIdentity)", before: try tx.linkedIdentity(linkedIdentity)?.audited, after: nil)
        try tx.delete(linkedIdentity: linkedIdentity)
    }
}
