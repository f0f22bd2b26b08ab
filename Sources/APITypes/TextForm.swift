/// The forms that texts of requests have, as far as a regular expression can say it (ECMA-262, as JSON Schema has them).
/// What else is asked of a text, the operation says when it refuses it.
public struct TextForm: Sendable, Hashable {
    /// The expression, from the first to the last letter.
    public let pattern: String
    /// The longest text, in letters; nil where the expression says it.
    public let longest: Int?

    public init(_ pattern: String, longest: Int? = nil) {
        self.pattern = pattern
        self.longest = longest
    }

    private static let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    private static let label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

    /// A DNS label (RFC 1123, section 2.1).
    public static let name = TextForm("^\(label)$")
    /// A name, or `group:` and a name.
    public static let selector = TextForm("^(group:)?\(label)$")
    /// The name before the `@` of an account.
    public static let account = TextForm("^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$")
    public static let ipv4 = TextForm("^(\(byte)\\.){3}\(byte)$")
    /// 128 bits, 32 hexadecimal digits.
    public static let identifier = TextForm("^[0-9a-f]{32}$")
    /// A whole number from 0.
    public static let number = TextForm("^(0|[1-9][0-9]{0,17})$")
    /// One port, such as `tcp/22`.
    public static let port = TextForm(
        "^((tcp|udp|sctp)/([1-9][0-9]{0,3}|[1-5][0-9]{4})|icmp(v6)?/(0|[1-9][0-9]?|1[0-9][0-9]))$")
    public static let base64 = TextForm("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")
    /// Without padding (RFC 4648, section 5).
    public static let base64url = TextForm("^[A-Za-z0-9_-]+$")
    /// One line of up to 200 letters; here only those of ASCII are named.
    public static let line = TextForm("^[ -~]*[!-~][ -~]*$", longest: 200)
}
