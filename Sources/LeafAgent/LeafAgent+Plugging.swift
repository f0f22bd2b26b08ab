import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import Policy
import Trust

/// Plugging: the decision at this end, and the exchange with the other leaf.
extension LeafAgent {
    // MARK: Deciding (the sender's algorithm, steps 3 and 4)

    /// Decides on a pair whose source is here and whose destination is known.
    func decide(_ pair: Pair) async -> SenderDecision {
        guard let source = ports[pair.source], source.facts != nil else {
            return .unplug(.unknownSource(pair.source))
        }
        let tenant = source.endpoint.name.tenant
        if isSuspended(tenant) { return .unplug(.suspended(tenant)) }
        let facts = ports[pair.destination]?.facts ?? known[pair.destination]?.facts
        let decision = await sender.decide(
            SenderInput(
                source: source.endpoint, sourceOutside: pair.outsideSource, destination: pair.destination,
                destinationOutside: pair.outsideDestination, known: facts != nil || known[pair.destination] != nil,
                facts: facts,
                policy: policy(of: tenant),
                epochFloor: epochs[pair.destination], revocations: revocations, now: now()))
        if case .plug(let order) = decision, let facts {
            epochs.raise(pair.destination, to: order.destination.epoch)
            known.verified(order.destination, facts: facts)
        }
        return decision
    }

    /// Plugs a pair whose source is here, or says why not. Callers at the same time share one exchange.
    ///
    /// - Parameter keepingWhatIsThere: a wire that is plugged gets new keys, and stays as it is when that fails.
    func plug(_ pair: Pair, keepingWhatIsThere: Bool = false) async -> PlugOutcome {
        if let running = plugging[pair] { return await running.value }
        let began = ContinuousClock.now
        let task = Task { await self.plugOnce(pair, keepingWhatIsThere) }
        plugging[pair] = task
        defer { plugging[pair] = nil }
        let outcome = await task.value
        counts.plug(outcome, took: ContinuousClock.now - began, isRekey: keepingWhatIsThere)
        return outcome
    }

    private func plugOnce(_ pair: Pair, _ keepingWhatIsThere: Bool) async -> PlugOutcome {
        var changes = 0, mismatches = 0
        while true {
            let began = generation
            let outcome = await attempt(pair, began: began, keepingWhatIsThere)
            if case .unplugged(.refusedByPeer(let code, _)) = outcome, code == Self.mismatch || code == Self.changed,
                mismatches < 20
            {
                // The other leaf has another revision of the policy, and gets the newest any moment; or what it
                // decided on changed while it plugged.
                mismatches += 1
                try? await Task.sleep(for: .milliseconds(25))
                continue
            }
            if began == generation {
                if case .plugged = outcome { refusals.clear(pair) }
                return outcome
            }
            // What was decided on may change while the other leaf is asked; then the decision is made again. A wire
            // that was plugged on a judgement that no longer holds is judged again before anyone relies on it.
            if !keepingWhatIsThere { removeSend(pair, telling: nil) }
            changes += 1
            if changes == 4 { return .unplugged(.failed("what it depends on changes faster than it can be decided")) }
        }
    }

    /// The code with which a leaf refuses a wire that the other one means to protect otherwise.
    private static let mismatch = "security-mismatch"
    /// The code with which a leaf refuses a protected wire whose facts changed while it was plugged.
    private static let changed = "changed"

    private func attempt(_ pair: Pair, began: UInt64, _ keepingWhatIsThere: Bool) async -> PlugOutcome {
        switch await decide(pair) {
        case .unplug(let reason):
            return .unplugged(reason)
        case .plug(let order):
            guard began == generation else { return .unplugged(.failed("what it depends on has changed")) }
            if ports[pair.destination] != nil { return await plugLocally(pair, order) }
            // The other leaf's request for the same wire may be being answered. Were ours to go out beside it, the two
            // could end in one order here and in the other there, and each end would send to what the other has closed.
            if let answer = await answering[IncomingRequest(pair: pair, peer: order.destination.leaf)]?.value {
                guard began == generation else { return .unplugged(.failed("what it depends on has changed")) }
                if answer.plugged, wires.sends[pair] != nil { return .plugged }
            }
            return await plugRemotely(pair, order, began: began, keepingWhatIsThere)
        }
    }

