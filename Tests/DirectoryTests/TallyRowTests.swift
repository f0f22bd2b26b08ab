import DirectoryCore
import GRDB
import NetTypes
import Testing

@testable import StoreSQLite

@Suite("Rows of tallies")
struct TallyRowTests {
    @Test("There is a row for each part that has endpoints, and none for others", arguments: StoreKind.allCases)
    func rows(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        func rows() async throws -> [String] {
            try await fixture.store.inspect { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT tenant || '/' || first_group || ' ' || state || ' ' || found FROM endpoint_tally
                        ORDER BY tenant, first_group, state
                        """)
            }
        }
        try await fixture.tenant()
        try await fixture.tenant("globex")
        let h1 = try await fixture.host("h1")
        _ = try await fixture.directory.createGroup(tenantName("acme/web"))
        let web1 = try await fixture.endpoint("acme/web1", on: "h1", groups: ["web"])
        let db1 = try await fixture.endpoint("acme/db1", on: "h1")
        let other = try await fixture.endpoint("globex/web1", on: "h1")
        #expect(try await rows() == ["acme/ waiting 1", "acme/web waiting 1", "globex/ waiting 1"])
        try await h1.run(web1.identity)
        try await h1.run(db1.identity)
        #expect(try await rows() == ["acme/ running 1", "acme/web running 1", "globex/ waiting 1"])
        for endpoint in [db1, web1] { _ = try await fixture.directory.deleteEndpoint(endpoint.name) }
        #expect(try await rows() == ["globex/ waiting 1"])
        _ = try await fixture.directory.deleteEndpoint(other.name)
        #expect(try await rows().isEmpty)
        // A part that comes again is counted from the beginning.
        _ = try await fixture.endpoint("acme/web1", on: "h1", groups: ["web"])
        #expect(try await rows() == ["acme/web waiting 1"])
    }
}
