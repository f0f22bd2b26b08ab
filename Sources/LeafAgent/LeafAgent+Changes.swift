import Foundation
import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import Plugging
import Trust

/// What the controller pushes, and the unplugging that follows from it.
extension LeafAgent {
    /// Takes one message of the controller.
    func handle(_ message: ToLeaf) async {
        switch message.message {
        case .welcome(let welcome):
            logger.notice("connected", metadata: ["controller": "\(welcome.controller)"])
            recordLifetime = LeafLimits.recordLifetime(asked: welcome.recordLifetime)
            resynchronise()
        case .ports(let ports):
            arrange(ports)
        case .policy(let document):
            await take(policy: document, keep: true)
        case .guardrails(let document):
            await take(guardrails: document, keep: true)
        case .suspensions(let document):
            await take(suspensions: document)
        case .changed(let changed):
            await take(changed)
        case .query(let query):
            for part in await report(for: query.request) { controller.report(part) }
        case .revoked(let revoked):
            await take(revoked)
        case .pair(let query):
            controller.report(await explain(query))
        case .flows(let query):
            for part in flowsSeen(query) { controller.report(part) }
        case nil:
            return
        }
    }

    /// After a gap in the pushes: what wires depend on is looked up again, everything else is forgotten.
    private func resynchronise() {
        let needed = wires.pairs
        let remote = Set(needed.flatMap { [$0.source, $0.destination] }).subtracting(ports.keys)
        known.forgetAll(except: remote)
        Task {
            // The controller has forgotten what this leaf watched: each look-up also begins to watch again.
            await self.lookAgain(at: needed)
            await self.verifyWires(needed)
        }
    }

    /// Looks the remote ends of some pairs up again, a bounded number at a time.
    private func lookAgain(at pairs: Set<Pair>) async {
        var asked: [(remote: Identity, local: LocalEndpoint)] = []
        var seen = Set<Identity>()
        for pair in pairs {
            let (local, remote) =
                ports[pair.source] != nil ? (pair.source, pair.destination) : (pair.destination, pair.source)
            guard let port = ports[local], ports[remote] == nil, seen.insert(remote).inserted else { continue }
            asked.append((remote, port.endpoint))
        }
        await withTaskGroup(of: Void.self) { group in
            for (count, question) in asked.enumerated() {
                if count >= LeafLimits.lookupsAtOnce { await group.next() }
                group.addTask { await self.lookAgain(at: question.remote, for: question.local) }
            }
        }
    }

    private func lookAgain(at remote: Identity, for local: LocalEndpoint) async {
        let finding = await look(up: remote.octets, for: local.identity, vnet: local.vnet)
        guard case .refused(.unknownDestination) = finding else { return }
        // Deleted while this leaf was not told of changes.
        for pair in wires.pairs(of: remote) { cut(pair, because: .unknownDestination) }
        known.forget(remote)
    }

    // MARK: Facts of endpoints elsewhere

    private func take(_ changed: Patchbay_Leaf_V1_Changed) async {
        guard let identity = Identity(octets: changed.identity), ports[identity] == nil else { return }
        known.pushed(identity)
        generation += 1
        let pairs = wires.pairs(of: identity)
        if changed.deleted {
            for pair in pairs { cut(pair, because: .unknownDestination) }
            known.forget(identity)
            interrupted = interrupted.filter { $0.key.destination != identity }
            return
        }
        guard changed.hasFacts else {
            known.change(identity, facts: nil)
            // It is on its way to another host: its wires come back with it.
            for pair in pairs {
                cut(pair, because: .notRunning(identity))
                if ports[pair.source] != nil { interrupted[pair] = now() }
            }
            return
        }
        if known[identity] == nil { return }
        known.change(identity, facts: EndpointFacts(changed.facts))
        await verifyWires(pairs)
        await restore(identity)
        for tenant in Set(ports.values.map(\.endpoint.name.tenant)) { clearRefusals(of: tenant) }
    }

    /// Plugs again what was interrupted when an endpoint left, now that it is back.
    private func restore(_ identity: Identity) async {
        let waiting = interrupted.filter { $0.key.destination == identity }.keys
        for pair in waiting {
            interrupted[pair] = nil
            if wires.sends[pair] == nil { _ = await plug(pair) }
        }
    }

