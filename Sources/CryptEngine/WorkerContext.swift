internal import PacketIO
internal import Synchronization

/// What a packet thread is given; all of it outlives the thread.
struct WorkerContext: Sendable {
    let queue: Int
    let table: EngineTable
    let devices: QueueDevices
    let mailbox: Mailbox
    let signals: WorkerSignals
    /// How long to look for packets before sleeping, in nanoseconds.
    let busyPoll: UInt64
    /// Whether the TAP takes UDP super-packets.
    let joinsUDP: Bool
    /// Whether the sending sockets cut datagrams.
    let cutsInKernel: Bool
}

/// What packet threads leave for the control thread to find.
final class WorkerSignals: Sendable {
    /// A slot whose packets the underlay's device refused as too big, and the packet's bytes: slot << 32 | bytes.
    let underlayTooSmall = Atomic<UInt64>(0)
    /// Whether a device turned out not to cut.
    let cannotCut = Atomic<Bool>(false)
    /// Why a thread did not start.
    let failure = Mutex<String?>(nil)
}

/// Time that a thread spends looking for packets before it sleeps.
struct BusyPoll {
    private let limit: UInt64
    private var since: UInt64 = 0

    init(nanoseconds: UInt64) { limit = nanoseconds }

    /// A packet came.
    @inline(__always)
    mutating func reset() { since = 0 }

    /// Nothing came: whether to look again at once.
    mutating func continues() -> Bool {
        guard limit > 0 else { return false }
        let now = PacketWait.now
        if since == 0 { since = now }
        return now &- since < limit
    }
}
