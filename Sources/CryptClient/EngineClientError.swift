public import CryptProtocol
public import LinuxKit

/// Why a call to an engine failed.
public enum EngineClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The engine did nothing of it, for this reason.
    case refused(Refusal)
    /// The engine ended, or handed over to its successor: connect again and repeat the call, which is safe.
    case closed
    /// No answer came in time. Whether it was done is unknown: close the connection, connect again, repeat.
    case timedOut
    /// The operating system refused, such as a path at which nobody listens.
    case system(SystemCallError)
    /// What came is no answer.
    case malformed(MessageError)
    /// An answer of another kind than was asked for.
    case unexpected

    public var description: String {
        switch self {
        case .refused(let refusal): refusal.text
        case .closed: "the engine closed the connection"
        case .timedOut: "the engine did not answer in time"
        case .system(let error): error.description
        case .malformed(let error): "the engine's answer cannot be read: \(error)"
        case .unexpected: "the engine's answer is of another kind than the question"
        }
    }
}
