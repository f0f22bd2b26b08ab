public import NetTypes

/// Somebody who asks, as the caller has authenticated him.
public struct Principal: Hashable, Sendable {
    /// Who it is.
    public enum Identity: Hashable, Sendable {
        /// A person with an account.
        case user(AccountID, Home)
        /// Whoever has the platform's own token, that is the controller's files. It may do everything but what is an
        /// account's own, for it could do so with the files anyway; it is for the installation and for emergencies.
        case installation
    }

    /// By which means it asks.
    public enum Means: Hashable, Sendable {
        /// A browser's session, with the time of its sign-in.
        case session(AccountID, signedInAt: Timestamp)
        /// A personal API token with its scopes.
        case token(AccountID, Set<TokenScope>)
        /// A certificate of the account, by a token that was got with it and is good until a time.
        case certificate(AccountID, until: Timestamp)
        /// The platform's own token.
        case platformToken
    }

    /// Who it is.
    public var identity: Identity
    /// By which means it asks.
    public var means: Means
    /// The grants of tenants to the provider that may concern it; those that do not are passed over.
    public var grants: [AccessGrant]

    /// Puts the parts together.
    public init(_ identity: Identity, by means: Means, grants: [AccessGrant] = []) {
        self.identity = identity
        self.means = means
        self.grants = grants
    }

    /// The platform's own token.
    public static let installation = Principal(.installation, by: .platformToken)

    /// The account; nil for the installation.
    public var account: AccountID? {
        switch identity {
        case .user(let id, _): id
        case .installation: nil
        }
    }
}

/// What is asked about. It says nothing of whether the thing exists: what is absent is asked about like what is there.
public struct Resource: Hashable, Sendable {
    /// The tenant; nil for what is the platform's.
    public var tenant: Name?
    /// For each endpoint that is touched, the groups that it is in; none for one that does not exist.
    public var endpoints: [Set<Name>]
    /// The groups that are named: a group itself, or those that an endpoint is put into.
    public var groups: Set<Name>
    /// The account, where it is about one.
    public var account: AccountID?

    private init(
        tenant: Name? = nil, endpoints: [Set<Name>] = [], groups: Set<Name> = [], account: AccountID? = nil
    ) {
        self.tenant = tenant
        self.endpoints = endpoints
        self.groups = groups
        self.account = account
    }

    /// The platform, one of its hosts, its guardrails, its people, its audit; and whatever needs no account.
    public static let platform = Resource()

    /// A tenant as a whole, or whatever of it is neither an endpoint nor a group.
    public static func tenant(_ name: Name) -> Resource { Resource(tenant: name) }

    /// Endpoints of a tenant, by the groups of each; and groups that they are put into or taken out of.
    public static func endpoints(of tenant: Name, groups: [Set<Name>], named: Set<Name> = []) -> Resource {
        Resource(tenant: tenant, endpoints: groups, groups: named)
    }

    /// An endpoint that is to be made, with the groups that it is put into.
    public static func newEndpoint(of tenant: Name, groups: Set<Name>) -> Resource {
        Resource(tenant: tenant, groups: groups)
    }

    /// Groups of a tenant.
    public static func groups(_ groups: Set<Name>, of tenant: Name) -> Resource {
        Resource(tenant: tenant, groups: groups)
    }

    /// An account: of a tenant, or of the provider.
    public static func account(_ id: AccountID, of tenant: Name?) -> Resource {
        Resource(tenant: tenant, account: id)
    }
}
