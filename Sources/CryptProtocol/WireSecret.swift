/// The secret of one direction of a wire, 32 random bytes made by the receiving leaf.
///
/// It has one owner, never moves in memory, is in no description, and is overwritten with zeros at its end.
public struct WireSecret: ~Copyable, Sendable {
    private let storage: WipedBytes

    /// Copies 32 bytes; nil for any other number. The source is the caller's to overwrite.
    public init?(copying bytes: Span<UInt8>) {
        guard bytes.count == CryptLimits.secretByteCount else { return nil }
        storage = WipedBytes()
        storage.copy(bytes)
    }

    /// Lends the bytes.
    public func withBytes<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R) throws(Failure) -> R {
        try body(storage.bytes.span.extracting(0..<CryptLimits.secretByteCount))
    }

    /// A second owner of the same bytes, who zeroes them as well.
    public func duplicate() -> WireSecret {
        let copy = WipedBytes()
        copy.copy(storage.bytes.span.extracting(0..<CryptLimits.secretByteCount))
        return WireSecret(copy)
    }

    private init(_ storage: WipedBytes) { self.storage = storage }
}

/// The bytes of one message under way. They can hold secrets, so they stay in place and end as zeros.
public struct MessageBuffer: ~Copyable, Sendable {
    let storage = WipedMessage()
    /// How many bytes of the message there are.
    public internal(set) var count = 0

    /// Makes an empty buffer.
    public init() {}

    /// Lends the message.
    public func withMessage<R: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(storage.bytes.span.extracting(0..<count))
    }

    /// Lends the whole buffer to a reader, which says how many bytes it put there. Nothing of the message before stays.
    public mutating func fill<Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        let former = count
        count = min(try storage.withBytes(body), CryptLimits.maximumMessageByteCount)
        let present = count
        guard former > present else { return }
        storage.withBytes { bytes in
            for index in present..<former { bytes[index] = 0 }
        }
    }
}

/// 32 bytes on the heap that end as zeros.
final class WipedBytes: @unchecked Sendable {  // written only by who makes it, and at its end
    fileprivate(set) var bytes: InlineArray<32, UInt8> = .init(repeating: 0)

    func copy(_ source: Span<UInt8>) {
        for index in 0..<32 { bytes[index] = source[index] }
    }

    deinit {
        lend(&bytes) { overwrite(&$0) }
    }
}

/// The bytes of a message on the heap that end as zeros.
final class WipedMessage: @unchecked Sendable {  // one owner, a `MessageBuffer`, which cannot be copied
    fileprivate var bytes: InlineArray<4096, UInt8> = .init(repeating: 0)

    fileprivate func withBytes<R, Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try lend(&bytes, body)
    }

    deinit {
        lend(&bytes) { overwrite(&$0) }
    }
}

/// Lends an array as a span. A property of a class is lent to this call first, since a span of it could not leave it.
private func lend<let count: Int, R, Failure: Error>(
    _ bytes: inout InlineArray<count, UInt8>, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> R
) throws(Failure) -> R {
    var span = bytes.mutableSpan
    return try body(&span)
}

/// Writes zeros. Not optimised, because memory that ends right after looks to the compiler as if nobody could see it.
@inline(never) @_optimize(none)
func overwrite(_ bytes: inout MutableSpan<UInt8>) {
    for index in bytes.indices { bytes[index] = 0 }
}
