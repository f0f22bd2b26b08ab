internal import CLinux
internal import Glibc

/// What started this program, if that wants to know how it is: systemd, of a unit with `Type=notify` (sd_notify(3)).
public enum ServiceManager {
    /// Says that the program has begun its work. Nothing happens where nobody asked to be told.
    ///
    /// - Throws: When the socket in `NOTIFY_SOCKET` takes no message.
    public static func ready() throws(SystemCallError) {
        guard let name = unsafe getenv("NOTIFY_SOCKET") else { return }
        let path = unsafe String(cString: name)
        guard !path.isEmpty else { return }
        try unsafe SystemCallError.check(cl_notify(path, "READY=1"), "sendto", "NOTIFY_SOCKET \(path)")
    }
}