    // MARK: Both ends here

    private func plugLocally(_ pair: Pair, _ order: PlugOrder) async -> PlugOutcome {
        guard let source = ports[pair.source], let destination = ports[pair.destination],
            let presented = source.facts
        else { return .unplugged(.notRunning(pair.destination)) }
        let decision = await receiver.decide(
            ReceiverInput(
                peer: membership.id, presented: presented, sourceOutside: pair.outsideSource, directory: presented,
                directoryAnswered: true,
                claimedOneWay: order.oneWay, claimedSecurity: order.security, destination: destination.endpoint,
                destinationIdentity: pair.destination, destinationOutside: pair.outsideDestination,
                policy: policy(of: destination.endpoint.name.tenant),
                epochFloor: epochs[pair.source], revocations: revocations, now: now()))
        let accepted: PlugGrant
        switch decision {
        case .plug(let grant): accepted = grant
        case .unplug(let reason): return .unplugged(reason)
        }
        do {
            let there = try openPlace(of: pair.destinationEnd), here = try openPlace(of: pair.sourceEnd)
            try connect(pair, to: .local(port: there), peer: nil, epoch: order.destination.epoch)
            if !accepted.oneWay, !order.oneWay {
                try connect(pair.reversed, to: .local(port: here), peer: nil, epoch: accepted.source.epoch)
            }
        } catch {
            return .unplugged(.exhausted("\(error)"))
        }
        return .plugged
    }

    // MARK: The other end elsewhere (step 5)

    private func plugRemotely(
        _ pair: Pair, _ order: PlugOrder, began: UInt64, _ keepingWhatIsThere: Bool
    ) async -> PlugOutcome {
        guard let port = ports[pair.source], let facts = port.facts else {
            return .unplugged(.unknownSource(pair.source))
        }
        let destination = order.destination
        var request = Patchbay_Leaf_V1_PlugRequest()
        request.source = .init(facts)
        request.destination = .init(pair.destination.octets)
        if let outside = pair.outsideSource { request.outsideSource = .init(outside.octets) }
        if let outside = pair.outsideDestination { request.outsideDestination = .init(outside.octets) }
        request.oneWay = order.oneWay
        request.security = order.security.forward.message
        request.mtu = UInt32(devices.underlayMTU)
        request.flows = claims(of: pair)
        request.queues = UInt32(engine.info?.queues ?? 0)
        // The way back is open here before the other leaf can know its label or keys.
        var back: OpenedWay?
        do {
            var abilities = Patchbay_Leaf_V1_LeafAbilities()
            if order.security != PairSecurity() { abilities = try await peers.abilities(at: destination) }
            if !order.oneWay {
                let opened = try await open(
                    pair.reversed, from: destination, order.security.reverse, queues: abilities.queues, on: port)
                back = opened
                request.reverseSecurity = order.security.reverse.message
                if let keys = opened.keys {
                    request.reverseKeys = keys.message
                } else {
                    request.reverseLabel = opened.label.value
                }
            }
            let response = try await peers.plug(request, at: destination)
            return await finish(
                pair, order, response, mtu: abilities.mtu, back: back, on: port, began: began, keepingWhatIsThere)
        } catch let error as RPCError {
            logger.info("peer does not answer", metadata: ["leaf": "\(destination.leaf)", "error": "\(error)"])
            await peers.forget(destination.leaf)
            abandon(back)
            // The other leaf may have plugged and only its answer got lost: it must not send to a dead label.
            if !keepingWhatIsThere { tell(destination, that: pair, ended: "no-answer") }
            return .unplugged(.unreachable("\(error)"))
        } catch {
            abandon(back)
            return .unplugged(.exhausted("\(error)"))
        }
    }

