public import NetTypes

/// The name with which a person signs in: `NAME` for the provider's people, `NAME@TENANT` for a tenant's.
///
/// The local part is 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_` and `-`, a letter or digit first and last, and no two of the
/// signs in succession. Upper-case ASCII letters are read as lower-case ones; nothing else is folded or normalised, for
/// nothing outside of ASCII is taken: two names that look alike are one name or are told apart by eye.
/// A tenant's names are its own: who makes one learns nothing of other tenants' names.
public struct AccountName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The local part, in lower case.
    public let local: String
    /// The tenant to which the account belongs; nil for the provider's.
    public let tenant: Name?

    /// The longest text that is read, in bytes: the local part, `@` and a tenant's name.
    public static let longest = 64 + 1 + 63

    /// Makes a name from its parts.
    public init(local: some StringProtocol, tenant: Name?) throws(TextError) {
        func isAlphanumeric(_ c: UInt8) -> Bool { (0x61...0x7a).contains(c) || (0x30...0x39).contains(c) }
        let bytes = local.utf8.prefix(65).map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        var isSign = true
        var isLegal = (1...64).contains(bytes.count)
        for byte in bytes {
            let isLetter = isAlphanumeric(byte)
            isLegal = isLegal && (isLetter || (!isSign && [0x2e, 0x5f, 0x2d].contains(byte)))
            isSign = !isLetter
        }
        guard isLegal, !isSign else { throw .init(local, Self.expected) }
        self.local = String(decoding: bytes, as: UTF8.self)
        self.tenant = tenant
    }

    /// Reads the form `ada` or `ada@acme`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        guard text.utf8.count <= Self.longest else { throw .init(text, Self.expected) }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: try self.init(local: parts[0], tenant: nil)
        case 2:
            let lowered = String(
                decoding: parts[1].utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
            try self.init(local: parts[0], tenant: Name(parsing: lowered))
        default: throw .init(text, Self.expected)
        }
    }

    private static let expected =
        "a sign-in name: 1 to 64 of a-z, 0-9, '.', '_' and '-', such as ada, with @TENANT for a tenant's people"

    public var description: String { tenant.map { "\(local)@\($0)" } ?? local }

    public static func < (a: Self, b: Self) -> Bool {
        (a.tenant?.text ?? "", a.local) < (b.tenant?.text ?? "", b.local)
    }
}

/// The name of a person, of a token or of a device as it is shown: any script, but nothing that hides or reorders text.
///
/// 1 to 64 Unicode scalars, at most 256 bytes; letters, marks, numbers, punctuation, symbols and single spaces. No
/// control, format (zero width, bidirectional), private or unassigned scalars, no other white space, at most two
/// combining marks in succession, none of them first, and no space first or last. It is compared with nothing.
public struct DisplayName: Hashable, Sendable, CustomStringConvertible {
    /// The text.
    public let text: String

    /// Reads a name.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let scalars = Array(text.unicodeScalars.prefix(65))
        var marks = 2
        var isLegal = (1...64).contains(scalars.count) && text.utf8.count <= 256
        var former: Unicode.Scalar = " "
        for scalar in scalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                isLegal = false
            case .spaceSeparator:
                isLegal = isLegal && scalar == " " && former != " "
                marks = 2
            case .nonspacingMark, .enclosingMark, .spacingMark:
                marks += 1
                isLegal = isLegal && marks <= 2
            default: marks = 0
            }
            former = scalar
        }
        guard isLegal, former != " " else {
            throw .init(text, "a name to show: 1 to 64 visible characters, with single spaces between")
        }
        self.text = String(text)
    }

    public var description: String { text }
}
