import Foundation
import Testing

/// A controller as it is installed: the program, in a process of its own, on loopback.
final class RealController: Sendable {
    let folder: String
    let url: String
    let token: String
    private let pid: Int32

    var root: String { folder + "/data/root.pem" }

    struct Finished: Sendable {
        let status: Int32
        let output: String
    }

    /// Makes a platform and starts its controller; ends it whatever happens.
    ///
    /// - Parameters:
    ///   - options: more words of its command line.
    ///   - prepare: what is done to the data directory before.
    static func with(
        _ options: [String] = [], prepare: (String) async throws -> Void = { _ in },
        _ body: (RealController) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "patchbay-real-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = Self.programDirectory + "/patchbay-controller"
        let made = try await run([program, "init", "--data", folder + "/data"])
        try #require(made.status == 0, "\(made.output)")
        try await prepare(folder + "/data")
        // A port may be somebody else's; then it is another one's turn.
        for _ in 0..<5 {
            let port = Int.random(in: 20_000..<50_000)
            let process = try start(
                [
                    program, "run", "--data", folder + "/data", "--listen", "127.0.0.1:\(port)", "--leaf-listen",
                    "127.0.0.1:\(port + 1)", "--log-level", "warning",
                ] + options, log: folder + "/log")
            let controller = try RealController(folder, port, process.processIdentifier)
            guard try await controller.comesUp(process) else {
                process.terminate()
                process.waitUntilExit()
                continue
            }
            do { try await body(controller) } catch {
                process.terminate()
                process.waitUntilExit()
                throw error
            }
            #expect(process.isRunning, "the controller has ended: \(controller.log)")
            process.terminate()
            process.waitUntilExit()
            return
        }
        Issue.record("the controller does not start")
    }

    private init(_ folder: String, _ port: Int, _ pid: Int32) throws {
        self.folder = folder
        self.pid = pid
        url = "https://127.0.0.1:\(port)"
        token = try String(contentsOfFile: folder + "/data/operator.token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func comesUp(_ process: Process) async throws -> Bool {
        for _ in 0..<100 where process.isRunning {
            if try await curl("/v1/health", "--max-time", "2").status == 0 { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// Asks by curl, with the operator's token unless another one is given; waits until it ends.
    func curl(_ path: String, _ words: String..., token other: String? = nil) async throws -> Finished {
        try await Self.run(
            ["/usr/bin/curl", "-sS", "-N", "--cacert", root, "-H", "Authorization: Bearer \(other ?? token)"] + words
                + [url + path])
    }

    /// Sends JSON that has to be taken.
    @discardableResult
    func post(_ path: String, _ json: String) async throws -> String {
        let finished = try await curl(path, "-f", "-H", "Content-Type: application/json", "-d", json)
        try #require(finished.status == 0, "\(path): \(finished.output)")
        return finished.output
    }

    // MARK: Processes

    /// The directory with the built programs: named by `PATCHBAY_BIN`, else that of the test bundle.
    static var programDirectory: String {
        if let named = ProcessInfo.processInfo.environment["PATCHBAY_BIN"] { return named }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return (own as NSString).deletingLastPathComponent
    }

    private static func start(_ words: [String], log: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        try Data().write(to: URL(fileURLWithPath: log))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = file
        process.standardError = file
        try process.run()
        return process
    }

    /// Runs a program to its end.
    static func run(_ words: [String]) async throws -> Finished {
        let log = NSTemporaryDirectory() + "patchbay-output-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let process = try start(words, log: log)
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return Finished(
            status: process.terminationStatus,
            output: String(decoding: try Data(contentsOf: URL(fileURLWithPath: log)), as: UTF8.self))
    }
}
