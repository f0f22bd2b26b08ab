/// How a leaf runs its ESP engine, and when wires get new keys.
public struct EngineSettings: Sendable {
    /// The path of `patchbay-crypt`; nil: this leaf has no engine, and none of its wires can be protected.
    public var program: String?
    /// The TAP device between the kernel path and the engine.
    public var device = "patchbay-crypt"
    /// Packet threads of either direction: 1, 2, 4 or 8; nil: as many as there are processors, at most 4.
    public var queues: Int?
    /// The UDP port at which engines receive (RFC 3948).
    public var port: UInt16 = 4_500
    /// How many protected wires the host can have in one direction.
    public var capacity = 65_536
    /// The cipher's implementation; nil: the fastest that works.
    public var backend: String?
    /// How often packet threads look for packets before they sleep, at most; nil: the engine's own choice.
    public var busyPoll: Int?
    /// The user that the engine becomes.
    public var user: String? = "nobody"
    /// Where the engine shows its metrics; nil: nowhere.
    public var metrics: String?
    /// How the engine writes its log; nil: as it does by itself.
    public var logFormat: String?
    /// After how long a protected wire gets new keys.
    public var rekeyAge: Duration = .seconds(3_600)
    /// After how many packets of one queue in one direction; half of 2^32, the most that one key is used for.
    public var rekeyPackets: UInt64 = 1 << 31
    /// After how many bytes of one queue in one direction: 2^40, far below what wears AES-GCM.
    public var rekeyBytes: UInt64 = 1 << 40

    /// The values above.
    public init() {}
}
