import Foundation
import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import Plugging
import Trust

/// Ports: opened closed-first, certified, published, and closed again when the controller says so.
extension LeafAgent {
    /// Takes the whole set of ports that the controller wants. Only the newest set is worked on.
    func arrange(_ message: Patchbay_Leaf_V1_DesiredPorts) {
        var wanted: [DesiredPort] = []
        for port in message.ports {
            do {
                wanted.append(try DesiredPort(port))
            } catch {
                logger.error("port refused", metadata: ["error": "\(error)"])
                if let identity = Identity(octets: port.identity) { report(identity, .failed, "\(error)") }
            }
        }
        desired = wanted
        guard !isArranging else { return }
        isArranging = true
        Task { await self.arrangeAll() }
    }

    private func arrangeAll() async {
        while let next = takeDesired() { await bring(about: next) }
    }

    /// Opens again what could not be opened, and what has lost its device: a namespace may come, and go, at any time.
    func mendPorts() async {
        guard !isArranging else { return }
        isArranging = true
        for port in Array(ports.values) where !devices.isPresent(port.desired, index: port.index) {
            logger.error("device vanished", metadata: ["endpoint": "\(port.endpoint.name)"])
            close(port.endpoint.identity)
            await open(port.desired)
        }
        for failed in Array(unopened.values) { await open(failed.port) }
        await arrangeAll()
    }

    private func takeDesired() -> [DesiredPort]? {
        defer { desired = nil }
        if desired == nil { isArranging = false }
        return desired
    }

    private func bring(about wanted: [DesiredPort]) async {
        let identities = Set(wanted.map(\.identity))
        for identity in ports.keys where !identities.contains(identity) { close(identity) }
        unopened = unopened.filter { identities.contains($0.key) }
        for port in wanted {
            if let present = ports[port.identity] {
                await change(present, to: port)
            } else {
                await open(port)
            }
        }
    }

    /// Opens a port. It is closed to every packet until its facts are published and a policy says plug.
    private func open(_ wanted: DesiredPort) async {
        do {
            try enter(wanted)
        } catch {
            // Said once for each reason; it is tried again in the background.
            let reason = "\(error)"
            if unopened[wanted.identity]?.reason != reason {
                logger.error("port not opened", metadata: ["endpoint": "\(wanted.name)", "error": "\(reason)"])
                report(wanted.identity, .failed, reason)
            }
            unopened[wanted.identity] = (wanted, reason)
            return
        }
        unopened[wanted.identity] = nil
        generation += 1
        await certify(wanted.identity)
        if ports[wanted.identity]?.facts != nil { report(wanted.identity, .open, "") }
        await restoreTowards(wanted.identity)
    }

    /// Makes a port's device and enters it. On an error nothing of it stays.
    private func enter(_ wanted: DesiredPort) throws {
        // A key of its own for each stay on a host: what another host held before is worth nothing here.
        let key = SigningKey()
        let index = try devices.make(wanted)
        do {
            try path.openPort(devices.configuration(of: wanted, index: index))
            try devices.enable(wanted, index: index)
            try state.keys.store(key, as: Self.keyName(wanted.identity))
        } catch {
            try? path.closePort(index)
            try? devices.remove(wanted)
            throw error
        }
        let endpoint = LocalEndpoint(
            identity: wanted.identity, name: wanted.name, groups: wanted.groups, labels: wanted.labels,
            level: wanted.level, networks: wanted.networks, vnet: wanted.vnet,
            ipv4: wanted.ipv4, epoch: wanted.epoch)
        ports[wanted.identity] = LocalPort(
            endpoint: endpoint, desired: wanted, index: index, key: key, openedAt: now())
    }

