import Crypto
import Foundation

/// Who passkeys are made for: the name to which they are bound, and the origin whose pages may use them (WebAuthn, sections
/// 5.1.2 and 13.4.9).
public struct RelyingParty: Hashable, Sendable {
    /// The relying party's id: the host name.
    public let id: String
    /// The origin of its pages, such as `https://bay.example.org:7443`; compared octet by octet.
    public let origin: String
    /// SHA-256 of ``id``, as authenticators have it.
    public let idHash: [UInt8]

    /// Why there can be no passkeys at a URL.
    public enum Refusal: Error, Hashable, Sendable {
        /// It is not https, or no URL.
        case notSecure(String)
        /// It names an address; passkeys are bound to names.
        case address(String)
    }

    /// Takes the URL under which people's browsers find the pages.
    public init(url text: String) throws(Refusal) {
        guard let url = URLComponents(string: text), url.scheme?.lowercased() == "https",
            let host = url.host?.lowercased(), !host.isEmpty
        else { throw .notSecure(text) }
        // A name whose last label is a number is an address to browsers (URL Standard, "ends in a number").
        let last = host.split(separator: ".").last ?? ""
        guard !host.contains(":"), !host.hasPrefix("["), !last.isEmpty, !last.allSatisfy(\.isNumber),
            !last.hasPrefix("0x"),
            host.utf8.allSatisfy({
                (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x2e
            })
        else { throw .address(host) }
        id = host
        let port = url.port.flatMap { $0 == 443 ? nil : ":\($0)" } ?? ""
        origin = "https://\(host)\(port)"
        idHash = Array(SHA256.hash(data: Array(host.utf8)))
    }
}
