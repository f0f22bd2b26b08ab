import APITypes
import Accounts
import DirectoryCore
import NetTypes
import Trust

/// Certificates of people, with which their programs show who they are.
extension Operations {
    var certificates: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/session/certificate", id: "signInWithCertificate",
                summary:
                    "Take an assertion that the key of a certificate has signed (RFC 7523), and give a token for it",
                access: .everyone, body: CertificateAssertion.self, bodyLimit: ControllerLimits.signInBytes,
                answer: CertificateToken.self, isAction: .signIn
            ) { call in try await signIn(call.read(CertificateAssertion.self).assertion) },
            Operation(
                method: .get, path: "/v1/self/certificates", id: "listOwnCertificates",
                summary: "List one's own certificates, the oldest first", query: Paging.positions,
                answer: ItemList<PersonalCertificate>.self
            ) { call in try await list(call, of: Self.asking(call).id) },
            Operation(
                method: .post, path: "/v1/self/certificates", id: "createOwnCertificate",
                summary: "Have a key certified, with which one's programs sign in", body: NewCertificate.self,
                status: .created, answer: PersonalCertificate.self
            ) { call in
                let new = try call.read(NewCertificate.self)
                let made = try await directory.createCertificate(
                    of: Self.asking(call).id, label: Self.displayName(new.label, at: "/label"), request: new.csr,
                    lifetime: Int64(new.days) * 86_400)
                return try describe(made.certificate, issuer: made.issuer)
            },
            Operation(
                method: .delete, path: "/v1/self/certificates/{certificate}", id: "deleteOwnCertificate",
                summary: "Revoke one of one's own certificates at once", status: .noContent
            ) { call in
                try await directory.revokeCertificate(call.id("certificate"), of: Self.asking(call).id)
                return nil
            },
        ] + others(at: "/v1/tenants/{tenant}/users", "") + others(at: "/v1/users", "Provider")
    }

    /// - Parameter side: what stands in the ids before what they are about.
    private func others(at path: String, _ side: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path + "/{user}/certificates", id: "list\(side)UserCertificates",
                summary: "List the certificates of an account, the oldest first", query: Paging.positions,
                answer: ItemList<PersonalCertificate>.self, isAction: .listUserCertificates
            ) { call in try await list(call, of: directory.user(call.account()).id) },
            Operation(
                method: .delete, path: path + "/{user}/certificates/{certificate}",
                id: "revoke\(side)UserCertificate", summary: "Revoke a certificate of an account at once",
                status: .noContent, isAction: .revokeUserCertificate
            ) { call in
                try await directory.revokeCertificate(
                    call.id("certificate"), of: directory.user(call.account()).id)
                return nil
            },
        ]
    }

    /// The account that asks, by whatever means.
    private static func asking(_ call: Call) throws(Problem) -> User {
        guard let user = call.caller.authenticated?.user else { throw Problem(.noAccount) }
        return user
    }

    private func signIn(_ assertion: String) async throws -> CertificateToken {
        let audiences = [settings.url, "\(settings.url)/v1/session/certificate", directory.audience]
        switch try await directory.signIn(assertion: assertion, audiences: audiences) {
        case .begun(let token, let until, _):
            metrics.signIn(.complete)
            return CertificateToken(
                accessToken: token, tokenType: "Bearer", expiresIn: UInt64(clamping: until - settings.now()))
        case .refused(let reason, let user):
            metrics.signIn(.wrongCredentials)
            if var origin = Origin.current {
                origin.actor = .unknown(name: user?.name.description)
                origin.tenant = user?.home.tenant
                await directory.note(origin, outcome: .refused("wrong-assertion"), detail: reason)
            }
            throw Problem.wrongAssertion(reason)
        }
    }

    private func list(_ call: Call, of user: AccountID) async throws -> ItemList<PersonalCertificate> {
        let part = try await Paging(call).part(of: directory.certificates(of: user)) {
            Paging.key($0.createdAt, $0.id)
        }
        return ItemList(
            items: try part.items.map { certificate throws in try describe(certificate, issuer: nil) }, next: part.next)
    }

    private func describe(_ certificate: UserCertificate, issuer: [UInt8]?) throws -> PersonalCertificate {
        PersonalCertificate(
            id: certificate.id.description, label: certificate.label.text,
            certificate: try CertificateFacts(certificate.certificate, platform: directory.platform, withPEM: true),
            createdAt: certificate.createdAt.description, lastUsedAt: certificate.lastUsedAt?.description,
            revokedAt: certificate.revokedAt?.description, holds: certificate.holds(at: settings.now()),
            issuer: issuer.map { CertificatePEM.text([$0]) })
    }
}

extension Problem {
    fileprivate static func wrongAssertion(_ reason: String) -> Problem {
        Problem(
            code: "wrong-assertion", title: "Wrong credentials", status: 401, detail: reason,
            remedy: "Sign a new assertion with the key of a certificate that is good, or make another certificate.",
            pointer: "/assertion")
    }
}