    /// An endpoint that came here may have had wires with endpoints here while it was elsewhere.
    ///
    /// Those become local ones; a label at which its packets came from there is of no use any more.
    private func restoreTowards(_ identity: Identity) async {
        known.forget(identity)
        var outgoing = Set(interrupted.keys.filter { $0.destination == identity })
        for pair in outgoing { interrupted[pair] = nil }
        for pair in wires.pairs(of: identity) {
            wires.labels(of: pair).forEach(stopReceiving)
            if pair.destination == identity { outgoing.insert(pair) }
        }
        for pair in outgoing {
            if case .unplugged(let reason) = await plug(pair) { cut(pair, because: reason) }
        }
        if let tenant = ports[identity]?.endpoint.name.tenant { clearRefusals(of: tenant) }
    }

    private func change(_ port: LocalPort, to wanted: DesiredPort) async {
        guard port.desired != wanted || port.facts == nil else { return report(wanted.identity, .open, "") }
        let present = port.desired
        if !wanted.hasPlace(of: present) {
            close(wanted.identity)
            return await open(wanted)
        }
        if present.networks != wanted.networks {
            do {
                try path.openPort(devices.configuration(of: wanted, index: port.index))
            } catch {
                logger.error("port not changed", metadata: ["endpoint": "\(wanted.name)", "error": "\(error)"])
                return report(wanted.identity, .failed, "\(error)")
            }
        }
        ports[wanted.identity]?.desired = wanted
        generation += 1
        // A controller that was restored wants a higher epoch than this leaf has published.
        let isBehind = port.verified.map { $0.epoch < wanted.epoch } ?? false
        if port.facts == nil || isBehind || !present.isCertified(as: wanted) { await certify(wanted.identity) }
        if ports[wanted.identity]?.facts != nil { report(wanted.identity, .open, "") }
        for pair in wires.pairs(of: wanted.identity) { await judgeAgain(pair) }
        clearRefusals(of: wanted.name.tenant)
    }

    /// Cuts a pair with a local end whose groups have changed, if the policy no longer has it.
    private func judgeAgain(_ pair: Pair) async {
        if ports[pair.source] != nil {
            if case .unplug(let reason) = await decide(pair) { cut(pair, because: reason) }
        } else {
            await verifyWires([pair])
        }
    }

    /// Closes a port: its wires go first, then the device, then the key.
    func close(_ identity: Identity) {
        guard let port = ports[identity] else { return }
        for pair in wires.pairs(of: identity) {
            if pair.destination == identity, ports[pair.source] != nil { interrupted[pair] = now() }
            cut(pair, because: .portClosed)
        }
        do {
            try path.closePort(port.index)
        } catch {
            logger.error(
                "port not closed cleanly", metadata: ["endpoint": "\(port.endpoint.name)", "error": "\(error)"])
        }
        do {
            try devices.remove(port.desired)
            try state.save(nil, of: identity)
            try state.keys.delete(Self.keyName(identity))
        } catch {
            logger.error(
                "port's leavings remain", metadata: ["endpoint": "\(port.endpoint.name)", "error": "\(error)"])
        }
        ports[identity] = nil
        outside.forget(behind: identity)
        generation += 1
        report(identity, .closed, "")
        logger.notice("port closed", metadata: ["endpoint": "\(port.endpoint.name)"])
    }

    // MARK: Certificates and records

    /// Gets a certificate for a port's key, signs its location record, and publishes both.
    func certify(_ identity: Identity) async {
        guard let port = ports[identity] else { return }
        do {
            var request = Patchbay_Leaf_V1_CertifyEndpointRequest()
            request.identity = .init(identity.octets)
            request.signingRequest = .init(try SigningRequest(key: port.key).der)
            var options = CallOptions.defaults
            options.timeout = LeafLimits.issueTimeout
            let response = try await controller.client().certifyEndpoint(request, options: options)
            try await publish(
                identity, certificate: Array(response.certificate), issuer: Array(response.issuer),
                epoch: response.epoch)
            logger.notice("port open", metadata: ["endpoint": "\(port.endpoint.name)", "epoch": "\(response.epoch)"])
        } catch {
            logger.warning(
                "endpoint not certified", metadata: ["endpoint": "\(port.endpoint.name)", "error": "\(error)"])
            if port.facts == nil { report(identity, .failed, "\(error)") }
        }
    }

