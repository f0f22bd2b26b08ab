import Foundation
import NetTypes
import PlatformBackup

/// What the files of a data directory say of its restore from a backup.
struct Restoration {
    /// A backup is of a moment a little before or after the one that is in it.
    private static let slack: Int64 = 300

    /// Whether a controller has worked with it since.
    let isDone: Bool
    /// When what was given out is in no note of the directory: from the backup to the first start after the restore.
    let unnoted: ClosedRange<Timestamp>

    private let restored: String
    private let recovered: String

    /// Nil: it was never restored.
    init?(of data: String) throws {
        restored = data + "/" + PlatformBackup.restoredMark
        recovered = data + "/" + PlatformBackup.recoveredMark
        isDone = !FileManager.default.fileExists(atPath: restored)
        let path = isDone ? recovered : restored
        guard let text = FileManager.default.contents(atPath: path) else { return nil }
        let times = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).map { Int64($0) }
        guard let from = times.first ?? nil, times.count == (isDone ? 2 : 1), let last = times.last ?? nil,
            (0...Int64(UInt32.max)).contains(from), (0...Int64(UInt32.max)).contains(last)
        else {
            throw CommandError(
                "\(path) does not say when the backup was made.", remedy: "Restore the backup once more.")
        }
        let to = isDone ? Timestamp(last) : Machine.now()
        unnoted = Timestamp(from - Self.slack)...max(to, Timestamp(from - Self.slack))
    }

    /// Notes that it has been brought ahead.
    func finish() throws {
        try Data("\(unnoted.lowerBound.seconds + Self.slack) \(unnoted.upperBound.seconds)\n".utf8).write(
            to: URL(fileURLWithPath: recovered), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: recovered)
        try FileManager.default.removeItem(atPath: restored)
    }
}
