import Console
import Foundation
import Hummingbird
import Testing

@testable import ControllerAPI

/// The console's files, as browsers and others get them. What is in them is tested in a browser: Tests/BrowserTests.
@Suite struct ConsoleTests {
    @Test func filesAreServedToEverybodyUnderAStrictPolicy() async throws {
        try await TestController().test { api in
            for (path, type) in [
                ("", "text/html"), ("index.html", "text/html"), ("app.js", "text/javascript"), ("bay.css", "text/css"),
                ("messages/zh-Hant.json", "application/json"), ("icon.svg", "image/svg+xml"),
            ] {
                let answer = try await api.send(.get, "/console/\(path)", headers: [:])
                #expect(answer.status == 200 && answer.headers[.contentType]?.hasPrefix(type) == true, "\(path)")
                let policy = try #require(answer.headers[.contentSecurityPolicy])
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"))
                #expect(policy.contains("frame-ancestors 'none'") && policy.contains("trusted-types 'none'"))
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
                #expect(!answer.body.isEmpty)
            }
            for path in ["/", "/console"] {
                let answer = try await api.send(.get, path, headers: [:])
                #expect(answer.status == 303 && answer.headers[.location] == "/console/")
            }
        }
    }

    @Test func aFileThatTheBrowserHasIsNotSentAgain() async throws {
        try await TestController().test { api in
            let first = try await api.send(.get, "/console/app.js", headers: [:])
            let tag = try #require(first.headers[.eTag])
            #expect(first.headers[.cacheControl] == "no-cache")
            for header in [tag, "\"other\", \(tag)", "W/\(tag)", "*"] {
                let again = try await api.send(.get, "/console/app.js", headers: [.ifNoneMatch: header])
                #expect(again.status == 304 && again.body.isEmpty && again.headers[.eTag] == tag, "\(header)")
            }
            let other = try await api.send(.get, "/console/app.js", headers: [.ifNoneMatch: "\"old\""])
            #expect(other.status == 200 && other.body == first.body)
            let head = try await api.send(.head, "/console/app.js", headers: [:])
            #expect(head.status == 200 && head.body.isEmpty && head.headers[.eTag] == tag)
        }
    }

    @Test func noPathLeadsOutOfTheTable() async throws {
        try await TestController().test { api in
            for path in [
                "../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "app.js/",
                "App.js",
                "app.js%00", "pages/", "messages", ".git/config", "pages/../app.js", "%61pp.js", "nothing.js",
            ] {
                let answer = try await api.send(.get, "/console/\(path)", headers: [:])
                #expect(answer.status == 404, "\(path)")
                let text = String(decoding: answer.body, as: UTF8.self)
                #expect(text == "The console has no such file.\n", "nothing of the path comes back: \(path)")
            }
            for method in [HTTPRequest.Method.post, .put, .delete] {
                let answer = try await api.send(method, "/console/app.js", headers: [:])
                #expect(answer.status == 405 && answer.headers[.allow] == "GET, HEAD")
            }
            // What is beside the console is as closed as before.
            for path in ["/consoles", "/console.js", "/v1/tenants"] {
                #expect(try await api.send(.get, path, headers: [:]).status == 401, "\(path)")
            }
        }
    }

    /// The policy would break such a page; so would who reads it.
    @Test func nothingIsInline() throws {
        for file in ConsoleFiles.all.values {
            let text = String(decoding: file.bytes, as: UTF8.self)
            if file.path.hasSuffix(".html") {
                #expect(!text.contains("<style") && !text.contains(" style=") && !text.contains(" on"))
                #expect(
                    text.components(separatedBy: "<script").count == 2 && text.contains("<script type=\"module\" src="))
            }
            guard file.path.hasSuffix(".js") else { continue }
            for forbidden in [
                "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://",
                "setAttribute('style'", "localStorage.setItem('patchbay.token",
            ] {
                #expect(!text.contains(forbidden), "\(file.path) has \(forbidden)")
            }
        }
    }

    @Test func everyLanguageHasEveryMessage() throws {
        let english = try messages("en")
        #expect(english.count > 300)
        for language in ["zh-Hant", "zh-Hans"] {
            let other = try messages(language)
            #expect(Set(other.keys) == Set(english.keys), "\(language)")
            for (key, forms) in other {
                #expect(!forms.contains { $0.isEmpty }, "\(language) \(key)")
                #expect(placeholders(forms) == placeholders(english[key] ?? []), "\(language) \(key)")
            }
            // A translation that was forgotten is still English.
            let same = other.filter { $0.value == english[$0.key] && $0.value.joined().count > 12 }
            #expect(same.isEmpty, "\(language) \(same.keys.sorted())")
        }
    }

    /// The forms of each message.
    private func messages(_ language: String) throws -> [String: [String]] {
        let file = try #require(ConsoleFiles.file(at: "messages/\(language).json"))
        let tree = try #require(try JSONSerialization.jsonObject(with: Data(file.bytes)) as? [String: Any])
        return tree.mapValues { value in
            if let forms = value as? [String: String] { return forms.keys.sorted().compactMap { forms[$0] } }
            return [value as? String ?? ""]
        }
    }

    private func placeholders(_ forms: [String]) -> Set<String> {
        Set(
            forms.flatMap { form in
                form.components(separatedBy: "{").dropFirst().compactMap { $0.components(separatedBy: "}").first }
            })
    }
}
