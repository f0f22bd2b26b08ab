import ArgumentParser

/// The controller: directory, certificate authority, API.
@main
struct PatchbayController: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patchbay-controller",
        abstract: "The controller of a Patchbay platform: directory, certificate authority and API.",
        version: version,
        subcommands: [Init.self, Run.self, Token.self, Backup.self, Restore.self])

    /// The version of the program.
    static let version = "0.1.0"
}

/// An error with its remedy, for standard error.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, remedy: String? = nil) { description = what + (remedy.map { " " + $0 } ?? "") }
}
