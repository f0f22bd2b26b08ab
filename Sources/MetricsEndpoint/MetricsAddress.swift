public import NetTypes

/// Where metrics are shown: an address and a TCP port, or a socket in the file system.
///
/// Metrics tell much about a host, and nobody is asked who they are: a loopback address, a socket, or an address of the
/// monitoring network only.
public enum MetricsAddress: Hashable, Sendable, CustomStringConvertible {
    /// An address and a port; 0 for any free one.
    case tcp(IPAddress, port: UInt16)
    /// The path of a socket, which is made with mode 0660.
    case unix(String)

    /// Reads `127.0.0.1:9470`, `[::1]:9470` or `unix:/run/patchbay/metrics.sock`.
    public init(parsing text: String) throws(TextError) {
        let bad = TextError(
            text, "an address and port such as 127.0.0.1:9470 or [::1]:9470, or unix:/run/patchbay/metrics.sock")
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The system takes 107 octets and a zero (unix(7)).
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else { throw bad }
            self = .unix(path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw bad
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw bad }
        } else if host.contains(":") {
            throw bad
        }
        self = .tcp(try IPAddress(parsing: host), port: port)
    }

    public var description: String {
        switch self {
        case .tcp(.v4(let address), let port): "\(address):\(port)"
        case .tcp(.v6(let address), let port): "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
