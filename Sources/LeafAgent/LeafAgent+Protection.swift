import AEAD
import CryptProtocol
import ESP
import KernelPath
import LeafProtocol
import LinuxKit
import NetTypes
import Policy
import Trust

/// Protected wires: keys, their renewal, and the ESP engine.
///
/// The order is always the same: first the receiver can open, then the sender seals. Keys are made by the leaf that
/// receives, travel inside the mutual TLS session of the two leaves, and are given to the engine; nobody else has them.
extension LeafAgent {
    /// A direction that is received here before the other leaf knows of it.
    struct OpenedWay {
        var pair: Pair
        var label: Label
        /// nil for a plain wire.
        var keys: WireKeys?
        /// Whether the label is new; an old one that gets new keys keeps its place in the kernel.
        var isNew: Bool
    }

    // MARK: Receiving

    /// Opens the receiving end of a pair at a level of security: a new label, or new keys for the one that there is.
    func open(
        _ pair: Pair, from end: VerifiedEndpoint, _ security: Security, queues: UInt32, on port: LocalPort
    ) async throws -> OpenedWay {
        guard let protection = Protection(security) else {
            let label = try receive(pair, from: end.locator, peer: end.leaf, epoch: end.epoch, on: port)
            return OpenedWay(pair: pair, label: label, keys: nil, isNew: true)
        }
        // Only a label that the other leaf uses: one that is open for a request of our own goes when that is refused.
        let present = wires.labels(of: pair).first {
            let wire = wires.receives[$0]
            return wires.isInUse($0, for: pair) && wire?.protection?.security == security && wire?.peer == end.leaf
                && wire?.locator == end.locator
        }
        let label = try present ?? allocateLabel()
        let keys: WireKeys
        do {
            keys = try await engine.openReceive(protection, label: label, queues: queues)
        } catch {
            if present == nil { labels.retire(label, now: now()) }
            throw error
        }
        if present != nil {
            guard wires.receives[label] != nil else {
                engine.closeReceive(keys.spiBase)
                throw LeafError("The wire was unplugged meanwhile", remedy: "Nothing; the next packet plugs it.")
            }
            return OpenedWay(pair: pair, label: label, keys: keys, isNew: false)
        }
        do {
            guard ports[pair.destination]?.index == port.index else {
                throw LeafError("The port was closed meanwhile", remedy: "Nothing.")
            }
            try plugReceive(pair, from: nil, label: label, on: port)
        } catch {
            labels.retire(label, now: now())
            engine.closeReceive(keys.spiBase)
            throw error
        }
        wires.put(
            ReceivingEnd(
                pair: pair, label: label, locator: end.locator, peer: end.leaf, epoch: end.epoch, pluggedAt: now(),
                activeAt: now(),
                protection: WireProtection(security: security, spiBase: keys.spiBase, keyedAt: .now)))
        return OpenedWay(pair: pair, label: label, keys: keys, isNew: true)
    }

    /// Takes back what was opened, because the other leaf will not use it.
    func abandon(_ way: OpenedWay?) {
        guard let way else { return }
        if way.isNew { return stopReceiving(way.label) }
        if let keys = way.keys { engine.closeReceive(keys.spiBase) }
    }

    /// Lets go of what the opened way replaces, after a while in which the other leaf has turned to it.
    func settle(_ way: OpenedWay) {
        if way.isNew { return retireLabels(of: way.pair, except: way.label) }
        guard let keys = way.keys, let wire = wires.receives[way.label], let former = wire.protection else { return }
        wires.update(way.label) {
            $0.protection = WireProtection(security: former.security, spiBase: keys.spiBase, keyedAt: .now)
        }
        Task {
            try? await Task.sleep(for: LeafLimits.labelGrace)
            for spiBase in former.formers + [former.spiBase] { self.engine.closeReceive(spiBase) }
        }
    }

    // MARK: Sending

    /// Has the engine seal for a pair, and returns where the kernel is to lead it.
    ///
    /// A wire that is there gets new keys in its place; the kernel does not notice.
    func seal(
        _ pair: Pair, to end: VerifiedEndpoint, _ security: Security, keys: WireKeys, mtu: UInt32
    ) async throws -> (target: SendTarget, protection: WireProtection, innerMTU: UInt16) {
        guard let protection = Protection(security) else {
            throw LeafError("A plain wire needs no keys", remedy: "Nothing.")
        }
        let pathMTU = min(devices.underlayMTU, mtu == 0 ? .max : Int(mtu))
        let family: UnderlayFamily = if case .v4 = end.locator { .v4 } else { .v6 }
        let level: SecurityLevel = protection == .conf ? .conf : .auth
        let innerMTU = try ESPPath(pathMTU: pathMTU, family: family, level: level).innerMTU
        var present: UInt32?
        if let wire = wires.sends[pair], wire.protection?.security == security,
            case .protected(end.locator, let slot) = wire.target
        {
            present = slot
        }
        let slot = try await engine.openTransmit(
            protection, keys: keys, to: end.locator, mtu: pathMTU, slot: present)
        if let present, wires.sends[pair]?.target != .protected(locator: end.locator, slot: present) {
            // Its slot was closed behind us, and the new keys with it.
            throw LeafError("The wire was unplugged meanwhile", remedy: "Nothing; the next packet plugs it.")
        }
        return (
            .protected(locator: end.locator, slot: slot),
            WireProtection(security: security, spiBase: keys.spiBase, keyedAt: .now), UInt16(clamping: innerMTU)
        )
    }

