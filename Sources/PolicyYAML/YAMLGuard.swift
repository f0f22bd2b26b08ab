import PolicyLanguage

/// Looks over a YAML text before the parser sees it, and refuses what a policy has no use for: anchors, aliases, tags,
/// block scalars, directives, complex keys, tabs, several documents, values of more than one line, and what is too
/// large or too deep.
///
/// The parser would expand aliases (a few lines can stand for gigabytes), and read the rest in ways of which people are
/// not aware. What this takes is a part of YAML 1.2 in which a line can be told without the lines around it: whatever
/// is taken here as a string in quotes, or as plain text, is that to the parser too.
struct YAMLGuard {
    private let bytes: [UInt8]
    private var line = 0
    private var start = 0
    private var end = 0
    private var at = 0
    private var flowDepth = 0
    /// Whether a value may begin here; otherwise one has just ended.
    private var isExpecting = true
    private var hasContent = false
    private var hasEnded = false
    private var valueCount = 0
    /// Where the innermost block stands, by its last field or dash; what goes on with its value stands further right.
    private var blockColumn = -1
    /// Where the last value outside of brackets began, which may turn out to be a field's name.
    private var scalarColumn = 0

    /// Refuses a text, or gives it as a string.
    static func check(_ bytes: [UInt8]) throws(DocumentRefusal) -> String {
        var guardian = YAMLGuard(bytes: bytes)
        try guardian.run()
        return String(decoding: bytes, as: UTF8.self)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    // MARK: Text

    private mutating func run() throws(DocumentRefusal) {
        guard bytes.count <= PolicyLimits.documentBytes else {
            throw refusal(
                .limit, "\(bytes.count) bytes are more than the \(PolicyLimits.documentBytes) of a document",
                "put endpoints into groups by label")
        }
        while start <= bytes.count {
            line += 1
            end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            at = start
            let next = end + 1
            if end > start, bytes[end - 1] == 0x0d { end -= 1 }
            guard end - start <= PolicyLimits.lineBytes else {
                throw refusal(
                    .limit, "this line has \(end - start) bytes, more than \(PolicyLimits.lineBytes)",
                    "write the elements of long lists on lines of their own")
            }
            try characters()
            try tokens()
            start = next
        }
    }

    /// UTF-8, and no characters that some take for the end of a line and others do not, or that nobody sees.
    private mutating func characters() throws(DocumentRefusal) {
        let text = bytes[start..<end]
        if text.allSatisfy({ (0x20...0x7e).contains($0) }) { return }
        guard String(validating: text, as: UTF8.self) != nil else {
            at = start + Self.validPrefix(Array(text))
            throw refusal(.syntax, "this is not UTF-8", "save the document as UTF-8")
        }
        var offset = start
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            at = offset
            offset += String(scalar).utf8.count
            switch scalar.value {
            case 0x09: continue
            case 0xfeff where line == 1 && at == 0:
                throw refusal(.syntax, "a byte order mark stands here", "save the document as UTF-8 without one")
            case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0xfeff:
                let code = String(scalar.value, radix: 16, uppercase: true)
                throw refusal(.syntax, "the control character U+\(code) stands here", "remove it")
            default: continue
            }
        }
        at = start
    }

    private static func validPrefix(_ bytes: [UInt8]) -> Int {
        var (low, high) = (0, bytes.count)
        // The longest prefix that is valid, or would be if its last character were whole.
        while low < high {
            let middle = (low + high + 1) / 2
            let isValid = (0..<min(4, middle)).contains { cut in
                String(validating: bytes[..<(middle - cut)], as: UTF8.self) != nil
                    && isBeginning(bytes[(middle - cut)..<middle])
            }
            if isValid { low = middle } else { high = middle - 1 }
        }
        while low > 0, String(validating: bytes[..<low], as: UTF8.self) == nil { low -= 1 }
        return low
    }

