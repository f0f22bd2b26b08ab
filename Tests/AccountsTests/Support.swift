import Accounts
import Foundation
import NetTypes
import Synchronization

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

/// A clock that stands still until it is moved, and seeded randomness.
final class World: Sendable {
    /// The beginning of 2026.
    static let start = Timestamp(1_767_225_600)

    private let clock = Mutex(World.start)
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64 = 1) { generator = Mutex(SeededGenerator(seed: seed)) }

    var now: Timestamp { clock.withLock { $0 } }

    func advance(_ seconds: Int64) { clock.withLock { $0 = $0 + seconds } }

    @Sendable func random(_ count: Int) -> [UInt8] {
        generator.withLock { generator in (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
    }

    func id() -> AccountID { AccountID(random: random) }
}

extension Name {
    init(_ text: String) throws { try self.init(parsing: text) }
}

extension User {
    /// An active account with the roles and no password.
    static func make(_ name: String, _ home: Home, in world: World) throws -> User {
        guard
            let user = User(
                id: world.id(), name: try AccountName(parsing: name), displayName: try DisplayName(parsing: "Ada"),
                home: home, createdAt: world.now)
        else { throw TextError(name, "a user whose name fits its home") }
        return user
    }
}

/// A hash that costs nothing and counts how often it is computed, and with which parameters.
final class CountingHash: PasswordHashing {
    private let state = Mutex<[PasswordCost]>([])
    /// Holds each computation until it is opened.
    private let gate: Mutex<Bool>
    private let most = Mutex((now: 0, ever: 0))

    init(isHeld: Bool = false) { gate = Mutex(isHeld) }

    var costs: [PasswordCost] { state.withLock { $0 } }

    /// How many computations were under way at once, at most.
    var mostAtOnce: Int { most.withLock { $0.ever } }

    func open() { gate.withLock { $0 = false } }

    func derive(
        _ password: [UInt8], salt: [UInt8], cost: PasswordCost
    ) throws(PasswordHashingError) -> [UInt8] {
        state.withLock { $0.append(cost) }
        most.withLock {
            $0.now += 1
            $0.ever = max($0.ever, $0.now)
        }
        while gate.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
        defer { most.withLock { $0.now -= 1 } }
        // Depends on all of password and salt; not one-way, which no test here needs.
        var mix = SeededGenerator(
            seed: (password + [0xff] + salt).reduce(14_695_981_039_346_656_037) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            })
        return (0..<32).map { _ in UInt8.random(in: 0...255, using: &mix) }
    }
}

/// What happened, in order.
final class Notes: Sendable {
    private let notes = Mutex<[String]>([])

    var all: [String] { notes.withLock { $0 } }

    func add(_ note: String) { notes.withLock { $0.append(note) } }
}
