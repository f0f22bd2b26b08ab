internal import CPacketIO
internal import Glibc
public import LinuxKit

/// A counter in the kernel by which one thread wakes another that waits (eventfd).
public final class WakeUp: Sendable {
    private let descriptor: OwnedDescriptor

    /// Makes one that is not set.
    public init() throws(SystemCallError) {
        descriptor = OwnedDescriptor(try checked(pio_wake_open(), "eventfd", "wake-up"))
    }

    /// Wakes whoever waits, or the next to wait.
    public func signal() {
        var one: UInt64 = 1
        _ = unsafe pio_write(number, &one, 8)
    }

    /// Forgets the signals so far.
    public func clear() {
        var count: UInt64 = 0
        _ = unsafe pio_read(number, &count, 8)
    }

    /// Waits for a signal and forgets it; false when none came in time.
    public func wait(milliseconds: Int32) -> Bool {
        guard pio_wait(number, -1, -1, milliseconds) > 0 else { return false }
        clear()
        return true
    }

    var number: Int32 { descriptor.number }
}

/// Waiting of packet threads, which costs one call and no allocation.
public enum PacketWait {
    /// Waits until the queue has a frame or the wake-up is signalled.
    public static func forFrame(on tap: TapPort, or wakeUp: WakeUp) {
        _ = pio_wait(tap.number, -1, wakeUp.number, -1)
    }

    /// Waits until one of two sockets has a datagram or the wake-up is signalled.
    public static func forDatagram(on first: DatagramPort, _ second: DatagramPort, or wakeUp: WakeUp) {
        _ = pio_wait(first.number, second.number, wakeUp.number, -1)
    }

    /// Lets another thread that can run have the processor (sched_yield).
    public static func giveWay() { _ = sched_yield() }

    /// Nanoseconds of the monotonic clock.
    public static var now: UInt64 { pio_monotonic() }
}
