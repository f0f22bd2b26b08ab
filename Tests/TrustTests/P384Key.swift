import Crypto

/// A key of a kind that the platform does not use.
enum P384Key {
    static func make() -> P384.Signing.PrivateKey { P384.Signing.PrivateKey() }
}
