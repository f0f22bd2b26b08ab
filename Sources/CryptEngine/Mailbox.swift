internal import LinuxKit
internal import PacketIO
internal import Synchronization

/// What the control thread tells a packet thread.
enum ThreadCommand {
    case stop
    case start
    case installTransmit(slot: Int)
    case changePath(slot: Int)
    case retireTransmit(slot: Int)
    case installReceive(place: Int)
    case retireReceive(place: Int)

    private enum Code: UInt64 {
        case stop = 1
        case start, installTransmit, changePath, retireTransmit, installReceive, retireReceive
    }

    init?(word: UInt64) {
        let number = Int(word & 0xffff_ffff)
        switch Code(rawValue: word >> 32) {
        case .stop: self = .stop
        case .start: self = .start
        case .installTransmit: self = .installTransmit(slot: number)
        case .changePath: self = .changePath(slot: number)
        case .retireTransmit: self = .retireTransmit(slot: number)
        case .installReceive: self = .installReceive(place: number)
        case .retireReceive: self = .retireReceive(place: number)
        case nil: return nil
        }
    }

    var word: UInt64 {
        switch self {
        case .stop: Code.stop.rawValue << 32
        case .start: Code.start.rawValue << 32
        case .installTransmit(let slot): Code.installTransmit.rawValue << 32 | UInt64(slot)
        case .changePath(let slot): Code.changePath.rawValue << 32 | UInt64(slot)
        case .retireTransmit(let slot): Code.retireTransmit.rawValue << 32 | UInt64(slot)
        case .installReceive(let place): Code.installReceive.rawValue << 32 | UInt64(place)
        case .retireReceive(let place): Code.retireReceive.rawValue << 32 | UInt64(place)
        }
    }
}

/// The one command that a packet thread has to carry out at its next loop boundary.
///
/// The thread owns its ciphers and its entries of the table. At the boundary it holds no packet, so what it overwrites
/// there nobody uses any more; the control thread waits for the answer. Keys are not in a command but staged in the
/// table. One control thread posts, one packet thread answers.
final class Mailbox: Sendable {
    /// The command's word; 0 when there is none.
    private let command = Atomic<UInt64>(0)
    /// Whether the last command failed.
    private let failed = Atomic<Bool>(false)
    /// Wakes the packet thread.
    let wakeUp: WakeUp
    private let answered: WakeUp

    init() throws(SystemCallError) {
        wakeUp = try WakeUp()
        answered = try WakeUp()
    }

    // MARK: The packet thread's side

    /// Whether there is a command: one relaxed load, which is all that a loop pays.
    @inline(__always)
    var hasCommand: Bool { command.load(ordering: .relaxed) != 0 }

    /// The command.
    func take() -> ThreadCommand? {
        wakeUp.clear()
        return ThreadCommand(word: command.load(ordering: .acquiring))
    }

    /// Says that the command is carried out.
    func answer(failed: Bool = false) {
        self.failed.store(failed, ordering: .relaxed)
        command.store(0, ordering: .releasing)
        answered.signal()
    }

    // MARK: The control thread's side

    /// How long a packet thread may take for what is in its hands. A super-packet is some tens of microseconds.
    static let patience: Int32 = 2_000

    /// Says what to do.
    func post(_ next: ThreadCommand) {
        command.store(next.word, ordering: .releasing)
        wakeUp.signal()
    }

    /// Waits until it is done; false when it failed, or was not done in time.
    func waitForAnswer() -> Bool {
        guard answered.wait(milliseconds: Self.patience) else { return false }
        return command.load(ordering: .acquiring) == 0 && !failed.load(ordering: .relaxed)
    }
}
