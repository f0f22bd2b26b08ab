internal import CPacketIO
internal import Glibc
public import LinuxKit

/// A user and group by which a process can run.
public struct SystemUser: Hashable, Sendable {
    /// The user's number.
    public let user: UInt32
    /// The user's group.
    public let group: UInt32

    /// Looks a name up; an unknown one is ENOENT.
    public init(named name: String) throws(SystemCallError) {
        var user: uid_t = 0
        var group: gid_t = 0
        try checked(unsafe pio_user(name, &user, &group), "getpwnam", "user '\(name)'")
        self.user = user
        self.group = group
    }

    /// The user that this process runs as.
    public static var current: UInt32 { geteuid() }
}

/// What this process gives up.
public enum Confinement {
    /// Becomes another user (nil: stays this one), without capabilities, without a way back to any, without core dumps,
    /// and closed to tracing by the same user.
    ///
    /// Everything that needs a privilege is open before, and no second thread exists yet: capabilities belong to
    /// threads.
    public static func enter(as user: SystemUser?) throws(SystemCallError) {
        try checked(
            pio_confine(user.map { Int64($0.user) } ?? -1, user?.group ?? 0), "prctl", "giving up privileges")
    }

    /// Lets this process lock so many bytes in memory also when it has no privilege any more (RLIMIT_MEMLOCK), or as many
    /// as the limit can be raised to.
    public static func allowLockedMemory(byteCount: Int) throws(SystemCallError) {
        try checked(pio_allow_locked(byteCount), "setrlimit", "RLIMIT_MEMLOCK of \(byteCount) bytes")
    }

    /// A descriptor that can be read once SIGTERM or SIGINT came, which then no longer end the process.
    public static func terminationSignals() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(try checked(pio_signals(), "signalfd", "signals"))
    }

    /// Bytes of the heap in use, for tests of what allocates.
    public static var heapInUse: Int { Int(pio_heap_in_use()) }
}
