public import Accounts
public import NetTypes

// Providers of identities: records of the platform's operator. Whether the one who asks may do it has been asked before.

extension Directory {
    /// Makes a record.
    ///
    /// - Throws: `invalid` with the place of what cannot be; `conflict` where the name is taken; `notFound` where there is no
    ///   such tenant.
    public func createIdentityProvider(
        _ name: Name, _ settings: IdentityProvider.Settings, secret: String
    ) async throws(DirectoryError) -> IdentityProvider {
        try Self.check(settings)
        let id = AccountID(random: random)
        let sealed = try seal(secret, of: id)
        let made = IdentityProvider(id: id, name: name, settings: settings, sealedSecret: sealed, createdAt: now())
        try await write { (tx) throws(DirectoryError) in
            if let tenant = settings.tenant { _ = try tx.requireTenant(tenant, pointer: "/tenant") }
            guard try tx.identityProvider(name) == nil else {
                throw DirectoryError(
                    .conflict, "There is an identity provider '\(name)' already.", pointer: "/name",
                    remedy: "Choose another name, or change that one.")
            }
            guard try tx.identityProviders().count < IdentityProvider.most else {
                throw DirectoryError(
                    .exhausted, "A platform has \(IdentityProvider.most) identity providers at most.",
                    remedy: "Delete one that is no longer needed.")
            }
            try tx.put(made)
        }
        return made
    }

    /// All records in order of name.
    public func identityProviders() async throws(DirectoryError) -> [IdentityProvider] {
        try await store.read { (tx) throws(DirectoryError) in try tx.identityProviders() }
    }