    /// Judges wires by the newest facts: cut when they no longer hold, led to the new place when the end has moved.
    ///
    /// Facts that have merely expired are waited for: their leaf may be about to renew them, as after a time without
    /// a controller. When they are not renewed within ``LeafLimits/expiryGrace``, the wire is cut.
    func verifyWires(_ pairs: Set<Pair>, patiently: Bool = true) async {
        var expired = Set<Pair>()
        defer { if !expired.isEmpty { awaitRenewal(of: expired) } }
        for pair in pairs where await !verifyWire(pair, patiently: patiently) { expired.insert(pair) }
    }

    /// Judges one wire by the newest facts.
    ///
    /// - Returns: false where these have expired and are waited for.
    private func verifyWire(_ pair: Pair, patiently: Bool) async -> Bool {
        while true {
            let isOutgoing = ports[pair.source] != nil
            let local = isOutgoing ? pair.source : pair.destination
            let remote = isOutgoing ? pair.destination : pair.source
            guard ports[local] != nil, ports[remote] == nil else { return true }
            await learn(remote, for: local)
            guard let facts = known[remote]?.facts else {
                // Without an answer nothing is known against the wire; a leaf without a controller keeps it.
                if controller.isConnected, known[remote] != nil { cut(pair, because: .notRunning(remote)) }
                return true
            }
            let verification = await membership.anchor.verify(endpoint: facts, at: now(), revocations: revocations)
            // Newer ones may have come meanwhile, beside which these are too old.
            guard known[remote]?.facts == facts else { continue }
            switch verification {
            case .failure(let refusal):
                if let end = refusal.expiredAt,
                    patiently || !controller.isConnected || now() - end < LeafLimits.expiryGrace
                {
                    return false
                }
                cut(pair, because: .untrusted(refusal))
            case .success(let verified):
                known.verified(verified, facts: facts)
                await settle(pair, remote: verified, isOutgoing: isOutgoing)
            }
            return true
        }
    }

    /// Judges pairs again whose facts have expired, when there was time to renew them.
    private func awaitRenewal(of pairs: Set<Pair>) {
        let unheard = pairs.subtracting(expiring)
        guard !unheard.isEmpty else { return }
        expiring.formUnion(unheard)
        Task {
            try? await Task.sleep(for: .seconds(LeafLimits.expiryGrace))
            self.expiring.subtract(unheard)
            let present = unheard.intersection(self.wires.pairs)
            await self.lookAgain(at: present)
            await self.verifyWires(present, patiently: false)
        }
    }

    /// Looks for wires whose facts have expired without anyone having said so.
    func verifyExpired() async {
        let moment = now()
        let expired = wires.pairs.filter { pair in
            let remote = ports[pair.source] != nil ? pair.destination : pair.source
            guard let verified = known[remote]?.verified else { return false }
            return min(verified.recordNotAfter, verified.certificateNotAfter) < moment
        }
        awaitRenewal(of: expired)
    }

    private func settle(_ pair: Pair, remote: VerifiedEndpoint, isOutgoing: Bool) async {
        let floor = epochs[remote.identity]
        guard remote.epoch >= floor else { return cut(pair, because: .olderEpoch(remote.epoch, known: floor)) }
        epochs.raise(remote.identity, to: remote.epoch)
        guard judge(pair) else { return }
        if isOutgoing {
            guard let wire = wires.sends[pair] else { return }
            if let locator = wire.target.locator, locator == remote.locator,
                wire.peer ?? remote.leaf == remote.leaf
            {
                wires.update(pair) {
                    $0.peer = remote.leaf
                    $0.epoch = remote.epoch
                }
            } else if case .unplugged(let reason) = await plug(pair) {
                cut(pair, because: reason)
            }
        } else {
            for label in wires.labels(of: pair) {
                guard let wire = wires.receives[label] else { continue }
                if wire.locator ?? remote.locator == remote.locator, wire.peer ?? remote.leaf == remote.leaf {
                    wires.update(label) {
                        $0.locator = remote.locator
                        $0.peer = remote.leaf
                        $0.epoch = remote.epoch
                    }
                } else {
                    stopReceiving(label)
                }
            }
        }
    }

