import Foundation
import PackagePlugin

/// Compiles the BPF C of a target, `BPF/NAME.bpf.c`, with the toolchain's own clang and embeds the object in the target.
/// What it shares with the target is in the headers of the C target of the same name, `CTARGET/include`.
@main struct EmbedBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = target.directoryURL.appending(path: "BPF")
        let includes = context.package.directoryURL.appending(path: "Sources/C\(target.name)/include")
        let headers = try headers(in: folder) + headers(in: includes)
        let clang = try context.tool(named: "clang").url
        let tool = try context.tool(named: "bpfembed").url
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".bpf.c") }.sorted().map { file in
                let source = folder.appending(path: file)
                let name = String(file.dropLast(".bpf.c".count))
                let object = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.o")
                let swift = context.pluginWorkDirectoryURL.appending(path: "\(name)_object.swift")
                return .buildCommand(
                    displayName: "Compiling \(file)", executable: tool,
                    arguments: [clang.path, source.path, includes.path, object.path, swift.path],
                    inputFiles: [source] + headers, outputFiles: [swift])
            }
    }

    private func headers(in folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".h") }.sorted().map { folder.appending(path: $0) }
    }
}
