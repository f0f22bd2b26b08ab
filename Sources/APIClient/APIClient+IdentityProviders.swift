public import APITypes

// Providers of identities by which people sign in.

extension APIClient {
    /// All providers.
    public func identityProviders() async throws(APIClientError) -> [IdentityProviderSummary] {
        let list: ItemList<IdentityProviderSummary> = try await get(Path("v1", "identity-providers"))
        return list.items
    }

    /// One provider.
    public func identityProvider(_ name: String) async throws(APIClientError) -> IdentityProviderSummary {
        try await get(Path("v1", "identity-providers", name))
    }

    /// Makes a provider; its secret is in no answer.
    public func create(_ provider: NewIdentityProvider) async throws(APIClientError) -> IdentityProviderSummary {
        try await post(Path("v1", "identity-providers"), provider)
    }

    /// Puts settings in the place of a provider's; the secret stays when it is nil.
    public func change(
        _ settings: IdentityProviderSettings, ofIdentityProvider name: String
    ) async throws(APIClientError) -> IdentityProviderSummary {
        try await put(Path("v1", "identity-providers", name), settings)
    }

    /// Deletes a provider with all links to it; the sessions end that began by it.
    public func deleteIdentityProvider(_ name: String) async throws(APIClientError) -> DeletedIdentityProvider {
        try await delete(Path("v1", "identity-providers", name))
    }
}
