import CryptProtocol

/// A way to run the engines of a protected wire, a row of the table.
struct EngineKind: Hashable {
    let name: String
    var protection = Protection.conf
    /// Packet threads of either direction.
    var queues = 1
    /// The cipher's implementation; nil: the engine's own choice.
    var backend: String?
    /// How often packet threads look for packets before they sleep, at most; nil: the engine's own choice.
    var busyPoll: Int?
    /// Where the packet threads may run.
    enum Processors: Hashable { case all, oneForEachHost, oneForBoth }
    var processors = Processors.all
    /// Whether the endpoint's TCP builds super-packets that fill one burst of the engine exactly.
    var boundsSuperPackets = false

    static let conf = EngineKind(name: "conf")
    static let auth = EngineKind(name: "auth", protection: .auth)
    static let twoQueues = EngineKind(name: "conf-2-queues", queues: 2)
    static let openSSL = EngineKind(name: "conf-openssl", backend: "openssl")
    static let asleep = EngineKind(name: "conf-no-busy-poll", busyPoll: 0)
    static let pinned = EngineKind(name: "conf-pinned", processors: .oneForEachHost)
    static let oneProcessor = EngineKind(name: "conf-1-processor", processors: .oneForBoth)
    static let bounded = EngineKind(name: "conf-bounded", boundsSuperPackets: true)
}
