import Crypto
import Foundation

/// What the browser says of a ceremony, and the authenticator signs the hash of (WebAuthn, section 5.8.1).
public struct ClientData: Sendable {
    /// Which ceremony it is of.
    public enum Ceremony: String, Sendable {
        case create = "webauthn.create"
        case get = "webauthn.get"
    }

    /// SHA-256 of its bytes as they came.
    public let hash: [UInt8]
    /// The challenge that was given out.
    public let challenge: [UInt8]
    private let members: Members

    private struct Members: Decodable {
        let type: String
        let challenge: String
        let origin: String
        let crossOrigin: Bool?
        let topOrigin: String?
    }

    /// The longest client data, in octets.
    public static let longest = 8_192

    /// Reads the browser's JSON. Members that are not known are for later versions (section 5.8.1.1).
    public init(_ bytes: [UInt8]) throws(WebAuthnError) {
        guard bytes.count <= Self.longest else { throw Self.bad("longer than \(Self.longest) octets") }
        guard String(validating: bytes, as: UTF8.self) != nil,
            let members = try? JSONDecoder().decode(Members.self, from: Data(bytes))
        else { throw Self.bad("it is no JSON object with type, challenge and origin") }
        guard let challenge = Self.decode(members.challenge) else { throw Self.bad("its challenge is no base64url") }
        self.members = members
        self.challenge = challenge
        hash = Array(SHA256.hash(data: bytes))
    }

    /// The checks that are the same in both ceremonies (sections 7.1 and 7.2).
    ///
    /// - Parameter isIssued: whether a challenge was given out for this, is not too old and was not used.
    func check(
        _ ceremony: Ceremony, for party: RelyingParty, isIssued: ([UInt8]) -> Bool
    ) throws(WebAuthnError) {
        guard members.type == ceremony.rawValue else { throw .ceremony(members.type) }
        guard isIssued(challenge) else { throw .challenge }
        guard members.origin == party.origin else { throw .origin(members.origin) }
        // No page of ours is ever in a frame.
        guard members.crossOrigin != true, members.topOrigin == nil else { throw .crossOrigin }
    }

    private static func bad(_ reason: String) -> WebAuthnError { .malformed("client data", reason) }

    /// Base64url without padding (RFC 4648, section 5).
    private static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count <= 1_024, !text.utf8.contains(where: { $0 == 0x2b || $0 == 0x2f || $0 == 0x3d }) else {
            return nil
        }
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: padded).map(Array.init)
    }
}
