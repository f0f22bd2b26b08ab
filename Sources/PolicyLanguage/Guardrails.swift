/// The platform's guardrails with their revision.
///
/// Their bytes are what the platform's policy key signs: `{"platform":true,"revision":7,"version":1}`, a line feed, and
/// the document's canonical form.
public struct Guardrails: Hashable, Sendable {
    /// Counts the published states.
    public let revision: UInt64
    /// The document; its scope is the platform.
    public let document: Document

    /// Makes guardrails; nil where the document is a tenant's.
    public init?(revision: UInt64, document: Document) {
        guard document.scope == .platform else { return nil }
        self.revision = revision
        self.document = document
    }

    private static func head(_ revision: UInt64) -> [UInt8] {
        Array("{\"platform\":true,\"revision\":\(revision),\"version\":1}\n".utf8)
    }

    /// The guardrails as the bytes that are signed.
    public var canonicalBytes: [UInt8] { Self.head(revision) + document.canonicalBytes }

    /// Reads the canonical form and nothing else.
    public init(canonicalBytes bytes: [UInt8]) throws(DocumentRefusal) {
        let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let digits = bytes[..<end].drop { !(0x30...0x39).contains($0) }.prefix { (0x30...0x39).contains($0) }
        guard end < bytes.count, let revision = UInt64(String(decoding: digits, as: UTF8.self)),
            Array(bytes[...end]) == Self.head(revision),
            let guardrails = Self(
                revision: revision, document: try Document(canonicalBytes: Array(bytes[(end + 1)...])))
        else {
            throw DocumentRefusal([
                Finding(
                    .notCanonical, at: .unknown, text: "", "these are not the guardrails of a platform",
                    remedy: "publish them again")
            ])
        }
        self = guardrails
    }
}
