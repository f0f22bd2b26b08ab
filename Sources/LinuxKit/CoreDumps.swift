internal import CLinux

/// What the kernel writes of a process that crashes.
public enum CoreDumps {
    /// Has it write nothing of this process from now on: there are keys in its memory. Processes that it starts may be
    /// dumped again, unless their limit of core files, which they inherit, forbids it.
    public static func forbid() throws(SystemCallError) {
        try SystemCallError.check(pb_forbid_dumps(), "prctl", "core dumps")
    }
}
