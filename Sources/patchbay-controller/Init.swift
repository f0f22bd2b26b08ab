import ArgumentParser
import DirectoryCore
import NetTypes
import PlatformBackup

/// Makes a platform.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a new platform in a data directory: its root, its keys, its operator's token.")

    @Option(help: "The data directory; it must be empty or not exist.")
    var data: String

    @Option(
        help: "The platform's /48 inside fd00::/8; drawn at random when left out (RFC 4193).",
        transform: { try IPv6Prefix(parsing: $0) })
    var prefix: IPv6Prefix?

    func run() async throws {
        let owner = DataDirectoryOwner(of: data)
        let platform: Platform
        do {
            platform = try Platform.initialise(
                dataDirectory: data, prefix: prefix, now: Machine.now(), random: Machine.random)
        } catch {
            throw CommandError(error.message, remedy: error.remedy)
        }
        try owner?.take(data)
        print(
            """
            Platform \(platform.name.globalID) with the prefix \(platform.name.prefix)
              root certificate   \(platform.rootCertificatePath)
              operator's token   \(platform.operatorTokenPath)
            Start the controller with: patchbay-controller run --data \(data)
            """)
    }
}
