import ArgumentParser
import Foundation
import NetTypes
import PlatformBackup

/// The passphrase of a backup, from where no process list shows it.
struct PassphraseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The file whose first line is the passphrase, 12 characters or more, or '-' for standard input.",
            valueName: "path"))
    var passphraseFile: String

    func passphrase() throws -> String {
        guard passphraseFile != "-" else { return readLine() ?? "" }
        guard let file = FileHandle(forReadingAtPath: passphraseFile),
            let data = try file.read(upToCount: 4_096), let text = String(bytes: data, encoding: .utf8)
        else { throw CommandError("Cannot read a passphrase from \(passphraseFile).", remedy: "Name another file.") }
        return text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
    }
}

/// Writes everything of a platform to one file.
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write everything of a platform to one encrypted file; the controller may run meanwhile.",
        discussion: """
            The file holds the platform's root key, the keys of all tenants and the whole directory, as they are at one \
            moment. Without the passphrase nobody can read it, nor restore it.
            """)

    @Option(help: "The data directory.")
    var data: String

    @OptionGroup var secret: PassphraseOptions

    @Argument(help: "The file; it must not exist.")
    var file: String

    func run() async throws {
        let backup = PlatformBackup(program: PatchbayController.version, random: Machine.random)
        let manifest = try backup.make(
            of: data, to: file, passphrase: secret.passphrase(), at: Machine.now().seconds)
        let octets = manifest.files.reduce(0) { $0 + $1.size }
        print("\(file): \(manifest.files.count) files, \(octets) octets of platform.")
    }
}

/// Puts a backup into an empty data directory.
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a backup into an empty data directory, after everything in it was looked over.",
        discussion: """
            What happened after the backup is not in it: certificates that were revoked since are valid again until they \
            end, and endpoints are where they were. Never run the former controller beside the restored one.
            """)

    @Argument(help: "The backup.")
    var file: String

    @Option(help: "The data directory; it must be empty or not exist.")
    var data: String

    @OptionGroup var secret: PassphraseOptions

    func run() async throws {
        let backup = PlatformBackup(program: PatchbayController.version, random: Machine.random)
        let manifest = try backup.restore(file, to: data, passphrase: secret.passphrase())
        print(
            """
            Restored \(manifest.files.count) files of \(Timestamp(manifest.madeAt)), made by version \(manifest.program).
            Start the controller with: patchbay-controller run --data \(data)
            """)
    }
}
