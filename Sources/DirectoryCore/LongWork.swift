import Dispatch

/// Work that takes up to seconds, such as that on a document of megabytes.
///
/// It is done on a thread of its own, one piece after the other: on those on which everything else is done, two of them
/// would let leaves wait that only want an answer.
enum LongWork {
    private static let queue = DispatchQueue(label: "patchbay.policy")

    /// Does a piece of work.
    static func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        let result: Result<T, DirectoryError> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(DirectoryError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
