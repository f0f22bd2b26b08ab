internal import CLinux

/// What becomes of the heap's memory that nobody uses any more.
public enum FreedMemory {
    /// Has every block overwritten when it is freed, by whatever library: a secret that passed through buffers of TLS,
    /// HTTP/2 or protobuf does not stay behind in them. It costs a write of each block, so it is not for a process whose
    /// packet path allocates.
    public static func overwrite() throws(SystemCallError) {
        try SystemCallError.check(pb_overwrite_freed(), "mallopt", "overwriting freed memory")
    }

    /// Whether the program's file has a set-id bit or capabilities that gave this process privileges: glibc takes its
    /// tunables out of the environment then (AT_SECURE of getauxval(3)), so that they cannot be chosen.
    public static var cannotBeChosen: Bool { pb_is_secure_execution() }

    /// Starts this program once more, as the same process, with a heap whose threads keep nothing for themselves.
    ///
    /// What glibc keeps for the next use by the same thread is not overwritten, M_PERTURB or not, and only its tunables
    /// switch that off, which are read when a program starts. To be called before anything else; it returns in the program
    /// that has them already. Where ``cannotBeChosen`` is true it must not be called, as it would start itself for ever.
    ///
    /// It is for the main thread: where another one calls execve, the process looks like a zombie until that thread has
    /// taken the main one's place, and who watches it may believe that it has ended.
    ///
    /// - Parameter program: the path of this program's file; the name that it was called by may be no path.
    public static func restartWithoutThreadCaches(program: String) throws(SystemCallError) {
        precondition(pb_is_main_thread(), "the heap can be chosen by the main thread only")
        precondition(!cannotBeChosen, "the heap cannot be chosen")
        let name = "GLIBC_TUNABLES=", off = "glibc.malloc.tcache_count=0"
        var environment = ChildProcess.currentEnvironment()
        var tunables = environment.first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: ":") ?? []
        if tunables.contains(Substring(off)) { return }
        tunables.removeAll { $0.hasPrefix("glibc.malloc.tcache_count=") }
        tunables.append(Substring(off))
        environment.removeAll { $0.hasPrefix(name) }
        environment.append(name + tunables.joined(separator: ":"))
        try ChildProcess.replaceSelf(with: [program] + CommandLine.arguments.dropFirst(), environment: environment)
    }
}
