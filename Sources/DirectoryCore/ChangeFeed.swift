import Synchronization

/// Hands changes to any number of readers, in order, without ever waiting for one of them.
///
/// Each reader has a bounded queue. When it is full, the queue is emptied and a ``DirectoryChange/resync`` put in
/// it: the reader has to read everything again anyway, and so sees nothing older than what was dropped.
public final class ChangeFeed: Sendable {
    /// How many changes wait for one reader at most.
    public let capacity: Int
    /// The readers by number; protects their queues too.
    private let readers = Mutex<Readers>(Readers())

    private struct Readers {
        var next: UInt64 = 0
        var queues: [UInt64: Queue] = [:]
    }

    private struct Queue {
        var waiting: [DirectoryChange] = []
        var continuation: CheckedContinuation<DirectoryChange?, Never>?
    }

    /// Makes a feed without readers.
    public init(capacity: Int = 4_096) {
        precondition(capacity > 0, "a feed holds at least one change")
        self.capacity = capacity
    }

    /// Hands changes to all readers.
    public func send(_ changes: [DirectoryChange]) {
        guard !changes.isEmpty else { return }
        let woken = readers.withLock { readers in
            var woken: [(CheckedContinuation<DirectoryChange?, Never>, DirectoryChange)] = []
            for id in readers.queues.keys {
                readers.queues[id]?.waiting.append(contentsOf: changes)
                if let count = readers.queues[id]?.waiting.count, count > capacity {
                    readers.queues[id]?.waiting = [.resync]
                }
                if let continuation = readers.queues[id]?.continuation {
                    readers.queues[id]?.continuation = nil
                    if let first = readers.queues[id]?.waiting.removeFirst() { woken.append((continuation, first)) }
                }
            }
            return woken
        }
        for (continuation, change) in woken { continuation.resume(returning: change) }
    }

    /// A new reader, of all that is sent from now on. It ends when its task is cancelled.
    public func changes() -> AsyncStream<DirectoryChange> {
        let id = readers.withLock { readers in
            readers.next += 1
            readers.queues[readers.next] = Queue()
            return readers.next
        }
        let reader = Reader(feed: self, id: id)
        return AsyncStream { await reader.next() }
    }

    /// One stream's hold on its queue; the queue goes when the stream does.
    private final class Reader: Sendable {
        let feed: ChangeFeed
        let id: UInt64

        init(feed: ChangeFeed, id: UInt64) {
            self.feed = feed
            self.id = id
        }

        deinit { feed.remove(id) }

        func next() async -> DirectoryChange? {
            await withTaskCancellationHandler {
                await withCheckedContinuation { feed.wait(id, $0) }
            } onCancel: {
                feed.remove(id)
            }
        }
    }

    private func wait(_ id: UInt64, _ continuation: CheckedContinuation<DirectoryChange?, Never>) {
        let answer: DirectoryChange?? = readers.withLock { readers in
            guard var queue = readers.queues.removeValue(forKey: id) else { return .some(nil) }
            defer { readers.queues[id] = queue }
            guard queue.waiting.isEmpty else { return queue.waiting.removeFirst() }
            queue.continuation = continuation
            return .none
        }
        if let answer { continuation.resume(returning: answer) }
    }

    private func remove(_ id: UInt64) {
        let queue = readers.withLock { $0.queues.removeValue(forKey: id) }
        queue?.continuation?.resume(returning: nil)
    }
}