    /// Whether some bytes can begin a character that they do not end.
    private static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first else { return true }
        return first >= 0xc2 && bytes.dropFirst().allSatisfy { $0 & 0xc0 == 0x80 }
    }

    // MARK: Tokens

    private func byte(_ offset: Int) -> UInt8 { offset < end ? bytes[offset] : 0x20 }
    private func isBlank(_ offset: Int) -> Bool { offset >= end || bytes[offset] == 0x20 }

    private mutating func tokens() throws(DocumentRefusal) {
        while at < end, bytes[at] == 0x20 { at += 1 }
        guard at < end, bytes[at] != UInt8(ascii: "#") else { return }
        if flowDepth == 0 {
            guard at - start <= PolicyLimits.indentation else {
                throw refusal(.limit, "this stands further right than column \(PolicyLimits.indentation)", "nest less")
            }
            if try marker() { return }
        }
        guard !hasEnded else { throw refusal(.syntax, "text stands here after the end of the document", "remove it") }
        hasContent = true
        // After a value, what stands further right than its block would go on with it, and the rest of the text would
        // be taken apart in another way than the parser does.
        if !isExpecting, flowDepth == 0 ? at - start > blockColumn : !",]}:".utf8.contains(bytes[at]) {
            throw multiline()
        }
        if flowDepth == 0 { isExpecting = true }
        while at < end {
            let character = bytes[at]
            if character == 0x20 {
                at += 1
            } else if character == 0x09 {
                throw refusal(.syntax, "a tab stands here", "use spaces")
            } else if character == UInt8(ascii: "#"), at == start || bytes[at - 1] == 0x20 {
                return
            } else if isExpecting {
                try value()
            } else {
                try separator()
            }
        }
    }

    /// The marks of directives and of the begin and end of documents; gives whether the line is done.
    private mutating func marker() throws(DocumentRefusal) -> Bool {
        guard at == start else { return false }
        if bytes[at] == UInt8(ascii: "%") {
            throw refusal(.syntax, "directives are not taken", "remove the line")
        }
        let mark = Array(bytes[at..<min(at + 3, end)])
        guard mark == Array("---".utf8) || mark == Array("...".utf8), isBlank(at + 3) else { return false }
        if mark[0] == UInt8(ascii: "-") {
            guard !hasContent else {
                throw refusal(.syntax, "a second document begins here", "put one document into each text")
            }
            hasContent = true
        } else {
            hasEnded = true
        }
        at += 3
        while at < end, bytes[at] == 0x20 { at += 1 }
        guard at >= end || bytes[at] == UInt8(ascii: "#") else {
            throw refusal(.syntax, "text stands here after the mark of a document", "write it on the next line")
        }
        return true
    }

    private mutating func value() throws(DocumentRefusal) {
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
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            throw refusal(.syntax, "block scalars are not taken", "write the value on one line, in quotes")
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            flowDepth += 1
            try count()
            guard flowDepth <= PolicyLimits.textDepth else {
                throw refusal(.limit, "more than \(PolicyLimits.textDepth) brackets are open here", "nest less")
            }
            at += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            // Brackets that do not pair are the parser's affair.
            flowDepth = max(0, flowDepth - 1)
            isExpecting = false
            at += 1
        case UInt8(ascii: ",") where flowDepth > 0: at += 1
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            try quotes()
            try ended()
        default:
            try plain()
            try ended()
        }
    }

    private mutating func ended() throws(DocumentRefusal) {
        isExpecting = false
        try count()
    }

    private mutating func quotes() throws(DocumentRefusal) {
        let opening = at
        let quote = bytes[at]
        at += 1
        while at < end {
            if bytes[at] == 0x09 { throw refusal(.syntax, "a tab stands here", "use spaces") }
            if quote == UInt8(ascii: "\""), bytes[at] == UInt8(ascii: "\\") {
                at += 2
            } else if bytes[at] == quote {
                at += 1
                // Two single quotes stand for one.
                guard quote == UInt8(ascii: "'"), at < end, bytes[at] == quote else { return }
                at += 1
            } else {
                at += 1
            }
        }
        at = opening
        throw refusal(
            .syntax, "the quotes that begin here do not end on this line", "end them, and write values on one line")
    }

    private mutating func plain() throws(DocumentRefusal) {
        while at < end {
            let character = bytes[at]
            if character == 0x09 { throw refusal(.syntax, "a tab stands here", "use spaces") }
            if character == UInt8(ascii: ":"),
                isBlank(at + 1) || flowDepth > 0 && ",?[]{}".utf8.contains(byte(at + 1))
            {
                return
            }
            if character == UInt8(ascii: "#"), bytes[at - 1] == 0x20 { return }
            if flowDepth > 0, ",[]{}".utf8.contains(character) { return }
            at += 1
        }
    }

    private mutating func separator() throws(DocumentRefusal) {
        switch bytes[at] {
        case UInt8(ascii: ":") where flowDepth > 0 || isBlank(at + 1):
            if flowDepth == 0 { blockColumn = scalarColumn }
            isExpecting = true
            at += 1
        case UInt8(ascii: ",") where flowDepth > 0:
            isExpecting = true
            at += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            flowDepth = max(0, flowDepth - 1)
            at += 1
        default:
            throw refusal(.syntax, "this does not belong to the value before it", "put values into quotes as a whole")
        }
    }

    private mutating func count() throws(DocumentRefusal) {
        valueCount += 1
        guard valueCount <= PolicyLimits.values else {
            throw refusal(
                .limit, "the document has more than \(PolicyLimits.values) values", "put endpoints into groups by label"
            )
        }
    }

    // MARK: Refusals

    private func multiline() -> DocumentRefusal {
        refusal(
            .syntax, "a value that goes on on this line is not taken",
            "write it on one line, in quotes, or indent it as a field")
    }

    private func refusal(_ code: Finding.Code, _ problem: String, _ remedy: String) -> DocumentRefusal {
        let column = bytes[start..<min(at, bytes.count)].reduce(1) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
        let rest = bytes[min(at, bytes.count)..<max(min(at, bytes.count), min(end, at + 40))]
        return DocumentRefusal([
            Finding(
                code, at: Place(line: max(line, 1), column: column), text: String(decoding: rest, as: UTF8.self),
                problem,
                remedy: remedy)
        ])
    }
}
