import APITypes
import Accounts
import Crypto
import Foundation
import NetTypes
import Trust

/// Shows the controller a user's certificate and keeps the token that it gives, until shortly before that ends.
actor CertificateSignIn {
    private let key: SigningKey
    private let fingerprint: [UInt8]
    private let subject: String
    private let audience: String
    private var known: (token: String, until: ContinuousClock.Instant)?

    /// How long before its end a token is no longer used.
    private static let margin = Duration.seconds(30)

    /// Takes a certificate, its key and the platform's root, PEM all.
    init(certificate: String, key: String, root: String) throws(APIClientError) {
        do {
            guard let der = try CertificatePEM.certificates(in: certificate).first,
                let authority = try CertificatePEM.certificates(in: root).first
            else { throw TrustRefusal.malformed(.certificate, "there is none") }
            let summary = try CertificateSummary(parsing: der)
            self.key = try SigningKey(pem: key)
            guard case .user = summary.name, let uri = summary.platform.uri(of: summary.name) else {
                throw TrustRefusal.malformed(.certificate, "it is not that of a user")
            }
            guard self.key.keyHash == summary.keyHash else {
                throw TrustRefusal.malformed(.certificate, "the key is another one's")
            }
            subject = uri
            fingerprint = Array(SHA256.hash(data: der))
            // By the name that the trusted root gives, so that nobody else's controller can use what is signed here.
            audience = try CertificateSummary(parsing: authority).platform.controllerURI
        } catch {
            throw .setting(
                "the certificate or its key cannot be used: \(error)",
                remedy: "name the files that 'patchbay certificate create' wrote")
        }
    }

    /// The token that is good now; asks for one where there is none.
    func token(
        _ ask: @Sendable (String) async throws(APIClientError) -> CertificateToken
    ) async throws(APIClientError) -> String {
        if let known, ContinuousClock.now < known.until { return known.token }
        let assertion: String
        do {
            assertion = try ClientAssertion.make(
                fingerprint: fingerprint, subject: subject, audience: audience, id: UUID().uuidString,
                at: Timestamp(Int64(Date().timeIntervalSince1970))
            ) { try key.signJSON($0) }
        } catch {
            throw .setting("the certificate's key cannot sign: \(error)", remedy: "make another certificate")
        }
        let given = try await ask(assertion)
        known = (given.accessToken, .now + .seconds(Int64(clamping: given.expiresIn)) - Self.margin)
        return given.accessToken
    }
}
