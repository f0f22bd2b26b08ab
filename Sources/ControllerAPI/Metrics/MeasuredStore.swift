public import DirectoryCore

/// A store that counts how long its transactions take, and passes everything on.
public struct MeasuredStore: DirectoryStore {
    private let store: any DirectoryStore
    private let metrics: ControllerMetrics

    /// Measures a store.
    public init(_ store: any DirectoryStore, _ metrics: ControllerMetrics) {
        self.store = store
        self.metrics = metrics
    }

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryReader) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        let began = ContinuousClock.now
        do throws(DirectoryError) {
            let result = try await store.read(body)
            metrics.transaction(.read, took: ContinuousClock.now - began, failed: false)
            return result
        } catch {
            metrics.transaction(.read, took: ContinuousClock.now - began, failed: error.code == .storage)
            throw error
        }
    }

    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryTransaction) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        let began = ContinuousClock.now
        do throws(DirectoryError) {
            let result = try await store.write(body)
            metrics.transaction(.write, took: ContinuousClock.now - began, failed: false)
            return result
        } catch {
            metrics.transaction(.write, took: ContinuousClock.now - began, failed: error.code == .storage)
            throw error
        }
    }

    public func changes() -> AsyncStream<DirectoryChange> { store.changes() }
}
