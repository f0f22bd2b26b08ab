import Foundation

/// Says on standard error what runs and how long the rest will take.
///
/// The estimate begins with what the steps say of themselves and follows what they really take.
struct Progress {
    private let expected: Double
    private var expectedSoFar = 0.0
    private let start = Date()
    private let isTerminal = isatty(2) == 1

    init(expected: Double) { self.expected = expected }

    func begin(_ what: String) {
        let elapsed = Date().timeIntervalSince(start)
        let pace = expectedSoFar > 20 ? elapsed / expectedSoFar : 1
        let left = Int((expected - expectedSoFar) * pace)
        let line = String(format: "%@, about %d:%02d left", what, left / 60, left % 60)
        Self.write(isTerminal ? "\r\u{1b}[K" + line : line + "\n")
    }

    mutating func end(expected seconds: Double) { expectedSoFar += seconds }

    func clear() { if isTerminal { Self.write("\r\u{1b}[K") } }

    static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
