internal import CLinux

/// What becomes of the heap's memory that nobody uses any more.
public enum FreedMemory {
    /// Has every block overwritten when it is freed, by whatever library: a secret that passed through buffers of TLS,
    /// HTTP/2 or protobuf does not stay behind in them. It costs a write of each block, so it is not for a process whose
    /// packet path allocates.
    public static func overwrite() throws(SystemCallError) {
        try SystemCallError.check(pb_overwrite_freed(), "mallopt", "overwriting freed memory")
    }

    /// Starts this program once more, as the same process, with a heap whose threads keep nothing for themselves.
    ///
    /// What glibc keeps for the next use by the same thread is not overwritten, M_PERTURB or not, and only its tunables
    /// switch that off, which are read when a program starts. To be called before anything else; it returns in the program
    /// that has them already.
    public static func restartWithoutThreadCaches() throws(SystemCallError) {
        var environment = ChildProcess.currentEnvironment()
        let name = "GLIBC_TUNABLES="
        let place = environment.firstIndex { $0.hasPrefix(name) }
        let former = place.map { environment[$0].dropFirst(name.count) } ?? ""
        if former.contains("glibc.malloc.tcache_count=") { return }
        if let place { environment.remove(at: place) }
        environment.append(name + (former.isEmpty ? "" : former + ":") + "glibc.malloc.tcache_count=0")
        try ChildProcess.replaceSelf(with: CommandLine.arguments, environment: environment)
    }
}
