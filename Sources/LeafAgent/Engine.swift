import CryptClient
import CryptProtocol
import Dispatch
import Foundation
import LinuxKit
import Logging
import NetTypes
import Policy
import Synchronization

/// The leaf's ESP engine: it is started, watched, and started again when it dies.
///
/// The engine is a process of its own that outlives the leaf. The leaf keeps duplicates of its descriptors, so that
/// one that dies is followed by another with the same keys, sequence numbers and sockets. All calls of the engine are
/// made one after the other on a queue of their own, for they block.
final class Engine: Sendable {
    /// What the engine tells of itself.
    enum Notice: Sendable {
        /// It runs with the groups that it had, at a device.
        case runs(device: String)
        /// It runs without any group: all protected wires have to be plugged again.
        case empty(device: String)
        /// The group of a slot has carried as much as its keys are for.
        case wornOut(Direction, slot: UInt32)
    }

    /// What only the queue touches, behind a lock so that the compiler knows.
    private struct State {
        var client: EngineClient?
        var kept: Kept?
        var process: ChildProcess?
        var bases: SPIBases?
        var slots = SlotNumbers()
        var isStopping = false
    }

    private final class Kept: Sendable {
        let descriptors: KeptDescriptors
        init(_ descriptors: consuming KeptDescriptors) { self.descriptors = descriptors }
    }

    let settings: EngineSettings
    /// What the engine says, in the order in which it happened.
    let notices: AsyncStream<Notice>
    private let tell: AsyncStream<Notice>.Continuation
    private let state = Mutex<State>(State())
    /// Protects what the engine said of itself; read by anyone.
    private let known = Mutex<EngineInfo?>(nil)
    private let queue = DispatchQueue(label: "patchbay-leaf.engine", qos: .userInitiated)
    private let path: String
    private let locator: IPAddress
    private let logger: Logger

    init(settings: EngineSettings, stateDirectory: String, locator: IPAddress, logger: Logger) {
        self.settings = settings
        self.locator = locator
        self.logger = logger
        path = stateDirectory + "/crypt.sock"
        (notices, tell) = AsyncStream.makeStream(of: Notice.self, bufferingPolicy: .unbounded)
    }

    /// What runs now; nil: there is no engine.
    var info: EngineInfo? { known.withLock { $0 } }

    // MARK: Starting and watching

    /// Starts the engine, or finds the one that is there from before, and watches it from now on.
    func start() async {
        guard settings.program != nil else { return }
        await withCheckedContinuation { started in
            queue.async {
                self.connect(isFirst: true)
                started.resume()
            }
        }
        guard info != nil else { return }
        Thread { self.watch() }.start()
    }

    /// Lets the engine go on by itself.
    func leave() {
        state.withLock { $0.isStopping = true }
        tell.finish()
    }

    /// Waits for what the engine says; when its connection ends, sees to another.
    private func watch() {
        while !state.withLock({ $0.isStopping }) {
            do {
                let events = try EngineEvents(path: path)
                while !state.withLock({ $0.isStopping }) {
                    guard let event = try events.next(timeout: .seconds(1)) else { continue }
                    if case .limitReached(let direction, let slot, _, _) = event {
                        tell.yield(.wornOut(direction, slot: slot))
                    }
                }
            } catch {
                if state.withLock({ $0.isStopping }) { return }
                queue.sync { self.connect(isFirst: false) }
            }
        }
    }

    /// Finds the engine or starts one. Runs on the queue.
    private func connect(isFirst: Bool) {
        if let client = try? EngineClient(path: path), let info = try? client.info(), info.phase == .running {
            if isFirst, needsSuccessor(info), let (client, info) = succeed(info) {
                return use(client, info, isEmpty: false, wasStarted: true, isFirst: isFirst)
            }
            if isFirst { warnOfOtherSettings(info) }
            return use(client, info, isEmpty: false, wasStarted: false, isFirst: isFirst)
        }
        for attempt in 0..<20 {
            if state.withLock({ $0.isStopping }) { return }
            do {
                let kept = state.withLock { $0.kept }
                if let kept {
                    let client = try spawn(["--adopt"])
                    try client.adopt(kept.descriptors)
                    logger.warning("the ESP engine ended; another goes on with its keys")
                    return use(client, try client.info(), isEmpty: false, wasStarted: true, isFirst: isFirst)
                }
                let client = try spawn([])
                return use(client, try client.info(), isEmpty: true, wasStarted: true, isFirst: isFirst)
            } catch {
                let log: Logger.Level = attempt == 0 ? .error : .debug
                logger.log(level: log, "the ESP engine does not start", metadata: ["error": "\(error)"])
                // What cannot be adopted is worth nothing: begin with nothing rather than not at all.
                if attempt >= 3 { state.withLock { $0.kept = nil } }
                if isFirst && attempt >= 2 { return }
                Thread.sleep(forTimeInterval: min(2, 0.02 * Double(1 << min(attempt, 7))))
            }
        }
        known.withLock { $0 = nil }
    }

