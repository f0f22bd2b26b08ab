import Foundation

/// A key store of files: one PEM file of mode 0600 a key, in a directory of mode 0700.
///
/// A file is written under another name, synchronised and renamed, so that a crash leaves the old key or the new one.
/// Files and directories that others than the owner may read or write are refused, as are links.
public struct FileKeyStore: KeyStore {
    /// The directory's path.
    public let directory: String

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
        let path = try path(of: name)
        let owner = try checkDirectory()
        guard let attributes = try attributes(of: path) else { return nil }
        try check(attributes, path: path, type: .typeRegular, owner: owner)
        guard let size = attributes[.size] as? NSNumber, size.intValue <= TrustLimits.keyFileBytes else {
            throw .damaged(path: path)
        }
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw .failed(operation: "read", path: path, reason: error.reason)
        }
        guard let pem = String(validating: data, as: UTF8.self), let key = try? SigningKey(pem: pem) else {
            throw .damaged(path: path)
        }
        return key
    }

    public func store(_ key: SigningKey, as name: String) throws(KeyStoreError) {
        let path = try path(of: name)
        let owner = try checkDirectory()
        // 1. A link or a directory in the file's place is somebody's mistake, not to be replaced.
        let old = try attributes(of: path)
        if let old { try check(old, path: path, type: .typeRegular, owner: owner) }
        // 2. The key in a new file that only the owner could ever read, on the disk before it gets its name.
        let draft = "\(directory)/.\(name).\(UInt64.random(in: 0 ... .max)).new"
        guard
            FileManager.default.createFile(
                atPath: draft, contents: Data(), attributes: [.posixPermissions: 0o600])
        else { throw .failed(operation: "make", path: draft, reason: "the directory is not writable, or full") }
        do {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: draft))
            try file.write(contentsOf: Data(key.pem.utf8))
            try file.synchronize()
            try file.close()
            // 3. The name, in one step.
            if old == nil {
                try FileManager.default.moveItem(atPath: draft, toPath: path)
            } else {
                _ = try FileManager.default.replaceItemAt(
                    URL(fileURLWithPath: path), withItemAt: URL(fileURLWithPath: draft))
            }
            try synchronizeDirectory()
        } catch {
            try? FileManager.default.removeItem(atPath: draft)
            throw .failed(operation: "write", path: path, reason: error.reason)
        }
    }

    public func delete(_ name: String) throws(KeyStoreError) {
        let path = try path(of: name)
        let owner = try checkDirectory()
        guard let attributes = try attributes(of: path) else { return }
        try check(attributes, path: path, type: .typeRegular, owner: owner)
        do {
            try FileManager.default.removeItem(atPath: path)
            try synchronizeDirectory()
        } catch { throw .failed(operation: "delete", path: path, reason: error.reason) }
    }

    public func names() throws(KeyStoreError) -> [String] {
        _ = try checkDirectory()
        let files: [String]
        do { files = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
            throw .failed(operation: "list", path: directory, reason: error.reason)
        }
        return files.filter { $0.hasSuffix(Self.suffix) }.map { String($0.dropLast(Self.suffix.count)) }
            .filter(Self.isName).sorted()
    }

    // MARK: Names

    private static let suffix = ".pem"

    private static func isName(_ name: String) -> Bool {
        func isAlphanumeric(_ c: UInt8) -> Bool { (0x61...0x7a).contains(c) || (0x30...0x39).contains(c) }
        guard (1...128).contains(name.utf8.count), let first = name.utf8.first, isAlphanumeric(first) else {
            return false
        }
        return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e }
    }

    private func path(of name: String) throws(KeyStoreError) -> String {
        guard Self.isName(name) else { throw .badName(String(name.prefix(140))) }
        return "\(directory)/\(name)\(Self.suffix)"
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

    private func synchronizeDirectory() throws {
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory))
        try handle.synchronize()
        try handle.close()
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
