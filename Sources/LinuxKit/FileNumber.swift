internal import Glibc

/// What tells files apart whatever they are called: device and inode.
public struct FileNumber: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt

    /// The file at a path, or behind a link; nil when it cannot be seen.
    public init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        inode = status.st_ino
    }
}
