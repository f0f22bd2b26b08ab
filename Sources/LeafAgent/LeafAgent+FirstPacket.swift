import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import Policy
import Trust

/// What the kernel had no wire for comes here: first packets, and the questions of ARP and neighbour discovery.
extension LeafAgent {
    /// Takes one punted frame. Whatever is in it, the worst that happens is that it is dropped.
    func handle(_ punt: Punt) {
        counts.punt(punt.reason)
        guard let identity = ports.identity(at: punt.port), let port = ports[identity] else { return }
        // Of a frame that is too big only the beginning is here, so it is no packet that could be parsed.
        if case .tooBig = punt.reason { return refuse(tooBig: punt) }
        if case .rejected = punt.reason { return reject([punt.frame], at: punt.port) }
        guard let packet = try? FirstPacket(parsing: punt.frame) else { return }
        switch (punt.reason, packet.kind) {
        case (.miss, .ipv4(_, let destination)):
            hold(punt.frame, to: IPv6Address(mapped: destination), of: port)
        case (.miss, .ipv6(_, let destination)):
            hold(punt.frame, to: destination, of: port)
        case (.arp, .arpRequest(_, let target)):
            answer(packet, about: IPv6Address(mapped: target), of: port)
        case (.neighborDiscovery, .neighborSolicitation(_, let target)):
            answer(packet, about: target, of: port)
        case (.routerSolicitation, _):
            advertise(to: packet, of: port)
        default:
            return
        }
    }

    /// Tells an endpoint the size that would have passed.
    private func refuse(tooBig punt: Punt) {
        if let answer = TooBig(refusing: punt.frame, mtu: mtu(of: punt)) {
            transmitter.send(answer.frame, to: punt.port)
        }
    }

    /// What the wire carries that a frame was too big for.
    private func mtu(of punt: Punt) -> Int {
        guard let port = ports.identity(at: punt.port).flatMap({ ports[$0] }),
            let source = sender(of: punt.frame, at: port),
            let address = FirstPacket.destination(ofBeginning: punt.frame),
            let destination = end(of: address, for: source.identity),
            let wire = wires.sends[Pair(source, destination)], wire.mtu > 0
        else { return devices.innerMTU }
        return min(Int(wire.mtu), devices.innerMTU)
    }

    /// Holds a first packet and sees to its wire; further packets of the flow wait with it.
    private func hold(_ frame: [UInt8], to destination: IPv6Address, of port: LocalPort) {
        guard let source = sender(of: frame, at: port) else {
            // A border that sends for somebody whom it does not speak for: it is not asked again for a while.
            if let address = FirstPacket.source(ofBeginning: frame) {
                let reason = UnplugReason.notBehind(IPAddress(unmapping: address), border: port.endpoint.identity)
                deny(
                    Flow(port: port.index, destination: destination, outside: IPAddress(unmapping: address)), reason)
            }
            return
        }
        let flow = Flow(port: port.index, destination: destination, outside: source.outside)
        _ = holds.hold(frame, for: flow)
        settle(flow, from: source)
    }

    /// Sees to the wire of a flow, unless that is being done.
    private func settle(_ flow: Flow, from source: End) {
        switch resolving.begin(flow) {
        case .begun: break
        case .running: return
        case .full:
            holds.discard(for: flow)
            return
        }
        Task {
            await self.resolve(flow, from: source)
            self.resolving.end(flow)
            self.answerWaiting(of: flow.port)
            // Packets that came while the flow was being settled are behind its verdict now.
            self.flush(flow, from: source)
        }
    }

    /// Steps 1 to 5 of the sender's algorithm for the flow of a held packet, and the packet goes first.
    private func resolve(_ flow: Flow, from source: End) async {
        if let address = source.outside,
            await !speaks(source.identity, for: address, asking: source.identity)
        {
            return refuse(flow, nil, .notBehind(address, border: source.identity))
        }
        switch await find(flow.destination, for: source.identity) {
        case .found(let destination):
            let pair = Pair(source, destination)
            // The other end's request may have plugged it while the packet was under way to here.
            if wires.sends[pair]?.addresses.contains(flow.destination) == true { return }
            if case .unplugged(let reason) = await plug(pair) { refuse(flow, pair, reason) }
        case .refused(let reason):
            refuse(flow, nil, reason)
        }
    }

