/// A name of a tenant, vnet, host, group or endpoint: a DNS label (RFC 1123, section 2.1).
///
/// One to 63 lower-case letters, digits and hyphens, a letter or digit first and last.
public struct Name: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    /// The name.
    public let text: String

    /// Reads a name.
    public init(parsing text: some StringProtocol) throws(TextError) {
        func isAlphanumeric(_ c: UInt8) -> Bool { (0x61...0x7a).contains(c) || (0x30...0x39).contains(c) }
        let bytes = Array(text.utf8)
        guard (1...63).contains(bytes.count),
            bytes.allSatisfy({ isAlphanumeric($0) || $0 == 0x2d }),
            let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last)
        else {
            throw .init(
                text, "a name: 1 to 63 of a-z, 0-9 and '-', with a letter or digit first and last")
        }
        self.text = String(text)
    }

    /// Reads a name from JSON.
    public init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the name as a JSON string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var description: String { text }

    public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// The name of something that belongs to a tenant, written `tenant/name`.
public struct TenantName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The tenant's name.
    public let tenant: Name
    /// The name inside the tenant.
    public let name: Name

    /// Joins two names.
    public init(_ tenant: Name, _ name: Name) {
        self.tenant = tenant
        self.name = name
    }

    /// Reads the form `acme/web1`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .init(text, "of the form TENANT/NAME, such as acme/web1") }
        self.init(try Name(parsing: parts[0]), try Name(parsing: parts[1]))
    }

    public var description: String { "\(tenant)/\(name)" }

    public static func < (a: Self, b: Self) -> Bool { (a.tenant, a.name) < (b.tenant, b.name) }
}
