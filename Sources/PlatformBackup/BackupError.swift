import Foundation

/// Why there is no backup, or nothing was restored. Nothing is left behind then.
public struct BackupError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    public let message: String
    /// What to do.
    public let remedy: String?

    init(_ message: String, remedy: String? = nil) {
        self.message = message
        self.remedy = remedy
    }

    /// A failure of the file system, in its own words.
    init(_ what: String, _ path: String, _ error: any Error) {
        let cocoa = error as NSError
        let reason = (cocoa.userInfo[NSUnderlyingErrorKey] as? NSError) ?? cocoa
        message = "Cannot \(what) \(path): \(reason.localizedDescription)."
        remedy = nil
    }

    public var description: String { message + (remedy.map { " " + $0 } ?? "") }
}
