internal import AEAD
internal import CryptProtocol
internal import LinuxKit
public import Logging
public import PacketIO
internal import SPIFilter

/// An engine: its control socket, and behind it the packet threads. The thread that runs it is the control thread.
public final class EngineServer {
    let configuration: EngineConfiguration
    let logger: Logger
    let backend: CipherBackend.Choice
    let listener: ControlListener
    /// Loaded while it may; nil where the kernel does not take it.
    let filter: SPIFilter?
    /// Nil while it waits for descriptors to adopt.
    var engine: PacketEngine?
    /// Whether a successor got the sockets, and may have put its own filter on them.
    var hasLentSockets = false
    private let signals: OwnedDescriptor
    private var peers: [ControlPeer] = []
    private var polling = Polling()
    private var isEnding = false

    /// The most connections at a time; one more is closed at once.
    private static let maximumPeers = 16
    /// How often counters are compared with soft limits, in milliseconds.
    private static let interval: Int32 = 100

    /// Opens, or takes over, everything that needs privileges, gives the privileges up, and prepares the packet threads.
    ///
    /// Nothing is half done on an error: what was opened is closed, and an engine that was to hand over runs on.
    public init(configuration: EngineConfiguration, logger: Logger) throws(EngineError) {
        try configuration.check()
        self.configuration = configuration
        self.logger = logger
        do throws(CipherError) {
            backend = try CipherBackend.probe(override: configuration.backend)
        } catch {
            throw .cipher(error)
        }
        let user: SystemUser?
        do throws(SystemCallError) {
            user = try configuration.user.map { name throws(SystemCallError) in try SystemUser(named: name) }
            signals = try Confinement.terminationSignals()
        } catch {
            throw .system(error)
        }
        filter = Self.loadFilter(logger)
        switch configuration.start {
        case .fresh:
            listener = try Self.listen(configuration)
            let devices = try EngineDevices(configuration)
            let table = try EngineTable(
                capacity: configuration.capacity, queues: configuration.queues, port: configuration.port)
            table.header.withElement(0) { $0.takesUDPSuperPackets = devices.takesUDPSuperPackets ? 1 : 0 }
            try Self.confine(user)
            let engine = try Self.prepare(table, devices, backend, filter, configuration, logger)
            try engine.begin()
            self.engine = engine
        case .adopt:
            listener = try Self.listen(configuration)
            // The table comes when the privilege to lock any size of it is gone.
            try? Confinement.allowLockedMemory(byteCount: TableLayout.byteCount(TableLayout.capacities.upperBound))
            try Self.confine(user)
            engine = nil
        case .takeOver:
            var predecessor = try Predecessor(path: configuration.controlPath)
            let belongings = try predecessor.takeOver()
            let table = belongings.table
            let devices = belongings.devices
            listener = belongings.takeListener()
            try Self.confine(user)
            let engine = try Self.prepare(table, devices, backend, filter, configuration, logger)
            try predecessor.end()
            try engine.begin()
            self.engine = engine
        }
    }

    private static func listen(_ configuration: EngineConfiguration) throws(EngineError) -> ControlListener {
        do throws(SystemCallError) {
            return try ControlListener(path: configuration.controlPath)
        } catch {
            throw .system(error)
        }
    }

    private static func confine(_ user: SystemUser?) throws(EngineError) {
        do throws(SystemCallError) {
            try Confinement.enter(as: user)
        } catch {
            throw .system(error)
        }
    }

    /// Without it everything works, only that a flood of garbage costs the packet threads' time.
    private static func loadFilter(_ logger: Logger) -> SPIFilter? {
        do throws(SystemCallError) {
            return try SPIFilter()
        } catch {
            logger.warning(
                "no filter on the receive sockets: the packet threads look at every datagram",
                metadata: ["error": "\(error)"])
            return nil
        }
    }

    static func prepare(
        _ table: EngineTable, _ devices: EngineDevices, _ backend: CipherBackend.Choice, _ filter: SPIFilter?,
        _ configuration: EngineConfiguration, _ logger: Logger
    ) throws(EngineError) -> PacketEngine {
        let engine = try PacketEngine(
            table: table, devices: devices, backend: backend, filter: filter, busyPoll: configuration.busyPoll)
        attachFilter(of: engine, logger)
        if !table.memory.isLocked {
            logger.warning(
                "keys may get into swap: the table is not locked in memory",
                metadata: [
                    "remedy": "raise the limit of locked memory (RLIMIT_MEMLOCK) to \(table.memory.byteCount) bytes"
                ])
        }
        return engine
    }

