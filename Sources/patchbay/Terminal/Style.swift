import Foundation

/// Colour, where somebody looks at it: none when the output is not a terminal, or when `NO_COLOR` is set.
struct Style: Sendable {
    /// Whether output may be coloured and lines rewritten.
    let isRich: Bool

    /// For standard output or standard error.
    init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
        isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        isRich = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Whether a line may be rewritten.
    let isTerminal: Bool

    static let output = Style(descriptor: 1)
    static let error = Style(descriptor: 2)

    func bold(_ text: String) -> String { wrap(text, "1") }
    func faint(_ text: String) -> String { wrap(text, "2") }
    func red(_ text: String) -> String { wrap(text, "31") }
    func green(_ text: String) -> String { wrap(text, "32") }
    func yellow(_ text: String) -> String { wrap(text, "33") }
    func cyan(_ text: String) -> String { wrap(text, "36") }

    private func wrap(_ text: String, _ code: String) -> String {
        isRich ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}

/// What the program writes.
enum Screen {
    /// Writes a line to standard output at once.
    static func line(_ text: String = "") { write(text + "\n") }

    /// Writes text to standard output at once. A reader that has left, such as `head`, is no reason to fail, least of
    /// all in the middle of making the lab.
    static func write(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }

    /// Writes bytes to standard output as they are.
    static func write(_ bytes: [UInt8]) { try? FileHandle.standardOutput.write(contentsOf: Data(bytes)) }

    /// Writes a line to standard error.
    static func error(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }
}
