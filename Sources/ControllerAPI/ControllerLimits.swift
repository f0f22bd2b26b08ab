import NIOCore
import PolicyLanguage

/// The limits of the controller's edges, on one page. Those of requests hold before anyone is authenticated.
enum ControllerLimits {
    // MARK: REST

    /// The longest body of a request: the longest there is names 64 groups of 63 letters.
    static let bodyBytes = 1 << 20
    /// The most figures of traffic in one export: some 50 MB.
    static let exportedFigures = 200_000
    /// The longest policy document: as long as the language takes one.
    static let documentBytes = PolicyLimits.documentBytes
    /// The longest body with a policy that was signed outside: its 12 MiB in base64, and the text of its document with
    /// as many characters again to escape others.
    static let signedBytes = 40 << 20
    /// The most changes of a difference that are listed, and the most names of each side.
    static let listedChanges = 1_000
    static let listedNames = 10
    /// The longest body of an enrolment, which anyone may send: a request of 4,096 bytes in base64, and a secret.
    static let enrolmentBytes = 16 << 10
    /// The longest body with a name and a password, which anyone may send.
    static let signInBytes = 16 << 10
    /// The longest body with a new passkey: its attestation object of 64 KiB and client data of 8 KiB, in base64url.
    static let passkeyBytes = 128 << 10
    /// The longest single header, and all of them together.
    static let headerBytes = 16 << 10
    /// The most headers of a request.
    static let headerCount = 64
    /// The longest path and query.
    static let pathBytes = 2_048
    /// The longest path and query with which a provider of identities sends a browser back: some codes are long.
    static let callbackBytes = 8 << 10
    /// The longest body with a provider of identities: its certificates among it.
    static let identityProviderBytes = 128 << 10
    /// How deep arrays and objects of a body may be nested.
    static let jsonDepth = 8
    /// How long a request may take to arrive, and an idle connection stays.
    static let requestTime = TimeAmount.seconds(30)
    /// How long the rest of a refused request is still taken, so that the answer is not lost with the connection.
    static let lingerTime = TimeAmount.seconds(2)
    /// The most connections at once: those that listen, and others.
    static let connections = listeners + 1_024
    /// How many endpoints are read from the directory at a time.
    static let pageSize = 1_000
    /// How many members of a group are named where many groups are listed.
    static let listedMembers = 20
    /// How many members of a group are named where it is shown.
    static let shownMembers = 1_000

    // MARK: Events

    /// The most that follow events at once.
    static let listeners = 11_264
    /// How many events wait for one of them at most; with one more it is cut off, and comes again.
    static let waitingForListener = 256
    /// How many events are kept for those who come again: about 5 MB.
    static let keptEvents = 16_384
    /// How often those who wait are told that the connection is alive; below the idle time of proxies.
    static let heartbeat = Duration.seconds(15)
    /// After how many of these, or of events, it is asked whether somebody may still follow.
    static let beatsBetweenChecks = 4
    /// How often leaves are asked for their wires while somebody follows a tenant.
    static let wireInterval = Duration.seconds(2)

    // MARK: Leaves

    /// How many different things may wait to be told to one leaf; one more and its stream ends, for it has to begin
    /// anew anyway. Things of the same kind about the same subject wait once.
    static let waitingForLeaf = 65_536
    /// How many identities one leaf may watch; with one more it has to begin anew. 24 MB of memory.
    static let watchedByLeaf = 1_000_000
    /// How long a leaf has to say hello.
    static let helloTime = Duration.seconds(10)
    /// How long leaves have to report their wires.
    static let reportTime = Duration.seconds(1)
    /// The most identities that a leaf may say it runs, and the most locators.
    static let helloIdentities = 100_000
    static let helloLocators = 16
    /// The longest text of a leaf that is kept.
    static let leafTextBytes = 400
    /// How often the directory's upkeep is done.
    static let upkeepInterval = Duration.seconds(1)
    /// After how many of these the leaves' certificates are looked at again.
    static let roundsBetweenChecks = 60

    /// The most flows of one pair that an explanation lists of each leaf.
    static let listedFlows = 1_000
}