    // MARK: Revocation

    private func take(_ revoked: Patchbay_Leaf_V1_Revoked) async {
        if let identity = Identity(octets: revoked.identity) { revocations.revoke(identity: identity) }
        if !revoked.serial.isEmpty { revocations.revoke(serial: Array(revoked.serial)) }
        if !revoked.key.isEmpty { revocations.revoke(keyHash: Array(revoked.key)) }
        generation += 1
        await verifyWires(wires.pairs)
    }

    // MARK: Unplugging

    /// Pulls a wire out at this end, both what is sent and what is received of the pair.
    func cut(_ pair: Pair, because reason: UnplugReason) {
        guard wires.sends[pair] != nil || !wires.labels(of: pair).isEmpty else { return }
        removeSend(pair, telling: nil)
        for label in wires.labels(of: pair) { stopReceiving(label) }
        refusals.note(pair, reason, at: now())
        logger.info("unplugged", metadata: ["pair": "\(pair)", "reason": "\(reason.code)"])
    }

    /// Takes a pair's sending end out of the kernel. When this returns no packet passes any more.
    func removeSend(_ pair: Pair, telling reason: String?) {
        guard let wire = wires.removeSend(pair), let place = place(of: pair.sourceEnd) else { return }
        for address in wire.addresses {
            path.unplugSend(port: place, destination: address, account: pair.account)
        }
        unseal(wire.target)
        if let reason, let verified = known[pair.destination]?.verified { tell(verified, that: pair, ended: reason) }
    }

    /// Takes a label out of the kernel; it rests before it is given out again.
    func stopReceiving(_ label: Label) {
        guard let wire = wires.removeReceive(label) else { return }
        path.unplugReceive(
            locator: wire.protection == nil ? wire.locator : nil, label: label, account: wire.pair.account)
        for spiBase in wire.protection.map({ $0.formers + [$0.spiBase] }) ?? [] { engine.closeReceive(spiBase) }
        labels.retire(label, now: now())
    }

    /// Tells the leaf of a pair's destination that the wire has ended here. It finds out by itself too; this is faster.
    func tell(_ destination: VerifiedEndpoint, that pair: Pair, ended reason: String) {
        var request = Patchbay_Leaf_V1_UnplugRequest()
        request.source = .init(pair.source.octets)
        request.destination = .init(pair.destination.octets)
        if let outside = pair.outsideSource { request.outsideSource = .init(outside.octets) }
        if let outside = pair.outsideDestination { request.outsideDestination = .init(outside.octets) }
        request.reason = reason
        let message = request
        Task {
            try await peers.unplug(message, at: destination)
        }
    }

    /// Another leaf says that a wire from one of its endpoints has ended there.
    func receive(_ request: Patchbay_Leaf_V1_UnplugRequest, from peer: VerifiedPeer) {
        guard let source = Identity(octets: request.source), let destination = Identity(octets: request.destination)
        else { return }
        let pair = Pair(
            End(identity: source, outside: IPAddress(octets: request.outsideSource)),
            End(identity: destination, outside: IPAddress(octets: request.outsideDestination)))
        // Only wires with that very leaf: nobody pulls out another's.
        if wires.sends[pair.reversed]?.peer == peer.id { removeSend(pair.reversed, telling: nil) }
        let received = wires.labels(of: pair).filter { wires.receives[$0]?.peer == peer.id }
        Task {
            // Packets that left before the wire was pulled are still on their way.
            try? await Task.sleep(for: LeafLimits.labelGrace)
            received.forEach(self.stopReceiving)
        }
    }

    /// Reads who is at the other end of a session.
    ///
    /// - Throws: `RPCError` with the code `permissionDenied` when the certificate is not that of a leaf in good standing.
    func verify(peer certificate: [UInt8]) async throws -> VerifiedPeer {
        switch await membership.anchor.verify(leaf: certificate, at: now(), revocations: revocations) {
        case .success(let leaf): return VerifiedPeer(id: leaf.id)
        case .failure(let refusal):
            throw RPCError(code: .permissionDenied, message: "not a leaf of this platform: \(refusal)")
        }
    }
}