    private static func attachFilter(of engine: PacketEngine, _ logger: Logger) {
        do throws(EngineError) {
            try engine.attachFilter()
        } catch {
            logger.warning("the receive sockets have no filter", metadata: ["error": "\(error)"])
        }
    }

    /// Serves until it is told to end: by SIGTERM or SIGINT, by a client, or by a successor that has taken over.
    public func run() {
        logger.notice("engine runs", metadata: description)
        var lastLook = PacketWait.now
        while !isEnding {
            polling.removeAll()
            let ends = polling.add(signals.number)
            let knocks = polling.add(listener.descriptor.number)
            let places = peers.map { polling.add($0.connection.descriptor.number) }
            if polling.wait(milliseconds: Self.interval) {
                if polling.isReady(ends) { end("signal") }
                for (peer, place) in zip(peers, places) where polling.isReady(place) && !isEnding {
                    serve(peer)
                    StackResidue.overwrite()
                }
                if polling.isReady(knocks), !isEnding { admit() }
            }
            peers.removeAll { $0.isClosed }
            takeSocketsBack()
            let now = PacketWait.now
            if now &- lastLook >= UInt64(Self.interval) * 1_000_000, !isEnding {
                lastLook = now
                report()
            }
        }
    }

    private var description: Logger.Metadata {
        [
            "backend": "\(backend.backend)", "reason": "\(backend.reason)",
            "device": "\(engine?.devices.device ?? "none yet")", "start": "\(configuration.start)",
        ]
    }

    /// A control connection for another thread of this process, which need not reach the socket in the file system. Before
    /// ``run()``.
    public func ownConnection() throws(EngineError) -> ControlConnection {
        do throws(SystemCallError) {
            var other: ControlConnection?
            let one = try ControlConnection.pair(&other)
            if let other = other.take() { peers.append(try ControlPeer(other)) }
            return one
        } catch {
            throw .system(error)
        }
    }

    /// Takes a connection, if the user at its other end may.
    private func admit() {
        do throws(SystemCallError) {
            let connection = try listener.accept()
            let user = try connection.peerUser
            let peer = try ControlPeer(connection)
            guard user == 0 || user == SystemUser.current else {
                logger.warning("control connection refused", metadata: ["user": "\(user)"])
                return peer.send(
                    .refused(Refusal(.forbidden, "user \(user) may not control this engine: root or its own user may")),
                    number: 0)
            }
            guard peers.count < Self.maximumPeers else {
                return peer.send(
                    .refused(Refusal(.busy, "\(Self.maximumPeers) control connections are open already")), number: 0)
            }
            peers.append(peer)
        } catch {
            logger.warning("control connection lost", metadata: ["error": "\(error)"])
        }
    }

    /// Tells subscribers what happened.
    private func report() {
        guard let engine, engine.isRunning else { return }
        // What is not in the table when the process is killed is lost.
        engine.publishFilterDrops()
        for event in engine.events() {
            logger.info("event", metadata: ["event": "\(event)"])
            for peer in peers where peer.isSubscribed { peer.send(.event(event), number: 0) }
        }
    }

    private func serve(_ peer: ControlPeer) {
        var descriptors = DescriptorList()
        switch peer.receive(&descriptors) {
        case .none: peer.isClosed = true
        case .some(.refused(let refusal, let number)): peer.send(.refused(refusal), number: number)
        case .some(.request(let request, let number)):
            do throws(Refusal) {
                try answer(request, number, peer, &descriptors)
            } catch {
                logger.info("request refused", metadata: ["reason": "\(error.text)"])
                peer.send(.refused(error), number: number)
            }
        }
    }

    /// Ends serving.
    func end(_ reason: String) {
        logger.notice("engine ends", metadata: ["reason": "\(reason)"])
        isEnding = true
    }

    /// A successor that went away without taking over may have left its filter, which nobody keeps in step.
    func takeSocketsBack() {
        guard hasLentSockets, !hasSuccessor, !isEnding, let engine else { return }
        hasLentSockets = false
        Self.attachFilter(of: engine, logger)
    }

    /// Whether somebody is about to take over; until it has, or is gone, nothing may change.
    var hasSuccessor: Bool { peers.contains { $0.isSuccessor && !$0.isClosed } }
}
