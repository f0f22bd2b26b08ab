import Crypto
public import NetTypes
import Synchronization

/// Checks passwords and second factors: the same answer and the same work for an account that does not exist as for a
/// wrong password, waits that nobody can impose on others' devices, and bounded memory.
///
/// It looks up nothing. ``begin(name:password:device:source:)`` admits an attempt or tells how long to wait, whatever the
/// name; the caller looks the name up, and ``verify(_:against:)`` answers.
public final class SignIn: Sendable {
    private let hashing: any PasswordHashing
    private let cost: PasswordCost
    private let worker: PasswordWorker
    private let devices: DeviceCookie
    private let now: @Sendable () -> Timestamp
    private let random: @Sendable (Int) -> [UInt8]
    /// Names are counted under keyed hashes, so that any name costs the same memory.
    private let nameKey: SymmetricKey
    /// The failures that are counted now. They are this controller's own and do not outlive it.
    private let throttle = Mutex(Throttle())
    /// The hash against which the passwords of nobody are compared.
    private let nobody: PasswordHash

    /// Waits of one known device: five failures are free, then 2, 4, … 900 seconds.
    static let deviceLimit = Throttle.Limit(free: 5, first: 2, longest: 900)
    /// With so many failures a device is known no longer.
    static let deviceFailures = 20
    /// Waits of one account from one network.
    static let accountLimit = Throttle.Limit(free: 5, first: 2, longest: 900)
    /// Waits of one account from everywhere: SP 800-63B allows 100 failures in succession.
    static let everywhereLimit = Throttle.Limit(free: 50, first: 2, longest: 900)
    /// Waits of one network for all accounts; short, for others may be behind the same address.
    static let sourceLimit = Throttle.Limit(free: 30, first: 1, longest: 60)
    /// Waits of second factors: a code is one of 333,333 that would be taken.
    static let secondLimit = Throttle.Limit(free: 5, first: 4, longest: 900)
    static let secondEverywhereLimit = Throttle.Limit(free: 20, first: 30, longest: 900)

    /// - Parameters:
    ///   - devices: the platform's device cookies.
    ///   - cost: what new hashes cost.
    ///   - random: gives that many octets, unpredictable ones.
    public init(
        devices: DeviceCookie, hashing: any PasswordHashing = Scrypt(), cost: PasswordCost = .standard,
        worker: PasswordWorker = PasswordWorker(), now: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.hashing = hashing
        self.cost = cost
        self.worker = worker
        self.devices = devices
        self.now = now
        self.random = random
        nameKey = SymmetricKey(data: random(32))
        nobody = PasswordHash(cost: cost, salt: random(16), hash: random(32))
    }

    /// An attempt that was admitted. It counts as failed until ``verify(_:against:)`` has found otherwise.
    public struct Attempt: Sendable {
        /// The name, to be looked up; nil for a text that can be nobody's. The answer is the same.
        public let name: AccountName?
        /// Whether the attempt comes from a device on which the account signed in before.
        public let isKnownDevice: Bool
        let password: Password
        let lane: PasswordWorker.Lane
        let ticket: Throttle.Ticket
    }

    /// What is said to an attempt before anything is looked up.
    public enum Admission: Sendable {
        case admitted(Attempt)
        /// Too many failures: so many seconds to wait.
        case wait(Int64)
    }

    /// Admits an attempt, or tells how long to wait.
    ///
    /// - Parameter device: the value of the browser's device cookie for this account, if it sent one.
    public func begin(name text: String, password: String, device: String?, source: SourceNetwork) -> Admission {
        let at = now()
        let name = try? AccountName(parsing: text)
        let key = self.key(name, text)
        let nonce = knownDevice(device, name, at)
        let admission = throttle.withLock { throttle in
            if let nonce { return throttle.admit([(.device(nonce), Self.deviceLimit)], at: at) }
            return throttle.admit(
                [
                    (.account(key, source), Self.accountLimit), (.everywhere(key), Self.everywhereLimit),
                    (.source(source), Self.sourceLimit),
                ], at: at)
        }
        switch admission {
        case .wait(let seconds): return .wait(seconds)
        case .admitted(let ticket):
            return .admitted(
                Attempt(
                    name: name, isKnownDevice: nonce != nil, password: Password(password),
                    lane: nonce == nil ? .unknown(source) : .known, ticket: ticket))
        }
    }

    /// What an attempt came to.
    public enum Outcome: Hashable, Sendable {
        /// The name or the password is wrong, or the account may not be used: nobody is told which.
        case wrong
        /// The password is right. `rehash` is to be stored when it is there: the former hash was weaker.
        case right(rehash: PasswordHash?)
        /// Too many hashes wait to be computed; the attempt does not count.
        case busy
    }

