import APITypes
import Accounts
import Hummingbird
import NetTypes

/// One operation of the API: the router and the OpenAPI document are both made from the table of these, so that
/// neither can know one that the other does not.
struct Operation: Sendable {
    /// Who may ask.
    enum Access: Sendable {
        case everyone
        case operators
    }

    /// A parameter of the query.
    struct QueryParameter: Sendable {
        let name: String
        let isRequired: Bool
        let summary: String
        /// The form of its value, as far as that can be said.
        var form: TextForm?
        /// The only values that it can have; empty when there is no such list.
        var values: [String] = []
    }

    let method: HTTPRequest.Method
    /// The path; a segment in braces is a parameter.
    let path: String
    /// The name of the operation, in camelCase.
    let id: String
    let summary: String
    var access: Access = .operators
    var query: [QueryParameter] = []
    /// Whether others may put parameters into the query that are not known here, as providers of identities do.
    var ignoresOtherParameters = false
    /// The type of the body; nil for none.
    var body: (any APIRequestBody.Type)?
    /// Whether the body is a policy document, as it was written.
    var takesDocument = false
    var bodyLimit = ControllerLimits.bodyBytes
    /// The status of success.
    var status: HTTPResponse.Status = .ok
    /// The type of the answer; nil for none.
    var answer: (any (Encodable & Sendable).Type)?
    /// The types of an answer that is a ``RawBody``.
    var rawTypes: [String] = []
    /// What is done by it, if it is named otherwise; see ``action``.
    var isAction: Action?
    let handle: @Sendable (Call) async throws -> (any Encodable & Sendable)?

    /// What the table of rights calls it; nil for what that does not know.
    var action: Action? { isAction ?? Action(rawValue: id) }

    /// Whether this shows what another operation changes: what is at its path, or, for a verb behind that, above it.
    func isShown(by other: Operation) -> Bool {
        let above = other.segments.last.map { $0.hasPrefix("{") } == true ? [] : Array(other.segments.dropLast())
        return segments == other.segments && other.method != .post || segments == above && other.method == .post
    }

    /// The segments of the path.
    var segments: [Substring] { path.split(separator: "/") }
}

/// A policy document as a body: its bytes as they are, so that comments, and what a signature is about, stay as they are.
struct DocumentBody: Encodable, Sendable {
    /// The registered type of YAML (RFC 9512); the canonical form is JSON, which is YAML too.
    static let mediaType = "application/yaml"
    /// What is taken as a document.
    static let mediaTypes = [mediaType, "application/json", "text/yaml", "application/x-yaml"]

    let bytes: [UInt8]
}

/// An answer in JSON that is made already.
struct JSONBody: Encodable, Sendable {
    let bytes: [UInt8]
}

/// An answer that is not JSON, byte for byte, to be kept as a file.
struct RawBody: Encodable, Sendable {
    let bytes: [UInt8]
    let mediaType: String
    /// The name of the file; letters, digits, dots and hyphens only.
    let fileName: String
}

/// An answer that sends a browser to another page of this controller. The address that it comes from is told to nobody.
struct Redirect: Encodable, Sendable {
    /// A path of this controller, never of another place.
    let location: String
}

/// One request, with what its operation may know of it.
struct Call: Sendable {
    let parameters: [String: String]
    let query: [String: String]
    let body: [UInt8]
    /// Who asks.
    var caller: Caller

    /// The same call without query and body, to look at what it is about.
    var bare: Call { Call(parameters: parameters, query: [:], body: [], caller: caller) }

    /// The same call with a body.
    func with(body: [UInt8]) -> Call { Call(parameters: parameters, query: query, body: body, caller: caller) }

    /// A parameter of the path that is a name.
    func name(_ parameter: String) throws(Problem) -> Name {
        try read(parameters[parameter] ?? "", parameter)
    }

    /// A parameter of the query that is a name.
    func queryName(_ parameter: String) throws(Problem) -> Name {
        try read(query[parameter] ?? "", parameter)
    }

    /// A member of the body that is a name.
    func name(_ text: String, at pointer: String) throws(Problem) -> Name { try read(text, pointer) }

    /// A parameter of the query that is a whole number; nil when it is not there.
    func queryNumber(_ parameter: String) throws(Problem) -> UInt64? {
        guard let text = query[parameter] else { return nil }
        guard let number = UInt64(text), String(number) == text else {
            throw .invalid(
                "'\(text.prefix(80))' is no number", pointer: parameter, remedy: "Give a whole number from 0.")
        }
        return number
    }

    /// The parameter `limit` of the query: how many at most.
    func limit(_ usual: Int, most: Int = 1_000) throws(Problem) -> Int {
        guard let number = try queryNumber("limit") else { return usual }
        guard (1...UInt64(most)).contains(number) else {
            throw .invalid("'\(number)' is no such number", pointer: "limit", remedy: "Give 1 to \(most).")
        }
        return Int(number)
    }

    /// A parameter of the query that is `true` or `false`; false when it is not there.
    func queryFlag(_ parameter: String) throws(Problem) -> Bool {
        switch query[parameter] {
        case nil, "false": return false
        case "true": return true
        case let text?:
            throw .invalid("'\(text.prefix(80))' is neither", pointer: parameter, remedy: "Give true or false.")
        }
    }

    /// The account that the path names: one of the tenant's, or of the provider's.
    func account() throws(Problem) -> AccountName {
        let tenant = parameters["tenant"] == nil ? nil : try name("tenant")
        return try Self.value(at: "user") { () throws(TextError) in
            try AccountName(local: parameters["user"] ?? "", tenant: tenant)
        }
    }

    /// A parameter of the path that is the number of a session, a token or a grant.
    func id(_ parameter: String) throws(Problem) -> AccountID {
        try Self.value(at: parameter) { () throws(TextError) in
            try AccountID(parsing: parameters[parameter] ?? "")
        }
    }

    /// Two parameters of the path that name something of a tenant.
    func tenantName(_ parameter: String) throws(Problem) -> TenantName {
        TenantName(try name("tenant"), try name(parameter))
    }

    /// The body, as what the operation says.
    func read<Body: APIRequestBody>(_ type: Body.Type) throws(Problem) -> Body { try BodyReader.read(type, body) }

    private func read(_ text: String, _ pointer: String) throws(Problem) -> Name {
        try Self.value(at: pointer) { () throws(TextError) in try Name(parsing: text) }
    }

    /// Reads a value from a text, and names the place when it cannot be read.
    static func value<Value>(at pointer: String, _ read: () throws(TextError) -> Value) throws(Problem) -> Value {
        do {
            return try read()
        } catch {
            throw .invalid("\(error)", pointer: pointer, remedy: "Give \(error.expected).")
        }
    }
}
