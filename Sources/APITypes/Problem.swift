/// An error of the API, in the form of RFC 9457 with two members of our own: where, and what to do about it.
public struct Problem: Error, Codable, Sendable, Hashable, CustomStringConvertible {
    /// A URI that names the kind of problem, `urn:patchbay:problem:` and a kebab-case code.
    public var type: String
    /// The kind of problem, in words.
    public var title: String
    /// The HTTP status.
    public var status: Int
    /// What was wrong in this request.
    public var detail: String?
    /// The path of the request.
    public var instance: String?
    /// What to do about it.
    public var remedy: String?
    /// The place in the request: a JSON pointer (RFC 6901) into the body such as `/name`, or the name of a path or query
    /// parameter such as `tenant`.
    public var pointer: String?
    /// What was found in a policy document that was refused.
    public var findings: [PolicyFinding]?

    /// What every ``type`` begins with.
    public static let typePrefix = "urn:patchbay:problem:"

    /// Makes a problem from its kebab-case code.
    public init(
        code: String, title: String, status: Int, detail: String? = nil, instance: String? = nil,
        remedy: String? = nil, pointer: String? = nil, findings: [PolicyFinding]? = nil
    ) {
        self.type = Self.typePrefix + code
        self.title = title
        self.status = status
        self.detail = detail
        self.instance = instance
        self.remedy = remedy
        self.pointer = pointer
        self.findings = findings
    }

    /// The kebab-case code at the end of ``type``.
    public var code: String {
        type.hasPrefix(Self.typePrefix) ? String(type.dropFirst(Self.typePrefix.count)) : type
    }

    public var description: String {
        var text = detail ?? title
        if text.hasSuffix(".") { text.removeLast() }
        if let pointer, !pointer.isEmpty { text += " (at \(pointer))" }
        text += "."
        if let remedy { text += " " + remedy }
        return text
    }
}
