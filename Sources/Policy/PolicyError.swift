/// Why a policy was refused: what was wrong, where, and what to do about it.
///
/// Nothing is changed where one is thrown. Two errors are equal when their codes are.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of error; an open list.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The kind in kebab case.
        public let rawValue: String

        /// Takes a kind by its text.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The bytes are no JSON, or JSON of a kind that a policy never has.
        public static let syntax = Self(rawValue: "syntax")
        /// A field that policies do not have.
        public static let unknownField = Self(rawValue: "unknown-field")
        /// A field that stands there twice.
        public static let duplicateField = Self(rawValue: "duplicate-field")
        /// A field that is not there.
        public static let missingField = Self(rawValue: "missing-field")
        /// A value of the wrong type, or outside its range.
        public static let badValue = Self(rawValue: "bad-value")
        /// A version of the format that this program does not know.
        public static let unknownVersion = Self(rawValue: "unknown-version")
        /// Two entries of one number.
        public static let duplicateEntry = Self(rawValue: "duplicate-entry")
        /// The right document in another than its one canonical form.
        public static let notCanonical = Self(rawValue: "not-canonical")
        /// More bytes than a document may have.
        public static let tooLarge = Self(rawValue: "too-large")
        /// The two ends belong to different tenants, or to another than the document's.
        public static let crossTenant = Self(rawValue: "cross-tenant")
        /// Both ends are the same endpoint.
        public static let sameEndpoint = Self(rawValue: "same-endpoint")
        /// There is no entry of this number.
        public static let unknownEntry = Self(rawValue: "unknown-entry")
        /// No number is left for another entry.
        public static let numbersExhausted = Self(rawValue: "numbers-exhausted")
    }

    /// What kind of error this is.
    public let code: Code
    /// Where: a JSON pointer (RFC 6901), or `byte N` where the bytes are no JSON.
    public let place: String
    /// What is wrong there.
    public let problem: String
    /// What to do about it.
    public let remedy: String

    /// Makes an error.
    public init(_ code: Code, at place: String, _ problem: String, remedy: String) {
        self.code = code
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String {
        "\(place.isEmpty ? "policy" : "policy, \(place)"): \(problem); \(remedy)"
    }

    public static func == (a: Self, b: Self) -> Bool { a.code == b.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
