public import NetTypes

/// The names of one platform: its global id, its domain, and the names that certificates carry below it.
///
/// The global id is the 40-bit one of the platform's ULA /48 (RFC 4193, section 3.1), as ten hexadecimal digits; the
/// domain is `<gid>.patchbay.internal`. Names of things are SPIFFE-formed URIs whose host says what kind of thing it is.
public struct PlatformName: Hashable, Sendable, CustomStringConvertible {
    /// The platform's /48, in which all its identities are.
    public let prefix: IPv6Prefix

    /// Takes a platform's prefix: a /48 inside `fd00::/8`.
    public init(prefix: IPv6Prefix) throws(TextError) {
        guard prefix.length == 48, prefix.address.value >> 120 == 0xfd else {
            throw .init("\(prefix)", "a platform's prefix, a /48 inside fd00::/8 such as fd12:3456:789a::/48")
        }
        self.prefix = prefix
    }

    /// Reads the ten hexadecimal digits of a global id, in lower case.
    public init(globalID text: some StringProtocol) throws(TextError) {
        guard text.utf8.count == 10, text.utf8.allSatisfy(Self.isHexDigit), let gid = UInt64(text, radix: 16),
            let prefix = IPv6Prefix(IPv6Address((0xfd << 120) | UInt128(gid) << 80), length: 48)
        else { throw .init(text, "the global id of a platform, ten hexadecimal digits") }
        self.prefix = prefix
    }

    /// The 40-bit global id, ten hexadecimal digits.
    public var globalID: String {
        let digits = String(UInt64(truncatingIfNeeded: prefix.address.value >> 80) & 0xff_ffff_ffff, radix: 16)
        return String(repeating: "0", count: 10 - digits.count) + digits
    }

    /// `<gid>.patchbay.internal`
    public var domain: String { "\(globalID).\(Self.suffix)" }

    /// Whether an identity belongs to this platform.
    public func contains(_ identity: Identity) -> Bool { prefix.contains(identity.address) }

    // MARK: Names below the platform

    /// `acme.tenant.<domain>`, the host name that a tenant's CA is constrained to.
    public func tenantDomain(_ tenant: Name) -> String { "\(tenant).tenant.\(domain)" }

    /// `spiffe://endpoint.acme.tenant.<domain>/web1`
    public func endpointURI(_ endpoint: TenantName) -> String {
        "spiffe://endpoint.\(tenantDomain(endpoint.tenant))/\(endpoint.name)"
    }

    /// `spiffe://policy.acme.tenant.<domain>/`
    public func policyURI(_ tenant: Name) -> String { "spiffe://policy.\(tenantDomain(tenant))/" }

    /// `spiffe://leaf.<domain>/<leaf id>`
    public func leafURI(_ leaf: LeafID) -> String { "spiffe://leaf.\(domain)/\(leaf)" }

    /// `<leaf id>.leaf.<domain>`, the server name that a leaf is addressed by in TLS.
    public func leafHost(_ leaf: LeafID) -> String { "\(leaf).leaf.\(domain)" }

    /// `spiffe://controller.<domain>/`
    public var controllerURI: String { "spiffe://controller.\(domain)/" }

    /// `controller.<domain>`, the server name that the controllers are addressed by in TLS.
    public var controllerHost: String { "controller.\(domain)" }

    /// `spiffe://user.acme.tenant.<domain>/<account id>`, or `spiffe://user.<domain>/<account id>` for one of the
    /// provider's people.
    public func userURI(_ account: String, of tenant: Name?) -> String {
        "spiffe://user.\(tenant.map(tenantDomain) ?? domain)/\(account)"
    }

    /// `spiffe://guardrails.<domain>/`
    public var guardrailsURI: String { "spiffe://guardrails.\(domain)/" }

    /// The common name of the root's certificate.
    public var rootCommonName: String { "Patchbay platform \(globalID)" }

    /// The common name of the certificate of a tenant's CA.
    public func tenantCommonName(_ tenant: Name) -> String { "Patchbay tenant \(tenant)" }

    public var description: String { domain }

    static let suffix = "patchbay.internal"

