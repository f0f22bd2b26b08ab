import Dispatch
import Synchronization

/// Waits for asynchronous work on a thread that is not the concurrency runtime's.
enum Blocking {
    static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let box = Box<Value>()
        Task.detached {
            do { box.result.withLock { [value = try await body()] in $0 = .success(value) } } catch {
                box.result.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        done.wait()
        guard let result = box.result.withLock({ $0 }) else { throw BenchError("the work ended without a result") }
        return try result.get()
    }

    /// Hands the result from the task to the thread that waits.
    private final class Box<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }
}
