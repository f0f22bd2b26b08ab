internal import CLinux
internal import Glibc

/// A file that is replaced whole: a crash at any moment leaves the former content or the new one.
public enum AtomicFile {
    /// Writes bytes beside the file, forces them to the disk, and renames them into its place.
    ///
    /// - Parameter mode: the permissions that the file has from its first moment on.
    public static func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(SystemCallError) {
        let temporary = path + ".new"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", code: errno, context: temporary) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw SystemCallError(call: "write", code: errno, context: temporary) }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0 else { throw SystemCallError(call: "fsync", code: errno, context: temporary) }
        guard unsafe rename(temporary, path) == 0 else {
            throw SystemCallError(call: "rename", code: errno, context: path)
        }
    }
    /// Removes a file for good: it is not there again after a loss of power either.
    public static func remove(_ path: String) throws(SystemCallError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw SystemCallError(call: "unlink", code: errno, context: path)
        }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(parent.isEmpty ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", code: errno, context: parent) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemCallError(call: "fsync", code: errno, context: parent) }
    }
}
