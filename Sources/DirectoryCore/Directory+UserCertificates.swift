public import Accounts
import Crypto
public import NetTypes
import Trust

/// A certificate that was just made for a person, with that of who issued it.
public struct MadeUserCertificate: Sendable {
    public var certificate: UserCertificate
    /// The issuer's certificate, DER: the tenant's CA, or the root.
    public var issuer: [UInt8]
}

/// What an assertion came to.
public enum CertificateSignIn: Sendable {
    /// It is good: a token, and when that ends.
    case begun(token: String, until: Timestamp, user: User)
    /// It is not: nobody is told more who has not shown that he has the key of a certificate.
    case refused(String, user: User?)
}

// Certificates of people, with which their programs show who they are.

extension Directory {
    /// Certifies a key for an account.
    ///
    /// - Parameters:
    ///   - request: a PKCS #10 request in PEM, which shows that its maker has the key; nothing else is taken from it.
    ///   - lifetime: in seconds.
    public func createCertificate(
        of id: AccountID, label: DisplayName, request pem: String, lifetime: Int64
    ) async throws(DirectoryError) -> MadeUserCertificate {
        guard (1...UserCertificate.longest).contains(lifetime) else {
            throw DirectoryError(
                .invalid, "A certificate lives for 1 to \(UserCertificate.longest / 86_400) days.", pointer: "/days",
                remedy: "Give a shorter life.")
        }
        let request: SigningRequest
        do { request = try SigningRequest(pem: pem) } catch {
            throw DirectoryError(
                .invalid, "The request is not taken: \(error).", pointer: "/csr",
                remedy: "Send a PKCS #10 request in PEM that is signed with a key of P-256.")
        }
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            guard let user = try tx.user(id) else { throw DirectoryError.accountGone }
            let own = try tx.userCertificates(of: id)
            guard own.count(where: { $0.holds(at: at) }) < UserCertificate.most else {
                throw DirectoryError(
                    .exhausted, "An account has \(UserCertificate.most) certificates at most.",
                    remedy: "Revoke one that is no longer needed.")
            }
            let tenant = try user.home.tenant.map { (name) throws(DirectoryError) in try tx.requireTenant(name) }
            let issued = try self.platform.issueUser(
                user, of: tenant, publicKey: request.publicKeyInfo, at: at, lifetime: lifetime)
            guard let number = UserCertificate.id(ofFingerprint: issued.fingerprint) else {
                throw DirectoryError(.storage, "The certificate has no fingerprint.")
            }
            let made = UserCertificate(
                id: number, user: id, label: label, serial: issued.serial, key: request.publicKeyInfo,
                certificate: issued.certificate, notBefore: issued.notBefore, notAfter: issued.notAfter, createdAt: at)
            try tx.put(made)
            return MadeUserCertificate(certificate: made, issuer: tenant?.authority ?? self.platform.anchor.root)
        }
    }

    /// An account's certificates, the oldest first, those that were revoked or have ended too.
    public func certificates(of user: AccountID) async throws(DirectoryError) -> [UserCertificate] {
        try await store.read { (tx) throws(DirectoryError) in try tx.userCertificates(of: user) }
    }

    /// Revokes a certificate of an account now; one of another account is not there. One that was revoked stays as it is.
    public func revokeCertificate(_ id: AccountID, of user: AccountID) async throws(DirectoryError) {
        let at = now()
        try await write { (tx) throws(DirectoryError) in
            guard var certificate = try tx.userCertificate(id), certificate.user == user else {
                throw DirectoryError(
                    .notFound, "There is no certificate '\(id)'.", remedy: "List the account's certificates.")
            }
            guard certificate.revokedAt == nil else { return }
            certificate.revokedAt = at
            try tx.put(certificate)
            tx.announce(.accessChanged(.account(user)))
        }
    }

    // MARK: Who asks

    /// The name by which programs that show a certificate call the controllers of this platform, beside their URL.
    public var audience: String { platform.name.controllerURI }

    /// Takes what was signed with the key of a certificate, once, and gives a token for it.
    public func signIn(assertion text: String, audiences: [String]) async throws(DirectoryError) -> CertificateSignIn {
        let unknown = "the assertion was not signed with the key of a certificate that is known here"
        guard let assertion = ClientAssertion(parsing: text),
            let id = UserCertificate.id(ofFingerprint: assertion.fingerprint)
        else { return .refused(unknown, user: nil) }
        let at = now()
        let found = try await store.read { (tx) throws(DirectoryError) -> (UserCertificate, User)? in
            guard let certificate = try tx.userCertificate(id), let user = try tx.user(certificate.user) else {
                return nil
            }
            return (certificate, user)
        }
        guard let (certificate, user) = found, certificate.fingerprint == assertion.fingerprint,
            assertion.isSigned(with: certificate.key)
        else { return .refused(unknown, user: nil) }
        let subject = platform.name.userURI(user.id.description, of: user.home.tenant)
        if let refusal = assertion.refusal(subject: subject, audiences: audiences, at: at) {
            return .refused(refusal.rawValue, user: user)
        }
        let word = Array(SHA256.hash(data: Array("patchbay-assertion\n\(id)\n\(assertion.id)".utf8)))
        let refusal = try await store.write { (tx) throws(DirectoryError) -> String? in
            // As they are now, with what they were in the same transaction as the note that the word was used.
            guard let user = try tx.user(certificate.user), var known = try tx.userCertificate(id) else {
                return unknown
            }
            if let reason = try Self.refusal(known, user, tx, at) { return reason }
            if let row = try tx.idempotency(word), at - row.begunAt < KeptAnswer.lifetime {
                return "'jti' was used before"
            }
            try tx.put(IdempotencyRow(id: word, fingerprint: word, begunAt: at, sealed: nil))
            known.lastUsedAt = at
            try tx.put(known)
            return nil
        }
        if let refusal { return .refused(refusal, user: user) }
        let until = min(at + CertificateTokens.lifetime, certificate.notAfter)
        return .begun(token: platform.people.certificateTokens.issue(for: id, until: until), until: until, user: user)
    }

    /// Who presents a token that was given for a certificate; nil: nobody.
    func authenticate(certificateToken text: String) async throws(DirectoryError) -> Authenticated? {
        let at = now()
        guard let (id, until) = platform.people.certificateTokens.open(text, at: at) else { return nil }
        return try await store.read { (tx) throws(DirectoryError) in
            guard let principal = try Self.principal(certificate: id, until: until, tx, at),
                let account = principal.account
            else { return nil }
            return Authenticated(principal: principal, user: try tx.user(account))
        }
    }

    /// Who a certificate's token stands for now; nil where certificate, account or tenant have been stopped.
    static func principal(
        certificate id: AccountID, until: Timestamp, _ tx: any DirectoryReader, _ at: Timestamp
    ) throws(DirectoryError) -> Principal? {
        guard let certificate = try tx.userCertificate(id), let user = try tx.user(certificate.user),
            try refusal(certificate, user, tx, at) == nil
        else { return nil }
        return certificate.principal(of: user, grants: try tx.grants(of: user, at: at), until: until, at: at)
    }

    private static func refusal(
        _ certificate: UserCertificate, _ user: User, _ tx: any DirectoryReader, _ at: Timestamp
    ) throws(DirectoryError) -> String? {
        if certificate.revokedAt != nil { return "the certificate was revoked" }
        if !certificate.holds(at: at) { return "the certificate has expired" }
        if user.state != .active { return "the account is disabled" }
        if let tenant = user.home.tenant, try tx.tenant(tenant)?.suspension != nil { return "the tenant is suspended" }
        return nil
    }
}
