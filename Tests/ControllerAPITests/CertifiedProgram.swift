import APITypes
import Accounts
import Crypto
import Foundation
import Hummingbird
import HummingbirdTesting
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

/// A program of somebody's, with a key and its certificate.
struct CertifiedProgram {
    let api: API
    let key: SigningKey
    let made: PersonalCertificate
    /// The certificate, DER.
    let der: [UInt8]

    /// Has a new key certified by a session.
    static func make(_ person: TestPerson, label: String = "laptop", days: Int = 30) async throws -> CertifiedProgram {
        let key = SigningKey()
        let body = NewCertificate(csr: try SigningRequest(key: key).pem, label: label, days: UInt64(days))
        let json = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
        let answer = try await person.send(.post, "/v1/self/certificates", json: json)
        try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        let made = try answer.read(PersonalCertificate.self)
        let der = try #require(try CertificatePEM.certificates(in: made.certificate.pem ?? "").first)
        return CertifiedProgram(api: person.api, key: key, made: made, der: der)
    }

    var fingerprint: [UInt8] { Array(SHA256.hash(data: der)) }

    /// What shows that it has the key.
    func assertion(
        audience: String = "https://127.0.0.1:7443", subject: String? = nil, id: String = UUID().uuidString,
        at now: Timestamp = TestController.clock(), lifetime: Int64 = 60, fingerprint other: [UInt8]? = nil,
        signer: SigningKey? = nil
    ) throws -> String {
        try ClientAssertion.make(
            fingerprint: other ?? fingerprint, subject: subject ?? made.certificate.name, audience: audience, id: id,
            at: now, lifetime: lifetime
        ) { try (signer ?? key).signJSON($0) }
    }

    func signIn(_ assertion: String) async throws -> API.Answer {
        try await api.send(
            .post, "/v1/session/certificate", json: #"{"assertion":"\#(assertion)"}"#, headers: [:])
    }

    /// A token that is good for some minutes.
    func token() async throws -> String {
        let answer = try await signIn(assertion())
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try answer.read(CertificateToken.self).accessToken
    }

    /// Asks by a token.
    func send(
        _ method: HTTPRequest.Method, _ path: String, json: String? = nil, token: String
    ) async throws -> API.Answer {
        try await api.send(method, path, json: json, headers: [.authorization: "Bearer \(token)"])
    }
}
