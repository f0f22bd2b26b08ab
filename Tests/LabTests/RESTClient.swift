import Foundation
import Testing

/// The controller's answer to one request.
struct RESTAnswer: Sendable, CustomStringConvertible {
    let status: Int
    let type: String
    let body: JSONValue
    let text: String

    var description: String { "\(status) \(type) \(text)" }
}

/// The REST API as a stranger would use it: by curl, with nothing of ours.
struct RESTClient: Sendable {
    private let url: String
    private let token: String
    private let root: String

    /// Finds the lab's controller by the file that the lab wrote.
    init() throws {
        let file = "/run/patchbay/lab/cli.json"
        let location = try JSONValue(parsing: String(contentsOf: URL(fileURLWithPath: file), encoding: .utf8))
        url = try #require(location["controller"].string)
        root = try #require(location["root_certificate"].string)
        let tokenFile = URL(fileURLWithPath: try #require(location["token_file"].string))
        token = try String(contentsOf: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// - Parameter body: JSON; one that begins with `@` names a file.
    func ask(_ method: String, _ path: String, _ body: String? = nil, token withToken: Bool = true) async throws
        -> RESTAnswer
    {
        var words = [
            "curl", "-sS", "--cacert", root, "-X", method, "-w", "\n%{http_code} %{content_type}", "--max-time", "20",
        ]
        if withToken { words += ["-H", "Authorization: Bearer \(token)"] }
        if let body { words += ["-H", "Content-Type: application/json", "--data-binary", body] }
        let finished = try await Command(words + [url + path]).succeed()
        guard let newline = finished.output.lastIndex(of: "\n") else {
            throw Command.Failed(description: "no answer: \(finished)")
        }
        let text = String(finished.output[..<newline])
        let last = finished.output[finished.output.index(after: newline)...].split(separator: " ", maxSplits: 1)
        return RESTAnswer(
            status: last.first.flatMap { Int($0) } ?? 0, type: last.count > 1 ? String(last[1]) : "",
            body: text.isEmpty ? .null : try JSONValue(parsing: text), text: text)
    }
}