    /// Signs a new record with the present certificate and publishes it.
    func republish(_ identity: Identity) async {
        guard let facts = ports[identity]?.facts, let epoch = ports[identity]?.verified?.epoch else { return }
        do {
            try await publish(identity, certificate: facts.certificate, issuer: facts.issuer, epoch: epoch)
        } catch {
            logger.warning("record not renewed", metadata: ["identity": "\(identity)", "error": "\(error)"])
        }
    }

    private func publish(_ identity: Identity, certificate: [UInt8], issuer: [UInt8], epoch: Epoch) async throws {
        guard let port = ports[identity] else { return }
        let record = try LocationRecord(
            identity: identity, leaf: membership.id, locator: membership.locator, plugPort: configuration.plugPort,
            epoch: epoch, notAfter: now() + recordLifetime)
        let facts = EndpointFacts(certificate: certificate, issuer: issuer, record: try record.signed(with: port.key))
        // The leaf trusts what it publishes no more than others do.
        let verified: VerifiedEndpoint
        switch await membership.anchor.verify(endpoint: facts, at: now(), revocations: revocations) {
        case .success(let endpoint): verified = endpoint
        case .failure(let refusal):
            throw LeafError(
                "The certificate of \(port.endpoint.name) does not hold: \(refusal)",
                remedy: "Compare the clocks of this host and the controller.")
        }
        var request = Patchbay_Leaf_V1_PublishRequest()
        request.facts = .init(facts)
        var options = CallOptions.defaults
        options.timeout = LeafLimits.issueTimeout
        _ = try await controller.client().publish(request, options: options)
        guard let published = ports[identity] else { return }
        var renewal = Renewal(of: verified, at: now())
        // A new record does not make the certificate younger.
        if published.facts?.certificate == certificate { renewal.certificate = published.renewal.certificate }
        ports[identity]?.renewal = renewal
        ports[identity]?.facts = facts
        ports[identity]?.verified = verified
        ports[identity]?.certify(verified, epoch: epoch)
        epochs.raise(identity, to: epoch)
        generation += 1
        try state.save(
            .init(
                desired: try port.desired.message.serializedData(), certificate: Data(certificate),
                issuer: Data(issuer), record: Data(facts.record)), of: identity)
    }

    private func report(_ identity: Identity, _ state: Patchbay_Leaf_V1_PortState.State, _ detail: String) {
        var port = Patchbay_Leaf_V1_PortState()
        port.identity = .init(identity.octets)
        port.state = state
        port.detail = detail
        var message = FromLeaf()
        message.port = port
        controller.report(message)
    }

    static func keyName(_ identity: Identity) -> String { "endpoint-\(LeafID(identity.address.value))" }

    // MARK: After a restart

    /// Takes over the ports and wires that are in the kernel from before: nothing of them stops meanwhile.
    ///
    /// Ports whose device is gone, or of which nothing is on disk, are closed.
    func adopt() async {
        do {
            if let data = try state.savedGuardrails() {
                await take(guardrails: try Patchbay_Leaf_V1_PolicyDocument(serializedBytes: data), keep: false)
            }
            if let data = try state.savedSuspensions() { try takeSaved(suspensions: data) }
            for data in try state.savedPolicies() {
                await take(policy: try Patchbay_Leaf_V1_PolicyDocument(serializedBytes: data), keep: false)
            }
            let saved = try state.savedPorts()
            for open in try path.ports() {
                if let port = saved[open.identity], try await adopt(open.device, port) { continue }
                try path.closePort(open.device)
            }
            try adoptOutside()
            try await adoptWires()
        } catch {
            logger.error("former state not taken over", metadata: ["error": "\(error)"])
        }
    }

