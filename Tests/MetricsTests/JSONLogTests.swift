import Foundation
import Logging
import Synchronization
import Testing

@testable import StructuredLog

/// The log as one JSON object a line.
@Suite struct JSONLogTests {
    private final class Lines: Sendable {
        let text = Mutex<[String]>([])
    }

    private func logger(_ lines: Lines) -> Logger {
        var logger = Logger(label: "leaf") { label in
            JSONLogHandler(label: label, now: { Date(timeIntervalSince1970: 1_700_000_000.25) }) { line in
                lines.text.withLock { $0.append(line) }
            }
        }
        logger.logLevel = .info
        return logger
    }

    @Test func aLine() {
        let lines = Lines()
        var logger = logger(lines)
        logger[metadataKey: "host"] = "h1"
        logger.notice("wire plugged", metadata: ["pair": "a to b", "more": ["x": ["1", "2"]]])
        logger.debug("not shown")
        logger.info("plain", metadata: ["host": "h2"])
        let written = lines.text.withLock { $0 }
        let time = #"{"time":"2023-11-14T22:13:20.250Z","#
        let plugged = #""level":"notice","logger":"leaf","message":"wire plugged","fields":"#
        let fields = #"{"host":"h1","more":{"x":["1","2"]},"pair":"a to b"}}"#
        let plain = #""level":"info","logger":"leaf","message":"plain","fields":{"host":"h2"}}"#
        #expect(written == ["\(time)\(plugged)\(fields)\n", "\(time)\(plain)\n"])
    }

    /// Whatever is logged, each line is one JSON object without a control character, and reads back as it was.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func anyTextIsOneLine(seed: UInt64) throws {
        var random = Seeded(seed)
        let lines = Lines()
        let logger = logger(lines)
        for _ in 0..<100 {
            let message = random.text()
            let value = random.text()
            lines.text.withLock { $0 = [] }
            logger.info("\(message)", metadata: ["k\(random.text())": "\(value)", "list": .array([.string(value)])])
            let line = try #require(lines.text.withLock { $0 }.first)
            #expect(line.unicodeScalars.filter { $0 == "\n" }.count == 1 && line.unicodeScalars.last == "\n")
            for scalar in line.unicodeScalars.dropLast() {
                let kind = scalar.properties.generalCategory
                #expect(
                    kind != .control && kind != .format && kind != .lineSeparator && kind != .paragraphSeparator,
                    "seed \(seed): \(scalar.value)")
            }
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "seed \(seed)")
            #expect((object["message"] as? String).map { Array($0.unicodeScalars) } == Array(message.unicodeScalars))
            let fields = try #require(object["fields"] as? [String: Any])
            let list = try #require(fields["list"] as? [String])
            #expect(list.map { Array($0.unicodeScalars) } == [Array(value.unicodeScalars)], "seed \(seed)")
        }
    }

    @Test func deepValuesAreText() throws {
        var value = Logger.MetadataValue.string("x")
        for _ in 0..<100 { value = .array([value]) }
        let lines = Lines()
        logger(lines).info("deep", metadata: ["a": value])
        let line = try #require(lines.text.withLock { $0 }.first)
        #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
    }
}
