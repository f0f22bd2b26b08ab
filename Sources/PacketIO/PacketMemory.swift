internal import CPacketIO
public import LinuxKit
internal import Synchronization

/// Memory of one owner for packets: page-aligned, at the same address for ever, kept out of dumps, zeroed at the end.
@safe
public struct PacketMemory: ~Copyable, Sendable {
    @usableFromInline nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>
    /// The number of bytes.
    public let byteCount: Int

    /// Maps memory.
    public init(byteCount: Int) throws(SystemCallError) {
        unsafe base = try mapped("\(byteCount) bytes of packet memory") { unsafe pio_memory_private(byteCount, $0) }
        self.byteCount = byteCount
    }

    deinit {
        unsafe pio_wipe(base, byteCount)
        _ = unsafe pio_memory_unmap(base, byteCount)
    }

    /// Lends the bytes.
    @inlinable
    public mutating func withBytes<R: ~Copyable, Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        var span = unsafe MutableSpan(_unsafeStart: base, count: byteCount)
        return try body(&span)
    }
}

/// A file in memory of fixed size, mapped and shared with whoever holds its descriptor.
///
/// It outlives the process that made it as long as somebody keeps a descriptor. The mapping is kept out of dumps and,
/// where the limits allow it, out of swap. It ends with this object; regions of it must not be used after that.
@safe
public final class SharedMemory: Sendable {
    private nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>
    private let descriptor: OwnedDescriptor
    /// The number of bytes.
    public let byteCount: Int
    /// Whether what is in it stays out of swap; not so where the limit of locked memory is lower than its size.
    public let isLocked: Bool

    /// Makes a file of zeros; the name only shows in `/proc`.
    public init(name: String, byteCount: Int) throws(SystemCallError) {
        let number = try checked(unsafe pio_memory_open(name, byteCount), "memfd_create", name)
        descriptor = OwnedDescriptor(number)
        unsafe base = try mapped(name) { unsafe pio_memory_map(number, byteCount, $0) }
        self.byteCount = byteCount
        isLocked = unsafe pio_memory_lock(base, byteCount) >= 0
    }

    /// Maps a file that was made before; refused is one whose size could still change under us.
    public init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        let number = descriptor.number
        let size = try checked(pio_memory_size(number), "fstat", "file in memory of fixed size")
        unsafe base = try mapped("file in memory") { unsafe pio_memory_map(number, Int(size), $0) }
        byteCount = Int(size)
        isLocked = unsafe pio_memory_lock(base, Int(size)) >= 0
        self.descriptor = descriptor
    }

    deinit { _ = unsafe pio_memory_unmap(base, byteCount) }

    /// A second descriptor of the file.
    public func duplicateDescriptor() throws(SystemCallError) -> OwnedDescriptor { try descriptor.duplicate() }

    /// Overwrites a part with zeros.
    public func wipe(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range beyond the memory")
        unsafe pio_wipe(base + range.lowerBound, range.count)
    }

    /// A row of equal elements in it, from a byte offset on.
    public func region<Element: BitwiseCopyable>(
        of type: Element.Type, at offset: Int, count: Int
    ) -> MemoryRegion<Element> {
        let stride = MemoryLayout<Element>.stride
        precondition(
            offset >= 0 && count >= 0 && offset % MemoryLayout<Element>.alignment == 0
                && offset + count * stride <= byteCount, "a region beyond the memory")
        return unsafe MemoryRegion(
            base: UnsafeMutableRawPointer(base + offset).bindMemory(to: Element.self, capacity: count), count: count)
    }
}

/// A row of elements in shared memory, used in place.
///
/// Every element has one writer at a time by agreement between the threads; a 64-bit counter in it can be read by others
/// with ``counter(at:offset:)`` at any time.
@safe
public struct MemoryRegion<Element: BitwiseCopyable>: @unchecked Sendable {  // the agreement above
    @usableFromInline let base: UnsafeMutablePointer<Element>
    /// The number of elements.
    public let count: Int

    init(base: UnsafeMutablePointer<Element>, count: Int) {
        unsafe self.base = unsafe base
        self.count = count
    }

    /// The value of an element.
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count, "an element beyond the region")
            return unsafe base[index]
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "an element beyond the region")
            unsafe base[index] = newValue
        }
    }

    /// Changes an element in place, without a copy.
    @inlinable @inline(__always)
    public func withElement<R, Failure: Error>(
        _ index: Int, _ body: (inout Element) throws(Failure) -> R
    ) throws(Failure) -> R {
        precondition(index >= 0 && index < count, "an element beyond the region")
        return try unsafe body(&base[index])
    }

    /// Reads a 64-bit number inside an element that another thread may be writing.
    public func counter(at index: Int, offset: Int) -> UInt64 {
        precondition(index >= 0 && index < count, "an element beyond the region")
        precondition(offset >= 0 && offset % 8 == 0 && offset + 8 <= MemoryLayout<Element>.stride, "no such number")
        let address = unsafe UnsafeMutableRawPointer(base + index) + offset
        return unsafe address.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed)
    }

    /// Copies an element of another region over one of this, from memory to memory.
    public func copy(_ source: MemoryRegion, _ from: Int, to index: Int) {
        precondition(index >= 0 && index < count && from >= 0 && from < source.count, "an element beyond the region")
        unsafe UnsafeMutableRawPointer(base + index).copyMemory(
            from: source.base + from, byteCount: MemoryLayout<Element>.stride)
    }

    /// Overwrites an element with zeros.
    public func wipe(_ index: Int) {
        precondition(index >= 0 && index < count, "an element beyond the region")
        unsafe pio_wipe(base + index, MemoryLayout<Element>.stride)
    }
}

private func mapped(
    _ context: String, _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int32
) throws(SystemCallError) -> UnsafeMutablePointer<UInt8> {
    var address: UnsafeMutableRawPointer?
    let result = unsafe body(&address)
    guard result >= 0, let address = unsafe address else {
        throw SystemCallError(call: "mmap", code: -result, context: context)
    }
    return unsafe address.assumingMemoryBound(to: UInt8.self)
}
