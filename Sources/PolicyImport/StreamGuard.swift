import PolicyLanguage

/// Looks over a stream of YAML documents before the parser sees it, and takes it apart into documents.
///
/// It does for other people's YAML what PolicyYAML's guard does for policies: anchors, aliases, tags, directives and
/// complex keys are refused, depth and size are bounded, so that the parser has nothing to expand and nothing to nest.
/// Unlike that one it lets pass what tools write into manifests: several documents, block scalars, quotes and plain
/// text that go on on the next line. For that it has to know where a scalar ends as the parser does; where it could
/// not know, it refuses.
struct StreamGuard {
    /// One document of a stream.
    struct Part {
        /// The document's text, without its marks.
        let text: String
        /// How many lines stand before it.
        let lines: Int
    }

    /// What the last thing before this line was, as far as it may go on.
    private enum Open {
        /// A field's or element's value may begin, or nothing is open.
        case nothing
        /// A quoted scalar that has not ended.
        case quotes(UInt8)
        /// A plain scalar, which goes on on lines that stand further right than its block.
        case plain
        /// A block scalar of a block at this column.
        case block(Int)
        /// A value that has ended and cannot go on.
        case ended
    }

    private let source: String
    private let bytes: [UInt8]
    private var line = 0
    private var start = 0
    private var end = 0
    private var at = 0
    private var flowDepth = 0
    private var isExpecting = true
    private var open = Open.nothing
    private var valueCount = 0
    /// Where the innermost block stands, by its last field or dash; what goes on with its value stands further right.
    private var blockColumn = -1
    /// Where the last value outside of brackets began, which may turn out to be a field's name.
    private var scalarColumn = 0
    private var parts: [Part] = []
    private var partStart = 0
    private var partLine = 0
    private var hasContent = false

    /// Refuses a stream, or gives its documents that are not empty.
    static func check(_ source: ImportSource) throws(ImportError) -> [Part] {
        var guardian = StreamGuard(source)
        try guardian.run()
        return guardian.parts
    }

    private init(_ source: ImportSource) {
        self.source = source.name
        bytes = source.text
    }

    // MARK: Lines

    private mutating func run() throws(ImportError) {
        while start <= bytes.count {
            line += 1
            end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            at = start
            let next = end + 1
            if end > start, bytes[end - 1] == 0x0d { end -= 1 }
            guard end - start <= PolicyLimits.lineBytes else {
                throw refusal(
                    .limit, "this line has \(end - start) bytes, more than \(PolicyLimits.lineBytes)",
                    "take annotations out that no policy needs")
            }
            try characters()
            if try !isMark(next) { try tokens() }
            start = next
        }
        try endDocument(at: bytes.count, next: bytes.count)
    }

