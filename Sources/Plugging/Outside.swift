public import NetTypes
public import PolicyLanguage
public import Trust

// Addresses outside: machines without an identity, for which a border speaks. What is certified of a border says for
// which; where it runs, and by whose leaf, is asked of the border as of every endpoint.

extension VerifiedEndpoint {
    /// Whether this is a border.
    public var isBorder: Bool { !networks.isEmpty }

    /// Whether the endpoint is certified to speak for an address outside.
    public func speaks(for address: IPAddress) -> Bool { identity.speaks(for: address, by: networks) }

    /// The endpoint as a policy sees it, or the address outside that it speaks for.
    public func party(as outside: IPAddress?) -> Party { outside.map(Party.outside) ?? party }
}

extension LocalEndpoint {
    /// Whether this is a border.
    public var isBorder: Bool { !networks.isEmpty }

    /// Whether the endpoint is certified to speak for an address outside.
    public func speaks(for address: IPAddress) -> Bool { identity.speaks(for: address, by: networks) }

    /// The endpoint as a policy sees it, or the address outside that it speaks for.
    public func party(as outside: IPAddress?) -> Party { outside.map(Party.outside) ?? party }
}

extension Identity {
    /// Identities are never outside, whatever prefix is around them.
    fileprivate func speaks(for address: IPAddress, by networks: [IPPrefix]) -> Bool {
        if case .v6(let ipv6) = address, platform.contains(ipv6) { return false }
        return address.isRoutable && networks.contains { $0.contains(address) }
    }
}
