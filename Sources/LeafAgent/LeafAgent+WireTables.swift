import KernelPath
import NetTypes
import PacketFormats
import Plugging
import Policy
import Trust

/// Bringing the ends of a wire into the kernel's tables, and what was held for them on its way.
extension LeafAgent {
    /// Plugs the sending end of a pair under every address of the destination; held packets go first.
    func connect(
        _ pair: Pair, to target: SendTarget, peer: LeafID?, epoch: Epoch, _ protection: WireProtection? = nil,
        mtu: UInt16 = 0
    ) throws {
        guard let port = ports[pair.source] else { return unseal(target) }
        let former = wires.sends[pair]
        if let former, former.target == target, protection != nil {
            // Only the keys are new, and the engine has them.
            return wires.update(pair) {
                $0.protection = protection
                $0.peer = peer
                $0.epoch = epoch
            }
        }
        defer { if let former, former.target != target { unseal(former.target) } }
        let place = try openPlace(of: pair.sourceEnd)
        var addresses = [pair.destinationEnd.address]
        if let address = pair.outsideDestination {
            if case .local = target {} else { keep(border: pair.destination, of: address, at: place) }
        } else if let ipv4 = privateAddress(of: pair.destination, in: port.endpoint.vnet) {
            addresses.append(IPv6Address(mapped: ipv4))
        }
        let wire = SendingEnd(
            target: target, peer: peer, addresses: addresses, epoch: epoch, pluggedAt: now(), activeAt: now(),
            protection: protection, mtu: mtu)
        var plugged: [IPv6Address] = []
        // What is sent before the kernel has the wire is counted on it nevertheless.
        var sent: [IPv6Address: WireCounters] = [:]
        let binding: PairBinding?
        do {
            binding = try bind(pair)
            if binding == nil {
                for address in addresses {
                    let flow = Flow(port: port.index, destination: address, outside: pair.outsideSource)
                    sent[address] = send(holds.release(for: flow), over: wire)
                }
            }
            for address in addresses {
                try path.plugSend(
                    port: place, destination: address, to: target, mtu: mtu, rules: binding,
                    counted: sent[address] ?? WireCounters(), account: pair.account)
                plugged.append(address)
            }
        } catch {
            for address in plugged { path.unplugSend(port: place, destination: address, account: pair.account) }
            wires.removeSend(pair)
            unseal(target)
            logger.error("the kernel takes no more wires", metadata: ["pair": "\(pair)", "error": "\(error)"])
            throw error
        }
        wires.put(wire, for: pair)
        // What came in between was held; nothing waits for a further packet.
        for address in addresses {
            release(
                Flow(port: port.index, destination: address, outside: pair.outsideSource), over: wire, from: place,
                asking: binding != nil)
        }
    }

    /// Sends what is held of a flow over a wire.
    ///
    /// - Parameters:
    ///   - place: where the kernel has the wire, which counts what is sent.
    ///   - asking: the wire has rules, so the kernel is asked about each frame, and notes the flow that it begins.
    func release(_ flow: Flow, over wire: SendingEnd, from place: UInt32, asking: Bool) {
        let frames = holds.release(for: flow)
        // A frame that the kernel is asked about is counted by it.
        if asking {
            send(frames.filter { path.admits($0, from: flow.port) }, over: wire)
            return
        }
        let sent = send(frames, over: wire)
        if sent.packets > 0 { path.count(sent, sentFrom: place, to: flow.destination) }
    }

    /// Opens a label at which a pair's packets are received, and returns it.
    func receive(
        _ pair: Pair, from locator: IPAddress, peer: LeafID, epoch: Epoch, on port: LocalPort
    ) throws -> Label {
        let label = try allocateLabel()
        do {
            try plugReceive(pair, from: locator, label: label, on: port)
        } catch {
            labels.retire(label, now: now())
            throw error
        }
        wires.put(
            ReceivingEnd(
                pair: pair, label: label, locator: locator, peer: peer, epoch: epoch, pluggedAt: now(),
                activeAt: now()))
        return label
    }

    /// Brings a receiving end into the kernel.
    func plugReceive(_ pair: Pair, from locator: IPAddress?, label: Label, on port: LocalPort) throws {
        let place = try openPlace(of: pair.destinationEnd)
        var ipv4 = privateAddress(of: pair.source, in: port.endpoint.vnet)
        if let address = pair.outsideSource {
            ipv4 = address.mapped.mappedIPv4
            keep(border: pair.source, of: address, at: place)
        }
        try path.plugReceive(
            locator: locator, label: label, port: place, source: pair.sourceEnd.address, sourceIPv4: ipv4,
            rules: try bind(pair))
    }

    /// Keeps for the next start by way of whom an address outside is reached.
    private func keep(border: Identity, of address: IPAddress, at place: UInt32) {
        do {
            try path.note(border: border, of: address, at: place)
        } catch {
            logger.warning(
                "the border of a wire is not kept", metadata: ["address": "\(address)", "error": "\(error)"])
        }
    }

    func allocateLabel() throws -> Label {
        guard let label = labels.allocate(now: now()) else {
            throw LeafError("All labels are in use or resting", remedy: "Unplug wires, or wait for the quarantine.")
        }
        // On disk before it is on the network; the mark moves once in 1,024 labels.
        if labelMark != labels.reservedUpTo {
            try state.save(labelMark: labels.reservedUpTo)
            labelMark = labels.reservedUpTo
        }
        return label
    }

    /// The private address of an endpoint as seen in a vnet; nil when it has none there.
    func privateAddress(of identity: Identity, in vnet: VNetID) -> IPv4Address? {
        if let port = ports[identity] { return port.endpoint.vnet == vnet ? port.endpoint.ipv4 : nil }
        return known[identity]?.ipv4[vnet]
    }

    /// Lets the older labels of a pair go after a while, in which the other leaf has turned to the newest.
    ///
    /// Among the older ones may be one that this leaf has opened for a request of its own that is still under way, and
    /// that the other leaf turns to next; so what is in use is looked at when the time is over.
    func retireLabels(of pair: Pair, except newest: Label) {
        wires.use(newest, for: pair)
        let old = wires.labels(of: pair).filter { $0 != newest }
        guard !old.isEmpty else { return }
        Task {
            try? await Task.sleep(for: LeafLimits.labelGrace)
            for label in old where !self.wires.isInUse(label, for: pair) { self.stopReceiving(label) }
        }
    }

    /// Sends held frames over a wire that is being plugged.
    ///
    /// A super-packet asked for the wire like any other, and cannot be cut here: its sender sends it again.
    ///
    /// - Returns: how much it was, as the kernel counts it.
    @discardableResult
    func send(_ frames: [[UInt8]], over wire: SendingEnd) -> WireCounters {
        var sent = WireCounters()
        for frame in frames where frame.count <= devices.innerMTU + EthernetHeader.byteCount {
            switch wire.target {
            case .local(let port):
                guard let end = end(at: port), let device = ports[end.identity]?.index else { continue }
                transmitter.deliver(frame, to: device, MACAddress(of: end.identity))
            case .remote(let locator, let label):
                transmitter.send(frame, to: locator, label: label)
            case .protected(_, let slot):
                guard let engineDevice else { continue }
                transmitter.deliver(frame, to: engineDevice, MACAddress(engineSlot: slot))
            }
            sent.packets += 1
            sent.bytes += UInt64(frame.count - EthernetHeader.byteCount)
        }
        return sent
    }
}
