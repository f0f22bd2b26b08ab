/// The libraries that can do the packets' cryptography.
public enum CipherBackend: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// Intel's ipsec-mb: x86 processors only, the fastest at every size.
    case ipsecMB = "ipsec-mb"
    /// OpenSSL's libcrypto: every processor.
    case openSSL = "openssl"

    public var description: String { rawValue }

    /// The backend that a probe took, and why.
    public struct Choice: Hashable, Sendable {
        /// What to use.
        public let backend: CipherBackend
        /// One line for people.
        public let reason: String
    }

    /// Finds the fastest backend that computes rightly on this machine, by trying each once.
    ///
    /// A backend is taken when it starts, passes the library's own self test, and gives the known answers to questions
    /// of NIST's GCM and of RFC 4543.
    ///
    /// - Parameter override: The only backend to be taken; nil for the first that works.
    /// - Throws: ``CipherError/unavailable(_:reason:)`` where none works, or where the one asked for does not.
    public static func probe(override: CipherBackend? = nil) throws(CipherError) -> Choice {
        if let override {
            return Choice(backend: override, reason: "\(override.rawValue), as configured\(try override.check())")
        }
        let refusal: CipherError
        do {
            return Choice(
                backend: .ipsecMB, reason: "ipsec-mb passed its self test\(try CipherBackend.ipsecMB.check())")
        } catch {
            refusal = error
        }
        return Choice(backend: .openSSL, reason: "openssl\(try CipherBackend.openSSL.check()), because \(refusal)")
    }

    /// Tries the backend; returns what is worth knowing of it, with a leading separator.
    private func check() throws(CipherError) -> String {
        switch self {
        case .ipsecMB:
            #if arch(x86_64)
                var cipher = try IPSecMBCipher(capacity: 1)
                try checkKnownAnswers(&cipher)
                return " (\(cipher.architecture))"
            #else
                throw .unavailable(.ipsecMB, reason: "it exists for x86-64 only")
            #endif
        case .openSSL:
            var cipher = try OpenSSLCipher(capacity: 1)
            try checkKnownAnswers(&cipher)
            return ""
        }
    }
}
