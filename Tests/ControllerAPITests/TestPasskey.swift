import APITypes
import Foundation
import SoftAuthenticator
import Testing

@testable import ControllerAPI

/// A passkey in software, at a browser that speaks with the API.
struct TestPasskey {
    static let url = "https://bay.example.org:7443"

    var authenticator: SoftAuthenticator

    init(_ algorithm: SoftAuthenticator.Algorithm = .es256) throws {
        authenticator = try SoftAuthenticator(algorithm, relyingParty: "bay.example.org", origin: Self.url)
    }

    /// What the browser sends of a new passkey for these options.
    mutating func creation(
        _ options: PasskeyCreationOptions, label: String = "Key",
        _ change: (inout SoftAuthenticator.Said) -> Void = { _ in }
    ) throws -> String {
        authenticator.userHandle = Self.octets(options.user.id)
        let made = authenticator.create(try #require(Self.octets(options.challenge)), change)
        let body = NewPasskey(
            label: label,
            credential: .init(
                id: SoftAuthenticator.base64url(made.id),
                response: .init(
                    clientDataJSON: SoftAuthenticator.base64url(made.clientDataJSON),
                    attestationObject: SoftAuthenticator.base64url(made.attestationObject),
                    transports: ["usb", "later"])))
        return String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
    }

    /// What the browser sends as the answer to these options.
    mutating func proof(
        _ options: PasskeyRequestOptions, _ change: (inout SoftAuthenticator.Said) -> Void = { _ in }
    ) throws -> String {
        let got = try authenticator.get(try #require(Self.octets(options.challenge)), change)
        let body = PasskeyProof(
            credential: .init(
                id: SoftAuthenticator.base64url(got.id),
                response: .init(
                    clientDataJSON: SoftAuthenticator.base64url(got.clientDataJSON),
                    authenticatorData: SoftAuthenticator.base64url(got.authenticatorData),
                    signature: SoftAuthenticator.base64url(got.signature),
                    userHandle: got.userHandle.map { SoftAuthenticator.base64url($0) })))
        return String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
    }

    private static func octets(_ text: String) -> [UInt8]? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)).map { Array($0) }
    }
}

extension TestPerson {
    /// Adds a passkey of one's own.
    func add(_ passkey: inout TestPasskey, label: String = "Key") async throws -> PasskeySummary {
        let begun = try await send(.post, "/v1/self/passkeys/options")
        try #require(begun.status == 200, "\(String(decoding: begun.body, as: UTF8.self))")
        let json = try passkey.creation(begun.read(PasskeyCreationOptions.self), label: label)
        let added = try await send(.post, "/v1/self/passkeys", json: json)
        try #require(added.status == 201, "\(String(decoding: added.body, as: UTF8.self))")
        try await reload()
        return try added.read(PasskeySummary.self)
    }

    /// Signs in by a passkey, alone or after a password.
    func signIn(
        by passkey: inout TestPasskey, _ change: (inout SoftAuthenticator.Said) -> Void = { _ in }
    ) async throws -> API.Answer {
        let begun = try await send(.post, "/v1/session/passkey/options")
        try #require(begun.status == 200, "\(String(decoding: begun.body, as: UTF8.self))")
        let json = try passkey.proof(begun.read(PasskeyRequestOptions.self), change)
        return try await send(.post, "/v1/session/passkey", json: json)
    }
}
