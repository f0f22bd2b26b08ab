import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import Policy
import Trust

/// Plugging: the decision at this end, the exchange with the other leaf, and the kernel's tables.
extension LeafAgent {
    // MARK: Deciding (the sender's algorithm, steps 3 and 4)

    /// Decides on a pair whose source is here and whose destination is known.
    func decide(_ pair: Pair) async -> SenderDecision {
        guard let source = ports[pair.source], source.facts != nil else {
            return .unplug(.unknownSource(pair.source))
        }
        let tenant = source.endpoint.name.tenant
        let facts = ports[pair.destination]?.facts ?? known[pair.destination]?.facts
        let decision = await sender.decide(
            SenderInput(
                source: source.endpoint, destination: pair.destination,
                known: facts != nil || known[pair.destination] != nil, facts: facts,
                policy: policies[tenant]?.evaluator,
                epochFloor: epochs[pair.destination], revocations: revocations, now: now()))
        if case .plug(let order) = decision, let facts {
            epochs.raise(pair.destination, to: order.destination.epoch)
            known.verified(order.destination, facts: facts)
        }
        return decision
    }

    /// Plugs a pair whose source is here, or says why not. Callers at the same time share one exchange.
    func plug(_ pair: Pair) async -> PlugOutcome {
        if let running = plugging[pair] { return await running.value }
        let task = Task { await self.plugOnce(pair) }
        plugging[pair] = task
        defer { plugging[pair] = nil }
        return await task.value
    }

    private func plugOnce(_ pair: Pair) async -> PlugOutcome {
        // What was decided on may change while the other leaf is asked; then the decision is made again.
        for _ in 0..<4 {
            let began = generation
            let outcome = await attempt(pair, began: began)
            if began == generation {
                if case .plugged = outcome { refusals.clear(pair) }
                return outcome
            }
            // A wire that was plugged on a judgement that no longer holds is judged again before anyone relies on it.
            removeSend(pair, telling: nil)
        }
        return .unplugged(.failed("what it depends on changes faster than it can be decided"))
    }

    private func attempt(_ pair: Pair, began: UInt64) async -> PlugOutcome {
        switch await decide(pair) {
        case .unplug(let reason):
            return .unplugged(reason)
        case .plug(let order):
            guard began == generation else { return .unplugged(.failed("what it depends on has changed")) }
            if ports[pair.destination] != nil { return await plugLocally(pair, order) }
            return await plugRemotely(pair, order, began: began)
        }
    }

    // MARK: Both ends here

    private func plugLocally(_ pair: Pair, _ order: PlugOrder) async -> PlugOutcome {
        guard let source = ports[pair.source], let destination = ports[pair.destination],
            let presented = source.facts
        else { return .unplugged(.notRunning(pair.destination)) }
        let decision = await receiver.decide(
            ReceiverInput(
                peer: membership.id, presented: presented, directory: presented, directoryAnswered: true,
                claimedOneWay: order.oneWay, destination: destination.endpoint,
                destinationIdentity: pair.destination, policy: policies[destination.endpoint.name.tenant]?.evaluator,
                epochFloor: epochs[pair.source], revocations: revocations, now: now()))
        let accepted: PlugGrant
        switch decision {
        case .plug(let grant): accepted = grant
        case .unplug(let reason): return .unplugged(reason)
        }
        do {
            try connect(pair, to: .local(port: destination.index), peer: nil, epoch: order.destination.epoch)
            if !accepted.oneWay, !order.oneWay {
                try connect(pair.reversed, to: .local(port: source.index), peer: nil, epoch: accepted.source.epoch)
            }
        } catch {
            return .unplugged(.exhausted("\(error)"))
        }
        return .plugged
    }

    // MARK: The other end elsewhere (step 5)

