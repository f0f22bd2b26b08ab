import ESP
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import KernelPath
import LinuxKit
public import Logging
import MutualTLS
import NetTypes
import Plugging
public import ServiceLifecycle
import Trust

/// A leaf as a long-lived service: it composes the parts and runs them until it is told to stop.
///
/// Stopping it, or killing it, leaves ports and wires in the kernel as they are; the next start takes them over.
public struct Leaf: Service {
    private let configuration: LeafConfiguration
    private let metrics: LeafMetrics
    private let logger: Logger

    /// A leaf that is enrolled already.
    public init(configuration: LeafConfiguration, metrics: LeafMetrics, logger: Logger) {
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs until the task is cancelled or a graceful shutdown begins.
    ///
    /// - Throws: ``LeafError`` when the host lacks something, in one line that names it and the remedy.
    public func run() async throws {
        if let missing = Capabilities.missing() { throw LeafError(missing, remedy: "Run patchbay-leaf as root.") }
        try CoreDumps.forbid()
        try FreedMemory.overwrite()
        let state = try LeafStateDirectory(path: configuration.stateDirectory)
        let lock = try await Self.lock(configuration.stateDirectory)
        guard let saved = try state.membership(), let key = try state.keys.load(LeafStateDirectory.leafKeyName) else {
            throw LeafError(
                "This host has not joined a platform (\(configuration.stateDirectory))",
                remedy: "Run 'patchbay host create NAME' at the controller and 'patchbay-leaf join' here.")
        }
        let anchor = try TrustAnchor(root: Array(saved.root))
        let credentials = try SessionCredentials(certificate: Array(saved.certificate), keyPEM: key.pem)
        let underlay = try Underlay(configuration)
        let membership = LeafMembership(
            id: try LeafID(parsing: saved.leaf), hostName: saved.host, locator: underlay.locator, root: anchor.root,
            anchor: anchor, platform: anchor.platform)
        let path = try dataPath(underlay, state)
        let controller = ControllerSession(
            addresses: saved.controllers, credentials: credentials, root: anchor.root,
            serverName: saved.controllerName, logger: logger)
        let peers = PeerSessions(credentials: credentials, root: anchor.root, platform: anchor.platform)
        let engine = Engine(
            settings: configuration.engine, stateDirectory: configuration.stateDirectory, locator: underlay.locator,
            logger: logger)
        await engine.start()
        let agent = LeafAgent(
            configuration: configuration, membership: membership, state: state, path: path, controller: controller,
            peers: peers,
            devices: PortDevices(
                innerMTU: underlay.innerMTU, underlayMTU: underlay.mtu), credentials: credentials,
            transmitter: FrameTransmitter(
                packets: try PacketSocket(), datagrams: try DatagramSender(sources: [underlay.locator]),
                vxlanPort: configuration.vxlanPort, logger: logger),
            engine: engine,
            labels: LabelAllocator(
                reservedUpTo: state.labelMark(), inUse: try path.receiveWires().map(\.label), now: SystemClock.now()),
            logger: logger, now: SystemClock.now)
        await agent.adopt()
        metrics.follow(agent)
        logger.notice(
            "leaf runs",
            metadata: [
                "host": "\(saved.host)", "locator": "\(underlay.locator)", "inner-mtu": "\(underlay.innerMTU)",
            ])
        let server = GRPCServer(
            transport: .http2NIOPosix(
                address: SessionTarget.listening(at: underlay.locator, port: configuration.plugPort),
                transportSecurity: try SessionSecurity.server(credentials, root: anchor.root),
                config: SessionSecurity.serverConfiguration()), services: [WiresService(agent: agent)])
        try await serve(agent, server, controller, path)
        engine.leave()
        await peers.close()
        logger.notice("leaf stops; its wires stay plugged")
        lock.release()
    }

    /// Takes over what is in the kernel. What another version left there in another layout is taken away first: all ports
    /// are then opened and all wires plugged anew, as after a start of the host.
    private func dataPath(_ underlay: Underlay, _ state: LeafStateDirectory) throws -> DataPath {
        let wanted = DataPathConfiguration(
            pinDirectory: configuration.pinDirectory, underlayDevice: configuration.underlayDevice,
            locators: [underlay.locator], vxlanPort: configuration.vxlanPort, maxWires: configuration.maxWires)
        do {
            return try DataPath(configuration: wanted)
        } catch let error as DataPathError {
            guard error.code == .layout else { throw error }
        }
        logger.notice(
            "another version of the leaf has plugged the wires of this host: they are plugged anew",
            metadata: ["pins": "\(wanted.pinDirectory)"])
        try LeafRemains.cut(state: state, pinDirectory: wanted.pinDirectory)
        return try DataPath(configuration: wanted)
    }

    /// Takes the lock of the state directory. A leaf that was killed a moment ago may still be on its way out.
    static func lock(_ directory: String) async throws -> DirectoryLock {
        for _ in 0..<50 {
            if let lock = try DirectoryLock(path: directory) { return lock }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LeafError(
            "A leaf runs with \(directory) already", remedy: "Stop it first, or give another --state.")
    }

    /// Tells the service manager that the leaf runs. A controller that does not answer yet keeps nobody waiting; a server
    /// that cannot listen says so itself.
    private func tellWhenListening(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async {
        guard (try? await server.transport.listeningAddress) != nil else { return }
        do { try ServiceManager.ready() } catch {
            logger.warning("the service manager is not told", metadata: ["error": "\(error)"])
        }
    }

    private func serve(
        _ agent: LeafAgent, _ server: GRPCServer<HTTP2ServerTransport.Posix>, _ controller: ControllerSession,
        _ path: DataPath
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            await tellWhenListening(server)
            group.addTask {
                await controller.run(hello: { await agent.hello() }, receive: { await agent.handle($0) })
            }
            group.addTask { for await punt in path.punts { await agent.handle(punt) } }
            group.addTask { await agent.sweepIdleWires() }
            group.addTask { await agent.keepAccounts() }
            group.addTask { await agent.mend() }
            group.addTask { await agent.renew() }
            group.addTask { await agent.followTime() }
            group.addTask { await agent.watchFlows() }
            group.addTask { for await event in path.flowEvents { await agent.handle(event) } }
            if agent.engine.info != nil {
                group.addTask { await agent.rekey() }
                group.addTask { await agent.watchEngine() }
            }
            group.addTask { try? await gracefulShutdown() }
            // Whichever ends first, by shutdown or by failure, ends the others.
            defer {
                server.beginGracefulShutdown()
                group.cancelAll()
            }
            try await group.next()
        }
    }
}

/// What the leaf needs to know of its underlay device.
struct Underlay {
    let locator: IPAddress
    let innerMTU: Int
    let mtu: Int

    init(_ configuration: LeafConfiguration) throws {
        let netlink = try Netlink()
        let device = configuration.underlayDevice
        guard let link = try netlink.link(named: device) else {
            let names = try netlink.links().map(\.name).sorted().joined(separator: ", ")
            throw LeafError("There is no device '\(device)' on this host", remedy: "Give one of: \(names).")
        }
        let addresses = try netlink.addresses(of: link.index).map(\.address).filter(Self.isUsable)
        if let wanted = configuration.locator {
            guard addresses.contains(wanted) else {
                throw LeafError(
                    "The locator \(wanted) is not an address of \(device)",
                    remedy: "Give one of: \(addresses.map(\.description).joined(separator: ", ")).")
            }
            locator = wanted
        } else {
            guard let first = addresses.first else {
                throw LeafError("The device \(device) has no address", remedy: "Give it one, or name another device.")
            }
            locator = first
        }
        mtu = Int(link.mtu)
        innerMTU = mtu - PortDevices.overhead(of: locator)
        let family: UnderlayFamily = if case .v4 = locator { .v4 } else { .v6 }
        let inESP = ESPLimits.innerMTU(pathMTU: mtu, family: family)
        guard min(innerMTU, inESP) >= Self.leastInnerMTU else {
            // ESP takes more than VXLAN, and pads to its alignment.
            let least = (1_280...2_000).first { ESPLimits.innerMTU(pathMTU: $0, family: family) >= Self.leastInnerMTU }
            throw LeafError(
                """
                The MTU of \(device) is \(link.mtu), which leaves \(max(0, inESP)) bytes for a packet inside ESP, and \
                \(max(0, innerMTU)) inside VXLAN; a wire must carry \(Self.leastInnerMTU)
                """,
                remedy: "Set it to \(least ?? 1_500) or more.")
        }
    }

    /// RFC 8200, section 5: every link must carry IPv6 packets of 1,280 bytes.
    private static let leastInnerMTU = 1_280

    private static func isUsable(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let v4): !v4.isMulticast && v4.value >> 24 != 127
        case .v6(let v6): !v6.isMulticast && !v6.isLinkLocal && v6.value != 1
        }
    }
}