    private static func isHexDigit(_ c: UInt8) -> Bool { (0x30...0x39).contains(c) || (0x61...0x66).contains(c) }
}

/// Who a certificate is about.
public enum CertificateName: Hashable, Sendable, CustomStringConvertible {
    case root
    case tenant(Name)
    case endpoint(TenantName)
    case policy(Name)
    /// The key that signs the platform's guardrails.
    case guardrails
    case leaf(LeafID)
    case controller
    /// A person, by the id of the account: 32 hexadecimal digits. The tenant is nil for the provider's people.
    case user(String, of: Name?)

    /// What kind of thing it is, as a noun.
    public var kind: String {
        switch self {
        case .root: "a platform's root"
        case .tenant: "a tenant's CA"
        case .endpoint: "an endpoint"
        case .policy: "a tenant's policy key"
        case .guardrails: "the platform's policy key"
        case .leaf: "a leaf"
        case .controller: "a controller"
        case .user: "a user"
        }
    }

    /// The tenant that it belongs to, if any.
    public var tenant: Name? {
        switch self {
        case .tenant(let tenant), .policy(let tenant): tenant
        case .endpoint(let name): name.tenant
        case .user(_, let tenant): tenant
        case .root, .guardrails, .leaf, .controller: nil
        }
    }

    public var description: String {
        switch self {
        case .root: "platform root"
        case .tenant(let name): "tenant \(name)"
        case .endpoint(let name): "endpoint \(name)"
        case .policy(let tenant): "policy of \(tenant)"
        case .guardrails: "platform guardrails"
        case .leaf(let id): "leaf \(id)"
        case .controller: "controller"
        case .user(let account, let tenant): "user \(account)" + (tenant.map { " of \($0)" } ?? "")
        }
    }
}

extension PlatformName {
    /// Reads the URI of a certificate, exactly in the form in which the builders above write it.
    public static func parse(uri: String) throws(TextError) -> (platform: PlatformName, name: CertificateName) {
        let bad = TextError(uri, "the URI of a Patchbay certificate, such as spiffe://leaf.<domain>/<id>")
        let scheme = "spiffe://"
        guard uri.utf8.count <= 512, uri.hasPrefix(scheme) else { throw bad }
        let rest = uri.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: "/") else { throw bad }
        let labels = rest[..<slash].split(separator: ".", omittingEmptySubsequences: false)
        let path = rest[rest.index(after: slash)...]
        guard labels.count >= 4, let first = labels.first else { throw bad }
        let platform = try PlatformName(globalID: labels[labels.count - 3])
        let name: CertificateName
        switch (first, labels.count) {
        case ("endpoint", 6): name = .endpoint(TenantName(try Name(parsing: labels[1]), try Name(parsing: path)))
        case ("policy", 6): name = .policy(try Name(parsing: labels[1]))
        case ("guardrails", 4): name = .guardrails
        case ("leaf", 4): name = .leaf(try LeafID(parsing: path))
        case ("controller", 4): name = .controller
        case ("user", 4): name = .user(try account(path), of: nil)
        case ("user", 6): name = .user(try account(path), of: try Name(parsing: labels[1]))
        default: throw bad
        }
        // One spelling only: what was read must be written again as it was.
        guard platform.uri(of: name).map({ Array($0.utf8) == Array(uri.utf8) }) == true else { throw bad }
        return (platform, name)
    }

    private static func account(_ text: Substring) throws(TextError) -> String {
        guard text.utf8.count == 32, text.utf8.allSatisfy(isHexDigit) else {
            throw TextError(text, "the id of an account, 32 hexadecimal digits")
        }
        return String(text)
    }

    /// The URI of a name; roots and tenant CAs have none.
    public func uri(of name: CertificateName) -> String? {
        switch name {
        case .root, .tenant: nil
        case .endpoint(let endpoint): endpointURI(endpoint)
        case .policy(let tenant): policyURI(tenant)
        case .guardrails: guardrailsURI
        case .leaf(let id): leafURI(id)
        case .controller: controllerURI
        case .user(let account, let tenant): userURI(account, of: tenant)
        }
    }
}
