import KernelPath
import LeafProtocol
import NetTypes

/// What the leaf tells a controller about itself.
extension LeafAgent {
    /// The first message on each stream.
    func hello() -> FromLeaf {
        var hello = Patchbay_Leaf_V1_Hello()
        hello.locators = [.init(membership.locator.octets)]
        hello.plugPort = UInt32(configuration.plugPort)
        hello.underlayDevice = configuration.underlayDevice
        hello.version = LeafVersion.text
        if let info = engine.info {
            hello.engine = .with {
                $0.backend = info.backend
                $0.reason = info.backendReason
                $0.queues = UInt32(info.queues)
                $0.segments = info.cutsInKernel && info.joinsInKernel
                $0.filters = info.filtersInKernel
            }
        }
        hello.running = ports.values.filter { $0.facts != nil }.map { .init($0.endpoint.identity.octets) }
        var message = FromLeaf()
        message.hello = hello
        return message
    }

    /// The wires that are plugged here, with what the kernel has counted.
    ///
    /// - Returns: the parts of the report, at least one.
    func report(for request: UInt64) async -> [FromLeaf] {
        let engineDrops = engine.info == nil ? [:] : await engine.drops()
        var states: [Patchbay_Leaf_V1_WireState] = []
        states.reserveCapacity(wires.sends.count + wires.receives.count)
        let counted = countedWires()
        for pair in wires.pairs { states += self.states(of: pair, counted) }
        let counters = path.hostCounters().merging(engineDrops) { kernel, _ in kernel }
            .merging(ruleCounts()) { kernel, _ in kernel }
        var parts: [FromLeaf] = []
        repeat {
            let part = states.suffix(LeafLimits.wiresInReport)
            states.removeLast(part.count)
            parts.append(
                .with {
                    $0.wires.request = request
                    $0.wires.wires = Array(part)
                    $0.wires.more = !states.isEmpty
                    if states.isEmpty { $0.wires.counters.values = counters }
                })
        } while !states.isEmpty
        return parts
    }

    typealias CountedWires = (sends: [Pair: WireCounters], receives: [Label: WireCounters])

    /// The ends of a pair's wires that are here.
    func states(of pair: Pair, _ counted: CountedWires) -> [Patchbay_Leaf_V1_WireState] {
        var states: [Patchbay_Leaf_V1_WireState] = []
        if let wire = wires.sends[pair] {
            var state = state(of: pair, epoch: wire.epoch, pluggedAt: wire.pluggedAt, counted.sends[pair])
            switch wire.target {
            case .local:
                state.direction = .local
            case .remote(let locator, let label):
                state.direction = .send
                state.label = label.value
                state.peer = .init(locator.octets)
            case .protected(let locator, _):
                state.direction = .send
                state.label = wire.protection?.spiBase ?? 0
                state.peer = .init(locator.octets)
            }
            state.security = (wire.protection?.security ?? .none).rawValue
            states.append(state)
        }
        for label in wires.labels(of: pair) {
            guard let wire = wires.receives[label] else { continue }
            var state = state(of: pair, epoch: wire.epoch, pluggedAt: wire.pluggedAt, counted.receives[label])
            state.direction = .receive
            state.label = wire.protection?.spiBase ?? label.value
            state.peer = wire.locator.map { .init($0.octets) } ?? .init()
            state.security = (wire.protection?.security ?? .none).rawValue
            states.append(state)
        }
        return states
    }

    /// What the kernel has counted, by the ledger's names: the forms of a wire under IPv6 and IPv4 are added up.
    func countedWires() -> CountedWires {
        var sends: [Pair: WireCounters] = [:]
        var receives: [Label: WireCounters] = [:]
        do {
            for wire in try path.sendWires() {
                guard let source = end(at: wire.port),
                    let destination = end(of: wire.destination, for: source.identity)
                else { continue }
                let pair = Pair(source, destination)
                sends[pair, default: WireCounters()].packets += wire.counters.packets
                sends[pair, default: WireCounters()].bytes += wire.counters.bytes
            }
            for wire in try path.receiveWires() { receives[wire.label] = wire.counters }
        } catch {
            logger.error("counters not read", metadata: ["error": "\(error)"])
        }
        return (sends, receives)
    }

    private func state(
        of pair: Pair, epoch: Epoch, pluggedAt: Timestamp, _ counters: WireCounters?
    ) -> Patchbay_Leaf_V1_WireState {
        var state = Patchbay_Leaf_V1_WireState()
        state.source = .init(pair.source.octets)
        state.destination = .init(pair.destination.octets)
        if let outside = pair.outsideSource { state.outsideSource = .init(outside.octets) }
        if let outside = pair.outsideDestination { state.outsideDestination = .init(outside.octets) }
        state.packets = counters?.packets ?? 0
        state.bytes = counters?.bytes ?? 0
        state.pluggedAt = pluggedAt.seconds
        state.epoch = epoch
        return state
    }
}

/// The version that a leaf reports.
public enum LeafVersion {
    /// As in CHANGELOG.md.
    public static let text = "0.1.0"
}
