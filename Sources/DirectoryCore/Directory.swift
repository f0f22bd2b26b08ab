import Accounts
import AuditLog
public import NetTypes
public import PolicyLanguage
public import PolicyZones
import Synchronization
import Trust

/// The directory of a platform: the only way to change tenants, vnets, endpoints, groups, policies and hosts.
///
/// Every operation is one transaction of the store, including the policy revision that it makes: it happens as a
/// whole or throws a ``DirectoryError`` and changes nothing. The directory keeps nothing of its own but caches, so
/// that any number of controllers may run on one store. Its clock and randomness are given to it.
///
/// Operations come in two kinds: those of people (tenants, hosts, …), which answer to whoever may speak to the API,
/// and those of leaves, whose first argument is the leaf that speaks. The caller takes it from the certificate of
/// the leaf's session (``authenticate(leaf:)``), never from a message.
public final class Directory: Sendable {
    /// The platform: its name, root authority and keys.
    public let platform: Platform
    /// Lifetimes and limits.
    public let configuration: DirectoryConfiguration
    let store: any DirectoryStore
    let now: @Sendable () -> Timestamp
    let random: @Sendable (Int) -> [UInt8]
    let timeZones: @Sendable ([Document]) -> any TimeZones
    /// Policies that were asked for lately, made ready.
    let prepared = Mutex<[Name: PreparedPolicy]>([:])
    /// The hour in which figures of traffic were last forgotten.
    let usagePruned = Mutex<Timestamp?>(nil)
    /// The certificate of the key that signs the guardrails, as long as it need not be renewed.
    let guardrailsCertificate = Mutex<GuardrailsCertificate?>(nil)
    /// Counts the transactions that may have changed something.
    let writeCount = Mutex<UInt64>(0)
    /// Checks passwords and second factors.
    let signIn: SignIn
    /// Refusals and looks that wait to be written to the audit.
    let notes = Mutex(AuditBuffer())
    /// How often refused attempts of people who did not say who they are are told one by one, by source.
    let strangers = Mutex(RateLimiter<String>(burst: 60, interval: 5))
    /// How often sign-ins at providers of identities are begun, by source.
    let providerStarts = Mutex(RateLimiter<String>(burst: 60, interval: 2))
    /// The looks that were noted lately.
    let looks = Mutex(RecentLooks())

    /// Makes the directory of a platform over its store.
    ///
    /// - Parameters:
    ///   - now: the clock.
    ///   - random: gives that many octets, unpredictable ones.
    ///   - timeZones: gives what clocks show in the zones that some documents name; as the system knows it when left out.
    public init(
        platform: Platform, store: any DirectoryStore, configuration: DirectoryConfiguration = .init(),
        now: @escaping @Sendable () -> Timestamp, random: @escaping @Sendable (Int) -> [UInt8],
        timeZones: @escaping @Sendable ([Document]) -> any TimeZones = { SystemTimeZones(of: $0) }
    ) {
        self.platform = platform
        self.store = store
        self.configuration = configuration
        self.now = now
        self.random = random
        self.timeZones = timeZones
        signIn = SignIn(
            devices: platform.people.devices, cost: configuration.passwordCost, now: now, random: random)
    }

    /// What changes from now on; see ``DirectoryStore/changes()``.
    public func changes() -> AsyncStream<DirectoryChange> { store.changes() }
}
