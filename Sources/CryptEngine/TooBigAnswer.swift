internal import ESP
internal import PacketFormats

/// The frame that tells a sender of a packet too big for the path; nil where none may be given.
///
/// It leaves towards the source of a transmit slot: destination address 02:51 and the slot.
///
/// - Parameters:
///   - frame: virtio_net_hdr, Ethernet header, packet.
///   - mtu: The largest packet that would have passed.
func tooBigAnswer(to frame: Span<UInt8>, slot: UInt32, mtu: Int) -> [UInt8]? {
    // More than the longest quote is not needed.
    let quoted = min(frame.count, ESPLimits.packetOffset + 1_280)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(quoted)
    for index in ESPLimits.vnetHeaderByteCount..<quoted { bytes.append(frame[index]) }
    guard let answer = TooBig(refusing: bytes, mtu: mtu) else { return nil }
    var result = [UInt8](repeating: 0, count: ESPLimits.vnetHeaderByteCount) + answer.frame
    let addresses: [UInt8] = [
        0x02, 0x51, UInt8(truncatingIfNeeded: slot >> 24), UInt8(truncatingIfNeeded: slot >> 16),
        UInt8(truncatingIfNeeded: slot >> 8), UInt8(truncatingIfNeeded: slot), 0x02, 0x50, 0, 0, 0, 0,
    ]
    result.replaceSubrange(ESPLimits.vnetHeaderByteCount..<ESPLimits.vnetHeaderByteCount + 12, with: addresses)
    return result
}

/// How many answers a thread may give: a hundred at once, and a hundred a second (RFC 4443, section 2.4 f).
struct AnswerBudget {
    private static let most: UInt64 = 100
    private static let interval: UInt64 = 1_000_000_000 / most
    private var tokens = most
    private var last: UInt64 = 0

    /// Takes one; false when there is none. `now` is in nanoseconds.
    mutating func take(at now: UInt64) -> Bool {
        let new = (now &- last) / Self.interval
        if new > 0 {
            tokens = min(Self.most, tokens &+ min(new, Self.most))
            last = now
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
