internal import CKernelPath
internal import CLinux
public import NetTypes
internal import Synchronization

extension DataPath {
    /// Plugs the sending end of a wire, or leads one that is there elsewhere; its counters then begin anew.
    ///
    /// - Parameters:
    ///   - mtu: the largest inner packet, in bytes; 0: as large as the port's MTU.
    ///   - rules: those of the port's endpoint and the destination; nil: everything passes.
    ///   - counted: what the leaf has sent already in place of the endpoint.
    ///   - account: whose the wire is that was there; what it had counted is kept (``counts()``).
    public func plugSend(
        port: UInt32, destination: IPv6Address, to target: SendTarget, mtu: UInt16 = 0, rules: PairBinding? = nil,
        counted: WireCounters = WireCounters(), account: WireAccount? = nil
    ) throws(DataPathError) {
        let wire = SendWire(
            port: port, destination: destination, target: target, mtu: mtu, counters: counted, rules: rules)
        try peers.withLock { (places) throws(DataPathError) in try plug([wire], &places, account) }
    }

    /// Plugs many sending ends; on an error some may be plugged, and all of them can be unplugged or plugged again.
    public func plugSend(_ wires: [SendWire]) throws(DataPathError) {
        try peers.withLock { (places) throws(DataPathError) in try plug(wires, &places, nil) }
    }

    private func plug(
        _ wires: [SendWire], _ places: inout PeerTable, _ account: WireAccount?
    ) throws(DataPathError) {
        var keys: [kp_wire_key] = []
        var values: [kp_wire] = []
        keys.reserveCapacity(wires.count)
        values.reserveCapacity(wires.count)
        for wire in wires {
            let pair = try self.pair(wire.rules, sendingFrom: wire.port)
            var value: kp_wire
            switch wire.target {
            case .local(let port): value = kp_wire(KP_WIRE_LOCAL, port, mtu: wire.mtu, pair)
            case .remote(let locator, let label):
                value = kp_wire(label.value, try place(of: locator, &places), mtu: wire.mtu, pair)
            case .protected(let locator, let slot):
                guard slot <= UInt32(KP_HIGHEST_SLOT) else {
                    throw DataPathError(.full, "the wire's number \(slot) is higher than \(KP_HIGHEST_SLOT)")
                }
                value = kp_wire(
                    KP_WIRE_PROTECTED | slot, try place(of: locator, &places), mtu: wire.mtu, pair)
            }
            (value.packets, value.bytes) = (wire.counters.packets, wire.counters.bytes)
            let key = kp_wire_key(wire.port, wire.destination)
            if wires.count == 1 {
                let previous = maps.wires.lookup(key, empty: kp_wire())
                do throws(DataPathError) {
                    if try !replace(key, with: value, account) {
                        try maps.wires.update(key, value, limit: maps.maxWires)
                    }
                } catch {
                    if value.label != KP_WIRE_LOCAL { places.release(value.peer) }
                    throw error
                }
                if let previous, previous.label != KP_WIRE_LOCAL { places.release(previous.peer) }
                exchange(pair: previous?.pair ?? 0, for: pair)
                _ = maps.denied.remove(key, empty: kp_denied())
                return
            }
            keys.append(key)
            values.append(value)
        }
        // Places and pairs of wires that were there already stay counted once too often: they are not reused, nothing
        // else.
        for value in values { exchange(pair: 0, for: value.pair) }
        try maps.wires.update(keys, values, limit: maps.maxWires)
    }

    private func place(of locator: IPAddress, _ places: inout PeerTable) throws(DataPathError) -> UInt32 {
        let source: IPAddress? =
            switch locator {
            case .v4: locators.v4.map(IPAddress.v4)
            case .v6: locators.v6.map(IPAddress.v6)
            }
        guard let source else {
            throw DataPathError(
                .device, "the underlay device \(configuration.underlayDevice) has no address to reach \(locator) from")
        }
        guard let place = places.retain(locator) else {
            throw DataPathError(.full, "the map of leaves is full, at its limit of \(PeerTable.capacity) entries")
        }
        if place.isNew {
            do throws(DataPathError) {
                try maps.peers.update(place.index, kp_peer(locator: locator, source: source))
            } catch {
                places.release(place.index)
                throw error
            }
        }
        return place.index
    }

    /// Unplugs the sending end of a wire and returns what had passed on it; nil when there was none.
    ///
    /// No packet leaves on the wire after this returns. What it had counted is kept (``counts()``).
    @discardableResult
    public func unplugSend(
        port: UInt32, destination: IPv6Address, account: WireAccount? = nil
    ) -> WireCounters? {
        peers.withLock { places in
            guard let wire = end(kp_wire_key(port, destination), account) else { return nil }
            if wire.label != KP_WIRE_LOCAL { places.release(wire.peer) }
            exchange(pair: wire.pair, for: 0)
            return WireCounters(packets: wire.packets, bytes: wire.bytes)
        }
    }

