extension Span<UInt8> {
    /// The ones' complement sum of 16-bit words (RFC 1071) of some bytes, not complemented, 0 to 65,535.
    ///
    /// The words are taken in the machine's own order: the sum comes out with its two bytes swapped in the same way, so
    /// it may be stored as it was loaded (RFC 1071, section 2). An odd last byte counts with a zero after it.
    @inlinable
    public func internetSum(from start: Int, count summed: Int) -> UInt16 {
        precondition(start >= 0 && summed >= 0 && start <= count &- summed, "bytes out of bounds")
        return unsafe withUnsafeBytes { bytes in
            var offset = start
            let end = start &+ summed
            // 64-bit lanes that take 32-bit words cannot overflow below 2^32 of them. Two accumulators hide the
            // latency of the addition.
            var first = SIMD4<UInt64>.zero
            var second = SIMD4<UInt64>.zero
            let mask = SIMD4<UInt64>(repeating: 0xffff_ffff)
            while offset &+ 64 <= end {
                let a = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
                let b = unsafe bytes.loadUnaligned(fromByteOffset: offset &+ 32, as: SIMD4<UInt64>.self)
                first &+= (a & mask) &+ (a &>> 32)
                second &+= (b & mask) &+ (b &>> 32)
                offset &+= 64
            }
            var sum = (first &+ second).wrappedSum()
            while offset &+ 4 <= end {
                sum &+= UInt64(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                offset &+= 4
            }
            if offset &+ 2 <= end {
                sum &+= UInt64(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                offset &+= 2
            }
            if offset < end {
                sum &+= UInt64(UInt16(littleEndian: UInt16(unsafe bytes[offset])))
            }
            return foldInternetSum(sum)
        }
    }
}

extension MutableSpan<UInt8> {
    /// See ``Swift/Span/internetSum(from:count:)``.
    @inlinable @inline(__always)
    public func internetSum(from start: Int, count summed: Int) -> UInt16 {
        span.internetSum(from: start, count: summed)
    }
}

/// Folds a sum of 16-bit words into one, 0 to 65,535; only a sum of zero folds to zero.
@inlinable @inline(__always)
public func foldInternetSum(_ sum: UInt64) -> UInt16 {
    var folded = (sum & 0xffff_ffff) &+ (sum &>> 32)
    folded = (folded & 0xffff) &+ (folded &>> 16)
    folded = (folded & 0xffff) &+ (folded &>> 16)
    folded = (folded & 0xffff) &+ (folded &>> 16)
    return UInt16(truncatingIfNeeded: folded)
}