    /// Sends what is still held of a flow, if its wire is there; drops it otherwise.
    private func flush(_ flow: Flow, from source: End) {
        guard let destination = end(of: flow.destination, for: source.identity),
            let wire = wires.sends[Pair(source, destination)], let place = place(of: source)
        else {
            holds.discard(for: flow)
            return
        }
        release(flow, over: wire, from: place, asking: bindings[Pair(source, destination).ends] != nil)
    }

    /// Tells an endpoint that what it sent is not allowed. The budget of the port's punts bounds how often.
    private func reject(_ frames: [[UInt8]], at port: UInt32) {
        for frame in frames {
            if let answer = RejectAnswer(rejecting: frame) { transmitter.send(answer.frame, to: port) }
        }
    }

    /// Notes a refusal, and keeps the kernel from asking again at each packet.
    private func refuse(_ flow: Flow, _ pair: Pair?, _ reason: UnplugReason) {
        let frames = holds.release(for: flow)
        if let pair {
            refusals.note(pair, reason, at: now())
            if case .policy(let rule, _, let answers) = reason {
                seen.note(SeenFlows.Key(pair: pair, passed: false), at: now(), rule: rule?.text ?? "")
                // The next one is to be answered as well, so the kernel goes on to ask.
                if answers { return reject(frames, at: flow.port) }
            } else {
                seen.note(SeenFlows.Key(pair: pair, passed: false), at: now())
            }
        }
        deny(flow, reason)
        logger.debug(
            "unplugged", metadata: ["destination": "\(flow.destination)", "reason": "\(reason.code)"])
    }

