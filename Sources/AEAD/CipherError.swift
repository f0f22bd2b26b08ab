/// Why there is no cipher.
public enum CipherError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The library is not there, or computes wrongly on this machine; the text says which.
    case unavailable(CipherBackend, reason: String)
    /// The library made no context for a key.
    case noContext(CipherBackend)
    /// The system gave no memory; the bytes asked for.
    case noMemory(Int)

    public var description: String {
        switch self {
        case .unavailable(let backend, let reason): "\(backend.rawValue) cannot be used: \(reason)"
        case .noContext(let backend): "\(backend.rawValue) made no context for a key"
        case .noMemory(let count): "no memory for cipher contexts (\(count) bytes)"
        }
    }
}
