/// A place where private keys are kept under names.
public protocol KeyStore: Sendable {
    /// The key of a name, or nil if there is none.
    func load(_ name: String) throws(KeyStoreError) -> SigningKey?
    /// Keeps a key under a name, in place of any other; after an error the other is still there.
    func store(_ key: SigningKey, as name: String) throws(KeyStoreError)
    /// Forgets the key of a name; it is no error if there is none.
    func delete(_ name: String) throws(KeyStoreError)
    /// The names that have a key, in order.
    func names() throws(KeyStoreError) -> [String]
}

extension KeyStore {
    /// The key of a name; a new one is made and kept if there is none.
    public func loadOrMake(_ name: String) throws(KeyStoreError) -> SigningKey {
        if let key = try load(name) { return key }
        let key = SigningKey()
        try store(key, as: name)
        return key
    }
}

/// What a key store could not do, with the file; it never carries any of a key.
public enum KeyStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not a name that a key can have.
    case badName(String)
    /// Others than the owner may read or change the file or directory.
    case exposed(path: String, mode: Int)
    /// Something else than a plain file or directory is there, or it belongs to someone else.
    case notPlain(path: String)
    /// The file holds no key.
    case damaged(path: String)
    /// The file system refused.
    case failed(operation: String, path: String, reason: String)

    public var description: String {
        switch self {
        case .badName(let name):
            "'\(name)' is not a name of a key: 1 to 128 of a-z, 0-9, '-' and '.', with a letter or digit first"
        case .exposed(let path, let mode):
            "\(path) has mode \(String(mode, radix: 8)), so that others may use it; "
                + "find out who had access, then run: chmod go-rwx \(path)"
        case .notPlain(let path):
            "\(path) is not a plain file or directory of the key store's owner"
        case .damaged(let path): "\(path) holds no P-256 private key in PEM"
        case .failed(let operation, let path, let reason): "cannot \(operation) \(path): \(reason)"
        }
    }
}
