/// Who tells the tour.
public protocol TourNarrator: Sendable {
    /// A chapter begins.
    func chapter(_ number: Int, of count: Int, _ title: String)
    /// What is shown, and why it is so.
    func say(_ text: String)
    /// A command as a person would type it; it runs now.
    func command(_ text: String)
    /// What a command wrote.
    func output(_ lines: [String])
    /// What was checked and holds.
    func finding(_ text: String)
    /// Lines as they are.
    func plain(_ lines: [String])
}
