import Foundation
import PackagePlugin

/// Embeds the files below `Files` in a target, so that the controller is one file and serves nothing from the disk.
@main struct EmbedConsole: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = target.directoryURL.appending(path: "Files")
        let tool = try context.tool(named: "consoleembed").url
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { !$0.split(separator: "/").contains { $0.hasPrefix(".") } && $0.contains(".") }.sorted()
        let swift = context.pluginWorkDirectoryURL.appending(path: "EmbeddedFiles.swift")
        return [
            .buildCommand(
                displayName: "Embedding the console", executable: tool,
                arguments: [swift.path, folder.path] + files,
                inputFiles: files.map { folder.appending(path: $0) }, outputFiles: [swift])
        ]
    }
}
