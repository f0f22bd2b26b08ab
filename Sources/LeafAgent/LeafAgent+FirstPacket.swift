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
        guard let identity = ports.identity(at: punt.port), let port = ports[identity] else { return }
        // Of a frame that is too big only the beginning is here, so it is no packet that could be parsed.
        if case .tooBig = punt.reason { return refuse(tooBig: punt) }
        if case .rejected = punt.reason { return reject([punt.frame], at: punt.port) }
        guard let packet = try? FirstPacket(parsing: punt.frame) else { return }
        switch (punt.reason, packet.kind) {
        case (.miss, .ipv4(_, let destination)):
            hold(punt.frame, for: Flow(port: punt.port, destination: IPv6Address(mapped: destination)), of: port)
        case (.miss, .ipv6(_, let destination)):
            hold(punt.frame, for: Flow(port: punt.port, destination: destination), of: port)
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
        guard let source = ports.identity(at: punt.port),
            let address = FirstPacket.destination(ofBeginning: punt.frame),
            let destination = identity(of: address, for: source),
            let wire = wires.sends[Pair(source: source, destination: destination)], wire.mtu > 0
        else { return devices.innerMTU }
        return min(Int(wire.mtu), devices.innerMTU)
    }

    /// Holds a first packet and sees to its wire; further packets of the flow wait with it.
    private func hold(_ frame: [UInt8], for flow: Flow, of port: LocalPort) {
        _ = holds.hold(frame, for: flow)
        settle(flow, from: port.endpoint.identity)
    }

    /// Sees to the wire of a flow, unless that is being done.
    private func settle(_ flow: Flow, from source: Identity) {
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
            self.flush(flow)
        }
    }

    /// Steps 1 to 5 of the sender's algorithm for the flow of a held packet, and the packet goes first.
    private func resolve(_ flow: Flow, from source: Identity) async {
        switch await find(flow.destination, for: source) {
        case .found(let destination):
            let pair = Pair(source: source, destination: destination)
            // The other end's request may have plugged it while the packet was under way to here.
            if wires.sends[pair]?.addresses.contains(flow.destination) == true { return }
            if case .unplugged(let reason) = await plug(pair) { refuse(flow, pair, reason) }
        case .refused(let reason):
            refuse(flow, nil, reason)
        }
    }

    /// Sends what is still held of a flow, if its wire is there; drops it otherwise.
    private func flush(_ flow: Flow) {
        guard let source = ports.identity(at: flow.port), let destination = identity(of: flow.destination, for: source),
            let wire = wires.sends[Pair(source: source, destination: destination)]
        else {
            holds.discard(for: flow)
            return
        }
        let ends = PairEnds(source, destination)
        release(flow, over: wire, asking: bindings[ends] != nil)
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
        let isShort = reason.isTransient || reason == .unknownDestination
        let seconds = isShort ? LeafLimits.unknownSeconds : LeafLimits.refusalSeconds
        do {
            try path.deny(port: flow.port, destination: flow.destination, seconds: seconds)
        } catch {
            logger.debug("refusal not kept in the kernel", metadata: ["error": "\(error)"])
        }
        logger.debug(
            "unplugged", metadata: ["destination": "\(flow.destination)", "reason": "\(reason.code)"])
    }

    // MARK: Finding the destination (step 1 and 2)

    enum Finding {
        case found(Identity)
        case refused(UnplugReason)
    }

    /// The identity behind an address that a local endpoint sends to, if it is known already.
    func identity(of address: IPv6Address, for source: Identity) -> Identity? {
        guard let port = ports[source] else { return nil }
        guard let ipv4 = address.mappedIPv4 else { return Identity(address) }
        let vnet = port.endpoint.vnet
        return ports.identity(of: ipv4, in: vnet) ?? known.identity(of: ipv4, in: vnet)
    }

    /// Finds the endpoint behind an address: here, among what is known, or in the directory.
    func find(_ address: IPv6Address, for source: Identity) async -> Finding {
        guard let port = ports[source] else { return .refused(.unknownSource(source)) }
        if let identity = identity(of: address, for: source) {
            if let local = ports[identity] {
                return local.endpoint.name.tenant == port.endpoint.name.tenant
                    ? .found(identity) : .refused(.unknownDestination)
            }
            if known[identity]?.facts != nil { return .found(identity) }
        }
        let octets = address.mappedIPv4?.octets ?? address.octets
        return await look(up: octets, for: source, vnet: port.endpoint.vnet)
    }

    /// Asks the directory; the controller pushes later changes of whatever it found.
    func look(up destination: [UInt8], for source: Identity, vnet: VNetID) async -> Finding {
        do {
            let response = try await controller.lookup(source: source, destination: destination)
            return learn(response, in: vnet)
        } catch {
            return .refused(.directoryUnavailable("\(error)"))
        }
    }

    private func learn(_ response: Patchbay_Leaf_V1_LookupResponse, in vnet: VNetID) -> Finding {
        guard response.found, let identity = Identity(octets: response.identity) else {
            return .refused(.unknownDestination)
        }
        let facts = response.hasFacts ? EndpointFacts(response.facts) : nil
        known.learn(identity, ipv4: IPv4Address(octets: response.ipv4), in: vnet, facts: facts)
        return facts == nil ? .refused(.notRunning(identity)) : .found(identity)
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
                if self.holds.isHolding(flow) { self.settle(flow, from: source) }
                self.answerWaiting(of: flow.port)
            }
            guard case .found(let destination) = await self.find(target, for: source) else {
                return self.postpone(packet, flow, began: began)
            }
            let pair = Pair(source: source, destination: destination)
            switch await self.decide(pair) {
            case .plug: break
            case .unplug(.policy(_, _, answers: true)):
                // Who is to be told that a packet is not allowed must be able to send it.
                return self.reply(to: packet, with: destination, from: port)
            case .unplug(let reason):
                if case .policy(let rule, _, _) = reason {
                    self.seen.note(
                        SeenFlows.Key(pair: pair, passed: false), at: self.now(), rule: rule?.text ?? "")
                }
                return self.postpone(packet, flow, began: began)
            }
            self.reply(to: packet, with: destination, from: port)
            // The packet that follows finds its wire plugged.
            if self.wires.sends[pair] == nil { _ = await self.plug(pair) }
            self.flush(flow)
        }
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
        let mac = MACAddress(of: destination)
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
