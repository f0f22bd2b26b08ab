internal import PacketIO

/// How often a packet thread looks for packets before it sleeps.
///
/// To be woken costs a thread, and whoever wakes it, more than to open a packet. So a thread that has nothing looks
/// again, and lets others have the processor between two looks. What is bounded is the number of looks, which is the
/// thread's own time: what passes while others run costs nothing.
///
/// How many looks pay is learnt from how long the thread was idle when something came: after a short while more of them,
/// after a long one fewer. Beside threads that use up whole turns it sleeps at once: having given way it would have to
/// wait for its own turn, while a thread that is woken soon has one.
struct BusyPoll {
    /// The most looks; 0 never looks.
    private let limit: Int
    /// The looks that seem to pay at present: 0, or ``first`` to the limit.
    private(set) var window = 0
    private var looks = 0
    /// When the last packet was done, in nanoseconds; 0 while there are packets.
    private var idleSince: UInt64 = 0
    /// Until when it sleeps at once, since others use up whole turns.
    private var quietUntil: UInt64 = 0

    /// The fewest looks that are worth beginning.
    static let first = 4
    /// An idle time after which looking seems to pay, in nanoseconds: more than a round trip in which every thread is
    /// woken, so that threads that wait for each other begin to look at the same time.
    static let shortIdle: UInt64 = 150_000
    /// A turn of others after which they seem to use up whole turns: the scheduler's are 3 ms.
    static let longTurn: UInt64 = 1_000_000
    /// How long the thread sleeps at once after one.
    static let quiet: UInt64 = 200_000_000

    /// Makes the rule for a thread.
    ///
    /// - Parameter looks: The most looks before it sleeps.
    init(looks: Int) { limit = looks }

    /// A packet came.
    @inline(__always)
    mutating func packetCame() { idleSince = 0 }

    /// Nothing is there: whether to look again at once, after others had the processor.
    mutating func looksAgain() -> Bool {
        guard limit > 0 else { return false }
        let now = PacketWait.now
        guard looksAgain(at: now) else { return false }
        PacketWait.giveWay()
        gaveWay(from: now, to: PacketWait.now)
        return true
    }

    /// The thread slept, and something woke it.
    mutating func woke() {
        if limit > 0 { woke(at: PacketWait.now) }
    }

    // MARK: The rule, with the time given

    mutating func looksAgain(at now: UInt64) -> Bool {
        if idleSince == 0 {
            idleSince = now
            looks = 0
        }
        guard looks < window, now >= quietUntil else { return false }
        looks &+= 1
        return true
    }

    mutating func gaveWay(from start: UInt64, to end: UInt64) {
        if end &- start > Self.longTurn { quietUntil = end &+ Self.quiet }
    }

    mutating func woke(at now: UInt64) {
        let isShort = now &- idleSince < Self.shortIdle
        idleSince = 0
        let half = window / 2
        window = isShort ? min(max(window &* 2, Self.first), limit) : half < Self.first ? 0 : half
    }
}
