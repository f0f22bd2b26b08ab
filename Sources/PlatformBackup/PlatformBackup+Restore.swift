import Crypto
import DirectoryCore
import Foundation
import StoreSQLite

extension PlatformBackup {
    /// Puts a backup into a data directory that is empty or does not exist. Everything is looked over before: the file
    /// to its last octet, the hashes, the directory's tables, and that the keys fit the certificates.
    ///
    /// Run by root, the files get the owner of the directory, if it was there before.
    ///
    /// - Throws: ``BackupError``; the directory is then as it was.
    public func restore(
        _ path: String, to dataDirectory: String, passphrase: String
    ) throws(BackupError) -> BackupManifest {
        let manager = FileManager.default
        let wasThere = manager.fileExists(atPath: dataDirectory)
        try Self.checkEmpty(dataDirectory, isThere: wasThere)
        let owner = DataDirectoryOwner(of: dataDirectory)
        let reader = try BackupReader(path: path, passphrase: passphrase, rounds: rounds)
        let manifest = try Self.manifest(of: reader, path)
        let staging = "\(dataDirectory)/\(Self.staging)"
        do throws(BackupError) {
            try Self.makeDirectory(staging)
            for file in manifest.files { try Self.extract(file, from: reader, to: staging, path) }
            try reader.finish()
            try Self.check(staging, manifest)
            try Self.mark(staging, manifest)
            try Self.settle(manifest, from: staging, to: dataDirectory, owner)
            return manifest
        } catch {
            try? manager.removeItem(atPath: wasThere ? staging : dataDirectory)
            throw error
        }
    }

    private static func checkEmpty(_ directory: String, isThere: Bool) throws(BackupError) {
        guard isThere else { return }
        let present: [String]
        do { present = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
            throw BackupError("list", directory, error)
        }
        guard let first = present.sorted().first else { return }
        throw BackupError(
            "\(directory) is not empty: there is \(first)\(present.count > 1 ? " and more" : "").",
            remedy: "Name an empty or a new directory. It was not touched.")
    }

    private static func manifest(of reader: BackupReader, _ path: String) throws(BackupError) -> BackupManifest {
        let length = try reader.read(4).reduce(0) { $0 << 8 | Int($1) }
        guard length <= BackupFormat.manifestBytes else { throw BackupError("\(path) has no manifest.") }
        let manifest: BackupManifest
        do { manifest = try JSONDecoder().decode(BackupManifest.self, from: reader.read(length)) } catch {
            throw error as? BackupError ?? BackupError("\(path) has no manifest that can be read: \(error).")
        }
        let paths = manifest.files.map(\.path)
        guard Set(paths).count == paths.count, paths.allSatisfy(BackupPaths.isFine),
            manifest.files.allSatisfy({ $0.size >= 0 && ($0.path == store || $0.size <= smallBytes) }),
            paths.contains(store), paths.contains(root)
        else { throw BackupError("\(path) has a manifest that is none of a controller.") }
        return manifest
    }

    private static func makeDirectory(_ path: String) throws(BackupError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw BackupError("make", path, error) }
    }

    private static func extract(
        _ file: BackupManifest.File, from reader: BackupReader, to staging: String, _ backup: String
    ) throws(BackupError) {
        let path = "\(staging)/\(file.path)"
        try makeDirectory((path as NSString).deletingLastPathComponent)
        let mode = file.path == root ? 0o644 : 0o600
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: mode]),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw BackupError("Cannot make \(path).", remedy: "See that there is space, and who may write there.") }
        defer { try? handle.close() }
        var hash = SHA256()
        var left = file.size
        while left > 0 {
            let piece = try reader.read(min(left, 1 << 20))
            hash.update(data: piece)
            left -= piece.count
            do { try handle.write(contentsOf: piece) } catch { throw BackupError("write", path, error) }
        }
        do { try handle.synchronize() } catch { throw BackupError("write", path, error) }
        guard hexadecimal(hash.finalize()) == file.sha256 else {
            throw BackupError("\(file.path) in \(backup) is not what its manifest says.")
        }
    }

    private static func check(_ staging: String, _ manifest: BackupManifest) throws(BackupError) {
        do throws(DirectoryError) {
            let keys = try SQLiteSnapshot.check("\(staging)/\(store)")
            if let missing = missingKey(of: keys, in: Set(manifest.files.map(\.path))) {
                throw DirectoryError(.storage, "\(missing) is missing in the backup.", remedy: "Take another one.")
            }
            _ = try Platform.open(dataDirectory: staging)
        } catch { throw BackupError(error.message, remedy: error.remedy) }
    }

    /// Notes for the controller that it has to go ahead of what was given out since.
    private static func mark(_ staging: String, _ manifest: BackupManifest) throws(BackupError) {
        let path = "\(staging)/\(restoredMark)"
        do {
            try Data("\(manifest.madeAt)\n".utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        } catch { throw BackupError("write", path, error) }
    }

    /// Moves everything to its place, the root certificate last: a directory that has it has everything.
    private static func settle(
        _ manifest: BackupManifest, from staging: String, to directory: String, _ owner: DataDirectoryOwner?
    ) throws(BackupError) {
        let manager = FileManager.default
        var moved: [String] = []
        do {
            try owner?.take(staging)
            let entries = try manager.contentsOfDirectory(atPath: staging).sorted()
            for entry in entries.filter({ $0 != root }) + [root] {
                try manager.moveItem(atPath: "\(staging)/\(entry)", toPath: "\(directory)/\(entry)")
                moved.append("\(directory)/\(entry)")
            }
            try manager.removeItem(atPath: staging)
            try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory)
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory))
            try handle.synchronize()
            try handle.close()
        } catch {
            for path in moved.reversed() { try? manager.removeItem(atPath: path) }
            throw BackupError("settle in", directory, error)
        }
    }
}
