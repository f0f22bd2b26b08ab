import Foundation

/// The files of a data directory: written as a whole, readable by their owner alone.
struct PlatformFiles {
    let directory: String

    static let root = "root.pem"
    static let operatorToken = "operator.token"
    static let keys = "keys"
    static let store = "directory.sqlite"

    func path(_ name: String) -> String { directory + "/" + name }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Makes the directory with mode 0700, or takes an empty one. Says whether it was made here.
    func make() throws(DirectoryError) -> Bool {
        let manager = FileManager.default
        guard manager.fileExists(atPath: directory) else {
            do {
                try manager.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch { throw failure("make", directory, error) }
            return true
        }
        let present: [String]
        do { present = try manager.contentsOfDirectory(atPath: directory) } catch {
            throw failure("list", directory, error)
        }
        guard present.isEmpty else {
            let found = [Self.root, Self.operatorToken, Self.keys, Self.store].filter(present.contains)
            throw DirectoryError(
                .conflict,
                found.isEmpty
                    ? "\(directory) is not empty." : "\(directory) holds a platform already (\(list(found))).",
                remedy: found.isEmpty
                    ? "Name an empty or a new directory."
                    : "Run the controller on it, or name another directory. It was not touched.")
        }
        do { try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory) } catch {
            throw failure("set the mode of", directory, error)
        }
        return false
    }

    /// Takes back everything, after a failure before anyone could have used it.
    func remove(wasMade: Bool) {
        let manager = FileManager.default
        if wasMade {
            try? manager.removeItem(atPath: directory)
        } else {
            for name in [Self.root, Self.operatorToken, Self.keys] { try? manager.removeItem(atPath: path(name)) }
        }
    }

    /// Writes a file under another name with its mode, synchronises and renames it.
    func write(_ text: String, _ name: String, mode: Int) throws(DirectoryError) {
        let draft = path(".\(name).new")
        let manager = FileManager.default
        do {
            try? manager.removeItem(atPath: draft)
            guard manager.createFile(atPath: draft, contents: nil, attributes: [.posixPermissions: mode]) else {
                throw CocoaError(.fileWriteNoPermission)
            }
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: draft))
            try file.write(contentsOf: Data(text.utf8))
            try file.synchronize()
            try file.close()
            try manager.moveItem(atPath: draft, toPath: path(name))
        } catch {
            try? manager.removeItem(atPath: draft)
            throw failure("write", path(name), error)
        }
    }

    /// Reads a file of at most 64 KiB.
    func read(_ name: String) throws(DirectoryError) -> String {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path(name)))
            defer { try? file.close() }
            return String(decoding: try file.read(upToCount: 1 << 16) ?? Data(), as: UTF8.self)
        } catch { throw failure("read", path(name), error) }
    }

    /// Refuses a path that others than the owner may use.
    func checkPrivate(_ path: String) throws(DirectoryError) {
        let mode: Int
        do {
            mode =
                (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
                ?? 0o777
        } catch { throw failure("look at", path, error) }
        guard mode & 0o077 == 0 else {
            throw DirectoryError(
                .forbidden, "\(path) has mode \(String(mode & 0o7777, radix: 8)), so that others may use it.",
                remedy: "Find out who had access, then run: chmod go-rwx \(path)")
        }
    }

    private func failure(_ what: String, _ path: String, _ error: any Error) -> DirectoryError {
        let cocoa = error as NSError
        let reason = (cocoa.userInfo[NSUnderlyingErrorKey] as? NSError) ?? cocoa
        return DirectoryError(.storage, "Cannot \(what) \(path): \(reason.localizedDescription)")
    }
}
