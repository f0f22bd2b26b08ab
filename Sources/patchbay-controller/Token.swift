import ArgumentParser
import DirectoryCore
import Foundation
import PlatformBackup

/// Says how an operator shows who they are.
struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say where the operator's token is, or replace it.",
        discussion:
            "The token itself is never printed. A controller that runs uses the former one until its next start.")

    @Option(help: "The data directory.")
    var data: String

    @Flag(help: "Put a new token in the place of the former one.")
    var renew = false

    func run() async throws {
        do {
            let platform = try Platform.open(dataDirectory: data)
            if renew {
                try Self.replace(platform.operatorTokenPath)
                try DataDirectoryOwner(of: data)?.take(platform.operatorTokenPath)
            }
            print(platform.operatorTokenPath)
        } catch let error as DirectoryError {
            throw CommandError(error.message, remedy: error.remedy)
        }
    }

    /// Writes a token beside the former one and renames it, so that there is always a whole one.
    private static func replace(_ path: String) throws {
        let token = Data(Machine.random(32)).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        let draft = path + ".new"
        let manager = FileManager.default
        try? manager.removeItem(atPath: draft)
        let isWritten = manager.createFile(
            atPath: draft, contents: Data((token + "\n").utf8), attributes: [.posixPermissions: 0o600])
        guard isWritten else { throw CommandError("Cannot write \(draft).", remedy: "Look at the directory's owner.") }
        _ = try manager.replaceItemAt(URL(filePath: path), withItemAt: URL(filePath: draft))
    }
}
