public import Logging

/// How a program writes its log, to standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    /// A line for people.
    case text
    /// A JSON object a line.
    case json

    /// A logger in this format.
    public func logger(_ label: String, level: Logger.Level) -> Logger {
        var logger =
            switch self {
            case .text: Logger(label: label) { StreamLogHandler.standardError(label: $0) }
            case .json: Logger(label: label) { JSONLogHandler(label: $0) }
            }
        logger.logLevel = level
        return logger
    }
}
