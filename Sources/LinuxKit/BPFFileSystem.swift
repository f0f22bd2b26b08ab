internal import CLinux
internal import Glibc

/// The file system in which BPF maps, programs and links are pinned.
public enum BPFFileSystem {
    /// Mounts one at the directory, which is created, unless it lies on one already.
    ///
    /// `ip netns exec` hides /sys/fs/bpf, so a leaf has its own elsewhere, such as /run/patchbay/bpf.
    public static func ensureMounted(at directory: String) throws(SystemCallError) {
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/\(part)"
            try SystemCallError.check(unsafe cl_create_directory(path, 0o755), "mkdir", path)
        }
        let found = try SystemCallError.check(unsafe cl_is_bpf_filesystem(path), "statfs", path)
        if found == 1 { return }
        try SystemCallError.check(unsafe cl_mount_bpf(path), "mount", "BPF file system at \(path)")
    }

    /// Unmounts the one at the directory, with everything pinned in it, and removes the directory; none is fine.
    public static func unmount(at directory: String) throws(SystemCallError) {
        guard isMounted(at: directory) else { return }
        try SystemCallError.check(unsafe cl_unmount(directory), "umount", "BPF file system at \(directory)")
        _ = unsafe cl_remove_directory(directory)
    }

    /// Whether the directory lies on a BPF file system.
    public static func isMounted(at directory: String) -> Bool { unsafe cl_is_bpf_filesystem(directory) == 1 }
}

/// What this process may do to the kernel.
public enum Capabilities {
    /// Names what a leaf is missing, in one line with the remedy; nil when nothing is.
    public static func missing() -> String? {
        let mask = cl_effective_capabilities()
        guard mask >= 0 else { return "the capabilities of this process cannot be read; run as root" }
        // linux/capability.h
        let needed: [(String, Int64)] = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_SYS_ADMIN", 21)]
        let absent = needed.filter { mask >> $0.1 & 1 == 0 }.map(\.0)
        guard !absent.isEmpty else { return nil }
        return "missing \(absent.joined(separator: ", ")); run as root, or grant them to the process"
    }
}
