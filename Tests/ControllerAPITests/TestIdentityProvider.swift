import Foundation
import Testing

/// A real provider of identities, in a process of its own on loopback: Canaille, which scripts/prepare.sh installs.
final class TestIdentityProvider: Sendable {
    static let secret = "a client's secret: äöü & 100 %"
    static let password = "correct horse battery"

    let folder: String
    let issuer: String

    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let python = repository + "/.build/api-tests/bin/python"

    var roots: String { get throws { try String(contentsOfFile: folder + "/root.pem", encoding: .utf8) } }

    private init(_ folder: String, _ port: Int) {
        self.folder = folder
        issuer = "https://127.0.0.1:\(port)"
    }

    /// Starts one whose client may be sent back to one address; ends it whatever happens.
    static func with(redirectURI: String, _ body: (TestIdentityProvider) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "patchbay-provider-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // A port may be somebody else's; then it is another one's turn.
        for _ in 0..<3 {
            let port = Int.random(in: 20_000..<50_000)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: python)
            process.arguments = [
                repository + "/scripts/identity-provider.py", folder, String(port), redirectURI,
            ]
            let input = Pipe()
            process.standardInput = input
            try Data().write(to: URL(fileURLWithPath: folder + "/log"))
            let log = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/log"))
            process.standardOutput = log
            process.standardError = log
            try process.run()
            let provider = TestIdentityProvider(folder, port)
            var isReady = false
            for _ in 0..<600 where process.isRunning && !isReady {
                isReady = provider.log.contains("ready\n")
                if !isReady { try await Task.sleep(for: .milliseconds(50)) }
            }
            func end() {
                try? input.fileHandleForWriting.close()
                // It has nothing to save, and does not always hear a gentler signal.
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            guard isReady else {
                end()
                continue
            }
            do { try await body(provider) } catch {
                end()
                throw error
            }
            end()
            return
        }
        Issue.record("the provider does not start")
    }

    var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    // MARK: At its pages

    /// Does what a person does at the provider's pages: says who he is, and allows it. Gives the address to which he is
    /// sent back.
    ///
    /// - Parameter jar: his browser: one that was there before has a session already.
    func signIn(_ name: String, at url: String, jar: String, answer: String = "accept") async throws -> String {
        var page = try await load(url, jar: jar)
        for _ in 0..<12 {
            if let next = page.location {
                guard next.hasPrefix(issuer) else { return next }
                page = try await load(next, jar: jar)
                continue
            }
            let token = page.body.firstMatch(of: /name="csrf_token" value="([^"]+)"/).map { String($0.1) } ?? ""
            var form = [("csrf_token", token)]
            if page.body.contains(#"name="login""#) {
                form += [("login", name), ("answer", "")]
            } else if page.body.contains(#"name="password""#) {
                form += [("password", Self.password), ("answer", "")]
            } else if page.body.contains(#"value="accept""#) {
                form += [("answer", answer)]
            } else {
                Issue.record("an unknown page of the provider at \(page.url): \(page.status) \(page.body)")
                return ""
            }
            page = try await load(page.url, jar: jar, form: form)
        }
        Issue.record("the provider goes round in circles")
        return ""
    }

    private struct Page {
        var url: String
        var status: String
        var location: String?
        var body: String
    }

    private func load(_ url: String, jar: String, form: [(String, String)] = []) async throws -> Page {
        let body = folder + "/body-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: body) }
        var words = [
            "/usr/bin/curl", "-sS", "--cacert", folder + "/root.pem", "-b", folder + "/" + jar, "-c",
            folder + "/" + jar, "-o", body, "-w", "%{http_code} %{redirect_url}", "-e", url, "--max-time", "20",
        ]
        for (key, value) in form { words += ["--data-urlencode", "\(key)=\(value)"] }
        let finished = try await RealController.run(words + [url])
        try #require(finished.status == 0, "\(url): \(finished.output)")
        let parts = finished.output.split(separator: " ", maxSplits: 1)
        return Page(
            url: url, status: String(parts[0]), location: parts.count > 1 ? String(parts[1]) : nil,
            body: (try? String(contentsOfFile: body, encoding: .utf8)) ?? "")
    }
}
