// Numbers and copies in the bytes of a packet: one check of the bounds each, where a byte at a time would have up to
// eight. Offsets and counts are the caller's; wrong ones are a programmer's error and stop the process.

extension Span<UInt8> {
    /// The 16-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load16(_ offset: Int) -> UInt16 { UInt16(bigEndian: load(offset)) }

    /// The 32-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load32(_ offset: Int) -> UInt32 { UInt32(bigEndian: load(offset)) }

    /// The 64-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load64(_ offset: Int) -> UInt64 { UInt64(bigEndian: load(offset)) }

    /// The number at an offset, in the machine's own order.
    @inlinable @inline(__always)
    public func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
        precondition(offset >= 0 && offset <= count &- MemoryLayout<Number>.size, "bytes out of bounds")
        return unsafe withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}

extension MutableSpan<UInt8> {
    /// The 16-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load16(_ offset: Int) -> UInt16 { span.load16(offset) }

    /// The 32-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load32(_ offset: Int) -> UInt32 { span.load32(offset) }

    /// The 64-bit number in network order at an offset.
    @inlinable @inline(__always)
    public func load64(_ offset: Int) -> UInt64 { span.load64(offset) }

    /// The number at an offset, in the machine's own order.
    @inlinable @inline(__always)
    public func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number { span.load(offset) }

    /// Writes a number in network order.
    @inlinable @inline(__always)
    public mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(_ value: Number, at offset: Int) {
        storeNative(value.bigEndian, at: offset)
    }

    /// Writes a number in the machine's own order.
    @inlinable @inline(__always)
    public mutating func storeNative<Number: FixedWidthInteger & BitwiseCopyable>(_ value: Number, at offset: Int) {
        precondition(offset >= 0 && offset <= count &- MemoryLayout<Number>.size, "bytes out of bounds")
        unsafe withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value, toByteOffset: offset, as: Number.self)
        }
    }

    /// Moves bytes within the buffer; the two ranges may overlap.
    @inlinable @inline(__always)
    public mutating func move(from source: Int, to destination: Int, count moved: Int) {
        precondition(
            moved >= 0 && source >= 0 && destination >= 0 && source <= count &- moved && destination <= count &- moved,
            "bytes out of bounds")
        unsafe withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe (base + destination).copyMemory(from: base + source, byteCount: moved)
        }
    }

    /// Copies bytes from another buffer.
    @inlinable @inline(__always)
    public mutating func copy(_ source: Span<UInt8>, from start: Int, count copied: Int, to destination: Int) {
        precondition(
            copied >= 0 && start >= 0 && destination >= 0 && start <= source.count &- copied
                && destination <= count &- copied, "bytes out of bounds")
        unsafe withUnsafeMutableBytes { bytes in
            unsafe source.withUnsafeBytes { source in
                guard let to = bytes.baseAddress, let from = source.baseAddress else { return }
                unsafe (to + destination).copyMemory(from: from + start, byteCount: copied)
            }
        }
    }
}
