import Lab

/// Tells the tour in at most 80 columns.
struct TerminalNarrator: TourNarrator {
    private let style = Style.output

    func chapter(_ number: Int, of count: Int, _ title: String) {
        Screen.line()
        Screen.line(style.bold("\(number)/\(count) \(title)"))
    }

    func say(_ text: String) {
        for line in TextWidth.wrap(text, columns: 77) { Screen.line("  " + line) }
    }

    func command(_ text: String) {
        // Long commands are broken as a shell would accept them.
        let lines = TextWidth.wrap(text, columns: 70)
        for (index, line) in lines.enumerated() {
            let end = index + 1 < lines.count ? " \\" : ""
            Screen.line("  " + style.cyan((index == 0 ? "$ " : "    ") + line + end))
        }
    }

    func output(_ lines: [String]) {
        for line in lines {
            let fits = TextWidth.columns(line) <= 76
            let shown = fits ? [line.trimmingSpaces] : TextWidth.wrap(line, columns: 72)
            for (index, part) in shown.enumerated() {
                Screen.line(style.faint("    " + (index == 0 ? "" : "    ") + part))
            }
        }
    }

    func finding(_ text: String) {
        for (index, line) in TextWidth.wrap(text, columns: 75).enumerated() {
            Screen.line("  " + (index == 0 ? style.green("✓ ") : "  ") + line)
        }
    }

    func plain(_ lines: [String]) { for line in lines { Screen.line(line) } }
}
