import APITypes
import Accounts
import DirectoryCore
import NetTypes
import OpenIDConnect

/// Providers of identities: what the platform's operator makes.
extension Operations {
    var identityProviders: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/identity-providers", id: "listIdentityProviders",
                summary: "List the providers of identities by which people sign in",
                answer: ItemList<IdentityProviderSummary>.self
            ) { _ in ItemList(items: try await directory.identityProviders().map(summary)) },
            Operation(
                method: .post, path: "/v1/identity-providers", id: "createIdentityProvider",
                summary: "Have people sign in by a provider of identities (OpenID Connect)",
                body: NewIdentityProvider.self, bodyLimit: ControllerLimits.identityProviderBytes, status: .created,
                answer: IdentityProviderSummary.self, isAction: .changeSignInProviders
            ) { call in
                let new = try call.read(NewIdentityProvider.self)
                let name = try call.name(new.name, at: "/name")
                return summary(
                    try await directory.createIdentityProvider(
                        name, Self.settings(new.settings, name, call), secret: new.settings.clientSecret ?? ""))
            },
            Operation(
                method: .get, path: "/v1/identity-providers/{provider}", id: "showIdentityProvider",
                summary: "Show a provider of identities", answer: IdentityProviderSummary.self,
                isAction: .listIdentityProviders
            ) { call in summary(try await directory.identityProvider(call.name("provider"))) },
            Operation(
                method: .put, path: "/v1/identity-providers/{provider}", id: "changeIdentityProvider",
                summary: "Change a provider of identities; sessions end that could not begin by it now",
                body: IdentityProviderSettings.self, bodyLimit: ControllerLimits.identityProviderBytes,
                answer: IdentityProviderSummary.self, isAction: .changeSignInProviders
            ) { call in
                let given = try call.read(IdentityProviderSettings.self)
                let name = try call.name("provider")
                // One who does not speak of it does not enable again what somebody else has disabled.
                let present = try await directory.identityProvider(name)
                var settings = try Self.settings(given, name, call)
                settings.isEnabled = given.enabled ?? present.settings.isEnabled
                let changed = try await directory.changeIdentityProvider(
                    name, settings, secret: given.clientSecret, expected: given.version ?? present.version)
                return summary(changed.provider, sessionsEnded: UInt64(changed.endedSessions))
            },
            Operation(
                method: .delete, path: "/v1/identity-providers/{provider}", id: "deleteIdentityProvider",
                summary: "Delete a provider of identities with all links to it; the sessions end that began by it",
                answer: DeletedIdentityProvider.self, isAction: .changeSignInProviders
            ) { call in
                let name = try call.name("provider")
                let ended = try await directory.deleteIdentityProvider(name)
                return DeletedIdentityProvider(name: name.text, sessionsEnded: UInt64(ended))
            },
        ]
    }

    private func summary(_ provider: IdentityProvider) -> IdentityProviderSummary {
        summary(provider, sessionsEnded: nil)
    }

    private func summary(_ provider: IdentityProvider, sessionsEnded: UInt64?) -> IdentityProviderSummary {
        let settings = provider.settings
        return IdentityProviderSummary(
            id: provider.id.description, name: provider.name.text, displayName: settings.displayName.text,
            tenant: settings.tenant?.text, issuer: settings.issuer, clientID: settings.clientID,
            scopes: settings.scopes, subjectClaim: settings.subjectClaim, multiFactor: settings.isMultiFactor,
            listed: settings.isListed, trustedRoots: settings.trustedRoots, enabled: settings.isEnabled,
            redirectURI: redirectURI,
            signInURL: "\(self.settings.url)/console/#/signin?provider=\(provider.id)",
            createdAt: provider.createdAt.description, version: provider.version,
            sessionsEnded: sessionsEnded)
    }

    private static func settings(
        _ given: IdentityProviderSettings, _ name: Name, _ call: Call
    ) throws(Problem) -> IdentityProvider.Settings {
        let tenant = try given.tenant.map { (text) throws(Problem) in try call.name(text, at: "/tenant") }
        if let roots = given.trustedRoots, !OpenIDProvider.areRoots(roots) {
            throw .invalid(
                "these are no certificates", pointer: "/trusted_roots",
                remedy: "Give one or more certificates in PEM, 64 KiB at most.")
        }
        return IdentityProvider.Settings(
            displayName: try displayName(given.displayName ?? name.text), tenant: tenant, issuer: given.issuer,
            clientID: given.clientID, scopes: given.scopes ?? ["openid"], subjectClaim: given.subjectClaim ?? "sub",
            isMultiFactor: given.multiFactor ?? false, isListed: given.listed ?? (tenant == nil),
            trustedRoots: given.trustedRoots, isEnabled: given.enabled ?? true)
    }
}
