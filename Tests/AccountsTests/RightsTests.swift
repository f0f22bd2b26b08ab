import Accounts
import Foundation
import NetTypes
import Testing

/// The table of rights a second time, as text that people read: the reference for ``Action/rule``.
///
/// The columns are: action; what it is about; o (operator), a (auditor); O (owner), n (network admin), s (security
/// admin), v (viewer); sub-users: `-` no, `f` filtered, `i` inside; g: by grant; the scope, `-` for sessions only; F: needs
/// a fresh sign-in.
private let table = """
    describe                  nothing   --  ----  -  -  -            -
    health                    nothing   --  ----  -  -  -            -
    enrol                     nothing   --  ----  -  -  -            -
    signIn                    nothing   --  ----  -  -  -            -
    listSignInProviders       nothing   --  ----  -  -  -            -
    showSelf                  oneself   --  ----  -  -  read         -
    changeOwnName             oneself   --  ----  -  -  -            -
    changeOwnPassword         oneself   --  ----  -  -  -            F
    signOut                   oneself   --  ----  -  -  -            -
    enrolOwnTOTP              oneself   --  ----  -  -  -            F
    removeOwnTOTP             oneself   --  ----  -  -  -            F
    renewOwnRecoveryCodes     oneself   --  ----  -  -  -            F
    listOwnPasskeys           oneself   --  ----  -  -  -            -
    addOwnPasskey             oneself   --  ----  -  -  -            F
    renameOwnPasskey          oneself   --  ----  -  -  -            -
    removeOwnPasskey          oneself   --  ----  -  -  -            F
    listOwnIdentities         oneself   --  ----  -  -  -            -
    addOwnIdentity            oneself   --  ----  -  -  -            F
    removeOwnIdentity         oneself   --  ----  -  -  -            F
    listOwnSessions           oneself   --  ----  -  -  -            -
    endOwnSession             oneself   --  ----  -  -  -            -
    addOwnDevice              oneself   --  ----  -  -  -            F
    listOwnTokens             oneself   --  ----  -  -  -            -
    createOwnToken            oneself   --  ----  -  -  -            F
    deleteOwnToken            oneself   --  ----  -  -  -            -
    listOwnCertificates       oneself   --  ----  -  -  -            -
    createOwnCertificate      oneself   --  ----  -  -  -            F
    deleteOwnCertificate      oneself   --  ----  -  -  -            -
    listUsers                 side      oa  O---  -  -  people       -
    showUser                  side      oa  O---  -  -  people       -
    createUser                side      o-  O---  -  -  people       F
    changeUser                side      o-  O---  -  -  people       F
    disableUser               side      o-  O---  -  -  people       -
    enableUser                side      o-  O---  -  -  people       F
    deleteUser                side      o-  O---  -  -  people       F
    resetPassword             side      o-  O---  -  -  -            F
    resetSecondFactor         side      o-  O---  -  -  -            F
    listUserSessions          side      oa  O---  -  -  people       -
    endUserSession            side      o-  O---  -  -  people       -
    listUserTokens            side      oa  O---  -  -  people       -
    deleteUserToken           side      o-  O---  -  -  people       -
    listUserPasskeys          side      oa  O---  -  -  people       -
    removeUserPasskey         side      o-  O---  -  -  -            F
    listUserCertificates      side      oa  O---  -  -  people       -
    revokeUserCertificate     side      o-  O---  -  -  people       -
    listUserIdentities        side      oa  O---  -  -  people       -
    addUserIdentity           side      o-  O---  -  -  -            F
    removeUserIdentity        side      o-  O---  -  -  -            F
    inviteFirstOwner          tenant    o-  ----  -  -  platform     -
    requestAccess             tenant    o-  ----  -  -  platform     -
    listAccessGrants          tenant    oa  O-s-  -  -  people       -
    createAccessGrant         tenant    --  O---  -  -  -            F
    revokeAccessGrant         tenant    --  O-s-  -  -  people       -
    showPlatform              platform  oa  ----  -  -  read         -
    readMetrics               platform  oa  ----  -  -  usage        -
    listIdentityProviders     platform  oa  ----  -  -  read         -
    changeSignInProviders     platform  o-  ----  -  -  platform     F
    listHosts                 platform  oa  ----  -  -  read         -
    createHost                platform  o-  ----  -  -  platform     -
    showHost                  platform  oa  ----  -  -  read         -
    renewToken                platform  o-  ----  -  -  platform     -
    deleteHost                platform  o-  ----  -  -  platform     F
    listHostEndpoints         platform  oa  ----  -  -  read         -
    showGuardrails            platform  oa  ----  -  -  read         -
    showGuardrailsDocument    platform  oa  ----  -  -  read         -
    showCanonicalGuardrails   platform  oa  ----  -  -  read         -
    applyGuardrails           platform  o-  ----  -  -  platform     -
    checkGuardrails           platform  oa  ----  -  -  read         -
    listGuardrailsRevisions   platform  oa  ----  -  -  read         -
    rollbackGuardrails        platform  o-  ----  -  -  platform     -
    listTenants               platform  oa  ----  -  -  read         -
    createTenant              platform  o-  ----  -  -  platform     -
    showTenant                tenant    oa  Onsv  f  g  read         -
    deleteTenant              tenant    o-  ----  -  -  platform     F
    previewTenantDeletion     tenant    oa  O---  -  -  read         -
    suspendTenant             tenant    o-  ----  -  -  platform     -
    resumeTenant              tenant    o-  ----  -  -  platform     -
    showQuota                 tenant    oa  Onsv  f  g  read         -
    changeQuota               tenant    o-  ----  -  -  platform     -
    exportTenant              tenant    --  O---  -  -  -            F
    listVNets                 tenant    --  Onsv  f  g  read         -
    createVNet                tenant    --  On--  -  g  network      -
    showVNet                  tenant    --  Onsv  f  g  read         -
    deleteVNet                tenant    --  On--  -  g  network      -
    listGroups                tenant    --  Onsv  f  g  read         -
    createGroup               tenant    --  On--  -  g  network      -
    showGroup                 tenant    --  Onsv  i  g  read         -
    deleteGroup               tenant    --  On--  -  g  network      -
    addMember                 tenant    --  On--  i  g  network      -
    removeMember              tenant    --  On--  i  g  network      -
    listEndpoints             tenant    --  Onsv  f  g  read         -
    summarizeEndpoints        tenant    --  Onsv  f  g  read         -
    createEndpoint            tenant    --  On--  i  g  network      -
    showEndpoint              tenant    --  Onsv  i  g  read         -
    deleteEndpoint            tenant    --  On--  i  g  network      -
    moveEndpoint              tenant    o-  On--  i  g  network      -
    changeLabels              tenant    --  On--  -  g  network      -
    changeLevel               tenant    --  On--  -  g  network      -
    changeNetworks            tenant    --  On--  -  g  network      -
    showCertificate           tenant    --  Onsv  i  g  read         -
    openConsole               tenant    --  On--  i  g  -            -
    showPolicy                tenant    --  Onsv  -  g  policy-read  -
    listPolicyEntries         tenant    --  Onsv  -  g  policy-read  -
    createPolicyEntry         tenant    --  O-s-  -  g  policy       -
    deletePolicyEntry         tenant    --  O-s-  -  g  policy       -
    plug                      tenant    --  O-s-  i  g  policy       -
    unplug                    tenant    --  O-s-  i  g  policy       -
    showDocument              tenant    --  Onsv  -  g  policy-read  -
    showCanonicalPolicy       tenant    --  Onsv  -  g  policy-read  -
    applyDocument             tenant    --  O-s-  -  g  policy       -
    checkDocument             tenant    --  Onsv  -  g  policy-read  -
    diffDocument              tenant    --  Onsv  -  g  policy-read  -
    diffRevisions             tenant    --  Onsv  -  g  policy-read  -
    listRevisions             tenant    --  Onsv  -  g  policy-read  -
    rollbackPolicy            tenant    --  O-s-  -  g  policy       -
    lockPolicy                tenant    --  O-s-  -  -  policy       F
    applySigned               tenant    --  O-s-  -  -  policy       -
    unlockPolicy              tenant    --  O-s-  -  -  policy       F
    explain                   tenant    --  Onsv  i  g  policy-read  -
    trace                     tenant    --  Onsv  i  g  policy-read  -
    listWires                 tenant    --  Onsv  f  g  read         -
    showWireTraffic           tenant    --  Onsv  f  g  read         -
    followEvents              side      oa  Onsv  f  g  read         -
    showUsage                 tenant    oa  Onsv  -  g  usage        -
    exportUsage               tenant    oa  O---  -  -  usage        -
    listTenantUsage           platform  oa  ----  -  -  usage        -
    listAudit                 side      oa  O-s-  -  -  audit        -
    exportAudit               side      oa  O-s-  -  -  audit        -
    """

