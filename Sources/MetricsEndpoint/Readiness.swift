/// Whether a program can do its work now, by the checks that it makes.
public struct Readiness: Hashable, Sendable {
    /// One check.
    public struct Check: Hashable, Sendable {
        /// What is checked, in one word.
        public let name: String
        /// What is wrong; nil when nothing is.
        public let problem: String?

        /// Makes the result of a check.
        public init(_ name: String, problem: String? = nil) {
            self.name = name
            self.problem = problem
        }
    }

    /// The checks, in the order in which they are shown.
    public let checks: [Check]

    /// Joins checks.
    public init(_ checks: [Check]) { self.checks = checks }

    /// Whether all is well.
    public var isReady: Bool { checks.allSatisfy { $0.problem == nil } }

    /// A line for each check.
    var text: String {
        checks.map { "\($0.name): \(Self.line($0.problem ?? "ok"))\n" }.joined()
    }

    /// A reason on one line.
    private static func line(_ text: String) -> String {
        String(text.prefix(400).map { $0.isNewline ? " " : $0 })
    }
}
