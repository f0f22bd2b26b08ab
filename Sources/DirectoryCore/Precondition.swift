import Synchronization

/// That nothing has been written since somebody looked: what If-Match rests on. It holds for the first transaction of an
/// operation; those that follow belong to the same change.
public final class Precondition: Sendable {
    private let expected: Mutex<UInt64?>

    /// Takes the number of ``Directory/writes`` at which was looked.
    public init(_ writes: UInt64) { expected = Mutex(writes) }

    /// The one of the operation that is being done now.
    @TaskLocal public static var current: Precondition?

    /// Inside of a transaction, that is, while nobody else writes.
    func check(_ writes: UInt64) throws(DirectoryError) {
        let holds = expected.withLock { expected in
            guard let wanted = expected else { return true }
            guard wanted == writes else { return false }
            expected = nil
            return true
        }
        guard holds else {
            throw DirectoryError(.changedMeanwhile, "Something has changed meanwhile.", remedy: "Try again.")
        }
    }
}
