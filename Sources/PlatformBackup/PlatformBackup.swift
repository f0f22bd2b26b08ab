import Crypto
import DirectoryCore
import Foundation
import StoreSQLite

/// Makes and restores backups of a controller's data directory.
public struct PlatformBackup: Sendable {
    /// The version of the program, for the manifest.
    let program: String
    /// scrypt's N.
    let rounds: Int
    /// Gives that many octets, unpredictable ones.
    let random: @Sendable (Int) -> [UInt8]

    /// Prepares one.
    public init(program: String, random: @escaping @Sendable (Int) -> [UInt8]) {
        self.init(program: program, rounds: BackupFormat.rounds, random: random)
    }

    /// Prepares one whose key costs less or more to try; tests have no need of an expensive one.
    init(program: String, rounds: Int, random: @escaping @Sendable (Int) -> [UInt8]) {
        self.program = program
        self.rounds = rounds
        self.random = random
    }

    /// The file in a data directory that says that it was restored, until a controller has begun to work with it. It has
    /// the time of the backup.
    public static let restoredMark = "restored"
    /// The file that says so afterwards: with the time of the backup and that at which the controller began.
    public static let recoveredMark = "recovered"

    static let store = "directory.sqlite"
    static let keys = "keys"
    static let root = "root.pem"
    /// Where what is restored waits until it has been looked over, inside of the data directory.
    static let staging = ".restore"

    // MARK: Making

