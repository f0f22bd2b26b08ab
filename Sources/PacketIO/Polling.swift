internal import CPacketIO
internal import Glibc

/// Waiting of a control thread for any number of descriptors.
public struct Polling: Sendable {
    private var entries: [pollfd] = []

    /// Waits for nothing yet.
    public init() {}

    /// Forgets all descriptors.
    public mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    /// Adds a descriptor that is to be read; gives its place.
    public mutating func add(_ number: Int32) -> Int {
        entries.append(pollfd(fd: number, events: Int16(POLLIN), revents: 0))
        return entries.count - 1
    }

    /// Waits; false when nothing came in time.
    public mutating func wait(milliseconds: Int32) -> Bool {
        unsafe poll(&entries, nfds_t(entries.count), milliseconds) > 0
    }

    /// Whether the descriptor at a place can be read, or has ended.
    public func isReady(_ place: Int) -> Bool { entries[place].revents != 0 }
}