    /// Step 6: the other leaf has answered.
    private func finish(
        _ pair: Pair, _ order: PlugOrder, _ response: Patchbay_Leaf_V1_PlugResponse, mtu: UInt32, back: OpenedWay?,
        on port: LocalPort, began: UInt64, _ keepingWhatIsThere: Bool
    ) async -> PlugOutcome {
        let destination = order.destination
        guard response.plugged else {
            abandon(back)
            if response.reason == Self.crossing { return await awaitCrossing(pair) }
            return .unplugged(.refused(code: response.reason, detail: response.detail))
        }
        do {
            let target: SendTarget
            var protection: WireProtection?
            var innerMTU: UInt16 = 0
            if order.security.forward == .none {
                guard let label = Label(response.label) else { throw Self.badAnswer }
                target = .remote(locator: destination.locator, label: label)
            } else {
                guard let keys = WireKeys(response.keys) else { throw Self.badAnswer }
                (target, protection, innerMTU) = try await seal(
                    pair, to: destination, order.security.forward, keys: keys, mtu: mtu)
            }
            guard began == generation, ports[pair.source]?.index == port.index else {
                if wires.sends[pair]?.target != target { unseal(target) }
                abandon(back)
                return .unplugged(.failed("its facts or the policy changed meanwhile"))
            }
            try connect(
                pair, to: target, peer: destination.leaf, epoch: destination.epoch, protection, mtu: innerMTU)
        } catch {
            abandon(back)
            // The other leaf has plugged; it must not send to keys or labels that are gone here.
            if !keepingWhatIsThere { tell(destination, that: pair, ended: "failed") }
            return .unplugged(.exhausted("\(error)"))
        }
        if let back { settle(back) }
        take(response.flows, of: pair, here: pair.sourceEnd)
        return .plugged
    }

