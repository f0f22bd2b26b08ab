import Foundation
import Synchronization

/// A key store of files: one PEM file of mode 0600 a key, in a directory of mode 0700.
///
/// Files and directories that others than the owner may read or write are refused, as are links. One process at a time
/// owns a directory.
///
/// A crash at any moment leaves the old key or the new one, whole. Foundation cannot rename over an existing file here
/// (on Linux `replaceItemAt` renames the wrong way round and loses one of the two, and an atomic write leaves mode
/// 0644), so a key that replaces another waits as `NAME.pem.next` for the moment in which `NAME.pem` is away; whoever
/// finds no `NAME.pem` takes the one that waits.
public struct FileKeyStore: KeyStore {
    /// The directory's path.
    public let directory: String

    // Keeps writers of this process apart; a reader needs no lock, it looks again.
    private static let writing = Mutex(())

    /// Opens a directory, which is made if it is missing.
    public init(directory: String) throws(KeyStoreError) {
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw .failed(operation: "make the directory", path: directory, reason: error.reason) }
        _ = try checkDirectory()
    }

    public func load(_ name: String) throws(KeyStoreError) -> SigningKey? {
        let files = try Files(name, in: directory)
        let owner = try checkDirectory()
        // The last look is for a writer who finished between the first two.
        for path in [files.key, files.next, files.key] {
            if let key = try read(path, owner: owner) { return key }
        }
        return nil
    }

    public func store(_ key: SigningKey, as name: String) throws(KeyStoreError) {
        let files = try Files(name, in: directory)
        try Self.writing.withLock { (_) throws(KeyStoreError) in try replace(files, with: key) }
    }

    public func delete(_ name: String) throws(KeyStoreError) {
        let files = try Files(name, in: directory)
        try Self.writing.withLock { (_) throws(KeyStoreError) in
            let owner = try checkDirectory()
            // The one that waits goes first: what is left alone must never be an older key.
            for path in [files.draft, files.next, files.key] { try remove(path, owner: owner) }
            try synchronizeDirectory()
        }
    }

    private func replace(_ files: Files, with key: SigningKey) throws(KeyStoreError) {
        let manager = FileManager.default
        let owner = try checkDirectory()
        // 1. Take up what a crash has left: a key that waits alone is the key, beside another it never was.
        try remove(files.draft, owner: owner)
        var old = try attributes(of: files.key)
        if let old {
            // A link or a directory in the file's place is somebody's mistake, not to be replaced.
            try check(old, path: files.key, type: .typeRegular, owner: owner)
            try remove(files.next, owner: owner)
        } else if try read(files.next, owner: owner) != nil {
            try move(files.next, to: files.key)
            old = try attributes(of: files.key)
        }
        // 2. An empty file that only the owner can read, and only then the key in it, on the disk.
        guard manager.createFile(atPath: files.draft, contents: Data(), attributes: [.posixPermissions: 0o600]),
            let made = try attributes(of: files.draft)
        else {
            throw .failed(operation: "make", path: files.draft, reason: "the directory is not writable, or full")
        }
        try check(made, path: files.draft, type: .typeRegular, owner: owner)
        do {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: files.draft))
            try file.write(contentsOf: Data(key.pem.utf8))
            try file.synchronize()
            try file.close()
        } catch { throw .failed(operation: "write", path: files.draft, reason: error.reason) }
        // 3. The name. With nothing to replace it is one step, else the new key waits while the old one goes.
        if old == nil {
            try move(files.draft, to: files.key)
        } else {
            try move(files.draft, to: files.next)
            try synchronizeDirectory()
            try remove(files.key, owner: owner)
            try move(files.next, to: files.key)
        }
        try synchronizeDirectory()
    }

    public func names() throws(KeyStoreError) -> [String] {
        _ = try checkDirectory()
        let files: [String]
        do { files = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
            throw .failed(operation: "list", path: directory, reason: error.reason)
        }
        let found = files.compactMap { file -> String? in
            guard let suffix = [Files.suffix, Files.suffix + Files.waiting].first(where: file.hasSuffix) else {
                return nil
            }
            return String(file.dropLast(suffix.count))
        }
        return Set(found.filter(Files.isName)).sorted()
    }

    // MARK: Names

    /// The files of one key.
    private struct Files {
        /// The key.
        let key: String
        /// A key that is to replace it.
        let next: String
        /// A key that is being written.
        let draft: String

        static let suffix = ".pem"
        static let waiting = ".next"

        init(_ name: String, in directory: String) throws(KeyStoreError) {
            guard Self.isName(name) else { throw .badName(String(name.prefix(140))) }
            key = "\(directory)/\(name)\(Self.suffix)"
            next = key + Self.waiting
            draft = "\(directory)/.\(name).new"
        }

        static func isName(_ name: String) -> Bool {
            func isAlphanumeric(_ c: UInt8) -> Bool { (0x61...0x7a).contains(c) || (0x30...0x39).contains(c) }
            guard (1...128).contains(name.utf8.count), let first = name.utf8.first, isAlphanumeric(first) else {
                return false
            }
            return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e }
        }
    }

    // MARK: Steps

    private func read(_ path: String, owner: NSNumber?) throws(KeyStoreError) -> SigningKey? {
        guard let attributes = try attributes(of: path) else { return nil }
        try check(attributes, path: path, type: .typeRegular, owner: owner)
        guard let size = attributes[.size] as? NSNumber, size.intValue <= TrustLimits.keyFileBytes else {
            throw .damaged(path: path)
        }
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            if (error as? CocoaError)?.code == .fileReadNoSuchFile { return nil }
            throw .failed(operation: "read", path: path, reason: error.reason)
        }
        guard let pem = String(validating: data, as: UTF8.self), let key = try? SigningKey(pem: pem) else {
            throw .damaged(path: path)
        }
        return key
    }

    private func move(_ from: String, to path: String) throws(KeyStoreError) {
        do { try FileManager.default.moveItem(atPath: from, toPath: path) } catch {
            throw .failed(operation: "write", path: path, reason: error.reason)
        }
    }

    private func remove(_ path: String, owner: NSNumber?) throws(KeyStoreError) {
        guard let attributes = try attributes(of: path) else { return }
        try check(attributes, path: path, type: .typeRegular, owner: owner)
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw .failed(operation: "delete", path: path, reason: error.reason)
        }
    }

    private func synchronizeDirectory() throws(KeyStoreError) {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory))
            try handle.synchronize()
            try handle.close()
        } catch { throw .failed(operation: "write", path: directory, reason: error.reason) }
    }

    // MARK: Attributes

    private typealias Attributes = [FileAttributeKey: Any]

    /// The attributes of a path itself, not of what it links to; nil if nothing is there.
    private func attributes(of path: String) throws(KeyStoreError) -> Attributes? {
        do { return try FileManager.default.attributesOfItem(atPath: path) } catch {
            if (error as? CocoaError)?.code == .fileReadNoSuchFile { return nil }
            throw .failed(operation: "look at", path: path, reason: error.reason)
        }
    }

    private func checkDirectory() throws(KeyStoreError) -> NSNumber? {
        guard let attributes = try attributes(of: directory) else {
            throw .failed(operation: "open", path: directory, reason: "it is gone")
        }
        try check(attributes, path: directory, type: .typeDirectory, owner: nil)
        return attributes[.ownerAccountID] as? NSNumber
    }

    private func check(
        _ attributes: Attributes, path: String, type: FileAttributeType, owner: NSNumber?
    ) throws(KeyStoreError) {
        guard attributes[.type] as? FileAttributeType == type else { throw .notPlain(path: path) }
        guard let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue else { throw .notPlain(path: path) }
        guard mode & 0o077 == 0 else { throw .exposed(path: path, mode: mode & 0o7777) }
        if let owner, attributes[.ownerAccountID] as? NSNumber != owner { throw .notPlain(path: path) }
    }
}

extension Error {
    /// The system's words for an error of the file system, without a path.
    fileprivate var reason: String {
        let cocoa = self as NSError
        if let posix = cocoa.userInfo[NSUnderlyingErrorKey] as? NSError { return posix.localizedDescription }
        return cocoa.localizedDescription
    }
}
