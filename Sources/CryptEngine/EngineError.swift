public import AEAD
internal import CryptProtocol
public import LinuxKit

/// Why an engine does not start, or does not do what it was asked.
public enum EngineError: Error, CustomStringConvertible {
    /// The operating system refused.
    case system(SystemCallError)
    /// The cipher refused.
    case cipher(CipherError)
    /// An option has a value that it cannot have.
    case option(name: String, value: String, allowed: String)
    /// A table that was made by another version.
    case tableVersion(found: UInt32, known: UInt32)
    /// A table that cannot be used.
    case table(String)
    /// Descriptors that are not what they were said to be.
    case descriptors(String)
    /// The engine that was to hand over refused, or said something else.
    case predecessor(String)
    /// A packet thread did not start.
    case thread(String)

    public var description: String {
        switch self {
        case .system(let error): error.description
        case .cipher(let error): "\(error)"
        case .option(let name, let value, let allowed): "--\(name) \(value): \(allowed)"
        case .tableVersion(let found, let known):
            "the table has version \(found) and this engine knows version \(known): "
                + "start it without --take-over or --adopt, and the leaf makes new keys"
        case .table(let text): "the table cannot be used: \(text)"
        case .descriptors(let text): "the descriptors cannot be used: \(text)"
        case .predecessor(let text): "the running engine does not hand over: \(text)"
        case .thread(let text): "a packet thread does not start: \(text)"
        }
    }

    /// How a client is told.
    var refusal: Refusal {
        switch self {
        case .tableVersion: Refusal(.version, description)
        case .option, .descriptors, .table: Refusal(.malformed, description)
        case .predecessor, .thread: Refusal(.notReady, description)
        case .system, .cipher: Refusal(.system, description)
        }
    }
}
