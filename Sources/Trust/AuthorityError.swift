public import NetTypes

/// Why a certificate authority issues nothing, or could not be made; nothing has changed after it.
public enum AuthorityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Only a root issues this kind of certificate.
    case needsRoot(String)
    /// Only a tenant's CA issues this kind of certificate.
    case needsTenant(String)
    /// The certificate of the authority itself is not one of an authority.
    case notAnAuthority(String)
    /// The key is not that of the authority's certificate.
    case keyMismatch
    /// The authority's own certificate is not valid at that moment.
    case notValid(notBefore: Timestamp, notAfter: Timestamp)
    /// The public key that is to be certified is not a P-256 key.
    case badPublicKey
    /// The identity belongs to another platform.
    case outsidePlatform(Identity, IPv6Prefix)
    /// More groups than one certificate carries.
    case tooManyGroups(Int, limit: Int)
    /// More labels than one certificate carries.
    case tooManyLabels(Int, limit: Int)
    /// More prefixes outside than one certificate carries.
    case tooManyNetworks(Int, limit: Int)
    /// A label whose key is that of the memberships in groups, which are certified as groups.
    case reservedLabel(PolicyLabel)
    /// The crypto library could not encode or sign.
    case encoding

    public var description: String {
        switch self {
        case .needsRoot(let what): "only the platform's root issues \(what)"
        case .needsTenant(let what): "only a tenant's CA issues \(what)"
        case .notAnAuthority(let why): "not the certificate of an authority: \(why)"
        case .keyMismatch: "the key is not that of the authority's certificate"
        case .notValid(let from, let to):
            "the authority's own certificate is valid only from \(from) to \(to); renew it"
        case .badPublicKey: "the public key is not a P-256 key in DER (SubjectPublicKeyInfo)"
        case .outsidePlatform(let identity, let prefix): "\(identity) is outside the platform's prefix \(prefix)"
        case .tooManyGroups(let count, let limit):
            "\(count) groups are more than the \(limit) that one endpoint may have"
        case .tooManyLabels(let count, let limit):
            "\(count) labels are more than the \(limit) that one endpoint may have"
        case .tooManyNetworks(let count, let limit):
            "\(count) networks are more than the \(limit) that one endpoint may speak for"
        case .reservedLabel(let label):
            "the label \(label) would say that the endpoint is in a group; make it a member instead"
        case .encoding: "the certificate could not be encoded or signed"
        }
    }
}