    /// Writes a backup of a data directory to a file that does not exist yet. A controller may work with it meanwhile.
    ///
    /// - Parameters:
    ///   - passphrase: 12 characters or more.
    ///   - moment: now, in seconds since 1970.
    /// - Throws: ``BackupError``; there is no file then.
    public func make(
        of dataDirectory: String, to path: String, passphrase: String, at moment: Int64
    ) throws(BackupError) -> BackupManifest {
        guard FileManager.default.fileExists(atPath: dataDirectory + "/" + Self.root) else {
            throw BackupError(
                "\(dataDirectory) holds no platform: there is no \(Self.root).", remedy: "Name a data directory.")
        }
        guard !FileManager.default.fileExists(atPath: path) else {
            throw BackupError("\(path) exists already.", remedy: "Name another file; backups are not written over.")
        }
        removeCopiesOfTheDead(in: dataDirectory)
        let copy = "\(dataDirectory)/\(Self.copyPrefix)\(ProcessInfo.processInfo.processIdentifier)"
        let partial = path + ".partial"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let writer = try BackupWriter(path: partial, passphrase: passphrase, rounds: rounds, random: random)
        do throws(BackupError) {
            var (manifest, small) = try snapshot(of: dataDirectory, copy: copy)
            manifest.madeAt = moment
            try write(manifest, small, copy: copy, to: writer)
            do { try FileManager.default.moveItem(atPath: partial, toPath: path) } catch {
                throw BackupError("write", path, error)
            }
            return manifest
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    private static let copyPrefix = ".backup-"

    /// Takes copies away that a backup left which was killed.
    private func removeCopiesOfTheDead(in directory: String) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: directory)) ?? [] where name.hasPrefix(Self.copyPrefix) {
            let process = name.dropFirst(Self.copyPrefix.count)
            guard Int32(process) != nil, !manager.fileExists(atPath: "/proc/\(process)") else { continue }
            try? manager.removeItem(atPath: directory + "/" + name)
        }
    }

    /// The directory's file of one moment, and every other file as it is right after it. A key is there before anything
    /// refers to it, so that none is missing, unless its tenant is deleted in between: then it is done anew.
    private func snapshot(
        of directory: String, copy: String
    ) throws(BackupError) -> (manifest: BackupManifest, small: [String: Data]) {
        var missing = ""
        for _ in 0..<10 {
            try? FileManager.default.removeItem(atPath: copy)
            let migrations: [String]
            let wanted: Set<String>
            do throws(DirectoryError) {
                migrations = try SQLiteSnapshot.write(from: "\(directory)/\(Self.store)", to: copy)
                wanted = try SQLiteSnapshot.check(copy)
            } catch { throw BackupError(error.message, remedy: error.remedy) }
            let (small, vanished) = try files(of: directory)
            missing = vanished ?? Self.missingKey(of: wanted, in: Set(small.keys)) ?? ""
            guard missing.isEmpty else { continue }
            var manifest = BackupManifest(program: program, madeAt: 0, migrations: migrations, files: [])
            manifest.files.append(try Self.describe(copy, as: Self.store))
            manifest.files += small.sorted { $0.key < $1.key }.map { path, content in
                BackupManifest.File(
                    path: path, size: content.count, sha256: Self.hexadecimal(SHA256.hash(data: content)))
            }
            return (manifest, small)
        }
        throw BackupError(
            "\(missing) is missing, also when looked for again.", remedy: "Look after the data directory.")
    }

    /// The first key that is not among the files.
    static func missingKey(of names: Set<String>, in files: Set<String>) -> String? {
        (names.union(["root", "controller"])).sorted().map { "\(keys)/\($0).pem" }
            .first { !files.contains($0) && !files.contains($0 + ".next") }
    }

    /// All files but the directory's, what is being written, and what the controller writes anew at each start.
    private func files(of directory: String) throws(BackupError) -> (files: [String: Data], vanished: String?) {
        var found: [String: Data] = [:]
        guard let walk = FileManager.default.enumerator(atPath: directory) else {
            throw BackupError("Cannot list \(directory).", remedy: "See that it may be read.")
        }
        for case let path as String in walk {
            let full = directory + "/" + path
            if path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) { continue }
            if path.hasPrefix(Self.store) || path == "controller.json" { continue }
            let attributes: [FileAttributeKey: Any]
            do { attributes = try FileManager.default.attributesOfItem(atPath: full) } catch { return (found, full) }
            switch attributes[.type] as? FileAttributeType {
            case .typeDirectory?: continue
            case .typeRegular?:
                guard BackupPaths.isFine(path), (attributes[.size] as? NSNumber)?.intValue ?? .max <= Self.smallBytes
                else { throw BackupError("\(full) is no file of a controller.", remedy: "Move it elsewhere.") }
                guard let content = FileManager.default.contents(atPath: full) else { return (found, full) }
                found[path] = content
            default:
                throw BackupError("\(full) is neither a file nor a directory.", remedy: "Move it elsewhere.")
            }
        }
        return (found, nil)
    }

    /// The longest file beside the directory's.
    static let smallBytes = 4 << 20

    private static func describe(_ path: String, as name: String) throws(BackupError) -> BackupManifest.File {
        var hash = SHA256()
        var size = 0
        try pieces(of: path) { piece in
            hash.update(data: piece)
            size += piece.count
        }
        return BackupManifest.File(path: name, size: size, sha256: hexadecimal(hash.finalize()))
    }

    private func write(
        _ manifest: BackupManifest, _ small: [String: Data], copy: String, to writer: BackupWriter
    ) throws(BackupError) {
        let head: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            head = try encoder.encode(manifest)
        } catch { throw BackupError("The manifest cannot be written: \(error).") }
        guard head.count <= BackupFormat.manifestBytes else { throw BackupError("The platform has too many files.") }
        try writer.write(Data((0..<4).map { UInt8(truncatingIfNeeded: head.count >> (24 - 8 * $0)) }) + head)
        for file in manifest.files {
            if let content = small[file.path] {
                try writer.write(content)
            } else {
                try Self.pieces(of: copy) { (piece) throws(BackupError) in try writer.write(piece) }
            }
        }
        try writer.finish()
    }

    /// A file in pieces of a megabyte.
    private static func pieces(
        of path: String, _ take: (Data) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard let file = FileHandle(forReadingAtPath: path) else { throw BackupError("Cannot read \(path).") }
        defer { try? file.close() }
        while true {
            let piece: Data?
            do { piece = try file.read(upToCount: 1 << 20) } catch { throw BackupError("read", path, error) }
            guard let piece, !piece.isEmpty else { return }
            try take(piece)
        }
    }

    static func hexadecimal(_ octets: some Sequence<UInt8>) -> String {
        octets.map { octet in
            let text = String(octet, radix: 16)
            return octet < 16 ? "0" + text : text
        }.joined()
    }
}

/// The paths that a backup may hold.
enum BackupPaths {
    /// Whether a path stays inside of the data directory, whatever it is appended to, and is no hidden one.
    static func isFine(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count <= 4 && path.utf8.count <= 400
            && parts.allSatisfy { part in
                guard let first = part.utf8.first, first != 0x2E else { return false }
                return part.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C }
            }
    }
}
