import DirectoryCore
import Foundation
import NetTypes
import Testing

@testable import StoreSQLite

@Suite("The SQLite store")
struct SQLiteStoreTests {
    private func path() -> String { NSTemporaryDirectory() + "patchbay-store-\(UInt64.random(in: 0 ... .max)).sqlite" }

    private func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    @Test("Migrations run from empty, in order, and once")
    func migrations() async throws {
        let path = path()
        defer { remove(path) }
        let store = try SQLiteStore(path: path)
        let names = try await store.migrations()
        #expect(
            names == [
                "1 tenants, vnets, hosts, endpoints", "2 policies, facts, certificates, revocations",
                "3 labels, documents, guardrails, locks", "4 borders", "5 people, audit", "6 life cycle", "7 usage",
                "8 lists", "9 passkeys", "10 certificates of people, access requests", "11 single sign-on",
                "12 tallies without zeros",
                "13 sessions of identity providers",
            ])
        try store.close()
        for _ in 0..<3 {
            let again = try SQLiteStore(path: path)
            #expect(try await again.migrations() == names)
            try again.close()
        }
        #expect(try await SQLiteStore(inMemoryWithFeedCapacity: 1).migrations() == names)
    }

    @Test("The files are private from the first moment; an exposed one is refused")
    func mode() async throws {
        let path = path()
        defer { remove(path) }
        let store = try SQLiteStore(path: path)
        try await store.write { (tx) throws(DirectoryError) in
            try tx.put(
                LeafHost(
                    name: Samples.h1, id: LeafID(1), enrolledAt: nil, locators: [], plugPort: 0,
                    createdAt: Fixture.start))
        }
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(suffix)")
        }
        try store.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        do {
            _ = try SQLiteStore(path: path)
            Issue.record("opened a file of mode 0644")
        } catch { #expect(error.code == .forbidden && error.remedy?.contains("chmod") == true) }
    }

    @Test("A file that is none, a missing folder: an error, not a crash")
    func damaged() throws {
        let path = path()
        defer { remove(path) }
        let text = Data(repeating: 0x41, count: 8_192)
        #expect(FileManager.default.createFile(atPath: path, contents: text, attributes: [.posixPermissions: 0o600]))
        #expect(throws: DirectoryError(.storage, "")) { try SQLiteStore(path: path) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
        #expect(throws: DirectoryError(.storage, "")) { try SQLiteStore(path: "/nonexistent/folder/x.sqlite") }
    }

    @Test("Concurrent writers each get an address of their own; nothing is lost")
    func concurrentWriters() async throws {
        let fixture = try Fixture(.file)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        let made = try await withThrowingTaskGroup(of: Endpoint?.self) { group in
            for index in 0..<120 {
                group.addTask {
                    // Each name is asked for twice: one of the two is refused.
                    do { return try await fixture.endpoint("acme/e\(index / 2)", on: "h1") } catch let error
                        as DirectoryError
                    {
                        #expect(error.code == .conflict, "\(error)")
                        return nil
                    }
                }
            }
            var made: [Endpoint] = []
            for try await endpoint in group { if let endpoint { made.append(endpoint) } }
            return made
        }
        #expect(made.count == 60)
        #expect(Set(made.map(\.ipv4)).count == 60 && Set(made.map(\.identity)).count == 60)
        #expect(try await fixture.directory.vnet(try tenantName("acme/lan")).endpointCount == 60)
        #expect(Set(try await fixture.directory.endpoints(of: try name("acme"))) == Set(made))
    }

    @Test("A single-use token is used once, however many try at the same moment")
    func concurrentEnrolment() async throws {
        let fixture = try Fixture(.file)
        let new = try await fixture.directory.createHost(try name("h1"), controllerURL: Fixture.url)
        let enrolled = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    do {
                        _ = try await fixture.enrol(new)
                        return true
                    } catch let error as DirectoryError {
                        #expect(error.code == .used, "\(error)")
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(enrolled == 1)
    }

    @Test("A caller that goes away leaves nothing half done")
    func cancelled() async throws {
        let fixture = try Fixture(.file)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        var done = 0
        for index in 0..<40 {
            let task = Task { try await fixture.endpoint("acme/e\(index)", on: "h1") }
            if index.isMultiple(of: 2) { await Task.yield() }
            task.cancel()
            if case .success = await task.result { done += 1 }
        }
        #expect(try await fixture.directory.endpoints(of: try name("acme")).count == done)
        #expect(try await fixture.directory.vnet(try tenantName("acme/lan")).endpointCount == UInt32(done))
    }

    @Test("What was committed is on the disk")
    func durable() async throws {
        let path = path()
        defer { remove(path) }
        let store = try SQLiteStore(path: path)
        #expect(try await store.setting("journal_mode") == "wal")
        #expect(try await store.setting("synchronous") == "2")
        #expect(try await store.setting("foreign_keys") == "1")
    }

    @Test("No look-up walks through a table that grows with the endpoints")
    func plans() async throws {
        let store = try SQLiteStore(inMemoryWithFeedCapacity: 1)
        let plans = try await store.plans { (tx) throws(DirectoryError) in
            let identity = Samples.identity
            let name = TenantName(Samples.acme, Samples.h1)
            _ = try (tx.tenant(Samples.acme), tx.tenants(renewingAt: Timestamp(1)))
            _ = try (tx.vnet(VNetID(1)), tx.vnet(name), tx.vnets(of: Samples.acme))
            _ = try (tx.endpoint(identity), tx.endpoint(name), tx.endpoint(IPv4Address(1), in: VNetID(1)))
            _ = try tx.endpoint(kind: .tap, attachment: "x", on: Samples.h1)
            _ = try (tx.endpoints(of: Samples.acme, page: Page()), tx.endpoints(on: Samples.h1, limit: nil))
            _ = try tx.endpoints(
                of: Samples.acme, matching: EndpointQuery(isWithoutGroup: true, anyGroup: [Samples.h1]), page: Page())
            for part in EndpointPart.allCases { _ = try tx.tally(of: Samples.acme, by: part, limit: nil) }
            _ = try (tx.endpoints(movingFrom: Samples.h1), tx.endpoints(movingUntil: Timestamp(1)))
            _ = try tx.freeAddress(in: VNetID(1), range: 0...1)
            _ = try (tx.group(name), tx.groups(of: Samples.acme), tx.members(of: name, page: Page()))
            _ = try (tx.host(Samples.h1), tx.host(LeafID(1)), tx.joinGrant(secretHash: [1]))
            _ = try (tx.policy(of: Samples.acme), tx.policyRevisions(of: Samples.acme))
            _ = try tx.guardrails(revision: 1)
            _ = try (tx.facts(of: identity), tx.issued(serial: [1]), tx.issued(for: identity), tx.issued(to: LeafID(1)))
            _ = try tx.isRevoked(.identity(identity))
            _ = try (tx.userCount(of: Samples.acme), tx.groupCount(of: Samples.acme), tx.idempotency([1]))
        }
        #expect(plans.count == 35)
        for (sql, plan) in plans {
            #expect(!plan.isEmpty && !plan.contains { $0.hasPrefix("SCAN") }, "\(sql): \(plan)")
        }
    }
}

/// Values that tests put directly into a store.
enum Samples {
    static let h1 = known("h1")
    static let acme = known("acme")

    /// `fd00::1`
    static var identity: Identity {
        guard let identity = Identity(IPv6Address(0xfd << 120 | 1)) else { preconditionFailure("no identity") }
        return identity
    }

    /// A name that is one.
    static func known(_ text: String) -> Name {
        do { return try Name(parsing: text) } catch { preconditionFailure("\(error)") }
    }
}
