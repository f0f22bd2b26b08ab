import DirectoryCore
import Foundation
import NetTypes
import Policy
import StoreSQLite
import Synchronization
import Testing
import Trust

/// The kinds of store on which every test of behaviour runs.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory, file

    var testDescription: String { "SQLite, \(rawValue)" }

    func make(in directory: String) throws -> SQLiteStore {
        switch self {
        case .memory: try SQLiteStore(inMemoryWithFeedCapacity: 1_000)
        case .file: try SQLiteStore(path: directory + "/directory.sqlite", feedCapacity: 1_000)
        }
    }
}

/// A generator whose numbers follow from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A platform with a directory in a temporary folder, a clock that stands still, and seeded randomness.
final class Fixture: Sendable {
    let folder: String
    let platform: Platform
    let store: SQLiteStore
    let directory: Directory
    private let clock: Mutex<Timestamp>
    private let generator: Mutex<SeededGenerator>

    /// The beginning of 2026.
    static let start = Timestamp(1_767_225_600)
    static let url = "https://192.0.2.1:7443"

    init(_ kind: StoreKind = .memory, seed: UInt64 = 1, configuration: DirectoryConfiguration = .init()) throws {
        folder = NSTemporaryDirectory() + "patchbay-directory-\(UInt64.random(in: 0 ... .max))"
        clock = Mutex(Self.start)
        generator = Mutex(SeededGenerator(seed: seed))
        let numbers = Mutex(SeededGenerator(seed: seed &+ 1))
        platform = try Platform.initialise(
            dataDirectory: folder, prefix: try IPv6Prefix(parsing: "fd12:3456:789a::/48"), now: Self.start
        ) { count in numbers.withLock { numbers in (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) } }
        }
        store = try kind.make(in: folder)
        let box = Box()
        directory = Directory(
            platform: platform, store: store, configuration: configuration, now: { box.fixture?.now ?? Self.start },
            random: { box.fixture?.random($0) ?? [] })
        box.fixture = self
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var now: Timestamp { clock.withLock { $0 } }

    func advance(_ seconds: Int64) { clock.withLock { $0 = $0 + seconds } }

    private func random(_ count: Int) -> [UInt8] {
        generator.withLock { generator in (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
    }

    /// A second directory on the same platform, such as after a restart.
    func directory(on store: any DirectoryStore) -> Directory {
        Directory(
            platform: platform, store: store, now: { [self] in now }, random: { [self] in random($0) })
    }

    private final class Box: Sendable {
        private let held = Mutex<Weak>(Weak())
        private struct Weak { weak var fixture: Fixture? }
        var fixture: Fixture? {
            get { held.withLock { $0.fixture } }
            set { held.withLock { $0.fixture = newValue } }
        }
    }
}

extension Fixture {
    /// A tenant `acme` or another with a vnet `lan` of 10.0.0.0/24.
    func tenant(_ name: String = "acme") async throws {
        _ = try await directory.createTenant(try Name(parsing: name))
        _ = try await directory.createVNet(
            try TenantName(parsing: "\(name)/lan"), prefix: try IPv4Prefix(parsing: "10.0.0.0/24"))
    }

    /// An enrolled host.
    func host(_ name: String) async throws -> TestLeaf {
        let new = try await directory.createHost(try Name(parsing: name), controllerURL: Self.url)
        return try await enrol(new)
    }

    func enrol(_ new: NewHost) async throws -> TestLeaf {
        let key = SigningKey()
        let enrolment = try await directory.enrol(
            secret: new.token.secret, signingRequest: try SigningRequest(key: key).der)
        return TestLeaf(fixture: self, host: enrolment.host, key: key, certificate: enrolment.certificate)
    }

    func endpoint(
        _ name: String, on host: String, groups: [String] = [], labels: [String] = [], level: UInt8 = 0,
        networks: [String] = [], ipv4: String? = nil,
        kind: Endpoint.Kind = .namespace,
        attachment: String? = nil
    ) async throws -> Endpoint {
        try await directory.createEndpoint(
            NewEndpoint(
                name: try TenantName(parsing: name), vnet: try Name(parsing: "lan"),
                ipv4: try ipv4.map { try IPv4Address(parsing: $0) }, groups: try groups.map { try Name(parsing: $0) },
                labels: try labels.map { try PolicyLabel(parsing: $0) }, level: level,
                networks: try networks.map { try IPPrefix(parsing: $0) }, host: try Name(parsing: host), kind: kind,
                attachment: attachment))
    }
}

/// A leaf as the directory sees it.
struct TestLeaf: Sendable {
    let fixture: Fixture
    let host: LeafHost
    let key: SigningKey
    let certificate: [UInt8]

    var id: LeafID { host.id }

    /// An endpoint that was certified for a key of this leaf.
    struct Certified: Sendable {
        let key: SigningKey
        let answer: CertifiedEndpoint
    }

    func certify(_ identity: Identity) async throws -> Certified {
        let key = SigningKey()
        let answer = try await fixture.directory.certifyEndpoint(
            leaf: id, identity: identity, signingRequest: try SigningRequest(key: key).der)
        return Certified(key: key, answer: answer)
    }

    /// Facts of an endpoint, with whatever a test wants to be wrong in them.
    func facts(
        _ identity: Identity, _ certified: Certified, epoch: Epoch? = nil, naming leaf: LeafID? = nil,
        lifetime: Int64 = 3_600, locator: String = "198.51.100.1"
    ) throws -> EndpointFacts {
        let record = try LocationRecord(
            identity: identity, leaf: leaf ?? id, locator: IPAddress(parsing: locator), plugPort: 7444,
            epoch: epoch ?? certified.answer.epoch, notAfter: fixture.now + lifetime)
        return EndpointFacts(
            certificate: certified.answer.certificate, issuer: certified.answer.issuer,
            record: try record.signed(with: certified.key))
    }

    /// Certifies and publishes.
    @discardableResult
    func run(_ identity: Identity) async throws -> Certified {
        let certified = try await certify(identity)
        try await fixture.directory.publish(leaf: id, try facts(identity, certified))
        return certified
    }
}

/// Expects a refusal of one kind, at one place.
func expectRefusal<T>(
    _ code: DirectoryError.Code, at pointer: String? = nil, mentions words: String...,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> T
) async {
    do {
        _ = try await body()
        Issue.record("It was not refused; expected \(code).", sourceLocation: sourceLocation)
    } catch let error as DirectoryError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        if let pointer { #expect(error.pointer == pointer, "\(error)", sourceLocation: sourceLocation) }
        for word in words {
            #expect(error.message.contains(word), "\(error)", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("Another error than one of the directory: \(error)", sourceLocation: sourceLocation)
    }
}

/// Takes the changes that are there until a marker: the creation of a host that nobody else creates.
func changes(
    _ stream: AsyncStream<DirectoryChange>, until marker: Name
) async -> [DirectoryChange] {
    var seen: [DirectoryChange] = []
    for await change in stream {
        if change == .hostChanged(marker) { break }
        // What people follow is looked at by tests of its own.
        if case .thingChanged = change { continue }
        if case .accessChanged = change { continue }
        seen.append(change)
    }
    return seen
}

func name(_ text: String) throws -> Name { try Name(parsing: text) }
func tenantName(_ text: String) throws -> TenantName { try TenantName(parsing: text) }
