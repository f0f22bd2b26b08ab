import NetTypes
import Testing

@testable import ControllerAPI

@Suite struct ListenAddressTests {
    @Test(arguments: ["127.0.0.1:7443", "0.0.0.0:0", "[::1]:65535", "[::]:1"])
    func readsAndWrites(text: String) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address.description == text)
        #expect(address.isWildcard == (text.hasPrefix("0.0.0.0") || text.hasPrefix("[::]")))
    }

    @Test(arguments: [
        "", "127.0.0.1", ":7443", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:7443", "[::1]", "[127.0.0.1]:1",
        "localhost:1", "[::1:7443", "127.0.0.1:7443 ", "[fe80::1%eth0]:1",
    ])
    func refuses(text: String) {
        #expect(throws: TextError.self) { try ListenAddress(parsing: text) }
    }
}