private let rows: [String: [String]] = Dictionary(
    uniqueKeysWithValues: table.split(separator: "\n").map { line in
        let columns = line.split(separator: " ").map(String.init)
        return (columns[0], columns)
    })

/// A deliberately dumb evaluator over the text: every way to be let in is written out, one after the other.
private func reference(_ p: Principal, _ action: Action, _ r: Resource, _ now: Timestamp) -> String {
    guard let row = rows[action.rawValue] else { return "no row" }
    let (about, provider, tenantRoles, sub, grants, scope, fresh) = (
        row[1], row[2], row[3], row[4], row[5], row[6], row[7]
    )
    if about == "nothing" { return "allowed" }
    if p.identity == .installation { return about == "oneself" ? "forbidden" : "allowed" }
    guard case .user(let id, let home) = p.identity else { return "?" }
    var isIn = about == "oneself"
    var no = "forbidden"
    switch home {
    case .provider(let roles) where about != "oneself":
        let letters = roles.map { $0 == .operator ? "o" : "a" }
        let reachesByRole = about == "platform" || about == "tenant" || (about == "side" && r.tenant == nil)
        if reachesByRole && letters.contains(where: { provider.contains($0) }) { isIn = true }
        if !isIn && grants == "g" && about != "platform" {
            for g in p.grants {
                if g.tenant != r.tenant { continue }
                if g.from > now || g.until <= now { continue }
                if let end = g.revokedAt, end <= now { continue }
                if let who = g.grantee, who != id { continue }
                if g.grantee == nil && !roles.contains(.operator) { continue }
                if action == .openConsole && !g.includesConsoles { continue }
                if g.roles.contains(where: { tenantRoles.contains(letter($0)) }) { isIn = true }
            }
        }
        if !isIn && about == "side" && r.tenant != nil && grants != "g" { no = "hidden" }
    case .tenant(let m) where about != "oneself":
        if about == "platform" { return "forbidden" }
        if r.tenant != m.tenant { return "hidden" }
        if let mine = m.groups {
            for g in r.groups where !mine.contains(g) { return "hidden" }
            for e in r.endpoints where !e.contains(where: { mine.contains($0) }) { return "hidden" }
            if sub == "-" { return "forbidden" }
            if sub == "i" && r.endpoints.isEmpty && r.groups.isEmpty { return "forbidden" }
        }
        isIn = m.roles.contains { tenantRoles.contains(letter($0)) }
    default: break
    }
    if !isIn { return no }
    let rights = [
        "changeUser", "enableUser", "disableUser", "deleteUser", "resetPassword", "resetSecondFactor",
        "addUserIdentity", "removeUserIdentity",
    ]
    if rights.contains(action.rawValue), r.account == id { return "forbidden" }
    switch p.means {
    case .token(_, let scopes): return scopes.contains { $0.rawValue == scope } ? "allowed" : "forbidden"
    case .session(_, let at):
        return fresh == "F" && (at.seconds > now.seconds || now.seconds - at.seconds > 600) ? "forbidden" : "allowed"
    case .certificate:
        return scope != "-" || ["listOwnCertificates", "deleteOwnCertificate"].contains(action.rawValue)
            ? "allowed" : "forbidden"
    case .platformToken: return "forbidden"
    }
}

