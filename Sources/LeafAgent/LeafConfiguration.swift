public import NetTypes
import Trust

/// How a leaf runs on its host: what a person gives on the command line.
public struct LeafConfiguration: Sendable {
    /// The directory of the leaf's own files: its certificate, keys and what it remembers.
    public var stateDirectory: String
    /// The device of the host that leads to the other hosts.
    public var underlayDevice: String
    /// The underlay address at which this leaf receives; nil takes the first usable one of the underlay device.
    public var locator: IPAddress?
    /// The directory on a bpffs under which the leaf's maps and links are pinned.
    public var pinDirectory: String
    /// The TCP port at which other leaves ask for wires.
    public var plugPort: UInt16
    /// The UDP port of VXLAN (RFC 7348: 4789).
    public var vxlanPort: UInt16
    /// A wire that carried nothing either way for this many seconds is removed.
    public var idleSeconds: Int
    /// How many wires the host can have in one direction.
    public var maxWires: UInt32
    /// How often what the wires have counted is told to the controller, in seconds.
    public var accountSeconds: Int

    /// The ESP engine of protected wires.
    public var engine = EngineSettings()

    /// The defaults of everything that need not be given.
    public init(stateDirectory: String, underlayDevice: String, pinDirectory: String) {
        self.stateDirectory = stateDirectory
        self.underlayDevice = underlayDevice
        self.pinDirectory = pinDirectory
        locator = nil
        plugPort = 7471
        vxlanPort = 4789
        idleSeconds = 300
        maxWires = 1 << 20
        accountSeconds = 10
    }
}

/// Figures of the leaf's behaviour that are not worth an option, derived from one another where they depend.
enum LeafLimits {
    /// How long a controller may take to answer a look-up that a packet waits for.
    static let lookupTimeout: Duration = .seconds(2)
    /// How long another leaf may take to answer a plug request.
    static let plugTimeout: Duration = .seconds(2)
    /// The number of look-ups at one time after the session with the controller began anew.
    static let lookupsAtOnce = 64
    /// How long the flows of a pair without wires are kept, in seconds: a little longer than the kernel keeps one of TCP.
    static let flowSeconds: Int64 = 7_500
    /// The most flows of one pair that are told of.
    static let flowsInReport = 1_000
    /// The most flows of the last hours that are remembered.
    static let flowsKept = 20_000
    /// How long a flow is remembered after it was last seen, in seconds.
    static let seenSeconds: Int64 = 86_400
    /// How often the kernel's flows are looked at.
    static let seenInterval: Duration = .seconds(30)
    /// How long after its arrival an endpoint's own flows are told by others, in seconds.
    static let arrivalSeconds: Int64 = 60
    /// How often is looked whether a rule begins or ceases to hold.
    static let timeInterval: Duration = .milliseconds(250)
    /// How long facts that have expired are waited for before the wires that need them are cut, in seconds.
    static let expiryGrace: Int64 = 30
    /// The number of counts in one report of traffic: one transaction of the controller.
    static let countsInReport = 2_000
    /// How long the controller may take to book one of them.
    static let accountTimeout: Duration = .seconds(10)
    /// How long the controller may take for issuing and publishing.
    static let issueTimeout: Duration = .seconds(10)
    /// How long a refused destination is not asked for again, in seconds; a change of policy or facts ends it earlier.
    static let refusalSeconds: UInt32 = 5
    /// The same for a destination that nobody knows: it may be created the next moment.
    static let unknownSeconds: UInt32 = 1
    /// How long a wire that lost its other end is plugged again by itself when the end is back, in seconds.
    static let interruptionSeconds: Int64 = 120
    /// How long an old label still receives after its successor is in use.
    static let labelGrace: Duration = .milliseconds(500)
    /// How long a failed renewal is left alone, at least.
    static let renewalPause: Int64 = 2
    /// How often ports without a device are looked after.
    static let mendInterval: Duration = .seconds(3)
    /// How often renewals are looked at, in seconds, when none is due earlier.
    static let renewalInterval: Int64 = 5
    /// How long a marked packet is followed.
    static let traceTime: Duration = .seconds(5)

    /// How long location records live when the controller asks for some time; 0: it says nothing.
    static func recordLifetime(asked seconds: Int64) -> Int64 {
        seconds == 0 ? TrustLimits.recordLifetime : min(max(seconds, Lifetimes.shortest), TrustLimits.recordLongest)
    }

    /// The number of questions to one other leaf that wait for an answer at most.
    static let questionsWaiting = 16_384
    /// The number of questions of one other leaf that are answered at the same time.
    static let questionsAtOnce = 256
    /// The number of unanswered questions of ARP and neighbour discovery that are remembered.
    static let questionsKept = 1_024
    /// The number of wires in one part of a report; a gRPC message may have 8 MiB.
    static let wiresInReport = 20_000
    /// The number of refusals that are remembered for explanations.
    static let refusalsKept = 4_096
    /// The number of endpoints elsewhere whose verified facts are kept.
    static let factsKept = 200_000
    /// The number of addresses outside of which it is kept who speaks for them, as many as the kernel path keeps.
    static let outsideAddresses = 262_144
}