    private func adopt(_ index: UInt32, _ saved: LeafStateDirectory.SavedPort) async throws -> Bool {
        let wanted = try DesiredPort(try Patchbay_Leaf_V1_DesiredPort(serializedBytes: saved.desired))
        guard devices.isPresent(wanted, index: index),
            let key = try state.keys.load(Self.keyName(wanted.identity))
        else { return false }
        let facts = EndpointFacts(
            certificate: Array(saved.certificate), issuer: Array(saved.issuer), record: Array(saved.record))
        var port = LocalPort(
            endpoint: LocalEndpoint(
                identity: wanted.identity, name: wanted.name, groups: wanted.groups, labels: wanted.labels,
                level: wanted.level, networks: wanted.networks, vnet: wanted.vnet,
                ipv4: wanted.ipv4, epoch: wanted.epoch), desired: wanted, index: index, key: key)
        let verification = await membership.anchor.verify(endpoint: facts, at: now(), revocations: revocations)
        if case .success(let verified) = verification, verified.leaf == membership.id,
            verified.locator == membership.locator
        {
            port.facts = facts
            port.verified = verified
            port.renewal = Renewal(of: verified, at: now())
            port.certify(verified, epoch: verified.epoch)
        }
        try path.openPort(devices.configuration(of: wanted, index: index))
        ports[wanted.identity] = port
        logger.notice("port taken over", metadata: ["endpoint": "\(wanted.name)"])
        return true
    }

    /// What the two entries of a wire in the kernel, under an identity and under an IPv4 address, have in common.
    private struct SendKey: Hashable {
        var source: End
        var target: SendTarget
    }

    /// Rebuilds the ledger from the kernel's tables; the wires are verified once a controller answers.
    private func adoptWires() async throws {
        let protections = await adoptedProtections()
        let sends = try path.sendWires()
        var pairs: [SendKey: Pair] = [:]
        var second: [SendWire] = []
        for wire in sends {
            guard let source = end(at: wire.port) else {
                path.unplugSend(port: wire.port, destination: wire.destination)
                continue
            }
            guard let destination = adoptedDestination(of: wire) else {
                second.append(wire)
                continue
            }
            let pair = Pair(source, destination)
            var protection: WireProtection?
            if case .protected(_, let slot) = wire.target {
                protection = protections.transmit[slot]
                guard protection != nil else {
                    // The engine has no keys for it: the next packet asks for the wire again.
                    path.unplugSend(port: wire.port, destination: wire.destination, account: pair.account)
                    continue
                }
            }
            pairs[SendKey(source: source, target: wire.target)] = pair
            wires.put(
                SendingEnd(
                    target: wire.target, peer: nil, addresses: [wire.destination], epoch: 0, pluggedAt: now(),
                    packets: wire.counters.packets, activeAt: now(), protection: protection, mtu: wire.mtu),
                for: pair)
        }
        // The IPv4 form of a wire leads to the same place as its identity does.
        for wire in second {
            guard let source = end(at: wire.port), let pair = pairs[SendKey(source: source, target: wire.target)]
            else {
                path.unplugSend(port: wire.port, destination: wire.destination)
                continue
            }
            wires.update(pair) { $0.addresses.append(wire.destination) }
            if let ipv4 = wire.destination.mappedIPv4, let vnet = ports[source.identity]?.endpoint.vnet,
                ports[pair.destination] == nil
            {
                known.learn(pair.destination, ipv4: ipv4, in: vnet, facts: nil)
            }
        }
        for wire in try path.receiveWires() {
            let protection = wire.locator == nil ? protections.receive[wire.label.value] : nil
            guard let destination = end(at: wire.port), let source = adoptedEnd(wire.source, at: wire.port),
                wire.locator != nil || protection != nil
            else {
                path.unplugReceive(locator: wire.locator, label: wire.label)
                continue
            }
            let pair = Pair(source, destination)
            wires.put(
                ReceivingEnd(
                    pair: pair, label: wire.label,
                    locator: wire.locator, peer: nil, epoch: 0, pluggedAt: now(),
                    packets: wire.counters.packets, activeAt: now(), protection: protection))
            wires.use(wire.label, for: pair)
        }
    }

    /// Whom a wire of an earlier process leads to; nil: it is the IPv4 form of another, or nobody knows.
    private func adoptedDestination(of wire: SendWire) -> End? {
        if case .local(let place) = wire.target, let end = outside.end(at: place) { return end }
        return adoptedEnd(wire.destination, at: wire.port)
    }
}