    /// UTF-8, and no characters that some take for the end of a line and others do not, or that nobody sees.
    private mutating func characters() throws(ImportError) {
        let text = bytes[start..<end]
        if text.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 0x09 }) { return }
        guard String(validating: text, as: UTF8.self) != nil else {
            throw refusal(.syntax, "this line is not UTF-8", "save the text as UTF-8")
        }
        var offset = start
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            at = offset
            offset += String(scalar).utf8.count
            switch scalar.value {
            case 0x09: continue
            case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
                let code = String(scalar.value, radix: 16, uppercase: true)
                throw refusal(.syntax, "the control character U+\(code) stands here", "remove it")
            default: continue
            }
        }
        at = start
    }

    /// Whether the line is the mark of a document's begin or end, which no scalar can have in it.
    private mutating func isMark(_ next: Int) throws(ImportError) -> Bool {
        guard end - start >= 3, end - start == 3 || bytes[start + 3] == 0x20 else { return false }
        let mark = Array(bytes[start..<start + 3])
        guard mark == Array("---".utf8) || mark == Array("...".utf8) else { return false }
        at = start + 3
        while at < end, bytes[at] == 0x20 { at += 1 }
        guard at == end || bytes[at] == UInt8(ascii: "#") && at > start + 3 else {
            throw refusal(.syntax, "text stands here after the mark of a document", "write it on the next line")
        }
        try endDocument(at: start, next: next)
        return true
    }

    private mutating func endDocument(at end: Int, next: Int) throws(ImportError) {
        if case .quotes = open {
            throw refusal(.syntax, "quotes that began above do not end before this", "end them")
        }
        guard flowDepth == 0 else {
            throw refusal(.syntax, "brackets that were opened above are not closed before this", "close them")
        }
        if hasContent {
            parts.append(Part(text: String(decoding: bytes[partStart..<end], as: UTF8.self), lines: partLine))
        }
        partStart = next
        partLine = line
        hasContent = false
        open = .nothing
        isExpecting = true
        blockColumn = -1
    }

    // MARK: Tokens

    private func byte(_ offset: Int) -> UInt8 { offset < end ? bytes[offset] : 0x20 }
    private func isBlank(_ offset: Int) -> Bool { offset >= end || bytes[offset] == 0x20 || bytes[offset] == 0x09 }

    private mutating func tokens() throws(ImportError) {
        if case .quotes(let quote) = open {
            try quotes(quote)
            if case .quotes = open { return }
            return try rest()
        }
        while at < end, bytes[at] == 0x20 { at += 1 }
        if case .block(let column) = open {
            if at == end || at - start > column { return }
            open = .nothing
            isExpecting = true
        }
        guard at < end else { return }
        if bytes[at] == UInt8(ascii: "#") {
            if case .plain = open { open = .ended }
            return
        }
        if flowDepth == 0, at - start > PolicyLimits.indentation {
            throw refusal(.limit, "this stands further right than column \(PolicyLimits.indentation)", "nest less")
        }
        if at == start, bytes[at] == UInt8(ascii: "%") {
            throw refusal(.syntax, "directives are not taken", "remove the line")
        }
        hasContent = true
        if try !goesOn() { try rest() }
    }

    /// Whether the line was more of a plain scalar.
    private mutating func goesOn() throws(ImportError) -> Bool {
        guard !isExpecting else { return false }
        guard flowDepth == 0 else {
            guard ",]}:".utf8.contains(bytes[at]) else { throw goingOn() }
            return false
        }
        guard at - start > blockColumn else {
            isExpecting = true
            open = .nothing
            return false
        }
        // What could as well begin a value is not guessed at.
        guard case .plain = open, !"-?:,[]{}#&*!|>'\"%@`".utf8.contains(bytes[at]) else { throw goingOn() }
        try plain()
        while at < end, bytes[at] == 0x20 { at += 1 }
        guard at == end || bytes[at] == UInt8(ascii: "#") else { throw goingOn() }
        if at < end { open = .ended }
        return true
    }

    private mutating func rest() throws(ImportError) {
        while at < end {
            let character = bytes[at]
            if character == 0x20 {
                at += 1
            } else if character == 0x09 {
                throw refusal(.syntax, "a tab stands here", "use spaces")
            } else if character == UInt8(ascii: "#"), at == start || bytes[at - 1] == 0x20 {
                if case .plain = open { open = .ended }
                return
            } else if isExpecting {
                try value()
            } else {
                try separator()
            }
        }
    }

    private mutating func value() throws(ImportError) {
        if flowDepth == 0 { scalarColumn = at - start }
        switch bytes[at] {
        case UInt8(ascii: "-") where isBlank(at + 1) && flowDepth == 0:
            guard at - start <= PolicyLimits.indentation else {
                throw refusal(.limit, "lists are nested too deep", "nest less")
            }
            blockColumn = at - start
            at += 1
        case UInt8(ascii: "?") where isBlank(at + 1):
            throw refusal(.syntax, "keys after '?' are not taken", "write 'KEY: VALUE'")
        case UInt8(ascii: "&"): throw refusal(.syntax, "anchors are not taken", "write the value out in each place")
        case UInt8(ascii: "*"): throw refusal(.syntax, "aliases are not taken", "write the value out in each place")
        case UInt8(ascii: "!"): throw refusal(.syntax, "tags are not taken", "remove the tag")
        case UInt8(ascii: "|"), UInt8(ascii: ">"): try block()
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            flowDepth += 1
            try count()
            guard flowDepth <= PolicyLimits.textDepth else {
                throw refusal(.limit, "more than \(PolicyLimits.textDepth) brackets are open here", "nest less")
            }
            at += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            try close()
            isExpecting = false
            open = .ended
        case UInt8(ascii: ",") where flowDepth > 0: at += 1
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let quote = bytes[at]
            at += 1
            isExpecting = false
            try count()
            try quotes(quote)
        default:
            isExpecting = false
            open = .plain
            try count()
            try plain()
        }
    }

    private mutating func close() throws(ImportError) {
        guard flowDepth > 0 else { throw refusal(.syntax, "this bracket was not opened", "remove it") }
        flowDepth -= 1
        at += 1
    }

    /// The head of a block scalar: what follows further right than its block is text.
    private mutating func block() throws(ImportError) {
        guard flowDepth == 0 else {
            throw refusal(.syntax, "block scalars are not taken between brackets", "write the value in quotes")
        }
        at += 1
        while at < end, "+-".utf8.contains(bytes[at]) { at += 1 }
        while at < end, bytes[at] == 0x20 { at += 1 }
        guard at == end || bytes[at] == UInt8(ascii: "#") else {
            throw refusal(.syntax, "this does not belong to the head of a block scalar", "write '|' or '|-' alone")
        }
        at = end
        try count()
        open = .block(blockColumn)
        isExpecting = true
    }

    /// The rest of a quoted scalar, as far as it is on this line.
    private mutating func quotes(_ quote: UInt8) throws(ImportError) {
        while at < end {
            if quote == UInt8(ascii: "\""), bytes[at] == UInt8(ascii: "\\") {
                at += 2
            } else if bytes[at] == quote {
                at += 1
                // Two single quotes stand for one.
                guard quote == UInt8(ascii: "'"), at < end, bytes[at] == quote else {
                    open = .ended
                    return
                }
                at += 1
            } else {
                at += 1
            }
        }
        at = end
        open = .quotes(quote)
    }

    private mutating func plain() throws(ImportError) {
        while at < end {
            let character = bytes[at]
            if character == 0x09 { throw refusal(.syntax, "a tab stands here", "use spaces") }
            if character == UInt8(ascii: ":"),
                isBlank(at + 1) || flowDepth > 0 && ",?[]{}".utf8.contains(byte(at + 1))
            {
                return
            }
            if character == UInt8(ascii: "#"), at > start, bytes[at - 1] == 0x20 { return }
            if flowDepth > 0, ",[]{}".utf8.contains(character) { return }
            at += 1
        }
    }

    private mutating func separator() throws(ImportError) {
        switch bytes[at] {
        case UInt8(ascii: ":") where flowDepth > 0 || isBlank(at + 1):
            if flowDepth == 0 { blockColumn = scalarColumn }
            isExpecting = true
            open = .nothing
            at += 1
        case UInt8(ascii: ",") where flowDepth > 0:
            isExpecting = true
            open = .nothing
            at += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            try close()
            open = .ended
        default:
            throw refusal(.syntax, "this does not belong to the value before it", "put values into quotes as a whole")
        }
    }

    private mutating func count() throws(ImportError) {
        valueCount += 1
        guard valueCount <= PolicyLimits.values else {
            throw refusal(
                .limit, "the text has more than \(PolicyLimits.values) values", "import a part at a time")
        }
    }

    // MARK: Refusals

    private func goingOn() -> ImportError {
        refusal(
            .syntax, "a value that goes on in this way is not taken",
            "write it on one line, in quotes, or indent it as a field")
    }

    private func refusal(_ code: Finding.Code, _ problem: String, _ remedy: String) -> ImportError {
        let offset = min(at, bytes.count)
        let column = bytes[min(start, offset)..<offset].reduce(1) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
        let rest = bytes[offset..<max(offset, min(end, offset + 40, bytes.count))]
        return ImportError(
            source, code, Place(line: max(line, 1), column: column), String(decoding: rest, as: UTF8.self), problem,
            remedy: remedy)
    }
}
