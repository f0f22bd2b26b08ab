/// 128 bits as two words.
///
/// A `UInt128` that is an argument of an async function and has no register left is passed on the stack, where this
/// compiler (Swift 6.3.1, x86-64) makes caller and callee differ by the alignment of 16 bytes: the callee returns to a
/// wrong address. Two words have no such alignment, so what is kept and passed around is this.
struct Bits128: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ value: UInt128) {
        high = UInt64(truncatingIfNeeded: value >> 64)
        low = UInt64(truncatingIfNeeded: value)
    }

    var value: UInt128 { UInt128(high) << 64 | UInt128(low) }
}
