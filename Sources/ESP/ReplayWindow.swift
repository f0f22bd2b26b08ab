/// Which sequence numbers were accepted: the highest, and the ``ESPLimits/replayWindow`` behind it, itself included.
///
/// A ring of 64-bit blocks with one more than the window needs, so that a block is cleared when the highest number enters
/// it and bits are never shifted (RFC 6479). The ring is as long as the window and that one block, no power of two, since
/// a remainder by a constant is a multiplication, and there is a window for each association.
///
/// Layout of 528 bytes: highest (8), 65 blocks of 8.
public struct ReplayWindow: BitwiseCopyable, Sendable {
    @usableFromInline var top: UInt64
    @usableFromInline var blocks: InlineArray<65, UInt64>

    @usableFromInline static let size = UInt64(ESPLimits.replayWindow)
    @usableFromInline static let blockCount = UInt64(ESPLimits.replayWindow / 64 + 1)

    /// What a window says of a packet that was not yet authenticated.
    public enum Verdict: Hashable, Sendable {
        /// New, if it is authentic; its whole sequence number.
        case fresh(UInt64)
        /// Accepted before.
        case replay
        /// Behind the window, zero, or beyond the last number that there is.
        case tooOld
    }

    /// Makes a window that accepts the first packet, number 1.
    public init() {
        top = 0
        blocks = .init(repeating: 0)
    }

    /// Makes a window of which everything up to a number has been seen.
    public init(highest: UInt64) {
        top = highest
        blocks = .init(repeating: .max)
        // The bits above the highest number stand for numbers that have not come yet.
        let kept = highest & 63
        blocks[Int(highest / 64 % Self.blockCount)] = kept == 63 ? .max : 1 << (kept &+ 1) &- 1
    }

    /// The highest number accepted; 0 before the first.
    @inlinable public var highest: UInt64 { top }

    /// Looks a packet up by the half of its number that it carries.
    ///
    /// The high half is inferred (RFC 4303, appendix A2.1): within the window or ahead of it. Nothing is changed: only an
    /// authentic packet may do that.
    @inlinable
    public func verdict(low: UInt32) -> Verdict {
        // 1. The high half: a low half below the window's bottom belongs to the next 2^32, one above a bottom that lies
        // before this 2^32 to the one before.
        let lowTop = UInt32(truncatingIfNeeded: top)
        var high = top &>> 32
        let bottom = lowTop &- UInt32(truncatingIfNeeded: Self.size &- 1)
        if UInt64(lowTop) >= Self.size &- 1 {
            if low < bottom {
                guard high < 0xffff_ffff else { return .tooOld }
                high &+= 1
            }
        } else if low >= bottom {
            guard high > 0 else { return .tooOld }
            high &-= 1
        }
        let sequence = high &<< 32 | UInt64(low)

        // 2. The window.
        guard sequence != 0 else { return .tooOld }
        guard sequence <= top else { return .fresh(sequence) }
        guard top &- sequence < Self.size else { return .tooOld }
        let block = blocks[Int(truncatingIfNeeded: sequence / 64 % Self.blockCount)]
        return block &>> (sequence & 63) & 1 == 0 ? .fresh(sequence) : .replay
    }

    /// Accepts the number of an authentic packet, which must have been ``Verdict/fresh(_:)``.
    @inlinable
    public mutating func accept(_ sequence: UInt64) {
        if sequence > top {
            let from = top / 64
            var entered = min(sequence / 64 &- from, Self.blockCount)
            while entered > 0 {
                blocks[Int(truncatingIfNeeded: (from &+ entered) % Self.blockCount)] = 0
                entered &-= 1
            }
            top = sequence
        }
        blocks[Int(truncatingIfNeeded: sequence / 64 % Self.blockCount)] |= 1 &<< (sequence & 63)
    }
}