private func letter(_ role: TenantRole) -> String {
    switch role {
    case .owner: "O"
    case .networkAdmin: "n"
    case .securityAdmin: "s"
    case .viewer: "v"
    }
}

private func kind(_ decision: RightsDecision) -> String {
    switch decision {
    case .allowed: "allowed"
    case .hidden: "hidden"
    case .forbidden: "forbidden"
    }
}

@Suite("Rights")
struct RightsTests {
    private let acme: Name
    private let umbrella: Name
    private let now = World.start
    private let world = World()

    init() throws {
        acme = try Name("acme")
        umbrella = try Name("umbrella")
    }

    private func person(_ home: Home, grants: [AccessGrant] = [], age: Int64 = 0) -> Principal {
        Principal(.user(world.id(), home), by: .session(world.id(), signedInAt: now + -age), grants: grants)
    }

    private func member(_ role: TenantRole, of tenant: Name, groups: Set<Name>? = nil) throws -> Home {
        .tenant(try #require(Membership(tenant: tenant, roles: [role], groups: groups)))
    }

    @Test("1: the table has a row for every action, and no other")
    func table() {
        #expect(Set(rows.keys) == Set(Action.allCases.map(\.rawValue)))
    }

    @Test("3: the evaluator agrees with the text, for 300,000 random questions")
    func random() throws {
        let seed: UInt64 = 5
        var g = SeededGenerator(seed: seed)
        let groups = try ["web", "db", "ops"].map { try Name($0) }
        let tenants: [Name?] = [acme, umbrella, nil]
        let people = (0..<4).map { _ in world.id() }
        func some<T: Hashable>(_ all: [T], _ g: inout SeededGenerator) -> Set<T> {
            Set(all.filter { _ in Bool.random(using: &g) })
        }
        var seen: [String: Int] = [:]
        let why = try reason
        for round in 0..<300_000 {
            let id = people.randomElement(using: &g) ?? people[0]
            let home: Home
            if Bool.random(using: &g) {
                home = .provider(some(ProviderRole.allCases, &g))
            } else {
                let limit = Bool.random(using: &g) ? some(groups, &g) : nil
                guard
                    let membership = Membership(
                        tenant: Bool.random(using: &g) ? acme : umbrella, roles: some(TenantRole.allCases, &g),
                        groups: limit)
                else { continue }
                home = .tenant(membership)
            }
            let means: Principal.Means =
                Bool.random(using: &g)
                ? Bool.random(using: &g)
                    ? .token(id, some(TokenScope.allCases, &g)) : .certificate(id, until: now + 1)
                : .session(id, signedInAt: now + [-700, -601, -600, -1, 0, 1].randomElement(using: &g).offset)
            let grants = (0..<Int.random(in: 0...2, using: &g)).compactMap { _ in
                AccessGrant(
                    id: people[0], tenant: Bool.random(using: &g) ? acme : umbrella, grantedBy: people[0],
                    grantee: Bool.random(using: &g) ? people.randomElement(using: &g) : nil,
                    roles: some([.networkAdmin, .securityAdmin, .viewer], &g),
                    includesConsoles: Bool.random(using: &g), reason: why,
                    from: now + [-10, 0, 1].randomElement(using: &g).offset,
                    until: now + [0, 1, 10].randomElement(using: &g).offset,
                    revokedAt: [nil, nil, now, now + 1, now + -1].randomElement(using: &g) ?? nil)
            }
            let principal =
                Int.random(in: 0..<50, using: &g) == 0
                ? .installation : Principal(.user(id, home), by: means, grants: grants)
            let action = Action.allCases.randomElement(using: &g) ?? .describe
            let tenant = tenants.randomElement(using: &g) ?? nil
            let resource: Resource =
                switch (Int.random(in: 0..<5, using: &g), tenant) {
                case (_, nil): Bool.random(using: &g) ? .platform : .account(people[1], of: nil)
                case (0, let tenant?):
                    .endpoints(
                        of: tenant, groups: (0..<Int.random(in: 0...2, using: &g)).map { _ in some(groups, &g) },
                        named: some(groups, &g))
                case (1, let tenant?): .groups(some(groups, &g), of: tenant)
                case (2, let tenant?): .account(people.randomElement(using: &g) ?? id, of: tenant)
                case (3, let tenant?): .newEndpoint(of: tenant, groups: some(groups, &g))
                case (_, let tenant?): .tenant(tenant)
                }
            let expected = reference(principal, action, resource, now)
            let found = kind(may(principal, action, on: resource, at: now))
            seen[found, default: 0] += 1
            guard expected == found else {
                Issue.record(
                    "seed \(seed), round \(round): \(action) is \(found), not \(expected): \(principal) \(resource)")
                return
            }
        }
        // A generator that only makes refusals would prove little.
        #expect(seen.count == 3 && seen.values.allSatisfy { $0 > 10_000 }, "\(seen)")
    }

    private var reason: DisplayName {
        get throws { try DisplayName(parsing: "ticket 7") }
    }

    private func grant(
        _ roles: Set<TenantRole>, to grantee: AccountID? = nil, consoles: Bool = false, from: Int64 = 0,
        until: Int64 = 60
    ) throws -> AccessGrant {
        try #require(
            AccessGrant(
                id: world.id(), tenant: acme, grantedBy: world.id(), grantee: grantee, roles: roles,
                includesConsoles: consoles, reason: try reason, from: now + from, until: now + until))
    }

