import NetTypes
import Testing

@testable import AuditLog

@Suite("A stored line, taken apart to be shown")
struct LineTests {
    private func lines() throws -> [(line: [UInt8], value: AuditValue)] {
        var book = Book()
        let texts = ["", "plain", #"\"#, #"\\""#, #"},{"x":[1"#, "a,b]}", "\u{202e}\n\u{1f600}\u{0}", "\\u0022"]
        for text in texts {
            for outcome in [AuditEvent.Outcome.done, .refused(text), .failed(text)] {
                book.add(
                    AuditEvent(
                        time: Book.start, actor: .unknown(name: text), means: .session(text), source: text,
                        action: "a\(text)", resource: text, grant: text, before: .object([text: .list([.text(text)])]),
                        after: .list([.object([:]), .list([]), .text(text), .null, .number(-3)]), note: text,
                        outcome: outcome))
            }
        }
        book.add(
            AuditEvent(
                time: Book.start, actor: .installation, means: .none, source: nil, action: "start"))
        return book.entries.map { (line: $0.line, value: $0.entry.value) }
    }

    @Test("each member is the text that it is, whatever stands in it")
    func members() throws {
        for (bytes, value) in try lines() {
            let line = try #require(AuditLine(stored: bytes))
            let members = try #require(value.members)
            for (name, member) in members {
                #expect(line[name].map(Array.init) == member.canonical, "\(name)")
            }
            for name in ["before", "after", "note", "grant", "x", ""] where members[name] == nil {
                #expect(line[name] == nil)
            }
            let entry = try #require(AuditEntry(line: bytes))
            #expect(line.time == entry.event.time && line.outcome == entry.event.outcome)
        }
    }

    @Test("what is cut off, goes on, or lacks a member is no line; nothing that is broken crashes")
    func broken() throws {
        var random = SystemRandomNumberGenerator()
        for (bytes, value) in try lines().suffix(4) {
            for length in bytes.indices { #expect(AuditLine(stored: Array(bytes.prefix(length))) == nil) }
            for end in [",", "}", " ", "{}"] { #expect(AuditLine(stored: bytes + end.utf8) == nil) }
            for name in ["time", "outcome", "number", "action"] {
                var members = try #require(value.members)
                members[name] = nil
                #expect(AuditLine(stored: AuditValue.object(members).canonical) == nil, "\(name)")
            }
            for _ in 0..<2_000 {
                var changed = bytes
                for _ in 0..<3 {
                    changed[.random(in: changed.indices, using: &random)] = .random(in: 0...255, using: &random)
                }
                _ = AuditLine(stored: changed)
            }
        }
        #expect(AuditLine(stored: []) == nil && AuditLine(stored: Array("{}".utf8)) == nil)
        #expect(AuditLine(stored: Array("[]".utf8)) == nil)
        #expect(AuditLine(stored: [UInt8](repeating: 0x7b, count: AuditLimits.line + 1)) == nil)
    }
}
