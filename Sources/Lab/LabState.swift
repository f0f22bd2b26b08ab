import FoundationEssentials

/// What the lab remembers of itself. It is written before anything of it is made, so that whatever a crash leaves
/// can be found and removed.
struct LabState: Codable, Sendable {
    /// The plan that it was made from.
    var plan: LabPlan
    /// The URL of the controller; empty until it is chosen.
    var controller = ""
    /// The URL of the console. Its certificate is for this name too, and passkeys are bound to names.
    var console: String { controller.replacing("127.0.0.1", with: "localhost") }
    /// The daemons, in the order of their start.
    var processes: [LabProcess] = []
    /// Whether everything was made.
    var isComplete = false
    /// Directories outside the lab's own that were not there before, to be removed when they are empty.
    var madeDirectories: [String] = []

    enum CodingKeys: String, CodingKey {
        case plan, controller, processes
        case isComplete = "complete"
        case madeDirectories = "made_directories"
    }

    /// Reads the state; nil when there is none or it cannot be read, which counts as a half-made lab.
    static func read() -> LabState? {
        guard let text = Files.text(LabLayout.stateFile) else { return nil }
        return try? JSONDecoder().decode(LabState.self, from: Data(text.utf8))
    }

    func write() throws(LabError) {
        try Files.write(try JSON.text(self), to: LabLayout.stateFile)
    }
}

enum JSON {
    /// The value as JSON with sorted keys.
    static func text(_ value: some Encodable) throws(LabError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        } catch {
            throw LabError("cannot write JSON: \(error)")
        }
    }
}
