internal import CLinux

/// What becomes of the heap's memory that nobody uses any more.
public enum FreedMemory {
    /// Has every block overwritten when it is freed, by whatever library: a secret that passed through buffers of TLS,
    /// HTTP/2 or protobuf does not stay behind in them. It costs a write of each block, so it is not for a process whose
    /// packet path allocates.
    public static func overwrite() throws(SystemCallError) {
        try SystemCallError.check(pb_overwrite_freed(), "mallopt", "overwriting freed memory")
    }
}