    /// Plugs the receiving end of a wire: what comes from the leaf under the label, and from the source, is for the port.
    ///
    /// - Parameters:
    ///   - locator: nil: what comes from the ESP engine under the label.
    ///   - rules: those of the source and the port's endpoint; nil: everything passes.
    public func plugReceive(
        locator: IPAddress?, label: Label, port: UInt32, source: IPv6Address, sourceIPv4: IPv4Address?,
        rules: PairBinding? = nil
    ) throws(DataPathError) {
        try plugReceive([
            ReceiveWire(
                locator: locator, label: label, port: port, source: source, sourceIPv4: sourceIPv4, rules: rules)
        ])
    }

    /// Plugs many receiving ends; on an error some may be plugged.
    public func plugReceive(_ wires: [ReceiveWire]) throws(DataPathError) {
        let keys = wires.map { kp_receive_key($0.locator, $0.label) }
        try peers.withLock { _ throws(DataPathError) in
            let values = try wires.map { (wire) throws(DataPathError) in
                kp_receive(wire, pair: try pair(wire.rules, from: wire.source))
            }
            let previous =
                keys.count == 1 ? maps.receive.lookup(keys[0], empty: kp_receive())?.pair ?? 0 : 0
            for value in values { exchange(pair: 0, for: value.pair) }
            do throws(DataPathError) {
                try maps.receive.update(keys, values, limit: maps.maxWires)
            } catch {
                if values.count == 1 { exchange(pair: values[0].pair, for: 0) }
                throw error
            }
            exchange(pair: previous, for: 0)
        }
    }

    /// Unplugs the receiving end of a wire and returns what had passed on it; nil when there was none. It is kept
    /// (``counts()``).
    @discardableResult
    public func unplugReceive(
        locator: IPAddress?, label: Label, account: WireAccount? = nil
    ) -> WireCounters? {
        peers.withLock { _ in
            guard let wire = end(kp_receive_key(locator, label), account) else { return nil }
            exchange(pair: wire.pair, for: 0)
            return WireCounters(packets: wire.packets, bytes: wire.bytes)
        }
    }

    /// Drops what a port sends to a destination without asking the leaf again, for a time.
    public func deny(port: UInt32, destination: IPv6Address, seconds: UInt32) throws(DataPathError) {
        let until = cl_monotonic_ns() + UInt64(seconds) * 1_000_000_000
        try maps.denied.update(kp_wire_key(port, destination), kp_denied(until: until, drops: 0))
    }

    /// Drops what an address outside sends to a destination through a border without asking the leaf again, for a time.
    public func deny(
        border port: UInt32, source: IPAddress, destination: IPv6Address, seconds: UInt32
    ) throws(DataPathError) {
        let until = cl_monotonic_ns() + UInt64(seconds) * 1_000_000_000
        try maps.outsideDenied.update(
            kp_outside_key(port: port, source: kp_address(source.mapped), destination: kp_address(destination)),
            kp_denied(until: until, drops: 0))
    }

    /// Forgets what a port was refused, and addresses outside behind it, so that the leaf is asked again: its policy
    /// changed.
    public func clearDenied(port: UInt32) throws(DataPathError) {
        for (key, _) in try maps.outsideDenied.entries(emptyKey: .init(), emptyValue: .init()) where key.port == port {
            _ = maps.outsideDenied.remove(key, empty: kp_denied())
        }
        for (key, _) in try maps.denied.entries(emptyKey: .init(), emptyValue: .init()) where key.port == port {
            _ = maps.denied.remove(key, empty: kp_denied())
        }
    }

    /// Forgets one refusal.
    public func clearDenied(port: UInt32, destination: IPv6Address) {
        _ = maps.denied.remove(kp_wire_key(port, destination), empty: kp_denied())
    }
}

extension kp_wire {
    init(_ label: UInt32, _ peer: UInt32, mtu: UInt16, _ pair: UInt32) {
        self.init(
            label: label, peer: peer, packets: 0, bytes: 0, mtu: mtu, pad: 0, pair: pair,
            id: KP_SEND_ID | UInt64.random(in: 0..<KP_SEND_ID))
    }
}

extension kp_receive {
    init(_ wire: ReceiveWire, pair: UInt32) {
        self.init(
            source: kp_address(wire.source), source_ipv4: IPv4Address.stored(wire.sourceIPv4), port: wire.port,
            packets: 0, bytes: 0, pair: pair, chance: .random(in: .min ... .max))
    }
}
