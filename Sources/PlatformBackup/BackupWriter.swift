import Crypto
import Foundation

/// Writes a backup's chunks to a file that did not exist before, of mode 0600.
final class BackupWriter {
    private let path: String
    private let file: FileHandle
    private let key: SymmetricKey
    private let header: [UInt8]
    private let prefix: [UInt8]
    private var waiting = Data()
    private var number: UInt32 = 0

    init(
        path: String, passphrase: String, rounds: Int, random: (Int) -> [UInt8]
    ) throws(BackupError) {
        let salt = random(BackupFormat.saltBytes)
        prefix = random(BackupFormat.prefixBytes)
        key = try BackupFormat.key(passphrase, salt: salt, rounds: rounds)
        header = BackupFormat.title + salt + prefix
        self.path = path
        let manager = FileManager.default
        guard !manager.fileExists(atPath: path) else {
            throw BackupError("\(path) exists already.", remedy: "Remove it, if no other backup is under way.")
        }
        guard manager.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw BackupError("Cannot make \(path).", remedy: "See that its directory exists and can be written.") }
        self.file = file
        try put(Data(header))
    }

    /// Adds content.
    func write(_ content: Data) throws(BackupError) {
        waiting.append(content)
        // One chunk always stays behind: the last one is marked.
        while waiting.count > BackupFormat.chunkBytes {
            try seal(waiting.prefix(BackupFormat.chunkBytes), isLast: false)
            waiting = Data(waiting.dropFirst(BackupFormat.chunkBytes))
        }
    }

    /// Writes the last chunk, and has everything on the disk when it returns.
    func finish() throws(BackupError) {
        try seal(waiting, isLast: true)
        do {
            try file.synchronize()
            try file.close()
        } catch { throw BackupError("write", path, error) }
    }

    private func seal(_ content: Data, isLast: Bool) throws(BackupError) {
        guard number < .max else { throw BackupError("The platform is too large for one file.") }
        let sealed: AES.GCM.SealedBox
        do {
            let nonce = try BackupFormat.nonce(prefix, number, isLast: isLast)
            sealed = try AES.GCM.seal(content, using: key, nonce: nonce, authenticating: header)
        } catch { throw BackupError("Cannot encrypt: \(error).") }
        number += 1
        try put(sealed.ciphertext + sealed.tag)
    }

    private func put(_ data: Data) throws(BackupError) {
        do { try file.write(contentsOf: data) } catch { throw BackupError("write", path, error) }
    }
}

/// Reads a backup's content; every octet that comes out was authenticated before.
final class BackupReader {
    private let path: String
    private let file: FileHandle
    private let key: SymmetricKey
    private let header: [UInt8]
    private let prefix: [UInt8]
    private var content = Data()
    /// What was read of the file and not yet opened.
    private var next: Data
    private var number: UInt32 = 0
    private var isAtEnd = false

    init(path: String, passphrase: String, rounds: Int) throws(BackupError) {
        self.path = path
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw BackupError("Cannot read \(path).", remedy: "See that it exists and may be read.")
        }
        self.file = file
        let header = try Self.read(file, BackupFormat.headerBytes, path)
        try Self.check(header, path)
        self.header = Array(header)
        prefix = Array(header.suffix(BackupFormat.prefixBytes))
        let salt = header.dropFirst(BackupFormat.title.count).prefix(BackupFormat.saltBytes)
        key = try BackupFormat.key(passphrase, salt: Array(salt), rounds: rounds)
        next = try Self.read(file, BackupFormat.chunkBytes + BackupFormat.tagBytes, path)
    }

    private static func check(_ header: Data, _ path: String) throws(BackupError) {
        let magic = Data(BackupFormat.magic.utf8)
        guard header.starts(with: magic) else {
            throw BackupError("\(path) is no backup of a controller.", remedy: "Name a file that 'backup' has made.")
        }
        guard header.starts(with: BackupFormat.title) else {
            let version = header.dropFirst(magic.count).prefix { $0 != 0x0A && (0x21...0x7E).contains($0) }
            throw BackupError(
                "\(path) is a backup of version '\(String(decoding: version.prefix(16), as: UTF8.self))'; this program"
                    + " reads version \(BackupFormat.version).",
                remedy: "Restore it with the program that made it, and upgrade then.")
        }
        guard header.count == BackupFormat.headerBytes else { throw cutShort(path) }
    }

    private static func cutShort(_ path: String) -> BackupError {
        BackupError("\(path) ends too early: it was cut short.", remedy: "Copy it again, or take another backup.")
    }

    /// The next so many octets of the content.
    func read(_ count: Int) throws(BackupError) -> Data {
        while content.count < count {
            guard !isAtEnd else { throw BackupError("\(path) is damaged: its files are longer than it is.") }
            content.append(try open())
        }
        defer { content = Data(content.dropFirst(count)) }
        return content.prefix(count)
    }

    /// Makes sure that nothing is left.
    func finish() throws(BackupError) {
        while !isAtEnd { content.append(try open()) }
        guard content.isEmpty else { throw BackupError("\(path) is damaged: there is more in it than its files.") }
        try? file.close()
    }

    /// Opens the next chunk.
    private func open() throws(BackupError) -> Data {
        let full = BackupFormat.chunkBytes + BackupFormat.tagBytes
        let chunk = next
        next = chunk.count == full ? try Self.read(file, full, path) : Data()
        let isLast = next.isEmpty
        guard chunk.count >= BackupFormat.tagBytes else { throw Self.cutShort(path) }
        if let content = opened(chunk, isLast: isLast) {
            number += 1
            isAtEnd = isLast
            return content
        }
        if isLast, opened(chunk, isLast: false) != nil { throw Self.cutShort(path) }
        if number == 0 {
            throw BackupError(
                "\(path) cannot be opened with this passphrase, or it is damaged.", remedy: "Nothing was restored.")
        }
        let offset = BackupFormat.headerBytes + Int(number) * full
        throw BackupError(
            "\(path) is damaged or cut short, at octet \(offset) or after it.",
            remedy: "Copy it again, or take another backup. Nothing was restored.")
    }

    private func opened(_ chunk: Data, isLast: Bool) -> Data? {
        guard let nonce = try? BackupFormat.nonce(prefix, number, isLast: isLast),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: chunk.dropLast(BackupFormat.tagBytes),
                tag: chunk.suffix(BackupFormat.tagBytes))
        else { return nil }
        return try? AES.GCM.open(box, using: key, authenticating: header)
    }

    /// Reads so many octets, or what there is.
    private static func read(_ file: FileHandle, _ count: Int, _ path: String) throws(BackupError) -> Data {
        var data = Data()
        do {
            while data.count < count, let more = try file.read(upToCount: count - data.count), !more.isEmpty {
                data.append(more)
            }
        } catch { throw BackupError("read", path, error) }
        return data
    }
}
