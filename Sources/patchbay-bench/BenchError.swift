/// What went wrong in the benchmark, in one line with the remedy where there is one.
struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Why a peer has no row: it cannot run here. Not a failure of what is measured.
struct LeftOut: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
