internal import CryptProtocol
internal import ESP

/// Why the engine itself drops a packet, beside what ``ESP/ESPDrop`` names.
enum EngineDrop: Int, CaseIterable {
    /// A frame that is not addressed to a slot with a group.
    case noWire = 0
    /// The underlay's device takes no packet of the path's MTU.
    case underlayTooSmall
    /// The kernel did not send.
    case sendFailed
    /// The kernel did not take the frame: the TAP is down.
    case deliverFailed
    /// The kernel did not give what it had received.
    case receiveFailed
    /// Too big, and no answer may be given, or too many were given just now.
    case unanswered
    /// Not a loss: cut into inner fragments.
    case fragmented
    /// Not a loss: answered with "too big".
    case answered

    /// The name under which it is reported; nil for what is no loss.
    var name: String? {
        switch self {
        case .noWire: "no-wire"
        case .underlayTooSmall: "underlay-too-small"
        case .sendFailed: "send-failed"
        case .deliverFailed: "deliver-failed"
        case .receiveFailed: "receive-failed"
        case .unanswered: "too-big-unanswered"
        case .fragmented: nil
        case .answered: nil
        }
    }
}

/// One packet thread's counters of drops, in the table. Written by the thread when it has nothing else to do, read by the
/// control thread. The filter's row is the control thread's.
struct DropRow: BitwiseCopyable {
    /// By the raw values of ``ESP/ESPDrop``.
    var esp: InlineArray<16, UInt64> = .init(repeating: 0)
    /// By the raw values of ``EngineDrop``.
    var own: InlineArray<8, UInt64> = .init(repeating: 0)

    static let ownOffset = 16 * MemoryLayout<UInt64>.stride

    /// What a former engine counted, and what this one did.
    mutating func set(_ base: DropRow, plus row: InlineArray<8, UInt64>, _ drops: ESPDropCounters) {
        for index in esp.indices {
            guard let drop = ESPDrop(rawValue: UInt8(truncatingIfNeeded: index)) else { return }
            esp[index] = base.esp[index] &+ drops[drop]
        }
        for index in own.indices { own[index] = base.own[index] &+ row[index] }
    }
}

extension EngineTable {
    /// All threads' drops together.
    func dropCounts() -> [DropCount] {
        var counts: [DropCount] = []
        for direction in [Direction.transmit, .receive] {
            // What the filter dropped was received.
            let rows = direction == .transmit ? 0..<TableLayout.queues : TableLayout.queues..<TableLayout.dropRows
            func sum(_ offset: Int) -> UInt64 {
                rows.reduce(0) { $0 &+ drops.counter(at: $1, offset: offset) }
            }
            func own(_ drop: EngineDrop) -> UInt64 { sum(DropRow.ownOffset + drop.rawValue * 8) }
            for drop in ESPDrop.allCases {
                var count = sum(Int(drop.rawValue) * 8)
                // What was cut is no loss, and what got no answer is counted by itself.
                if drop == .tooBig { count &-= min(count, own(.fragmented) &+ own(.unanswered)) }
                if count > 0 { counts.append(DropCount(direction: direction, reason: drop.description, count: count)) }
            }
            for drop in EngineDrop.allCases {
                guard let name = drop.name, own(drop) > 0 else { continue }
                counts.append(DropCount(direction: direction, reason: name, count: own(drop)))
            }
        }
        return counts
    }
}