    /// Whether the program on disk is another file than the one that runs, as after the upgrade of a package, or the
    /// cipher's implementation is to be another.
    private func needsSuccessor(_ info: EngineInfo) -> Bool {
        if let backend = settings.backend, backend != info.backend { return true }
        guard let program = settings.program, let runs = FileNumber(of: "/proc/\(info.processID)/exe"),
            let isThere = FileNumber(of: program)
        else { return false }
        return runs != isThere
    }

    /// What a running engine and its successors cannot change.
    private func warnOfOtherSettings(_ info: EngineInfo) {
        let isOther = info.queues != UInt8(clamping: queues) || info.port != settings.port
        guard isOther || info.transmitCapacity != UInt32(clamping: settings.capacity) else { return }
        logger.warning(
            "the ESP engine goes on with other settings than were given; end it to have them",
            metadata: [
                "process": "\(info.processID)", "queues": "\(info.queues)", "port": "\(info.port)",
                "capacity": "\(info.transmitCapacity)",
            ])
    }

    /// Has another engine take everything over from the one that runs; nil when it cannot, and the former one goes on.
    private func succeed(_ former: EngineInfo) -> (EngineClient, EngineInfo)? {
        do {
            let client = try spawn(["--take-over"], after: former.processID)
            let info = try client.info()
            logger.notice(
                "another ESP engine has taken over",
                metadata: ["former": "\(former.processID)", "process": "\(info.processID)"])
            return (client, info)
        } catch {
            logger.error(
                "no other ESP engine can take over; the former one goes on",
                metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Starts an engine and waits until it answers.
    ///
    /// - Parameter former: the process that answers until the new one has taken over.
    private func spawn(_ extra: [String], after former: UInt32? = nil) throws -> EngineClient {
        guard let program = settings.program else {
            throw LeafError("This leaf has no ESP engine", remedy: "Start it with --crypt-program.")
        }
        let ended = state.withLock { $0.process }
        _ = try ended?.poll()
        var words = [
            program, "run", "--control", path, "--device", settings.device, "--queues", "\(queues)", "--locator",
            "\(locator)", "--port", "\(settings.port)", "--capacity", "\(settings.capacity)",
        ]
        if let backend = settings.backend { words += ["--backend", backend] }
        if let looks = settings.busyPoll { words += ["--busy-poll", "\(looks)"] }
        if let user = settings.user { words += ["--user", user] }
        if let metrics = settings.metrics { words += ["--metrics", metrics] }
        if let format = settings.logFormat { words += ["--log-format", format] }
        let process = try ChildProcess.start(words + extra, output: .inherited, error: .inherited, newSession: true)
        state.withLock { $0.process = process }
        for _ in 0..<1_000 {
            if let client = try? EngineClient(path: path), let info = try? client.info(),
                former.map({ $0 != info.processID && info.phase == .running }) ?? true
            {
                return client
            }
            if let status = try process.poll() {
                throw LeafError(
                    "\(program) ended with \(status)", remedy: "See what it wrote before, in the leaf's log.")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
        throw LeafError("\(program) does not answer at \(path)", remedy: "See what it wrote, in the leaf's log.")
    }

    private var queues: Int {
        if let queues = settings.queues { return queues }
        return switch ProcessInfo.processInfo.activeProcessorCount {
        case ...1: 1
        case 2...3: 2
        default: 4
        }
    }

    private func use(_ client: EngineClient, _ info: EngineInfo, isEmpty: Bool, wasStarted: Bool, isFirst: Bool) {
        do {
            let kept = Kept(try client.descriptors())
            // After a start of the leaf the table may hold groups of which this process knows nothing yet.
            var bases = SPIBases(capacity: Int(info.receiveCapacity), round: UInt32.random(in: 0...UInt32.max))
            var slots = SlotNumbers(capacity: info.transmitCapacity)
            for group in try client.counters(.receive) { bases.note(group.spiBase) }
            for group in try client.counters(.transmit) { slots.note(group.slot) }
            state.withLock { state in
                state.client = client
                state.kept = kept
                if isFirst || isEmpty {
                    state.bases = bases
                    state.slots = slots
                }
            }
            known.withLock { $0 = info }
            tell.yield(isEmpty ? .empty(device: info.device) : .runs(device: info.device))
        } catch {
            logger.error("the ESP engine cannot be used", metadata: ["error": "\(error)"])
        }
        if isFirst || wasStarted {
            logger.notice(
                "ESP engine",
                metadata: [
                    "backend": "\(info.backend)", "queues": "\(info.queues)", "process": "\(info.processID)",
                    "reason": "\(info.backendReason)",
                ])
        }
    }

    // MARK: Calls

    /// Does something with the engine; once more with its successor when it ended meanwhile.
    private func perform<Result: Sendable>(
        _ body: @escaping @Sendable (EngineClient, inout sending State) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try self.performNow(body) }) }
        }
    }

    private func performNow<Result: Sendable>(
        _ body: @Sendable (EngineClient, inout sending State) throws -> Result
    ) throws -> Result {
        do {
            return try once(body)
        } catch let error as EngineClientError where error == .closed || error == .timedOut {
            connect(isFirst: false)
            return try once(body)
        }
    }

    private func once<Result: Sendable>(
        _ body: @Sendable (EngineClient, inout sending State) throws -> Result
    ) throws -> Result {
        guard let client = state.withLock({ $0.client }) else {
            throw LeafError(
                "This host has no ESP engine, so its wires cannot be protected",
                remedy: "See the leaf's log, and 'patchbay host show'.")
        }
        return try state.withLock { state in try body(client, &state) }
    }

    /// Makes keys for a direction that is received here, and receives by them from now on.
    ///
    /// - Parameters:
    ///   - label: what the engine writes into the frames that it has opened.
    ///   - queues: the sender's number of transmit queues.
    func openReceive(_ protection: Protection, label: Label, queues: UInt32) async throws -> WireKeys {
        guard let queues = UInt8(exactly: queues), [1, 2, 4, 8].contains(queues) else {
            throw LeafError(
                "The other leaf's ESP engine has \(queues) queues", remedy: "It can have 1, 2, 4 or 8.")
        }
        let keys = try await perform { _, state -> WireKeys in
            guard let base = state.bases?.take() else {
                throw LeafError(
                    "The ESP engine's table of receiving ends is full", remedy: "Raise --crypt-capacity, or unplug.")
            }
            return WireKeys(spiBase: base)
        }
        do {
            try await perform { client, _ in
                guard let secret = WireSecret(copying: keys.secret.span) else { throw EngineClientError.unexpected }
                try client.install(
                    ReceiveGroup(
                        slot: label.value, spiBase: keys.spiBase, protection: protection, queues: queues,
                        secret: secret))
            }
        } catch {
            closeReceive(keys.spiBase)
            throw error
        }
        return keys
    }

    /// Receives no more by an SPI base; its keys are overwritten. Done in the background, in order.
    func closeReceive(_ spiBase: UInt32) {
        queue.async {
            do {
                try self.performNow { client, _ in try client.retireReceive(spiBase: spiBase) }
            } catch {
                self.logger.debug("not retired", metadata: ["spi": "\(spiBase)", "error": "\(error)"])
            }
            self.state.withLock { $0.bases?.release(spiBase) }
        }
    }

    /// Sends by keys from now on.
    ///
    /// - Parameters:
    ///   - slot: the wire's number at the engine; nil: a new one.
    ///   - mtu: of the way on the underlay, in bytes.
    /// - Returns: the slot.
    func openTransmit(
        _ protection: Protection, keys: WireKeys, to peer: IPAddress, mtu: Int, slot: UInt32? = nil
    ) async throws -> UInt32 {
        let (local, port, settings) = (locator, settings.port, settings)
        return try await perform { client, state in
            guard let info = self.info, let secret = WireSecret(copying: keys.secret.span),
                let pathMTU = UInt16(exactly: mtu)
            else { throw EngineClientError.unexpected }
            let isNew = slot == nil
            guard let slot = slot ?? state.slots.take() else {
                throw LeafError(
                    "The ESP engine's table of sending ends is full", remedy: "Raise --crypt-capacity, or unplug.")
            }
            do {
                try client.install(
                    TransmitGroup(
                        slot: slot, spiBase: keys.spiBase, protection: protection, queues: info.queues, local: local,
                        peer: peer, peerPort: port, pathMTU: pathMTU,
                        limits: SoftLimits(packets: settings.rekeyPackets, bytes: settings.rekeyBytes),
                        secret: secret))
            } catch {
                if isNew { state.slots.release(slot) }
                throw error
            }
            return slot
        }
    }

    /// Sends no more from a slot; its keys are overwritten. Done in the background, in order.
    func closeTransmit(_ slot: UInt32) {
        queue.async {
            do {
                try self.performNow { client, _ in try client.retireTransmit(slot: slot) }
            } catch {
                self.logger.debug("not retired", metadata: ["slot": "\(slot)", "error": "\(error)"])
            }
            self.state.withLock { $0.slots.release(slot) }
        }
    }

    /// Everything that is installed, as after a start of the leaf.
    func groups() async throws -> (receive: [GroupCounters], transmit: [GroupCounters]) {
        try await perform { client, _ in (try client.counters(.receive), try client.counters(.transmit)) }
    }

    /// What the engine has dropped, by reason, in the form of the host's counters.
    func drops() async -> [String: UInt64] {
        let drops = try? await perform { client, _ in try client.drops() }
        return Dictionary(
            (drops ?? []).map { ("esp-\($0.direction == .receive ? "receive" : "transmit")-\($0.reason)", $0.count) },
            uniquingKeysWith: +)
    }
}
