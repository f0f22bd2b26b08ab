import ArgumentParser
import Lab

struct TourCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tour", abstract: "Show on the lab what Patchbay does, with real packets.",
        discussion: """
            Runs ping, curl against nginx, and iperf3 in the endpoints of the running lab. Each step says what it \
            shows and checks it; the first that fails ends the tour with an error. The lab stays up.
            """)

    func run() async throws {
        let narrator = TerminalNarrator()
        try await Interruption.cancelling { try await Tour(narrator: narrator).run() }
    }
}