    private func plugRemotely(_ pair: Pair, _ order: PlugOrder, began: UInt64) async -> PlugOutcome {
        guard let port = ports[pair.source], let facts = port.facts else {
            return .unplugged(.unknownSource(pair.source))
        }
        let destination = order.destination
        var request = Patchbay_Leaf_V1_PlugRequest()
        request.source = .init(facts)
        request.destination = .init(pair.destination.octets)
        request.oneWay = order.oneWay
        // The way back is open here before the other leaf can know its label.
        var back: Label?
        if !order.oneWay {
            do {
                back = try receive(
                    pair.reversed, from: destination.locator, peer: destination.leaf, epoch: destination.epoch,
                    on: port)
            } catch {
                return .unplugged(.exhausted("\(error)"))
            }
            request.reverseLabel = back?.value ?? 0
        }
        do {
            let response = try await peers.plug(request, at: destination)
            return await finish(pair, order, response, back: back, on: port, began: began)
        } catch {
            logger.info("peer does not answer", metadata: ["leaf": "\(destination.leaf)", "error": "\(error)"])
            await peers.forget(destination.leaf)
            back.map(stopReceiving)
            // The other leaf may have plugged and only its answer got lost: it must not send to a dead label.
            tell(destination, that: pair, ended: "no-answer")
            return .unplugged(.unreachable("\(error)"))
        }
    }

    /// Step 6: the other leaf has answered.
    private func finish(
        _ pair: Pair, _ order: PlugOrder, _ response: Patchbay_Leaf_V1_PlugResponse, back: Label?, on port: LocalPort,
        began: UInt64
    ) async -> PlugOutcome {
        let destination = order.destination
        guard response.plugged, let label = Label(response.label) else {
            back.map(stopReceiving)
            if response.reason == Self.crossing { return await awaitCrossing(pair) }
            return .unplugged(.refused(code: response.reason, detail: response.detail))
        }
        guard began == generation, ports[pair.source]?.index == port.index else {
            back.map(stopReceiving)
            return .unplugged(.failed("its facts or the policy changed meanwhile"))
        }
        do {
            try connect(
                pair, to: .remote(locator: destination.locator, label: label), peer: destination.leaf,
                epoch: destination.epoch)
        } catch {
            back.map(stopReceiving)
            return .unplugged(.exhausted("\(error)"))
        }
        if let back { retireLabels(of: pair.reversed, except: back) }
        return .plugged
    }

    /// The answer to a request that met one of our own for the same two-way wire.
    static let crossing = "crossing"

