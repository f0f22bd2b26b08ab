import FoundationEssentials

/// The lab's files: made with mode 0600 or 0700, replaced by renaming.
enum Files {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func makeDirectory(_ path: String, mode: Int = 0o700) throws(LabError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        } catch {
            throw LabError("cannot make the directory \(path): \(error)")
        }
    }

    static func write(_ text: String, to path: String, mode: Int = 0o600) throws(LabError) {
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        } catch {
            throw LabError("cannot write \(path): \(error)")
        }
    }

    static func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// The names in a directory, sorted; none when it is not there.
    static func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// Removes a file or a directory with all that is in it; says whether it was there.
    @discardableResult
    static func remove(_ path: String) throws(LabError) -> Bool {
        guard exists(path) else { return false }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw LabError("cannot remove \(path): \(error)")
        }
        return true
    }

    /// Removes a directory if nothing is in it.
    static func removeIfEmpty(_ path: String) throws(LabError) {
        guard exists(path), names(path).isEmpty else { return }
        try remove(path)
    }

    /// The last lines of a file.
    static func tail(_ path: String) -> [String] { text(path)?.lastLines ?? [] }
}