    @Test("4: the provider sees that a tenant is there and what it uses, and nothing of what is in it")
    func separation() throws {
        let tenant = Resource.tenant(acme)
        let inside: [Action] = Action.allCases.filter {
            $0.rule.byGrant && $0.rule.provider.isEmpty && $0.rule.subject == .tenant
        }
        #expect(inside.count >= 30)
        for role in ProviderRole.allCases {
            let somebody = person(.provider([role]))
            for action in [Action.showTenant, .showUsage, .showQuota] {
                #expect(may(somebody, action, on: tenant, at: now) == .allowed(.role), "\(role) \(action)")
            }
            for action in inside {
                #expect(may(somebody, action, on: tenant, at: now) == .forbidden(.notGranted), "\(role) \(action)")
            }
            for action in [Action.listUsers, .createUser, .resetPassword, .listAudit, .exportAudit] {
                let his = Resource.account(world.id(), of: acme)
                #expect(may(somebody, action, on: his, at: now) == .hidden, "\(role) \(action)")
            }
            #expect(may(somebody, .exportTenant, on: tenant, at: now) == .forbidden(.role))
            #expect(may(somebody, .createAccessGrant, on: tenant, at: now) == .forbidden(.role))
        }
    }

    @Test("5: a grant lets in for what it says, whom it says and as long as it says")
    func grants() throws {
        let tenant = Resource.tenant(acme)
        let view = try grant([.viewer])
        let looker = person(.provider([.operator]), grants: [view])
        #expect(may(looker, .showPolicy, on: tenant, at: now) == .allowed(.grant(view.id)))
        #expect(may(looker, .applyDocument, on: tenant, at: now) == .forbidden(.notGranted))
        #expect(may(looker, .showPolicy, on: .tenant(umbrella), at: now) == .forbidden(.notGranted))
        #expect(may(looker, .showPolicy, on: tenant, at: now + 59).isAllowed)
        #expect(may(looker, .showPolicy, on: tenant, at: now + 60) == .forbidden(.notGranted))
        #expect(may(looker, .showPolicy, on: tenant, at: now + -1) == .forbidden(.notGranted))
        // An auditor is not "the operators"; somebody else is not who was named.
        #expect(
            may(person(.provider([.auditor]), grants: [view]), .showPolicy, on: tenant, at: now)
                == .forbidden(.notGranted))
        let named = try grant([.viewer], to: world.id())
        #expect(
            may(person(.provider([.operator]), grants: [named]), .showPolicy, on: tenant, at: now)
                == .forbidden(.notGranted))
        // A foreign tenant's owner gets nothing from a grant.
        let foreign = person(try member(.owner, of: umbrella), grants: [view])
        #expect(may(foreign, .showPolicy, on: tenant, at: now) == .hidden)
        // Consoles are granted apart; people, audit, export and locks never.
        let admin = person(.provider([.operator]), grants: [try grant([.networkAdmin, .securityAdmin])])
        let endpoint = Resource.endpoints(of: acme, groups: [[]])
        #expect(may(admin, .deleteEndpoint, on: endpoint, at: now).isAllowed)
        #expect(may(admin, .openConsole, on: endpoint, at: now) == .forbidden(.notGranted))
        let full = person(.provider([.operator]), grants: [try grant([.networkAdmin, .securityAdmin], consoles: true)])
        #expect(may(full, .openConsole, on: endpoint, at: now).isAllowed)
        for action in [Action.createUser, .listAudit, .exportTenant, .lockPolicy, .createAccessGrant, .applySigned] {
            #expect(!may(full, action, on: tenant, at: now).isAllowed, "\(action)")
        }
    }

    @Test("6: limits of a grant")
    func grantLimits() throws {
        func made(_ roles: Set<TenantRole>, _ seconds: Int64) throws -> AccessGrant? {
            AccessGrant(
                id: world.id(), tenant: acme, grantedBy: world.id(), grantee: nil, roles: roles, reason: try reason,
                from: now, until: now + seconds)
        }
        #expect(try made([.viewer], AccessGrant.longest) != nil)
        #expect(try made([.viewer], AccessGrant.longest + 1) == nil)
        #expect(try made([.viewer], 1) != nil)
        #expect(try made([.viewer], 0) == nil)
        #expect(try made([], 60) == nil)
        #expect(try made([.viewer, .owner], 60) == nil)
        var revoked = try grant([.viewer])
        revoked.revokedAt = now + 5
        #expect(revoked.holds(at: now + 4) && !revoked.holds(at: now + 5))
    }

    @Test("7: sub-users see and touch what is of their groups")
    func subUsers() throws {
        let web = try Name("web")
        let db = try Name("db")
        let admin = person(try member(.networkAdmin, of: acme, groups: [web]))
        let security = person(try member(.securityAdmin, of: acme, groups: [web]))
        #expect(may(admin, .deleteEndpoint, on: .endpoints(of: acme, groups: [[web, db]]), at: now).isAllowed)
        #expect(may(admin, .deleteEndpoint, on: .endpoints(of: acme, groups: [[db]]), at: now) == .hidden)
        #expect(may(admin, .showEndpoint, on: .endpoints(of: acme, groups: [[]]), at: now) == .hidden)
        #expect(may(admin, .createEndpoint, on: .newEndpoint(of: acme, groups: [web]), at: now).isAllowed)
        #expect(may(admin, .createEndpoint, on: .newEndpoint(of: acme, groups: [web, db]), at: now) == .hidden)
        #expect(
            may(admin, .createEndpoint, on: .newEndpoint(of: acme, groups: []), at: now) == .forbidden(.wholeTenant))
        #expect(may(admin, .addMember, on: .endpoints(of: acme, groups: [[web]], named: [db]), at: now) == .hidden)
        #expect(
            may(admin, .changeLabels, on: .endpoints(of: acme, groups: [[web]]), at: now) == .forbidden(.wholeTenant))
        #expect(may(security, .plug, on: .endpoints(of: acme, groups: [[web], [web]]), at: now).isAllowed)
        #expect(may(security, .plug, on: .endpoints(of: acme, groups: [[web], [db]]), at: now) == .hidden)
        #expect(may(security, .applyDocument, on: .tenant(acme), at: now) == .forbidden(.wholeTenant))
        #expect(Membership(tenant: acme, roles: [.owner], groups: [web]) == nil)
        #expect(Membership(tenant: acme, roles: [.viewer], groups: []) == nil)
        #expect(Membership(tenant: acme, roles: []) == nil)
    }

    @Test("8: a foreign thing answers like an absent one, whatever the token or session")
    func foreign() throws {
        let owner = try member(.owner, of: acme)
        let id = world.id()
        let weak = [
            Principal(.user(id, owner), by: .token(id, [])),
            Principal(.user(id, owner), by: .session(id, signedInAt: now + -100_000)),
        ]
        for principal in weak {
            for action in Action.allCases where [.tenant, .side].contains(action.rule.subject) {
                #expect(may(principal, action, on: .tenant(umbrella), at: now) == .hidden, "\(action)")
            }
        }
    }

    @Test("9: tokens do what their scopes and their user's roles both allow; some things only sessions do")
    func tokens() throws {
        let id = world.id()
        let viewer = Principal(.user(id, try member(.viewer, of: acme)), by: .token(id, Set(TokenScope.allCases)))
        #expect(may(viewer, .showPolicy, on: .tenant(acme), at: now).isAllowed)
        #expect(may(viewer, .applyDocument, on: .tenant(acme), at: now) == .forbidden(.role))
        let owner = Principal(.user(id, try member(.owner, of: acme)), by: .token(id, [.read]))
        #expect(may(owner, .applyDocument, on: .tenant(acme), at: now) == .forbidden(.scope(.policy)))
        for action in Action.allCases where action.rule.scope == nil && action.rule.subject != .nothing {
            let all = Principal(owner.identity, by: .token(id, Set(TokenScope.allCases)))
            #expect(!may(all, action, on: .tenant(acme), at: now).isAllowed, "\(action)")
        }
        #expect(scopes(of: try member(.viewer, of: acme)) == [.read, .policyRead, .usage])
        #expect(scopes(of: try member(.viewer, of: acme, groups: [try Name("web")])) == [.read, .policyRead])
        #expect(scopes(of: .provider([.auditor])) == [.read, .people, .usage, .audit])
    }

    @Test("10: nobody changes his own rights; sensitive things need a fresh sign-in")
    func oneself() throws {
        let owner = person(try member(.owner, of: acme))
        let id = try #require(owner.account)
        #expect(may(owner, .changeUser, on: .account(id, of: acme), at: now) == .forbidden(.oneself))
        #expect(may(owner, .changeUser, on: .account(world.id(), of: acme), at: now).isAllowed)
        let old = person(try member(.owner, of: acme), age: Session.freshness + 1)
        #expect(may(old, .changeUser, on: .account(world.id(), of: acme), at: now) == .forbidden(.signInAgain))
        #expect(may(old, .listUsers, on: .tenant(acme), at: now).isAllowed)
        let future = person(try member(.owner, of: acme), age: -1)
        #expect(may(future, .changeUser, on: .account(world.id(), of: acme), at: now) == .forbidden(.signInAgain))
        #expect(may(.installation, .changeOwnPassword, on: .platform, at: now) == .forbidden(.noAccount))
    }
}

extension Optional where Wrapped == Int {
    /// The offset; arrays of offsets are never empty.
    fileprivate var offset: Int64 { Int64(self ?? 0) }
}