    /// Both leaves asked at the same time and the other one's request goes on: it plugs our end too.
    private func awaitCrossing(_ pair: Pair) async -> PlugOutcome {
        for _ in 0..<200 {
            if wires.sends[pair] != nil { return .plugged }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return .unplugged(.unreachable("it asked at the same time, and its request did not arrive"))
    }

    /// The receiver's algorithm: another leaf wants to plug one of its endpoints to one of ours.
    func receive(
        _ request: Patchbay_Leaf_V1_PlugRequest, from peer: VerifiedPeer
    ) async -> Patchbay_Leaf_V1_PlugResponse {
        let presented = EndpointFacts(request.source)
        guard let identity = Identity(octets: request.destination) else {
            return .refusal(code: "malformed", detail: "the destination is no identity")
        }
        guard let port = ports[identity], let facts = port.facts else { return .refusal(.notHere(identity)) }
        let claimed = presented.claimedIdentity
        // Of two requests that cross for one two-way wire, that of the lower identity goes on. Were both carried
        // out, each end might keep the label that the other one drops.
        if !request.oneWay, let claimed, identity < claimed,
            plugging[Pair(source: identity, destination: claimed)] != nil
        {
            return .refusal(code: Self.crossing, detail: "the request of the other end goes on")
        }
        for _ in 0..<4 {
            let began = generation
            // Step 1 and 2: the directory knows whether what the peer shows is still the newest.
            if let claimed { await learn(claimed, for: identity) }
            let directory = claimed.flatMap { known[$0]?.facts }
            // Steps 3 and 4.
            let decision = await receiver.decide(
                ReceiverInput(
                    peer: peer.id, presented: presented, directory: directory,
                    directoryAnswered: controller.isConnected,
                    claimedOneWay: request.oneWay, destination: port.endpoint, destinationIdentity: identity,
                    policy: policies[port.endpoint.name.tenant]?.evaluator,
                    epochFloor: claimed.map { epochs[$0] } ?? 0, revocations: revocations, now: now()))
            guard began == generation else { continue }
            switch decision {
            // Step 5.
            case .plug(let accepted): return accept(request, accepted, on: port, facts: facts)
            case .unplug(let reason): return .refusal(reason)
            }
        }
        return .refusal(.failed("what it depends on changes faster than it can be decided"))
    }

    private func accept(
        _ request: Patchbay_Leaf_V1_PlugRequest, _ accepted: PlugGrant, on port: LocalPort, facts: EndpointFacts
    ) -> Patchbay_Leaf_V1_PlugResponse {
        let source = accepted.source
        let pair = Pair(source: source.identity, destination: port.endpoint.identity)
        epochs.raise(source.identity, to: source.epoch)
        let presented = EndpointFacts(request.source)
        if known[source.identity]?.verified?.epoch ?? 0 <= source.epoch {
            known.learn(source.identity, ipv4: nil, in: port.endpoint.vnet, facts: presented)
            known.verified(source, facts: presented)
        }
        do {
            let label = try receive(pair, from: source.locator, peer: source.leaf, epoch: source.epoch, on: port)
            if !accepted.oneWay, let reverse = Label(request.reverseLabel) {
                do {
                    try connect(
                        pair.reversed, to: .remote(locator: source.locator, label: reverse), peer: source.leaf,
                        epoch: source.epoch)
                } catch {
                    stopReceiving(label)
                    throw error
                }
            }
            retireLabels(of: pair, except: label)
            var response = Patchbay_Leaf_V1_PlugResponse()
            response.plugged = true
            response.label = label.value
            response.destination = .init(facts)
            return response
        } catch {
            return .refusal(.exhausted("\(error)"))
        }
    }

    // MARK: The kernel's tables

    /// Plugs the sending end of a pair under every address of the destination; held packets go first.
    private func connect(_ pair: Pair, to target: SendTarget, peer: LeafID?, epoch: Epoch) throws {
        guard let port = ports[pair.source] else { return }
        var addresses = [pair.destination.address]
        if let ipv4 = privateAddress(of: pair.destination, in: port.endpoint.vnet) {
            addresses.append(IPv6Address(mapped: ipv4))
        }
        let wire = SendingEnd(
            target: target, peer: peer, addresses: addresses, epoch: epoch, pluggedAt: now(), activeAt: now())
        for address in addresses { send(holds.release(for: Flow(port: port.index, destination: address)), over: wire) }
        var plugged: [IPv6Address] = []
        do {
            for address in addresses {
                try path.plugSend(port: port.index, destination: address, to: target)
                plugged.append(address)
            }
        } catch {
            for address in plugged { path.unplugSend(port: port.index, destination: address) }
            wires.removeSend(pair)
            logger.error("the kernel takes no more wires", metadata: ["pair": "\(pair)", "error": "\(error)"])
            throw error
        }
        wires.put(wire, for: pair)
        // What came in between was held; nothing waits for a further packet.
        for address in addresses { send(holds.release(for: Flow(port: port.index, destination: address)), over: wire) }
    }

    /// Opens a label at which a pair's packets are received, and returns it.
    private func receive(
        _ pair: Pair, from locator: IPAddress, peer: LeafID, epoch: Epoch, on port: LocalPort
    ) throws -> Label {
        let label = try allocateLabel()
        do {
            try path.plugReceive(
                locator: locator, label: label, port: port.index, source: pair.source,
                sourceIPv4: privateAddress(of: pair.source, in: port.endpoint.vnet))
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

    private func allocateLabel() throws -> Label {
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
    private func retireLabels(of pair: Pair, except newest: Label) {
        let old = wires.labels(of: pair).filter { $0 != newest }
        guard !old.isEmpty else { return }
        Task {
            try? await Task.sleep(for: LeafLimits.labelGrace)
            old.forEach(self.stopReceiving)
        }
    }

    /// Sends held frames over a wire that is being plugged.
    ///
    /// A super-packet asked for the wire like any other, and cannot be cut here: its sender sends it again.
    func send(_ frames: [[UInt8]], over wire: SendingEnd) {
        for frame in frames where frame.count <= devices.innerMTU + EthernetHeader.byteCount {
            switch wire.target {
            case .local(let port):
                guard let identity = ports.identity(at: port) else { continue }
                transmitter.deliver(frame, to: port, MACAddress(of: identity))
            case .remote(let locator, let label):
                transmitter.send(frame, to: locator, label: label)
            }
        }
    }
}
