public import NetTypes

/// Which tenants are suspended: a statement of the platform about all of them, which every leaf keeps.
///
/// It stands apart from policies because a tenant may sign its policy alone (``PolicyLock``), and so that the policy is
/// the same after as before. Its bytes are `{"revision":7,"suspended":["acme","globex"],"version":1}` in one line without
/// spaces, names in order; guardrails begin with another member, so that the same key can sign both. A reader that has
/// seen a revision takes no older one.
public struct Suspensions: Hashable, Sendable {
    /// Grows with every statement.
    public let revision: UInt64
    /// Whose wires are cut.
    public let tenants: Set<Name>

    /// States who is suspended.
    public init(revision: UInt64, tenants: Set<Name>) {
        self.revision = revision
        self.tenants = tenants
    }

    /// The statement as the bytes that are signed.
    public var canonicalBytes: [UInt8] {
        let names = tenants.sorted().map { "\"\($0)\"" }.joined(separator: ",")
        return Array("{\"revision\":\(revision),\"suspended\":[\(names)],\"version\":1}".utf8)
    }

    /// Reads the canonical form and nothing else.
    public init(canonicalBytes bytes: [UInt8]) throws(TrustRefusal) {
        guard bytes.count <= TrustLimits.suspensionBytes else {
            throw .oversize(.suspensions, bytes: bytes.count, limit: TrustLimits.suspensionBytes)
        }
        // What stands between the marks matters; whether all is as it must be, the form written again tells.
        let text = String(decoding: bytes, as: UTF8.self)
        var tenants: Set<Name> = []
        if let open = text.firstIndex(of: "["), let close = text.lastIndex(of: "]"), open < close {
            for quoted in text[text.index(after: open)..<close].split(separator: ",") {
                if let name = try? Name(parsing: quoted.dropFirst().dropLast()) { tenants.insert(name) }
            }
        }
        let digits = text.dropFirst("{\"revision\":".count).prefix { ("0"..."9").contains($0) }
        guard let revision = UInt64(digits) else { throw Self.refusal }
        self.init(revision: revision, tenants: tenants)
        guard canonicalBytes == bytes else { throw Self.refusal }
    }

    private static let refusal = TrustRefusal.malformed(
        .suspensions, "it is not the canonical form of a statement about who is suspended")
}

extension TrustAnchor {
    /// Verifies a statement about who is suspended: it is signed as guardrails are.
    public func verify(
        suspensions signed: SignedPolicy, at now: Timestamp, revocations: Revocations
    ) async -> Result<Suspensions, TrustRefusal> {
        do throws(TrustRefusal) {
            let suspensions = try Suspensions(canonicalBytes: signed.body)
            try await verify(guardrails: signed, at: now, revocations: revocations).get()
            return .success(suspensions)
        } catch {
            return .failure(error)
        }
    }
}
