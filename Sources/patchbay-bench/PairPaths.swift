/// The paths of a run, made when a case first needs one.
final class PairPaths {
    /// A path that could not be made is not tried again: each of its cases says why.
    private var paths: [PathKind: Result<PairPath, any Error>] = [:]

    func path(_ kind: PathKind) throws -> PairPath {
        let path = paths[kind] ?? Result { try PairPath(kind) }
        paths[kind] = path
        return try path.get()
    }

    func close() {
        for path in paths.values { try? path.get().close() }
        paths = [:]
    }
}