    private static var badAnswer: LeafError {
        LeafError(
            "The other leaf's answer has neither label nor keys as they were asked for",
            remedy: "See whether both leaves are of versions that fit together.")
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

    /// Another leaf wants to plug one of its endpoints to one of ours. Requests for one two-way wire are answered one by one.
    func receive(
        _ request: Patchbay_Leaf_V1_PlugRequest, from peer: VerifiedPeer
    ) async -> Patchbay_Leaf_V1_PlugResponse {
        let presented = EndpointFacts(request.source)
        guard let identity = Identity(octets: request.destination) else {
            return .refusal(code: "malformed", detail: "the destination is no identity")
        }
        for octets in [request.outsideSource, request.outsideDestination]
        where !octets.isEmpty && IPAddress(octets: octets) == nil {
            return .refusal(code: "malformed", detail: "an address outside has neither 4 nor 16 octets")
        }
        guard let port = ports[identity], let facts = port.facts else { return .refusal(.notHere(identity)) }
        let claimed = presented.claimedIdentity
        let outsideSource = IPAddress(octets: request.outsideSource)
        let here = End(identity: identity, outside: IPAddress(octets: request.outsideDestination))
        guard !request.oneWay, let claimed else {
            return await answer(request, from: peer, to: here, on: port, facts: facts)
        }
        let back = Pair(here, End(identity: claimed, outside: outsideSource))
        // Of two requests that cross for one two-way wire, that of the lower identity goes on. Were both carried
        // out, each end might keep the label that the other one drops.
        if identity < claimed, plugging[back] != nil {
            return .refusal(code: Self.crossing, detail: "the request of the other end goes on")
        }
        let asked = IncomingRequest(pair: back, peer: peer.id)
        let former = answering[asked]
        let task = Task {
            _ = await former?.value
            return await self.answer(request, from: peer, to: here, on: port, facts: facts)
        }
        answering[asked] = task
        defer { if answering[asked] == task { answering[asked] = nil } }
        return await task.value
    }

    /// The receiver's algorithm.
    private func answer(
        _ request: Patchbay_Leaf_V1_PlugRequest, from peer: VerifiedPeer, to here: End, on port: LocalPort,
        facts: EndpointFacts
    ) async -> Patchbay_Leaf_V1_PlugResponse {
        let presented = EndpointFacts(request.source)
        let claimed = presented.claimedIdentity
        let outsideSource = IPAddress(octets: request.outsideSource)
        let identity = here.identity
        guard let forward = Security(request.security), let reverse = Security(request.reverseSecurity) else {
            return .refusal(code: "malformed", detail: "this leaf does not know such a level of security")
        }
        let security = PairSecurity(forward: forward, reverse: reverse)
        for _ in 0..<4 {
            let began = generation
            if isSuspended(port.endpoint.name.tenant) { return .refusal(.suspended(port.endpoint.name.tenant)) }
            // Step 1 and 2: the directory knows whether what the peer shows is still the newest.
            if let claimed { await learn(claimed, for: identity) }
            if let outsideSource, let claimed, await !speaks(claimed, for: outsideSource, asking: identity) {
                return .refusal(.notBehind(outsideSource, border: claimed))
            }
            let directory = claimed.flatMap { known[$0]?.facts }
            // Steps 3 and 4.
            let decision = await receiver.decide(
                ReceiverInput(
                    peer: peer.id, presented: presented, sourceOutside: outsideSource, directory: directory,
                    directoryAnswered: controller.isConnected,
                    claimedOneWay: request.oneWay, claimedSecurity: security, destination: port.endpoint,
                    destinationIdentity: identity, destinationOutside: here.outside,
                    policy: policy(of: port.endpoint.name.tenant),
                    epochFloor: claimed.map { epochs[$0] } ?? 0, revocations: revocations, now: now()))
            guard began == generation else { continue }
            switch decision {
            // Step 5.
            case .plug(let accepted):
                if let response = await accept(request, accepted, on: port, facts: facts, began: began) {
                    return response
                }
            case .unplug(let reason): return .refusal(reason)
            }
        }
        return .refusal(.failed("what it depends on changes faster than it can be decided"))
    }

    /// Plugs this end as asked; nil when what was decided on changed meanwhile.
    private func accept(
        _ request: Patchbay_Leaf_V1_PlugRequest, _ accepted: PlugGrant, on port: LocalPort, facts: EndpointFacts,
        began: UInt64
    ) async -> Patchbay_Leaf_V1_PlugResponse? {
        let source = accepted.source
        let pair = Pair(
            End(identity: source.identity, outside: IPAddress(octets: request.outsideSource)),
            End(identity: port.endpoint.identity, outside: IPAddress(octets: request.outsideDestination)))
        epochs.raise(source.identity, to: source.epoch)
        let presented = EndpointFacts(request.source)
        if known[source.identity]?.verified?.epoch ?? 0 <= source.epoch {
            known.learn(source.identity, ipv4: nil, in: port.endpoint.vnet, facts: presented)
            known.verified(source, facts: presented)
        }
        do {
            // Receive first, then send: the other leaf has opened the way back already.
            let way = try await open(pair, from: source, accepted.security.forward, queues: request.queues, on: port)
            do {
                if !accepted.oneWay { try await answerWay(pair.reversed, to: source, accepted, request) }
            } catch {
                abandon(way)
                throw error
            }
            guard began == generation, ports[pair.destination]?.index == port.index else {
                abandon(way)
                // A wire that only gets new keys stays; whatever changed judges it by itself.
                if way.isNew { removeSend(pair.reversed, telling: nil) }
                // The engine takes the keys of the way back once: the other leaf has to ask again with new ones.
                return accepted.security.reverse == .none
                    ? nil : .refusal(code: Self.changed, detail: "what it depends on changed meanwhile")
            }
            settle(way)
            take(request.flows, of: pair, here: pair.destinationEnd)
            var response = Patchbay_Leaf_V1_PlugResponse()
            response.plugged = true
            response.flows = claims(of: pair)
            if let keys = way.keys { response.keys = keys.message } else { response.label = way.label.value }
            response.destination = .init(facts)
            return response
        } catch {
            return .refusal(.exhausted("\(error)"))
        }
    }

    /// Plugs the way back of an accepted wire.
    private func answerWay(
        _ pair: Pair, to end: VerifiedEndpoint, _ accepted: PlugGrant, _ request: Patchbay_Leaf_V1_PlugRequest
    ) async throws {
        if accepted.security.reverse == .none {
            guard let label = Label(request.reverseLabel) else { return }
            return try connect(
                pair, to: .remote(locator: end.locator, label: label), peer: end.leaf, epoch: end.epoch)
        }
        guard let keys = WireKeys(request.reverseKeys) else { throw Self.badAnswer }
        let sealed = try await seal(pair, to: end, accepted.security.reverse, keys: keys, mtu: request.mtu)
        try connect(
            pair, to: sealed.target, peer: end.leaf, epoch: end.epoch, sealed.protection, mtu: sealed.innerMTU)
    }
}

/// Another leaf's request for a two-way wire, by the pair that is sent from here. It claims the pair's other end and need not
/// be where that is; whoever waits for an answer names the leaf.
struct IncomingRequest: Hashable {
    let pair: Pair
    let peer: LeafID
}
