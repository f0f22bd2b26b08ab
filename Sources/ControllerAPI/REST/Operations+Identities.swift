import APITypes
import Accounts
import DirectoryCore
import NetTypes

/// Identities that are linked to accounts: by their users, or by who manages the accounts.
extension Operations {
    var ownIdentities: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/self/identities", id: "listOwnIdentities",
                summary: "List the identities that are linked to one's own account",
                answer: ItemList<IdentitySummary>.self
            ) { call in
                ItemList(
                    items: try await directory.identities(of: Self.own(call).0.id).map(IdentitySummary.init))
            },
            Operation(
                method: .get, path: "/v1/self/identity-providers", id: "listOwnIdentityProviders",
                summary: "List the providers to which one's own account can be linked",
                answer: ItemList<SignInProvider>.self, isAction: .listOwnIdentities
            ) { call in
                ItemList(
                    items: try await directory.identityProviders(for: Self.own(call).0).map(SignInProvider.init))
            },
            Operation(
                method: .post, path: "/v1/self/identities", id: "addOwnIdentity",
                summary: "Begin to link one's own account to an identity of a provider", body: BeginLink.self,
                bodyLimit: ControllerLimits.signInBytes, answer: ProviderAddress.self
            ) { call in
                let (user, session) = try Self.own(call)
                let id = try Self.providerID(call.read(BeginLink.self).provider)
                let provider = try await directory.identityProvider(id, for: user.home.tenant)
                return try await begin(
                    provider, .link(user: user.id, session: session.id), isFresh: false, call)
            },
            Operation(
                method: .delete, path: "/v1/self/identities/{identity}", id: "removeOwnIdentity",
                summary: "Take a link to an identity away; all other sessions end", status: .noContent
            ) { call in
                let (user, session) = try Self.own(call)
                try await directory.unlink(call.id("identity"), of: user.id, except: session.id)
                return nil
            },
        ]
    }

    var userIdentities: [Operation] {
        userIdentities(at: "/v1/tenants/{tenant}/users/{user}/identities", "")
            + userIdentities(at: "/v1/users/{user}/identities", "Provider")
    }

    private func userIdentities(at path: String, _ side: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path, id: "list\(side)UserIdentities",
                summary: "List the identities that are linked to an account", answer: ItemList<IdentitySummary>.self,
                isAction: .listUserIdentities
            ) { call in
                let user = try await directory.user(call.account())
                return ItemList(items: try await directory.identities(of: user.id).map(IdentitySummary.init))
            },
            Operation(
                method: .post, path: path, id: "add\(side)UserIdentity",
                summary: "Expect an identity of a provider to be an account's user", body: NewIdentity.self,
                status: .created, answer: IdentitySummary.self, isAction: .addUserIdentity
            ) { call in
                let new = try call.read(NewIdentity.self)
                return IdentitySummary(
                    try await directory.expect(
                        new.subject, of: call.name(new.provider, at: "/provider"), for: call.account()))
            },
            Operation(
                method: .delete, path: path + "/{identity}", id: "remove\(side)UserIdentity",
                summary: "Take a link to an identity away; the account's sessions end", status: .noContent,
                isAction: .removeUserIdentity
            ) { call in
                try await directory.unlink(call.id("identity"), of: directory.user(call.account()).id)
                return nil
            },
        ]
    }
}

extension IdentitySummary {
    init(_ linked: AccountIdentity) {
        self.init(
            id: linked.identity.id.description, provider: linked.provider.name.text,
            displayName: linked.provider.settings.displayName.text, subject: linked.identity.subject,
            expected: linked.identity.isExpected, createdAt: linked.identity.createdAt.description,
            lastUsedAt: linked.identity.lastUsedAt?.description)
    }
}

extension SignInProvider {
    init(_ provider: IdentityProvider) {
        self.init(
            id: provider.id.description, name: provider.name.text, displayName: provider.settings.displayName.text)
    }
}
