import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("Labels and levels in the directory")
struct DirectoryLabelTests {
    @Test("What is set is certified, and told to the leaf", arguments: StoreKind.allCases)
    func certified(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let endpoint = try await fixture.endpoint("acme/web1", on: "h1", labels: ["tier=web", "app=shop"], level: 200)
        #expect(endpoint.labels.map(\.description) == ["app=shop", "tier=web"] && endpoint.level == 200)
        #expect(try await fixture.directory.endpoint(endpoint.name) == endpoint)
        let ports = try await fixture.directory.desiredPorts(of: leaf.id)
        #expect(ports.map(\.endpoint.labels) == [endpoint.labels] && ports[0].endpoint.level == 200)
        let certified = try await leaf.run(endpoint.identity)
        let summary = try CertificateSummary(parsing: certified.answer.certificate)
        #expect(summary.labels == endpoint.labels && summary.level == 200)
    }

    @Test("A change withdraws what was certified before, at once", arguments: StoreKind.allCases)
    func changes(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let directory = fixture.directory
        let endpoint = try await fixture.endpoint("acme/web1", on: "h1", labels: ["tier=web"])
        let name = endpoint.name
        let steps: [(String, @Sendable () async throws -> Endpoint, [String], UInt8)] = [
            (
                "add", { try await directory.changeLabels(of: name, set: [PolicyLabel(parsing: "quarantine=yes")]) },
                ["quarantine=yes", "tier=web"], 0
            ),
            (
                "replace", { try await directory.changeLabels(of: name, set: [PolicyLabel(parsing: "tier=db")]) },
                ["quarantine=yes", "tier=db"], 0
            ),
            ("remove", { try await directory.changeLabels(of: name, set: [], remove: ["quarantine"]) }, ["tier=db"], 0),
            ("level", { try await directory.setLevel(255, of: name) }, ["tier=db"], 255),
            (
                "set",
                {
                    try await directory.setLabels([PolicyLabel(parsing: "a=2"), PolicyLabel(parsing: "a=1")], of: name)
                },
                ["a=1", "a=2"], 255
            ),
        ]
        for (what, step, labels, level) in steps {
            let certified = try await leaf.run(endpoint.identity)
            let serial = try CertificateSummary(parsing: certified.answer.certificate).serial
            let stream = directory.changes()
            let after = try await step()
            #expect(after.labels.map(\.description) == labels && after.level == level, "\(what)")
            #expect(after.state == .waiting, "\(what)")
            _ = try await directory.createHost(try NetTypes.Name(parsing: "marker-\(what)"), controllerURL: Fixture.url)
            let seen = await DirectoryTests.changes(stream, until: try NetTypes.Name(parsing: "marker-\(what)"))
            #expect(
                seen.contains(.endpointChanged(endpoint.identity)) && seen.contains(.portsChanged(leaf.id)), "\(what)")
            #expect(try await directory.revocations().contains { $0.subject == .serial(serial) }, "\(what)")
            #expect(try await directory.state(of: endpoint.identity) == .notRunning, "\(what)")
            // The former certificate cannot be published again.
            await expectRefusal(.untrusted) {
                try await directory.publish(leaf: leaf.id, try leaf.facts(endpoint.identity, certified))
            }
        }
        // What changes nothing revokes nothing.
        try await leaf.run(endpoint.identity)
        #expect(try await directory.setLevel(255, of: name).state == .running)
        #expect(try await directory.changeLabels(of: name, set: []).state == .running)
    }

    @Test("What an endpoint cannot have is refused")
    func refusals() async throws {
        let fixture = try Fixture()
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        let endpoint = try await fixture.endpoint("acme/web1", on: "h1", labels: ["tier=web"])
        let directory = fixture.directory
        let many = try (0...TrustLimits.labels).map { try PolicyLabel(parsing: "k\($0)=v") }
        let member = PolicyLabel(memberOf: try name("web"))
        let twice = try [PolicyLabel(parsing: "a=1"), PolicyLabel(parsing: "a=1")]
        await expectRefusal(.invalid, at: "/labels", mentions: "65") {
            try await directory.setLabels(many, of: endpoint.name)
        }
        await expectRefusal(.invalid, at: "/labels", mentions: "65") {
            try await directory.changeLabels(of: endpoint.name, set: Array(many.dropLast()))
        }
        await expectRefusal(.invalid, at: "/labels/0", mentions: "group=web") {
            try await directory.setLabels([member], of: endpoint.name)
        }
        await expectRefusal(.invalid, at: "/labels/0") {
            try await directory.changeLabels(of: endpoint.name, set: [member])
        }
        await expectRefusal(.invalid, at: "/labels/1") { try await directory.setLabels(twice, of: endpoint.name) }
        await expectRefusal(.invalid, at: "/remove/0") {
            try await directory.changeLabels(of: endpoint.name, set: [], remove: ["é"])
        }
        await expectRefusal(.invalid, at: "/remove/0") {
            try await directory.changeLabels(of: endpoint.name, set: [PolicyLabel(parsing: "a=1")], remove: ["a"])
        }
        await expectRefusal(.notFound, at: "/remove/0") {
            try await directory.changeLabels(of: endpoint.name, set: [], remove: ["none"])
        }
        await expectRefusal(.notFound) { try await directory.setLevel(1, of: try tenantName("acme/none")) }
        await expectRefusal(.invalid, at: "/labels/0") {
            try await fixture.endpoint("acme/web2", on: "h1", labels: ["group=web"])
        }
        #expect(try await directory.endpoint(endpoint.name) == endpoint)
    }
}
