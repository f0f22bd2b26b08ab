import APITypes
import Accounts
import DirectoryCore
import NetTypes

/// The accounts of a tenant's people and of the provider's: the same operations at two places.
extension Operations {
    var people: [Operation] {
        people(at: "/v1/tenants/{tenant}/users", "") + people(at: "/v1/users", "Provider") + [
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/first-owner", id: "inviteFirstOwner",
                summary: "Make the first owner of a tenant that has no people", body: NewOwner.self,
                status: .created, answer: Invitation.self
            ) { call in
                let new = try call.read(NewOwner.self)
                return invitation(
                    try await directory.inviteFirstOwner(
                        of: call.name("tenant"), local: new.name, displayName: Self.displayName(new.displayName)))
            }
        ]
    }

    /// - Parameter side: what stands in the ids before what they are about.
    private func people(at path: String, _ side: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path, id: "list\(side)Users", summary: "List people, in order of name",
                query: [
                    .init(
                        name: "after", isRequired: false, summary: "the name before the @ after which to go on",
                        form: .account)
                ] + Paging.positions, answer: ItemList<Person>.self, isAction: .listUsers
            ) { call in
                let paging = try Paging(call)
                let tenant = try Self.tenant(call)
                let place = paging.after == nil ? "after" : "cursor"
                let after = try (paging.after ?? call.query["after"]).map { (text) throws(Problem) in
                    try Call.value(at: place) { () throws(TextError) in
                        try AccountName(local: text, tenant: tenant).local
                    }
                }
                return try await list(tenant, after: after, limit: paging.limit)
            },
            Operation(
                method: .post, path: path, id: "create\(side)User",
                summary: "Make an account, with a link for its user",
                body: NewPerson.self, status: .created, answer: Invitation.self, isAction: .createUser
            ) { call in
                let new = try call.read(NewPerson.self)
                let tenant = try Self.tenant(call)
                let name = try Call.value(at: "/name") { () throws(TextError) in
                    try AccountName(local: new.name, tenant: tenant)
                }
                return invitation(
                    try await directory.createUser(
                        name, displayName: Self.displayName(new.displayName),
                        home: Self.home(tenant, new.roles, new.groups)))
            },
            Operation(
                method: .get, path: path + "/{user}", id: "show\(side)User", summary: "Show an account",
                answer: Person.self, isAction: .showUser
            ) { call in Person(try await directory.user(call.account())) },
            Operation(
                method: .put, path: path + "/{user}", id: "change\(side)User",
                summary: "Change the roles or the shown name of an account", body: ChangePerson.self,
                answer: Person.self, isAction: .changeUser
            ) { call in
                let change = try call.read(ChangePerson.self)
                let home = try change.roles.map { (roles) throws(Problem) in
                    try Self.home(Self.tenant(call), roles, change.groups)
                }
                guard home != nil || change.groups == nil else {
                    throw Problem.invalid(
                        "'groups' is given without 'roles'", pointer: "/groups", remedy: "Give both.")
                }
                let shown = try change.displayName.map { (text) throws(Problem) in try Self.displayName(text) }
                return Person(
                    try await directory.change(
                        call.account(), home: home, displayName: shown, expected: change.version))
            },
            Operation(
                method: .delete, path: path + "/{user}", id: "delete\(side)User",
                summary: "Delete an account with its sessions and tokens", status: .noContent, isAction: .deleteUser
            ) { call in
                try await directory.deleteUser(call.account())
                return nil
            },
            Operation(
                method: .post, path: path + "/{user}/disable", id: "disable\(side)User",
                summary: "Disable an account; its sessions end", answer: Person.self, isAction: .disableUser
            ) { call in Person(try await directory.setState(.disabled, of: call.account())) },
            Operation(
                method: .post, path: path + "/{user}/enable", id: "enable\(side)User", summary: "Enable an account",
                answer: Person.self, isAction: .enableUser
            ) { call in Person(try await directory.setState(.active, of: call.account())) },
            Operation(
                method: .post, path: path + "/{user}/invite", id: "invite\(side)User",
                summary: "Make a new link by which the password is set", answer: Invitation.self,
                isAction: .resetPassword
            ) { call in invitation(try await directory.invite(call.account())) },
            Operation(
                method: .delete, path: path + "/{user}/totp", id: "reset\(side)SecondFactor",
                summary: "Take away the second factor of somebody who has lost it", answer: Person.self,
                isAction: .resetSecondFactor
            ) { call in Person(try await directory.resetSecondFactor(of: call.account())) },
            Operation(
                method: .get, path: path + "/{user}/sessions", id: "list\(side)UserSessions",
                summary: "List the sessions of an account", query: Paging.positions,
                answer: ItemList<SessionSummary>.self, isAction: .listUserSessions
            ) { call in
                let user = try await directory.user(call.account())
                return try await Self.list(directory.sessions(of: user.id), current: nil, Paging(call))
            },
            Operation(
                method: .delete, path: path + "/{user}/sessions/{session}", id: "end\(side)UserSession",
                summary: "End a session of an account", status: .noContent, isAction: .endUserSession
            ) { call in
                try await directory.endSession(call.id("session"), of: directory.user(call.account()).id)
                return nil
            },
            Operation(
                method: .get, path: path + "/{user}/tokens", id: "list\(side)UserTokens",
                summary: "List the tokens of an account", query: Paging.positions,
                answer: ItemList<TokenSummary>.self, isAction: .listUserTokens
            ) { call in
                let user = try await directory.user(call.account())
                return try await Self.list(directory.tokens(of: user.id), Paging(call))
            },
            Operation(
                method: .delete, path: path + "/{user}/tokens/{token}", id: "delete\(side)UserToken",
                summary: "Delete a token of an account", status: .noContent, isAction: .deleteUserToken
            ) { call in
                try await directory.deleteToken(call.id("token"), of: directory.user(call.account()).id)
                return nil
            },
        ]
    }

    /// A part of the people of one side; without a limit all of them.
    private func list(_ tenant: Name?, after: String?, limit: Int?) async throws -> ItemList<Person> {
        var (items, last): ([Person], String?) = ([], after)
        while true {
            // One more than asked for shows that there is another part.
            let users = try await directory.users(of: tenant, after: last, limit: limit.map { $0 + 1 } ?? 1_000)
            if let limit, users.count > limit {
                let part = users.prefix(limit)
                return ItemList(items: part.map(Person.init), next: part.last.map { Paging.cursor($0.name.local) })
            }
            items += users.map(Person.init)
            guard limit == nil, users.count == 1_000 else { return ItemList(items: items) }
            last = users.last?.name.local
        }
    }

    private func invitation(_ invited: InvitedUser) -> Invitation {
        // In the fragment, which browsers send to no server and which stands in no log.
        let name = invited.user.name.description.replacingOccurrences(of: "@", with: "%40")
        return Invitation(
            user: Person(invited.user), setupSecret: invited.setupSecret,
            setupURL: "\(settings.consoleURL)/console/#/setup?name=\(name)&secret=\(invited.setupSecret)")
    }

    private static func tenant(_ call: Call) throws(Problem) -> Name? {
        call.parameters["tenant"] == nil ? nil : try call.name("tenant")
    }

    static func displayName(_ text: String, at pointer: String = "/display_name") throws(Problem) -> DisplayName {
        try Call.value(at: pointer) { () throws(TextError) in try DisplayName(parsing: text) }
    }

    private static func home(_ tenant: Name?, _ roles: [String], _ groups: [String]?) throws(Problem) -> Home {
        guard let tenant else {
            guard groups == nil else {
                throw Problem.invalid(
                    "the provider's people are not limited to groups", pointer: "/groups", remedy: "Leave it out.")
            }
            let roles = try read(roles, ProviderRole.allCases)
            guard !roles.isEmpty else { throw noRole(ProviderRole.allCases.map(\.rawValue)) }
            return .provider(roles)
        }
        let read = try read(roles, TenantRole.allCases)
        guard !read.isEmpty else { throw noRole(TenantRole.allCases.map(\.rawValue)) }
        var limit: Set<Name>?
        if let groups {
            var names: Set<Name> = []
            for (index, group) in groups.enumerated() {
                names.insert(
                    try Call.value(at: "/groups/\(index)") { () throws(TextError) in try Name(parsing: group) })
            }
            limit = names
        }
        guard let membership = Membership(tenant: tenant, roles: read, groups: limit) else {
            throw Problem.invalid(
                "an owner is not limited to groups, and others to 1 to \(Membership.mostGroups)", pointer: "/groups",
                remedy: "Leave the groups out, or the role 'owner'.")
        }
        return .tenant(membership)
    }

    static func read<Role: RawRepresentable<String> & CaseIterable & Hashable>(
        _ texts: [String], _ known: [Role]
    ) throws(Problem) -> Set<Role> {
        var roles: Set<Role> = []
        for (index, text) in texts.enumerated() {
            guard let role = Role(rawValue: text) else {
                throw Problem.invalid(
                    "'\(text.prefix(80))' is no role here", pointer: "/roles/\(index)",
                    remedy: "Give some of \(known.map(\.rawValue).joined(separator: ", ")).")
            }
            roles.insert(role)
        }
        return roles
    }

    private static func noRole(_ known: [String]) -> Problem {
        .invalid(
            "there is no role", pointer: "/roles", remedy: "Give some of \(known.joined(separator: ", ")).")
    }
}

extension Person {
    init(_ user: User) {
        var roles: [String]
        var groups: [String]?
        switch user.home {
        case .provider(let own): roles = own.sorted().map(\.rawValue)
        case .tenant(let membership):
            roles = membership.roles.sorted().map(\.rawValue)
            groups = membership.groups?.sorted().map(\.text)
        }
        self.init(
            id: user.id.description, name: user.name.description, displayName: user.displayName.text,
            tenant: user.home.tenant?.text, roles: roles, groups: groups, state: user.state.rawValue,
            hasPassword: user.password != nil, hasSecondFactor: user.hasSecondFactor,
            passkeys: user.passkeyCount, createdAt: user.createdAt.description, version: user.version)
    }
}
