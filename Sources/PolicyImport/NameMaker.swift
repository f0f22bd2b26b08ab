import NetTypes

/// Makes names that are not yet taken out of any text.
struct NameMaker {
    private static let most = 63
    private var taken = Set<String>()
    /// Of each beginning the last number that was tried, so that a thousand equal beginnings cost no more than others.
    private var numbers: [String: Int] = [:]

    /// A name like the text, with a number behind it where the text's own is taken.
    mutating func name(_ text: String) -> Name {
        let slug = Self.slug(text)
        if taken.insert(slug).inserted, let name = try? Name(parsing: slug) { return name }
        var number = numbers[slug] ?? 1
        while true {
            number += 1
            let suffix = "-\(number)"
            let candidate = Self.cut(slug, to: Self.most - suffix.utf8.count) + suffix
            guard taken.insert(candidate).inserted, let name = try? Name(parsing: candidate) else { continue }
            numbers[slug] = number
            return name
        }
    }

    /// Lower-case letters, digits, and one hyphen for whatever stands between them; `x` where nothing is left.
    static func slug(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x61...0x7a, 0x30...0x39: bytes.append(byte)
            case 0x41...0x5a: bytes.append(byte | 0x20)
            default: if let last = bytes.last, last != 0x2d { bytes.append(0x2d) }
            }
        }
        let slug = cut(String(decoding: bytes, as: UTF8.self), to: most)
        return slug.isEmpty ? "x" : slug
    }

    private static func cut(_ slug: String, to count: Int) -> String {
        var cut = slug.prefix(count)
        while cut.hasSuffix("-") { cut.removeLast() }
        return String(cut)
    }
}
