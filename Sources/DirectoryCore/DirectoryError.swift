public import NetTypes
public import PolicyLanguage

/// Why the directory did not do what was asked: what was wrong, where, and what to do about it.
///
/// Nothing was changed when one of these is thrown: every operation is one transaction of the store. The code is
/// open (more may be added); two errors are equal when their codes are. It maps one to one to a problem detail of
/// RFC 9457: `status` and `code` to the type, ``message`` to the detail, ``pointer`` and ``remedy`` to members of
/// these names.
public struct DirectoryError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is; kebab-case, stable.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }

        /// The thing that was named does not exist, or not for the one who asks.
        public static let notFound = Code(rawValue: "not-found")
        /// A thing of that name, id or address exists already, or the state does not allow the change now.
        public static let conflict = Code(rawValue: "conflict")
        /// The input is malformed or outside of its limits.
        public static let invalid = Code(rawValue: "invalid")
        /// The thing cannot be deleted because others depend on it; the message names some of them.
        public static let inUse = Code(rawValue: "in-use")
        /// The one who asks may not do this.
        public static let forbidden = Code(rawValue: "forbidden")
        /// The token's time is over.
        public static let expired = Code(rawValue: "expired")
        /// The token has been used.
        public static let used = Code(rawValue: "used")
        /// There is no free address left, or a limit is reached.
        public static let exhausted = Code(rawValue: "exhausted")
        /// An epoch is lower than one that was published.
        public static let olderEpoch = Code(rawValue: "older-epoch")
        /// A certificate, record or signature does not verify.
        public static let untrusted = Code(rawValue: "untrusted")
        /// A policy document that is refused; the findings say why.
        public static let refusedDocument = Code(rawValue: "refused-document")
        /// The tenant signs its policy itself, and what was asked needs its signature.
        public static let locked = Code(rawValue: "locked")
        /// The tenant is suspended: nothing of its network and policy can be changed until it is resumed.
        public static let suspended = Code(rawValue: "suspended")
        /// The tenant has as much as its quota allows.
        public static let quotaExceeded = Code(rawValue: "quota-exceeded")
        /// What was to be deleted is not what was shown before.
        public static let unconfirmed = Code(rawValue: "unconfirmed")
        /// Something else was asked by the same idempotency key before.
        public static let keyReused = Code(rawValue: "idempotency-key-reused")
        /// What was asked by the same idempotency key is being done.
        public static let inProgress = Code(rawValue: "idempotency-in-progress")
        /// Somebody else was faster; the caller looks again.
        public static let changedMeanwhile = Code(rawValue: "changed-meanwhile")
        /// There were too many attempts; later ones are taken again.
        public static let tooOften = Code(rawValue: "too-often")
        /// The caller went away before the answer; nothing was changed.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The store or the key store failed: a fault of this machine, not of the input.
        public static let storage = Code(rawValue: "storage")
    }

    /// The kind of refusal.
    public let code: Code
    /// One sentence that names the thing.
    public let message: String
    /// Where in the input the fault is, as a JSON pointer (RFC 6901) such as `/ipv4_prefix`; nil when it is no
    /// field of the input.
    public let pointer: String?
    /// What to do about it, one sentence.
    public let remedy: String?
    /// What was found in a document that was refused; empty for every other refusal.
    public let findings: [Finding]

    /// Makes an error.
    public init(
        _ code: Code, _ message: String, pointer: String? = nil, remedy: String? = nil, findings: [Finding] = []
    ) {
        self.code = code
        self.message = message
        self.pointer = pointer
        self.remedy = remedy
        self.findings = findings
    }

    /// Makes an error about a text of the input that cannot be read.
    public init(_ error: TextError, pointer: String) {
        self.init(.invalid, "\(error)", pointer: pointer, remedy: "Give \(error.expected).")
    }

    public var description: String {
        "\(code): \(message)" + (pointer.map { " (at \($0))" } ?? "") + (remedy.map { " \($0)" } ?? "")
    }
}

extension DirectoryError: Equatable {
    public static func == (a: Self, b: Self) -> Bool { a.code == b.code }
}

// What is said of what is not there, and of what the one who asks may not know of: the same.

extension DirectoryError {
    /// There is no such tenant.
    public static func noTenant(_ name: String, pointer: String? = nil) -> DirectoryError {
        DirectoryError(
            .notFound, "There is no tenant '\(name)'.", pointer: pointer, remedy: "List the tenants, or create it.")
    }

    /// There is no such endpoint.
    public static func noEndpoint(_ name: String, pointer: String? = nil) -> DirectoryError {
        DirectoryError(
            .notFound, "There is no endpoint '\(name)'.", pointer: pointer,
            remedy: "List the tenant's endpoints, or create it.")
    }

    /// There is no such group.
    public static func noGroup(_ name: String, pointer: String? = nil) -> DirectoryError {
        DirectoryError(
            .notFound, "There is no group '\(name)'.", pointer: pointer,
            remedy: "List the tenant's groups, or create it.")
    }
}
