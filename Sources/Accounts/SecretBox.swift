import Crypto
import Foundation

/// Seals what must be read again, such as the secret of one-time codes, for the store: AES-256-GCM under a key of the key
/// store, bound to what it is and whose (so that one row's secret cannot be put into another row).
public struct SecretBox: Sendable {
    private let key: SymmetricKey

    /// Takes a key of 32 octets; nil for any other length.
    public init?(key: [UInt8]) {
        guard key.count == 32 else { return nil }
        self.key = SymmetricKey(data: key)
    }

    /// Seals a secret: 12 octets of nonce, the text, 16 octets of tag.
    public func seal(_ secret: [UInt8], of owner: AccountID, purpose: String, random: (Int) -> [UInt8]) -> [UInt8]? {
        guard let nonce = try? AES.GCM.Nonce(data: random(12)),
            let box = try? AES.GCM.seal(secret, using: key, nonce: nonce, authenticating: context(owner, purpose))
        else { return nil }
        return box.combined.map(Array.init)
    }

    /// Opens what was sealed for the same owner and purpose; nil for anything else.
    public func open(_ sealed: [UInt8], of owner: AccountID, purpose: String) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
        return (try? AES.GCM.open(box, using: key, authenticating: context(owner, purpose))).map(Array.init)
    }

    private func context(_ owner: AccountID, _ purpose: String) -> [UInt8] {
        Array("patchbay-\(purpose)\n".utf8) + owner.octets
    }
}

extension SecretBox: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SecretBox" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
