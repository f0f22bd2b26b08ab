/// What keeps the lab from being made, used or removed.
public struct LabError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong, and where.
    public var what: String
    /// What to do about it.
    public var remedy: String?
    /// The last lines of the log or output that tells more.
    public var log: [String]
    /// The file that `log` is from.
    public var logFile: String?

    /// Makes an error.
    public init(_ what: String, remedy: String? = nil, log: [String] = [], logFile: String? = nil) {
        self.what = what
        self.remedy = remedy
        self.log = log
        self.logFile = logFile
    }

    public var description: String { remedy.map { "\(what); \($0)" } ?? what }

    static let notUp = LabError("the lab is not up", remedy: "start it with 'patchbay lab up'")
}
