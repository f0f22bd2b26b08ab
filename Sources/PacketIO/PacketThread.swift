internal import CPacketIO
internal import Glibc
public import LinuxKit

/// A thread of its own, outside of Swift's pool, whose body may block.
public struct PacketThread: ~Copyable, @unchecked Sendable {  // pthread_t is a number to pthread_join
    private let thread: pthread_t

    /// Starts a thread; the name, at most 15 bytes, shows in `ps` and `perf`.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let context = unsafe Unmanaged.passRetained(Body(name, body))
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                }
                return nil
            }, context.toOpaque())
        guard failed == 0 else {
            unsafe context.release()
            throw SystemCallError(call: "pthread_create", code: failed, context: "thread \(name)")
        }
        self.thread = thread
    }

    /// Waits for its end.
    public consuming func join() {
        pthread_join(thread, nil)
        discard self
    }

    /// Lets it run on by itself.
    deinit { pthread_detach(thread) }

    private final class Body: Sendable {
        private let name: String
        private let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            _ = unsafe pio_thread_name(name)
            // When it is woken, whoever gave it a packet goes on and gives it more: larger batches and fewer changes of
            // threads. On a processor that is free it runs at once all the same.
            _ = pio_thread_batch()
            body()
        }
    }
}