    /// Ends what an engine does for a sending end that is gone or led elsewhere.
    func unseal(_ target: SendTarget) {
        if case .protected(_, let slot) = target { engine.closeTransmit(slot) }
    }

    /// Whether a pair's ends here have the security that its verdict asks for. A wire inside one host never leaves it.
    func hasSecurity(_ pair: Pair, _ security: Security) -> Bool {
        if let wire = wires.sends[pair] {
            if case .local = wire.target { return true }
            if wire.protection?.security ?? .none != security { return false }
        }
        return wires.labels(of: pair).allSatisfy { wires.receives[$0]?.protection?.security ?? .none == security }
    }

    // MARK: New keys

    /// Gives wires new keys in time, until the task is cancelled.
    func rekey() async {
        let age = configuration.engine.rekeyAge
        let pause = min(max(age / 8, .milliseconds(20)), .seconds(10))
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            let horizon = ContinuousClock.now - age
            let due = wires.sends.filter { pair, wire in
                guard let protection = wire.protection, protection.keyedAt <= horizon else { return false }
                // Of a two-way wire both directions get new keys at once; the end of the lower identity asks.
                return wires.labels(of: pair.reversed).isEmpty || pair.source < pair.destination
                    || protection.keyedAt <= horizon - age / 2
            }
            for pair in due.keys where plugging[pair] == nil {
                Task { await self.rekey(pair) }
            }
        }
    }

    /// Exchanges new keys for one wire. When that fails the former ones go on, unless policy or facts say otherwise.
    func rekey(_ pair: Pair) async {
        guard wires.sends[pair]?.protection != nil else { return }
        if case .unplugged(let reason) = await plug(pair, keepingWhatIsThere: true), !reason.isTransient {
            cut(pair, because: reason)
        }
    }

    // MARK: The engine

    /// Takes what the engine says, until the task is cancelled.
    func watchEngine() async {
        for await notice in engine.notices {
            switch notice {
            case .runs(let device): use(engineDevice: device)
            case .empty(let device):
                use(engineDevice: device)
                await plugProtectedAgain()
            case .wornOut(.transmit, let slot):
                guard let pair = wires.sends.first(where: { $0.value.hasSlot(slot) })?.key else { continue }
                Task { await self.rekey(pair) }
            case .wornOut(.receive, _): continue
            }
        }
    }

    func use(engineDevice name: String) {
        do {
            guard let link = try Netlink().link(named: name) else {
                throw LeafError("There is no device '\(name)'", remedy: "See what the ESP engine wrote.")
            }
            guard engineDevice != link.index else { return }
            try path.useEngine(device: link.index)
            engineDevice = link.index
        } catch {
            logger.error("the ESP engine's device cannot be used", metadata: ["error": "\(error)"])
        }
    }

    /// The engine has lost its keys: every protected wire is plugged anew. In between nothing passes, least of all in
    /// the clear.
    private func plugProtectedAgain() async {
        var lost = Set<Pair>()
        for (pair, wire) in wires.sends where wire.protection != nil {
            removeSend(pair, telling: nil)
            lost.insert(pair)
        }
        for (label, wire) in wires.receives where wire.protection != nil {
            stopReceiving(label)
            // Whoever sends to the lost keys has to ask for new ones.
            if !lost.contains(wire.pair.reversed), let remote = known[wire.pair.source]?.verified {
                tell(remote, that: wire.pair.reversed, ended: "engine-lost")
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for (count, pair) in lost.enumerated() {
                if count >= LeafLimits.lookupsAtOnce { await group.next() }
                group.addTask { _ = await self.plug(pair) }
            }
        }
    }

    /// What the engine has for the wires that are in the kernel from before a restart.
    func adoptedProtections() async -> (transmit: [UInt32: WireProtection], receive: [UInt32: WireProtection]) {
        var transmit: [UInt32: WireProtection] = [:]
        var receive: [UInt32: WireProtection] = [:]
        guard engine.info != nil, let groups = try? await engine.groups() else { return (transmit, receive) }
        for group in groups.transmit {
            transmit[group.slot] = WireProtection(
                security: Security(group.protection), spiBase: group.spiBase, keyedAt: .now)
        }
        for group in groups.receive {
            // The engine does not say which keys of a wire are the newest: all stay until the next exchange.
            var protection =
                receive[group.slot]
                ?? WireProtection(security: Security(group.protection), spiBase: group.spiBase, keyedAt: .now)
            if protection.spiBase != group.spiBase { protection.formers.append(group.spiBase) }
            receive[group.slot] = protection
        }
        return (transmit, receive)
    }
}

extension MACAddress {
    /// The destination under which a frame of a protected wire is for the engine (`KP_ENGINE_MAC`).
    init(engineSlot slot: UInt32) { self.init(0x0250 << 32 | UInt64(slot)) }
}

extension SendTarget {
    /// Where the other leaf receives; nil for a local wire.
    var locator: IPAddress? {
        switch self {
        case .remote(let locator, _), .protected(let locator, _): locator
        case .local: nil
        }
    }
}

extension SendingEnd {
    func hasSlot(_ number: UInt32) -> Bool {
        if case .protected(_, let slot) = target { slot == number } else { false }
    }
}