    private func deny(_ flow: Flow, _ reason: UnplugReason) {
        let isShort = reason.isTransient || reason == .unknownDestination
        let seconds = isShort ? LeafLimits.unknownSeconds : LeafLimits.refusalSeconds
        do {
            if let source = flow.outside {
                try path.deny(border: flow.port, source: source, destination: flow.destination, seconds: seconds)
            } else {
                try path.deny(port: flow.port, destination: flow.destination, seconds: seconds)
            }
        } catch {
            logger.debug("refusal not kept in the kernel", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Finding the destination (step 1 and 2)

    enum Finding {
        case found(End)
        case refused(UnplugReason)
    }

    /// The end behind an address that a local endpoint sends to, if it is known already.
    func end(of address: IPv6Address, for source: Identity) -> End? {
        guard let port = ports[source] else { return nil }
        let vnet = port.endpoint.vnet
        if let ipv4 = address.mappedIPv4 {
            let identity = ports.identity(of: ipv4, in: vnet) ?? known.identity(of: ipv4, in: vnet)
            if let identity { return End(identity: identity) }
        } else if isIdentity(address, as: port) {
            return Identity(address).map { End(identity: $0) }
        }
        let outsideAddress = IPAddress(unmapping: address)
        return outside.border(of: outsideAddress, in: vnet).map { End(identity: $0, outside: outsideAddress) }
    }

    /// Finds the endpoint behind an address: here, among what is known, or in the directory. Who speaks for an address
    /// outside is asked each time, since another border may have come.
    func find(_ address: IPv6Address, for source: Identity) async -> Finding {
        guard let port = ports[source] else { return .refused(.unknownSource(source)) }
        if let end = end(of: address, for: source), end.outside == nil {
            if let local = ports[end.identity] {
                return local.endpoint.name.tenant == port.endpoint.name.tenant
                    ? .found(end) : .refused(.unknownDestination)
            }
            if known[end.identity]?.facts != nil { return .found(end) }
        }
        let octets = address.mappedIPv4?.octets ?? address.octets
        let finding = await look(up: octets, for: source, vnet: port.endpoint.vnet)
        guard case .refused(.directoryUnavailable) = finding, !isIdentity(address, as: port) else { return finding }
        let outsideAddress = IPAddress(unmapping: address)
        guard let border = knownBorder(of: outsideAddress, for: source) else { return finding }
        return .found(End(identity: border, outside: outsideAddress))
    }

    /// Asks the directory; the controller pushes later changes of whatever it found.
    func look(up destination: [UInt8], for source: Identity, vnet: VNetID) async -> Finding {
        for _ in 0..<4 {
            let question = known.ask()
            let response: Patchbay_Leaf_V1_LookupResponse
            do {
                response = try await controller.lookup(source: source, destination: destination)
            } catch {
                _ = known.answered(question)
                return .refused(.directoryUnavailable("\(error)"))
            }
            let changed = known.answered(question)
            // A change that was pushed meanwhile may be newer than this answer.
            guard let identity = Identity(octets: response.identity), changed.contains(identity) else {
                return learn(response, of: destination, in: vnet)
            }
        }
        return .refused(.failed("it changes faster than the directory can be asked"))
    }

    private func learn(
        _ response: Patchbay_Leaf_V1_LookupResponse, of destination: [UInt8], in vnet: VNetID
    ) -> Finding {
        guard response.found, let identity = Identity(octets: response.identity) else {
            return .refused(.unknownDestination)
        }
        let isHere = ports[identity] != nil
        let facts = response.hasFacts ? EndpointFacts(response.facts) : nil
        if !isHere { known.learn(identity, ipv4: IPv4Address(octets: response.ipv4), in: vnet, facts: facts) }
        guard isHere || facts != nil else { return .refused(.notRunning(identity)) }
        guard response.isOutside else { return .found(End(identity: identity)) }
        guard let address = IPAddress(octets: destination) else { return .refused(.unknownDestination) }
        note(border: identity, of: address, in: vnet)
        return .found(End(identity: identity, outside: address))
    }

    /// Makes sure that the facts of an endpoint elsewhere are here.
    func learn(_ identity: Identity, for local: Identity) async {
        guard known[identity]?.facts == nil, let port = ports[local] else { return }
        _ = await look(up: identity.octets, for: local, vnet: port.endpoint.vnet)
    }

    // MARK: ARP and neighbour discovery

    /// Answers who has an address, if the asking endpoint may send to it; else nobody answers.
    private func answer(_ packet: FirstPacket, about target: IPv6Address, of port: LocalPort) {
        let flow = Flow(port: port.index, destination: target)
        // The leaf itself, by which endpoints that have a route to outside send there.
        if target == Self.routerAddress { return reply(to: packet, with: Self.routerMAC, from: port) }
        guard target != port.endpoint.identity.address, target.mappedIPv4 != port.endpoint.ipv4 else { return }
        switch resolving.begin(flow) {
        case .begun: break
        case .running: return
        case .full: return resolving.wait(packet, for: flow)
        }
        let source = port.endpoint.identity
        let began = generation
        Task {
            defer {
                self.resolving.end(flow)
                // A packet that came meanwhile has not been decided on yet.
                if self.holds.isHolding(flow) { self.settle(flow, from: End(identity: source)) }
                self.answerWaiting(of: flow.port)
            }
            // Nobody on the link has an address outside.
            guard case .found(let end) = await self.find(target, for: source), end.outside == nil else {
                return self.postpone(packet, flow, began: began)
            }
            let destination = end.identity
            let pair = Pair(source: source, destination: destination)
            switch await self.decide(pair) {
            case .plug: break
            case .unplug(.policy(_, _, answers: true)):
                // Who is to be told that a packet is not allowed must be able to send it.
                return self.reply(to: packet, with: destination, from: port)
            case .unplug(let reason):
                if case .policy(let rule, _, _) = reason {
                    // What goes by way of a border is not for the border, so the policy is asked for each packet.
                    let isFromBorder = await self.isBorder(source)
                    let isToBorder = await self.isBorder(destination)
                    if isFromBorder || isToBorder { return self.reply(to: packet, with: destination, from: port) }
                    self.seen.note(
                        SeenFlows.Key(pair: pair, passed: false), at: self.now(), rule: rule?.text ?? "")
                }
                return self.postpone(packet, flow, began: began)
            }
            self.reply(to: packet, with: destination, from: port)
            // The packet that follows finds its wire plugged.
            if self.wires.sends[pair] == nil { _ = await self.plug(pair) }
            self.flush(flow, from: End(identity: source))
        }
    }

    /// Whether an endpoint speaks for addresses outside.
    private func isBorder(_ identity: Identity) async -> Bool {
        if let endpoint = ports[identity]?.endpoint { return endpoint.isBorder }
        guard let facts = known[identity]?.facts,
            case .success(let verified) = await membership.anchor.verify(
                endpoint: facts, at: now(), revocations: revocations)
        else { return false }
        return verified.isBorder
    }

    /// Takes up the next question of a port that had to wait.
    private func answerWaiting(of index: UInt32) {
        guard let identity = ports.identity(at: index), let port = ports[identity],
            let next = resolving.next(of: index)
        else { return }
        answer(next.packet, about: next.flow.destination, of: port)
    }

    /// Keeps a question that is not to be answered now; asks it again at once if something changed meanwhile.
    private func postpone(_ packet: FirstPacket, _ flow: Flow, began: UInt64) {
        unanswered.note(packet, for: flow, at: now())
        guard began != generation, let identity = ports.identity(at: flow.port),
            let tenant = ports[identity]?.endpoint.name.tenant
        else { return }
        Task { self.answerAgain(tenant) }
    }

    /// Takes up again what a tenant's endpoints asked a moment ago and was not for them to know then.
    ///
    /// An endpoint asks three times in three seconds and then tells its application that the host is unreachable;
    /// without this the application would hear so although the wire has just been plugged.
    func answerAgain(_ tenant: Name) {
        for (flow, packet) in unanswered.take(since: now() + -3) {
            guard let identity = ports.identity(at: flow.port), let port = ports[identity] else { continue }
            if port.endpoint.name.tenant == tenant {
                answer(packet, about: flow.destination, of: port)
            } else {
                unanswered.note(packet, for: flow, at: now())
            }
        }
    }

    private func reply(to packet: FirstPacket, with destination: Identity, from port: LocalPort) {
        reply(to: packet, with: MACAddress(of: destination), from: port)
    }

    private func reply(to packet: FirstPacket, with mac: MACAddress, from port: LocalPort) {
        let mine = MACAddress(of: port.endpoint.identity)
        let frame: [UInt8]
        switch packet.kind {
        case .arpRequest(let sender, let target):
            frame = ARPReply(mac: mac, ipv4: target, targetMAC: mine, targetIPv4: sender).frame
        case .neighborSolicitation(let source, let target):
            frame = NeighborAdvertisement(target: target, mac: mac)
                .frame(from: mac, to: mine, source: target, destination: source)
        default:
            return
        }
        transmitter.send(frame, to: port.index)
    }

    /// Tells an endpoint that asks for routers what is on its link: every identity of the platform, and the MTU.
    private func advertise(to packet: FirstPacket, of port: LocalPort) {
        guard case .routerSolicitation(let source) = packet.kind else { return }
        let advertisement = RouterAdvertisement(mtu: devices.innerMTU, prefix: port.endpoint.identity.platform)
        // One that asks before it has an address is answered where everyone listens (RFC 4861, section 6.2.6).
        let frame = advertisement.frame(
            from: Self.routerMAC, to: MACAddress(of: port.endpoint.identity), source: Self.routerAddress,
            destination: source.value == 0 ? Self.allNodes : source)
        transmitter.send(frame, to: port.index)
    }

    /// The link-local address and Ethernet address that speak for the leaf on each port's link.
    static let routerAddress = IPv6Address(0xfe80 << 112 | 1)
    static let allNodes = IPv6Address(0xff02 << 112 | 1)
    static let routerMAC = MACAddress(0x02_50_42_00_00_01)
}