    /// Verifies an attempt: exactly one hash is computed, whoever the user is. Only after the right password for a hash
    /// that was weaker is there another.
    ///
    /// - Parameter user: who was found by ``Attempt/name``; nil for nobody.
    public func verify(_ attempt: Attempt, against user: User?) async -> Outcome {
        let usable = user.flatMap { $0.state == .active && $0.name == attempt.name ? $0.password : nil }
        let stored = usable ?? nobody
        let isUsable = usable != nil && attempt.password.isPossible
        let result: Outcome? = await worker.run(attempt.lane) { [hashing, cost, random] () -> Outcome in
            guard let hash = try? hashing.derive(attempt.password.octets, salt: stored.salt, cost: stored.cost) else {
                return .busy
            }
            guard isEqualInConstantTime(hash, stored.hash), isUsable else { return .wrong }
            guard stored.cost.isWeaker(than: cost) else { return .right(rehash: nil) }
            return .right(rehash: Self.hash(attempt.password, hashing, cost, random))
        }
        throttle.withLock { throttle in
            switch result {
            case .right: throttle.succeed(attempt.ticket)
            case .wrong: break
            case .busy, nil: throttle.abandon(attempt.ticket)
            }
        }
        return result ?? .busy
    }

    /// The hash of a new password that the rules took; nil when there are too many hashes before it.
    public func hash(_ password: Password) async -> PasswordHash? {
        await worker.run(.known) { [hashing, cost, random] in Self.hash(password, hashing, cost, random) } ?? nil
    }

    /// Whether a password is that of somebody who is signed in, before he changes it; nil when there are too many hashes
    /// before it. The caller counts failures by ``beginSecondFactor(of:device:source:)``.
    public func isPassword(_ password: Password, of user: User) async -> Bool? {
        let stored = user.password ?? nobody
        let isUsable = user.password != nil && password.isPossible
        return await worker.run(.known) { [hashing] in
            let hash = try? hashing.derive(password.octets, salt: stored.salt, cost: stored.cost)
            return isUsable && hash.map { isEqualInConstantTime($0, stored.hash) } ?? false
        }
    }

    /// The cookie that a browser gets after a complete sign-in, and a user may carry to another device of his.
    public func issueDevice(for name: AccountName) -> String { devices.issue(for: name, at: now(), random: random) }

    // MARK: Second factor

    /// An attempt at a second factor that was admitted. It counts as failed until it is settled.
    public struct SecondAttempt: Sendable {
        let ticket: Throttle.Ticket
    }

    /// What is said to an attempt at a second factor.
    public enum SecondAdmission: Sendable {
        case admitted(SecondAttempt)
        /// Too many failures: so many seconds to wait.
        case wait(Int64)
    }

    /// Admits an attempt at the second factor of an account whose password was right, or tells how long to wait.
    public func beginSecondFactor(of user: User, device: String?, source: SourceNetwork) -> SecondAdmission {
        let at = now()
        let key = user.id.octets
        let nonce = knownDevice(device, user.name, at)
        let admission = throttle.withLock { throttle in
            if let nonce { return throttle.admit([(.second(key, nonce), Self.secondLimit)], at: at) }
            return throttle.admit(
                [
                    (.second(key, source.octets), Self.secondLimit),
                    (.secondEverywhere(key), Self.secondEverywhereLimit),
                ], at: at)
        }
        return switch admission {
        case .wait(let seconds): .wait(seconds)
        case .admitted(let ticket): .admitted(SecondAttempt(ticket: ticket))
        }
    }

    /// Admits an attempt to sign in by a passkey alone, or tells how long to wait. Nobody guesses a signature, and whose it
    /// is to be nobody has said, so it is counted by network only: for the work that it makes.
    public func beginPasskey(source: SourceNetwork) -> SecondAdmission {
        let at = now()
        return switch throttle.withLock({ $0.admit([(.source(source), Self.sourceLimit)], at: at) }) {
        case .wait(let seconds): .wait(seconds)
        case .admitted(let ticket): .admitted(SecondAttempt(ticket: ticket))
        }
    }

    /// Notes that a second factor was right.
    public func succeed(_ attempt: SecondAttempt) { throttle.withLock { $0.succeed(attempt.ticket) } }

    // MARK: Providers of identities

    /// Admits an answer that a browser brings from a provider of identities, or tells how long to wait. It guesses at no
    /// account, so only its network is counted.
    public func beginProvider(source: SourceNetwork) -> SecondAdmission {
        switch throttle.withLock({ $0.admit([(.source(source), Self.sourceLimit)], at: now()) }) {
        case .wait(let seconds): .wait(seconds)
        case .admitted(let ticket): .admitted(SecondAttempt(ticket: ticket))
        }
    }

    // MARK: Parts

    private func knownDevice(_ cookie: String?, _ name: AccountName?, _ at: Timestamp) -> [UInt8]? {
        guard let cookie, let name, let nonce = devices.nonce(cookie, for: name, at: at) else { return nil }
        return throttle.withLock { $0.failures(.device(nonce), at: at) } < Self.deviceFailures ? nonce : nil
    }

    /// What a name is counted under, whether it is an account's or not.
    private func key(_ name: AccountName?, _ text: String) -> [UInt8] {
        let octets = name.map { Array($0.description.utf8) } ?? [0] + Array(text.utf8.prefix(256))
        return Array(HMAC<SHA256>.authenticationCode(for: octets, using: nameKey).prefix(16))
    }

    private static func hash(
        _ password: Password, _ hashing: any PasswordHashing, _ cost: PasswordCost,
        _ random: @Sendable (Int) -> [UInt8]
    ) -> PasswordHash? {
        let salt = random(16)
        guard password.isPossible, let hash = try? hashing.derive(password.octets, salt: salt, cost: cost) else {
            return nil
        }
        return PasswordHash(cost: cost, salt: salt, hash: hash)
    }
}
