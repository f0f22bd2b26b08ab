public import APITypes

// What belongs to an account: its sessions, tokens, passkeys, identities and second factor.

/// Whose: an account's, by its name before the `@` and its tenant, which the provider's people have not; nil is one's own.
public typealias AccountOwner = (name: String, tenant: String?)

extension APIClient {
    /// The path of what belongs to an account.
    func things(_ kind: String, of owner: AccountOwner?, _ rest: [String] = []) -> Path {
        guard let owner else { return Path(segments: ["v1", "self", kind] + rest) }
        let side = owner.tenant.map { ["v1", "tenants", $0] } ?? ["v1"]
        return Path(segments: side + ["users", owner.name, kind] + rest)
    }

    // MARK: Sessions

    /// The sessions of an account.
    public func sessions(of owner: AccountOwner?, limit: Int? = nil) async throws(APIClientError) -> [SessionSummary] {
        try await all(things("sessions", of: owner), limit: limit)
    }

    /// Ends a session of an account.
    public func endSession(_ id: String, of owner: AccountOwner?) async throws(APIClientError) {
        try await delete(things("sessions", of: owner, [id]))
    }

    // MARK: Tokens

    /// The tokens of an account, without their texts.
    public func tokens(of owner: AccountOwner?, limit: Int? = nil) async throws(APIClientError) -> [TokenSummary] {
        try await all(things("tokens", of: owner), limit: limit)
    }

    /// Makes a token of one's own; its text is in this answer only.
    public func create(_ token: NewToken) async throws(APIClientError) -> TokenSummary {
        try await post(things("tokens", of: nil), token)
    }

    /// Deletes a token of an account.
    public func deleteToken(_ id: String, of owner: AccountOwner?) async throws(APIClientError) {
        try await delete(things("tokens", of: owner, [id]))
    }

    // MARK: Passkeys

    /// The passkeys of an account.
    public func passkeys(of owner: AccountOwner?) async throws(APIClientError) -> [PasskeySummary] {
        let list: ItemList<PasskeySummary> = try await get(things("passkeys", of: owner))
        return list.items
    }

    /// Gives a passkey of one's own another name.
    public func renamePasskey(_ id: String, _ label: String) async throws(APIClientError) -> PasskeySummary {
        try await put(things("passkeys", of: nil, [id]), PasskeyLabel(label: label))
    }

    /// Takes a passkey of an account away.
    public func removePasskey(_ id: String, of owner: AccountOwner?) async throws(APIClientError) {
        try await delete(things("passkeys", of: owner, [id]))
    }

    // MARK: Identities

    /// The identities that are linked to an account.
    public func identities(of owner: AccountOwner?) async throws(APIClientError) -> [IdentitySummary] {
        let list: ItemList<IdentitySummary> = try await get(things("identities", of: owner))
        return list.items
    }

    /// Expects somebody whom a provider knows to be an account's user.
    public func link(_ identity: NewIdentity, to owner: AccountOwner) async throws(APIClientError) -> IdentitySummary {
        try await post(things("identities", of: owner), identity)
    }

    /// Takes a link away.
    public func unlink(_ id: String, from owner: AccountOwner?) async throws(APIClientError) {
        try await delete(things("identities", of: owner, [id]))
    }

    /// The providers to which one's own account can be linked.
    public func ownIdentityProviders() async throws(APIClientError) -> [SignInProvider] {
        let list: ItemList<SignInProvider> = try await get(Path("v1", "self", "identity-providers"))
        return list.items
    }

    // MARK: Passwords and second factors

    /// Sets the password by an invitation's link.
    public func setUp(_ password: PasswordByLink) async throws(APIClientError) {
        try await post(Path("v1", "setup"), password)
    }

    /// Changes one's own password; all other sessions end.
    public func change(_ password: ChangePassword) async throws(APIClientError) {
        let _: SessionState = try await put(Path("v1", "self", "password"), password)
    }

    /// Begins to enrol one-time codes.
    public func enrolOneTimeCodes() async throws(APIClientError) -> OneTimeCodeSecret {
        try await post(Path("v1", "self", "totp"))
    }

    /// Confirms one-time codes by a first one.
    public func confirmOneTimeCodes(_ code: String) async throws(APIClientError) -> RecoveryCodeList {
        try await put(Path("v1", "self", "totp"), SecondFactorCode(code: code))
    }

    /// Takes one's own one-time codes away.
    public func removeOneTimeCodes() async throws(APIClientError) { try await delete(Path("v1", "self", "totp")) }

    /// Takes the second factor away from somebody who has lost it.
    public func resetSecondFactor(of owner: AccountOwner) async throws(APIClientError) -> Person {
        try await delete(things("totp", of: owner))
    }
}
