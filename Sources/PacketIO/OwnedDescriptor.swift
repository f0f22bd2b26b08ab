internal import CPacketIO
internal import Glibc
public import LinuxKit

/// A file descriptor with one owner, closed when the owner lets go of it.
///
/// All are close-on-exec from the moment they exist.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor's number, valid as long as this value lives.
    public let number: Int32

    /// Takes over a descriptor.
    public init(_ number: Int32) { self.number = number }

    deinit { _ = pio_close(number) }

    /// A second descriptor of the same thing.
    public func duplicate() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(try checked(pio_duplicate(number), "fcntl", "duplicate of a descriptor"))
    }

    /// Closes the descriptor now.
    public consuming func close() {
        _ = pio_close(number)
        discard self
    }
}

/// A bounded queue of descriptors that a message carries, in the message's order; those left over are closed.
public struct DescriptorList: ~Copyable, Sendable {
    /// The most descriptors of one message.
    public static let maximumCount = Int(PIO_MAX_DESCRIPTORS)

    private var numbers: InlineArray<64, Int32> = .init(repeating: -1)
    private var first = 0
    private var end = 0

    /// Makes an empty list.
    public init() {}

    deinit {
        for index in first..<end { _ = pio_close(numbers[index]) }
    }

    /// How many descriptors are in it.
    public var count: Int { end - first }

    /// Appends a descriptor; one beyond the limit is closed and reported.
    public mutating func append(_ descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        guard end < Self.maximumCount else {
            throw SystemCallError(call: "sendmsg", code: E2BIG, context: "more than 64 descriptors")
        }
        numbers[end] = descriptor.release()
        end += 1
    }

    /// Takes the first descriptor out; nil when there is none.
    public mutating func removeFirst() -> OwnedDescriptor? {
        guard first < end else { return nil }
        defer { first += 1 }
        return OwnedDescriptor(numbers[first])
    }

    /// A list of duplicates of the same descriptors, in the same order.
    public func duplicate() throws(SystemCallError) -> DescriptorList {
        var copy = DescriptorList()
        for index in first..<end {
            try copy.append(OwnedDescriptor(try checked(pio_duplicate(numbers[index]), "fcntl", "kept descriptor")))
        }
        return copy
    }

    /// Lends the numbers to a call.
    func withNumbers<R>(_ body: (UnsafePointer<Int32>?, Int) -> R) -> R {
        let count = count
        let first = first
        return unsafe numbers.span.withUnsafeBufferPointer { all in
            unsafe body(all.baseAddress.map { unsafe $0 + first }, count)
        }
    }

    /// Takes over what a call received, in place of what was in the list.
    mutating func receive<R>(_ body: (UnsafeMutablePointer<Int32>?, inout Int) -> R) -> R {
        for index in first..<end { _ = pio_close(numbers[index]) }
        first = 0
        end = 0
        var count = 0
        var span = numbers.mutableSpan
        let result = unsafe span.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress, &count) }
        end = count
        return result
    }
}

extension OwnedDescriptor {
    /// Gives the number to another owner.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// Turns the result of a shim, a value or a negative error number, into a value.
@discardableResult
func checked<Value: SignedInteger>(
    _ result: Value, _ call: String, _ context: @autoclosure () -> String
) throws(SystemCallError) -> Value {
    guard result < 0 else { return result }
    throw SystemCallError(call: call, code: Int32(clamping: -result), context: context())
}