    /// One record.
    public func identityProvider(_ name: Name) async throws(DirectoryError) -> IdentityProvider {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireIdentityProvider(name) }
    }

    /// Changes a record. The sessions that began by it end at once if they could not begin so any more: when it is disabled, for
    /// those whom it no longer serves, when it stands for another issuer, and when its word no longer is a second factor.
    ///
    /// - Parameter secret: another secret; nil: the same as before.
    /// - Returns: the record as it is now, and how many sessions have ended.
    /// - Throws: `inUse` where accounts are linked by it and somebody else would be recognised by the same links.
    public func changeIdentityProvider(
        _ name: Name, _ settings: IdentityProvider.Settings, secret: String?, expected version: UInt64? = nil
    ) async throws(DirectoryError) -> (provider: IdentityProvider, endedSessions: Int) {
        try Self.check(settings)
        let known = try await identityProvider(name)
        let sealed = try secret.map { (secret) throws(DirectoryError) in try seal(secret, of: known.id) }
        return try await write { (tx) throws(DirectoryError) -> (IdentityProvider, Int) in
            var provider = try tx.requireIdentityProvider(name)
            guard provider.id == known.id, version.map({ $0 == provider.version }) ?? true else {
                throw DirectoryError(
                    .conflict, "The identity provider '\(name)' was changed meanwhile.", remedy: "Look at it again.")
            }
            if let tenant = settings.tenant { _ = try tx.requireTenant(tenant, pointer: "/tenant") }
            let isSame =
                provider.settings.issuer == settings.issuer
                && provider.settings.subjectClaim == settings.subjectClaim
            let hasLinks = try tx.hasLinkedIdentities(provider.id)
            guard isSame || !hasLinks else {
                throw DirectoryError(
                    .inUse, "Accounts are linked by '\(name)': another issuer would sign in to them.",
                    pointer: provider.settings.issuer == settings.issuer ? "/subject_claim" : "/issuer",
                    remedy: "Make another identity provider, and delete this one.")
            }
            let isWeaker = provider.settings.isMultiFactor && !settings.isMultiFactor
            provider.change(settings, sealedSecret: sealed)
            try tx.put(provider)
            let endsAll = !settings.isEnabled || !isSame || isWeaker
            guard endsAll || settings.tenant != nil else { return (provider, 0) }
            return (provider, try tx.endSessions(begunBy: provider.id, except: endsAll ? nil : settings.tenant))
        }
    }

    /// Deletes a record with all links by it. The sessions that began by it end at once; accounts, their passwords and their
    /// other sessions stay.
    ///
    /// - Returns: how many sessions have ended.
    public func deleteIdentityProvider(_ name: Name) async throws(DirectoryError) -> Int {
        try await write { (tx) throws(DirectoryError) in
            let id = try tx.requireIdentityProvider(name).id
            let ended = try tx.endSessions(begunBy: id, except: nil)
            try tx.delete(identityProvider: id)
            return ended
        }
    }

    /// The client's secret of a record, for asking the provider.
    public func secret(of provider: IdentityProvider) throws(DirectoryError) -> String {
        let box = platform.people.box
        guard
            let secret = box.open(provider.sealedSecret, of: provider.id, purpose: IdentityProvider.secretPurpose)
        else {
            throw DirectoryError(
                .storage, "The secret of the identity provider '\(provider.name)' cannot be opened.",
                remedy: "Set it again.")
        }
        return String(decoding: secret, as: UTF8.self)
    }

    /// The providers whose buttons are on the public page for signing in: those for everybody, and those of a tenant, if it
    /// is one. What is not listed there is not told, so that the list says of no tenant whether it exists.
    public func offeredIdentityProviders(to tenant: Name?) async throws(DirectoryError) -> [IdentityProvider] {
        try await store.read { (tx) throws(DirectoryError) in
            try tx.identityProviders().filter { $0.settings.isListed && $0.serves(tenant) }
        }
    }

    /// The providers by which an account's user may link himself.
    public func identityProviders(for user: User) async throws(DirectoryError) -> [IdentityProvider] {
        try await store.read { (tx) throws(DirectoryError) in
            try tx.identityProviders().filter { $0.serves(user.home.tenant) }
        }
    }

    /// The provider of a number; one that is not there, or is another tenant's, is not there.
    public func identityProvider(
        _ id: AccountID, for tenant: Name?, isForAny: Bool = false
    ) async throws(DirectoryError) -> IdentityProvider {
        try await store.read { (tx) throws(DirectoryError) in
            guard let provider = try tx.identityProvider(id), provider.settings.isEnabled,
                isForAny || provider.serves(tenant)
            else {
                throw DirectoryError(
                    .notFound, "There is no such identity provider.", pointer: "/provider",
                    remedy: "Take one of those that are offered.")
            }
            return provider
        }
    }

    private func seal(_ secret: String, of id: AccountID) throws(DirectoryError) -> [UInt8] {
        guard (1...IdentityProvider.longestSecret).contains(secret.utf8.count),
            // RFC 6749 (appendix A.2) knows ASCII only, but providers give others too. What nobody sees was not meant.
            !secret.unicodeScalars.contains(where: { $0.properties.isInvisible })
        else {
            throw DirectoryError(
                .invalid, "A client's secret has 1 to \(IdentityProvider.longestSecret) bytes of visible characters.",
                pointer: "/client_secret", remedy: "Give the secret that the provider has shown.")
        }
        let box = platform.people.box
        guard
            let sealed = box.seal(
                Array(secret.utf8), of: id, purpose: IdentityProvider.secretPurpose, random: random)
        else { throw DirectoryError(.storage, "The client's secret could not be sealed.") }
        return sealed
    }

    private static func check(_ settings: IdentityProvider.Settings) throws(DirectoryError) {
        guard IdentityProvider.isIssuer(settings.issuer) else {
            throw DirectoryError(
                .invalid, "'\(settings.issuer.prefix(200))' is no issuer.", pointer: "/issuer",
                remedy: "Give an https URL without user, query and fragment, exactly as the provider writes it.")
        }
        guard (1...255).contains(settings.clientID.utf8.count),
            settings.clientID.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            throw DirectoryError(
                .invalid, "A client's id has 1 to 255 ASCII characters.", pointer: "/client_id",
                remedy: "Give the id that the provider has shown.")
        }
        guard settings.scopes.count <= 16, settings.scopes.contains("openid") else {
            throw DirectoryError(
                .invalid, "The scopes are not 'openid' and up to 15 others.", pointer: "/scopes",
                remedy: "Give openid among them, or leave them out.")
        }
        for (index, scope) in settings.scopes.enumerated() where !IdentityProvider.isScope(scope) {
            throw DirectoryError(
                .invalid, "'\(scope.prefix(80))' is no scope.", pointer: "/scopes/\(index)",
                remedy: "Give 1 to 64 visible ASCII characters without quotes and backslashes.")
        }
    }
}

extension DirectoryTransaction {
    /// Ends the sessions that began by a provider, and tells so, that nobody goes on to follow events by them.
    fileprivate func endSessions(begunBy provider: AccountID, except tenant: Name?) throws(DirectoryError) -> Int {
        let ended = try deleteSessions(begunBy: provider, except: tenant)
        for account in Set(ended) { announce(.accessChanged(.account(account))) }
        return ended.count
    }
}

extension DirectoryReader {
    func requireIdentityProvider(_ name: Name) throws(DirectoryError) -> IdentityProvider {
        guard let provider = try identityProvider(name) else {
            throw DirectoryError(
                .notFound, "There is no identity provider '\(name)'.",
                remedy: "List the identity providers, or make it.")
        }
        return provider
    }
}

extension Unicode.Scalar.Properties {
    /// Whether it shows nothing, or changes how others are shown.
    fileprivate var isInvisible: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }
}
