import Crypto

/// One file of the console, as browsers get it.
public struct ConsoleFile: Sendable, Hashable {
    /// The path below `/console/`, such as `pages/bay.js`.
    public let path: String
    /// Its registered media type with the character set.
    public let mediaType: String
    /// What is in it.
    public let bytes: [UInt8]
    /// A strong entity tag in its quotation marks (RFC 9110, section 8.8.3): the SHA-256 of the bytes, shortened.
    public let entityTag: String

    init(path: String, text: String) {
        self.path = path
        bytes = Array(text.utf8)
        mediaType = Self.mediaType(of: path)
        let digest = SHA256.hash(data: bytes).prefix(16)
        entityTag = "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
    }

    private static func mediaType(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json": "application/json; charset=utf-8"
        case "svg": "image/svg+xml; charset=utf-8"
        default: "text/plain; charset=utf-8"
        }
    }
}

/// The files of the console. They are looked up in a table, never on a disk, so no path leads out of it.
public enum ConsoleFiles {
    /// All of them, by path.
    public static let all: [String: ConsoleFile] = Dictionary(
        embeddedFiles.map { ($0.name, ConsoleFile(path: $0.name, text: $0.text)) },
        uniquingKeysWith: { first, _ in first })

    /// The file at a path below `/console/`; the empty path is the page itself.
    public static func file(at path: some StringProtocol) -> ConsoleFile? {
        all[path.isEmpty ? "index.html" : String(path)]
    }
}
