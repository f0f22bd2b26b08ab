/// A message that cannot be read, with the place of what is wrong.
public enum MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Fewer or more bytes than the kind has.
    case length(expected: Int, found: Int)
    /// The first four bytes are not the protocol's.
    case magic(UInt32)
    /// Another version of the protocol.
    case version(UInt16)
    /// A kind that this version does not have.
    case unknownKind(UInt16)
    /// A field with a value that it cannot have, and what it can have.
    case field(String, value: String, allowed: String)
    /// The descriptors beside the message are not those that it says.
    case descriptors(expected: Int, found: Int)

    public var description: String {
        switch self {
        case .length(let expected, let found): "message length \(found): this kind has \(expected) bytes"
        case .magic(let value): "the message begins with \(hexadecimal(value)), not with \"PBCE\""
        case .version(let version):
            "protocol version \(version): this program speaks version \(CryptLimits.protocolVersion)"
        case .unknownKind(let kind): "message kind \(kind) is unknown"
        case .field(let name, let value, let allowed): "\(name) \(value): \(allowed)"
        case .descriptors(let expected, let found): "\(found) descriptors beside the message: \(expected) expected"
        }
    }

    private func hexadecimal(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}

/// Why an engine does not do what it was asked; nothing of it was done.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of reasons, for a program.
    public enum Reason: UInt16, Hashable, Sendable, CaseIterable {
        /// The message cannot be read, or a value in it is out of its limits.
        case malformed = 1
        /// Another version of the protocol or of the table.
        case version
        /// The caller is another user than the engine's and not root.
        case forbidden
        /// The place or slot has a group with other keys.
        case taken
        /// There is no such group.
        case missing
        /// A second successor, or a second leaf that adopts.
        case busy
        /// The engine waits for descriptors, or its threads do not answer.
        case notReady
        /// The operating system or the cipher refused.
        case system
    }

    /// The kind of reason.
    public let reason: Reason
    /// The whole of it, for people: what, where, and the limit.
    public let text: String

    /// Makes a refusal.
    public init(_ reason: Reason, _ text: String) {
        self.reason = reason
        self.text = text
    }

    public var description: String { text }
}
