internal import PacketIO
internal import Synchronization

/// What a packet thread is given; all of it outlives the thread.
struct WorkerContext: Sendable {
    let queue: Int
    let table: EngineTable
    let devices: QueueDevices
    let mailbox: Mailbox
    let signals: WorkerSignals
    /// How often to look for packets before sleeping.
    let busyPoll: Int
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
