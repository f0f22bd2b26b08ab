import Foundation
import PackagePlugin

/// Compiles the BPF C of a target with the toolchain's own clang and embeds the object in the target.
@main struct EmbedBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = target.directoryURL.appending(path: "BPF")
        let source = folder.appending(path: "data_path.bpf.c")
        let headers = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".h") }.sorted().map { folder.appending(path: $0) }
        let includes = context.package.directoryURL.appending(path: "Sources/CKernelPath/include")
        let object = context.pluginWorkDirectoryURL.appending(path: "data_path.bpf.o")
        let swift = context.pluginWorkDirectoryURL.appending(path: "DataPathObject.swift")
        let clang = try context.tool(named: "clang").url
        return [
            .buildCommand(
                displayName: "Compiling data_path.bpf.c",
                executable: try context.tool(named: "bpfembed").url,
                arguments: [clang.path, source.path, includes.path, object.path, swift.path],
                inputFiles: [source, includes.appending(path: "kernel_path.h")] + headers,
                outputFiles: [swift])
        ]
    }
}
