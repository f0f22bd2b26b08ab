import Crypto
import CryptoExtras
import Foundation

/// An authenticator in software, with the browser before it: it makes one credential and signs with it, and can be told to
/// say anything else than it should.
public struct SoftAuthenticator: Sendable {
    public enum Algorithm: Sendable, CaseIterable { case es256, edDSA, rs256 }

    private enum Key: Sendable {
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    /// What browser and authenticator say.
    public struct Said: Sendable {
        public var type: String
        public var challenge: [UInt8]
        public var origin: String
        public var crossOrigin: Bool? = false
        public var topOrigin: String?
        public var relyingParty: String
        /// UP 1, UV 4, BE 8, BS 16, AT 64, ED 128.
        public var flags: UInt8
        public var counter: UInt32
        public var credential: [UInt8]
        public var publicKey: [UInt8]
        public var format = "none"
        /// The encoded statement.
        public var statement = CBORWriter.map([])
        /// What stands behind the authenticator's data.
        public var tail: [UInt8] = []
        public var userHandle: [UInt8]?
    }

    public struct Created: Sendable {
        public var id: [UInt8]
        public var clientDataJSON: [UInt8]
        public var attestationObject: [UInt8]
    }

    public struct Got: Sendable {
        public var id: [UInt8]
        public var clientDataJSON: [UInt8]
        public var authenticatorData: [UInt8]
        public var signature: [UInt8]
        public var userHandle: [UInt8]?
    }

    private let key: Key
    public var credential: [UInt8]
    /// The public key as COSE has it.
    public let publicKey: [UInt8]
    public var origin: String
    public var relyingParty: String
    public var counter: UInt32 = 0
    /// Whether it counts its signatures.
    public var counts = true
    /// UP and UV, unless it is told otherwise.
    public var flags: UInt8 = 5
    public var userHandle: [UInt8]?

    public init(
        _ algorithm: Algorithm = .es256, relyingParty: String = "bay.example.org",
        origin: String = "https://bay.example.org:7443", idLength: Int = 32
    ) throws {
        self.relyingParty = relyingParty
        self.origin = origin
        credential = (0..<idLength).map { _ in UInt8.random(in: 0...255) }
        switch algorithm {
        case .es256:
            let key = P256.Signing.PrivateKey()
            let point = key.publicKey.x963Representation
            publicKey = CBORWriter.map([
                (CBORWriter.number(1), CBORWriter.number(2)), (CBORWriter.number(3), CBORWriter.number(-7)),
                (CBORWriter.number(-1), CBORWriter.number(1)),
                (CBORWriter.number(-2), CBORWriter.bytes(point.dropFirst().prefix(32))),
                (CBORWriter.number(-3), CBORWriter.bytes(point.suffix(32))),
            ])
            self.key = .p256(key)
        case .edDSA:
            let key = Curve25519.Signing.PrivateKey()
            publicKey = CBORWriter.map([
                (CBORWriter.number(1), CBORWriter.number(1)), (CBORWriter.number(3), CBORWriter.number(-8)),
                (CBORWriter.number(-1), CBORWriter.number(6)),
                (CBORWriter.number(-2), CBORWriter.bytes(key.publicKey.rawRepresentation)),
            ])
            self.key = .ed25519(key)
        case .rs256:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            let numbers = try key.publicKey.getKeyPrimitives()
            publicKey = CBORWriter.map([
                (CBORWriter.number(1), CBORWriter.number(3)), (CBORWriter.number(3), CBORWriter.number(-257)),
                (CBORWriter.number(-1), CBORWriter.bytes(numbers.modulus)),
                (CBORWriter.number(-2), CBORWriter.bytes(numbers.publicExponent)),
            ])
            self.key = .rsa(key)
        }
    }

    /// Makes the credential known.
    public func create(_ challenge: [UInt8], _ change: (inout Said) -> Void = { _ in }) -> Created {
        var said = said("webauthn.create", challenge)
        said.flags |= 64
        change(&said)
        let object = CBORWriter.map([
            (CBORWriter.text("fmt"), CBORWriter.text(said.format)), (CBORWriter.text("attStmt"), said.statement),
            (CBORWriter.text("authData"), CBORWriter.bytes(Self.data(said))),
        ])
        return Created(id: credential, clientDataJSON: Self.client(said), attestationObject: object)
    }

    /// Signs.
    public mutating func get(_ challenge: [UInt8], _ change: (inout Said) -> Void = { _ in }) throws -> Got {
        if counts { counter += 1 }
        var said = said("webauthn.get", challenge)
        change(&said)
        let (client, data) = (Self.client(said), Self.data(said))
        let message = data + SHA256.hash(data: client)
        let signature: [UInt8] =
            switch key {
            case .p256(let key): Array(try key.signature(for: message).derRepresentation)
            case .ed25519(let key): Array(try key.signature(for: message))
            case .rsa(let key):
                Array(
                    try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation)
            }
        return Got(
            id: said.credential, clientDataJSON: client, authenticatorData: data, signature: signature,
            userHandle: said.userHandle)
    }

    private func said(_ type: String, _ challenge: [UInt8]) -> Said {
        Said(
            type: type, challenge: challenge, origin: origin, relyingParty: relyingParty, flags: flags,
            counter: counts ? counter : 0, credential: credential, publicKey: publicKey, userHandle: userHandle)
    }

    private static func client(_ said: Said) -> [UInt8] {
        var text = #"{"type":"\#(said.type)","challenge":"\#(base64url(said.challenge))","origin":"\#(said.origin)""#
        if let crossOrigin = said.crossOrigin { text += #","crossOrigin":\#(crossOrigin)"# }
        if let topOrigin = said.topOrigin { text += #","topOrigin":"\#(topOrigin)""# }
        return Array((text + #","later":{"versions":["may","say"]}}"#).utf8)
    }

    private static func data(_ said: Said) -> [UInt8] {
        var data = Array(SHA256.hash(data: Array(said.relyingParty.utf8))) + [said.flags]
        data += (0..<4).map { UInt8(truncatingIfNeeded: said.counter >> (24 - 8 * UInt32($0))) }
        if said.flags & 64 != 0 {
            let length = said.credential.count
            data += [UInt8](repeating: 0, count: 16) + [UInt8(length >> 8 & 255), UInt8(length & 255)]
            data += said.credential + said.publicKey
        }
        return data + said.tail
    }

    public static func base64url(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
