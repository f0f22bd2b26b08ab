import APIClient
import ArgumentParser
import Foundation
import NetTypes

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Follow what happens in a tenant, or to hosts and tenants as a whole.",
        discussion: """
            One line for each event, until it is ended (Ctrl-C). When the controller restarts or the connection is lost it \
            goes on where it was; 'reset' says that something was missed, and that everything is to be read again.

              patchbay events acme
              patchbay events --json | jq .event
            """)
    @Argument(help: "The tenant's name; the platform when left out.", transform: Typed.name) var tenant: Name?
    @Option(help: ArgumentHelp("Begin behind an event.", valueName: "id")) var after: String?
    @Option(help: "End after so many events.") var count: Int?
    @OptionGroup var options: ControllerOptions

    /// The longest wait between two attempts, in seconds.
    private static let longestWait = 15

    func validate() throws {
        guard count.map({ $0 > 0 }) ?? true else { throw ValidationError("--count is 1 or more") }
    }

    func run() async throws {
        try await options.withClient { client in
            var (last, told, wait) = (after, 0, 1)
            var hasFollowed = false
            while true {
                do {
                    try await client.follow(tenant?.text, after: last) { event in
                        (hasFollowed, wait) = (true, 1)
                        last = event.id ?? last
                        // That it has begun to follow anew is no event.
                        guard event.event != "ready" else { return true }
                        try write(event)
                        told += 1
                        return count.map { told < $0 } ?? true
                    }
                    if let count, told >= count { return }
                } catch let error as APIClientError {
                    // One who never followed is told why; later the controller may be about to restart.
                    guard hasFollowed, error.isPassing else { throw error }
                    Screen.error("patchbay: \(error); trying again")
                }
                try await Task.sleep(for: .seconds(wait))
                wait = min(wait * 2, Self.longestWait)
            }
        }
    }

    private func write(_ event: FollowedEvent) throws {
        if options.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            Screen.line(String(decoding: try encoder.encode(event), as: UTF8.self))
        } else {
            let data = event.data.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            Screen.line(([event.event] + data).joined(separator: "  "))
        }
    }
}

extension APIClientError {
    /// Whether it may be over after a while: the controller is away, or too busy.
    fileprivate var isPassing: Bool {
        switch self {
        case .unreachable: true
        case .problem(let problem): problem.status >= 500 || problem.status == 429
        case .setting, .untrusted, .badAnswer: false
        }
    }
}
