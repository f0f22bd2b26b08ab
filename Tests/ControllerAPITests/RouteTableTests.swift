import HTTPTypes
import Testing

@testable import ControllerAPI

@Suite("Routes")
struct RouteTableTests {
    private static let table = RouteTable(
        [
            ("GET", "/v1/things"), ("POST", "/v1/things"), ("GET", "/v1/things/{thing}"),
            ("DELETE", "/v1/things/{thing}"),
            ("GET", "/v1/things/best"), ("GET", "/v1/things/{thing}/parts/{part}"), ("GET", "/v1/things/best/first"),
        ].compactMap { method, path in
            HTTPRequest.Method(rawValue: method).map {
                Operation(method: $0, path: path, id: path, summary: "") { _ in nil }
            }
        })

    private static func route(_ method: HTTPRequest.Method, _ path: String) -> String? {
        guard let route = table.match(path.split(separator: "/").map(String.init))?.route(method) else { return nil }
        let parameters = route.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([route.operation.path] + parameters).joined(separator: " ")
    }

    @Test(
        "A path leads to its operation",
        arguments: [
            ("/v1/things", "/v1/things"), ("/v1/things/a", "/v1/things/{thing} thing=a"),
            ("/v1/things/best", "/v1/things/best"), ("/v1/things/best/first", "/v1/things/best/first"),
            ("/v1/things/a/parts/b", "/v1/things/{thing}/parts/{part} part=b thing=a"),
            // What is written out goes first, but does not hide what only the parameter leads to.
            ("/v1/things/best/parts/b", "/v1/things/{thing}/parts/{part} part=b thing=best"),
            // A name that looks like a parameter is only a name.
            ("/v1/things/{thing}", "/v1/things/{thing} thing={thing}"),
        ])
    func leads(_ path: String, _ expected: String) { #expect(Self.route(.get, path) == expected) }

    @Test(
        "Other paths lead nowhere", arguments: ["/", "/v1", "/v2/things", "/v1/things/a/parts", "/v1/things/a/b/c/d"])
    func nowhere(_ path: String) {
        #expect(Self.table.match(path.split(separator: "/").map(String.init)) == nil)
    }

    @Test("Of a path's methods only those that there are")
    func methods() {
        #expect(Self.route(.delete, "/v1/things/a") == "/v1/things/{thing} thing=a")
        #expect(Self.route(.delete, "/v1/things/best") == nil)
        #expect(Self.route(.post, "/v1/things/a") == nil)
        let allowed = Self.table.match(["v1", "things"])?.operations.map(\.method.rawValue)
        #expect(allowed == ["GET", "POST"])
    }
}
