public import NetTypes

/// An address and a TCP port, written `192.0.2.1:7443` or `[2001:db8::1]:7443`.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address; all zeros for every address of the machine.
    public let address: IPAddress
    /// The port; 0 for any free one.
    public let port: UInt16

    /// Joins the two.
    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads the text form.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let bad = TextError(text, "an address and port such as 127.0.0.1:7443 or [::1]:7443")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw bad
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw bad }
        } else if host.contains(":") {
            throw bad
        }
        self.init(try IPAddress(parsing: host), port: port)
    }

    /// Whether it is every address of the machine, which no one can connect to by that name.
    public var isWildcard: Bool { address.octets.allSatisfy { $0 == 0 } }

    public var description: String {
        switch address {
        case .v4(let ipv4): "\(ipv4):\(port)"
        case .v6(let ipv6): "[\(ipv6)]:\(port)"
        }
    }
}
