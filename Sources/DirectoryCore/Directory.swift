public import NetTypes
import Policy
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
    /// The evaluators of policies that were asked for lately.
    let evaluators = Mutex<[Name: CachedEvaluator]>([:])

    struct CachedEvaluator {
        /// What was indexed: a tenant that was made anew begins its revisions anew too.
        let body: [UInt8]
        let evaluator: PolicyEvaluator
    }

    /// Makes the directory of a platform over its store.
    ///
    /// - Parameters:
    ///   - now: the clock.
    ///   - random: gives that many octets, unpredictable ones.
    public init(
        platform: Platform, store: any DirectoryStore, configuration: DirectoryConfiguration = .init(),
        now: @escaping @Sendable () -> Timestamp, random: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.platform = platform
        self.store = store
        self.configuration = configuration
        self.now = now
        self.random = random
    }

    /// What changes from now on; see ``DirectoryStore/changes()``.
    public func changes() -> AsyncStream<DirectoryChange> { store.changes() }
}
