import APITypes
import DirectoryCore
import Foundation
import NetTypes
import StoreSQLite
import Testing
import Trust

/// How long figures are kept, as whoever starts a controller says it.
@Suite(.timeLimit(.minutes(1))) struct UsageRetentionTests {
    @Test func figuresAreKeptAsLongAsTheOptionsSay() async throws {
        let now = TestController.clock()
        // In days; the hours of the first two stay, the days of all but the last.
        let ages: [Int64] = [0, 1, 3, 8, 12]
        try await RealController.with(
            ["--usage-hours-kept", "2", "--usage-days-kept", "10"],
            prepare: { data in
                let platform = try Platform.open(dataDirectory: data)
                let store = try SQLiteStore(path: platform.storePath)
                let directory = Directory(
                    platform: platform, store: store, now: { TestController.clock() }, random: TestController.random)
                let acme = try await directory.createTenant(Name(parsing: "acme"))
                _ = try await directory.createVNet(
                    TenantName(parsing: "acme/lan"), prefix: IPv4Prefix(parsing: "10.0.0.0/24"))
                _ = try await directory.createHost(Name(parsing: "h1"), controllerURL: "https://127.0.0.1:1")
                let web = try await directory.createEndpoint(
                    .init(name: TenantName(parsing: "acme/web1"), vnet: Name(parsing: "lan"), host: Name(parsing: "h1"))
                )
                try await store.write { (tx) throws(DirectoryError) in
                    let party = try tx.enterUsageParty(web, of: acme)
                    for age in ages {
                        for part in 1...3 as ClosedRange<UInt64> {
                            var traffic = Traffic()
                            (traffic.sentPackets, traffic.sentBytes) = (part, part * 100)
                            let moment = UsageStep.hour.begin(of: now + -age * 86_400) + Int64(part) * -60
                            try tx.add(traffic, to: party.tenant, .tenant, of: party.tenant, at: moment)
                            try tx.add(traffic, to: party.number, .endpoint, of: party.tenant, at: moment)
                        }
                    }
                }
                try store.close()
            }
        ) { controller in
            for by in ["tenant", "endpoint"] {
                var found: [String: Usage] = [:]
                let since = Timestamp(now.seconds - 30 * 86_400).description.prefix(10)
                // What is due is done in the first second or so.
                for _ in 0..<100 {
                    for step in ["hour", "day"] {
                        let answer = try await controller.curl(
                            "/v1/tenants/acme/usage?by=\(by)&step=\(step)&from=\(since)")
                        found[step] = try JSONDecoder().decode(Usage.self, from: Data(answer.output.utf8))
                    }
                    if found["hour"]?.items.count ?? 0 <= 2 { break }
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(found["hour"]?.items.map(\.sentPackets) == [6, 6], "\(by): \(found)")
                // Days are whole, also those whose hours are gone.
                #expect(found["day"]?.items.map(\.sentPackets) == [6, 6, 6, 6], "\(by): \(found)")
            }
        }
    }

    @Test(arguments: ["--usage-hours-kept", "--usage-days-kept"])
    func whatCannotBeKeptIsRefused(_ option: String) async throws {
        for bad in ["0", "-1", "1000000", "ten", "", "1.5", "99999999999999999999"] {
            let finished = try await RealController.run(
                [
                    RealController.programDirectory + "/patchbay-controller", "run", "--data", "/nonexistent",
                    "\(option)=\(bad)",
                ])
            #expect(finished.status != 0 && finished.output.contains(option), "\(bad): \(finished)")
            #expect(!finished.output.contains("/nonexistent"), "it is refused before anything is touched")
        }
    }
}
