import Lab
import Synchronization

/// Shows the steps of the lab: a line a step, rewritten with its progress where the output is a terminal.
final class ProgressReporter: LabReporter {
    private let style = Style.output
    /// The step that runs, for the lines that are rewritten.
    private let step = Mutex("")

    func begin(_ step: String) {
        self.step.withLock { $0 = step }
        if style.isTerminal { Screen.write("  \(style.cyan("…")) \(step)") } else { Screen.line("  … \(step)") }
    }

    func progress(_ text: String) {
        guard style.isTerminal else { return }
        let step = step.withLock { $0 }
        rewrite("  \(style.cyan("…")) \(step)\(style.faint(" · " + text))")
    }

    func end(_ result: String) {
        let step = step.withLock { $0 }
        if style.isTerminal {
            rewrite("  \(style.green("✓")) \(step)\n")
            Screen.line("    \(style.faint(result))")
        } else {
            Screen.line("    \(result)")
        }
    }

    func note(_ text: String) {
        for (index, line) in TextWidth.wrap(text, columns: 76).enumerated() {
            Screen.line((index == 0 && style.isTerminal ? "\r\u{1b}[K" : "") + "  " + style.yellow(line))
        }
    }

    private func rewrite(_ text: String) { Screen.write("\r\u{1b}[K" + text) }
}
