internal import CKernelPath
internal import CLibbpf
public import NetTypes
internal import Synchronization

extension DataPath {
    /// What passed on the sending end of a wire; nil when there is none.
    public func sendCounters(port: UInt32, destination: IPv6Address) -> WireCounters? {
        maps.wires.lookup(kp_wire_key(port, destination), empty: kp_wire()).map {
            WireCounters(packets: $0.packets, bytes: $0.bytes)
        }
    }

    /// What passed on the receiving end of a wire; nil when there is none.
    public func receiveCounters(locator: IPAddress?, label: Label) -> WireCounters? {
        maps.receive.lookup(kp_receive_key(locator, label), empty: kp_receive()).map {
            WireCounters(packets: $0.packets, bytes: $0.bytes)
        }
    }

    /// All sending ends of this host, also those that an earlier process plugged.
    public func sendWires() throws(DataPathError) -> [SendWire] {
        let entries = try maps.wires.entries(emptyKey: .init(), emptyValue: .init())
        return peers.withLock { places in
            entries.compactMap { key, value in
                let target: SendTarget
                if value.label == KP_WIRE_LOCAL {
                    target = .local(port: value.peer)
                } else if value.label & KP_WIRE_PROTECTED != 0 {
                    guard let locator = places.locator(at: value.peer) else { return nil }
                    target = .protected(locator: locator, slot: value.label & UInt32(KP_HIGHEST_SLOT))
                } else if let label = Label(value.label), let locator = places.locator(at: value.peer) {
                    target = .remote(locator: locator, label: label)
                } else {
                    return nil
                }
                return SendWire(
                    port: key.port, destination: key.destination.value, target: target, mtu: value.mtu,
                    counters: WireCounters(packets: value.packets, bytes: value.bytes), rules: binding(value.pair))
            }
        }
    }

    /// All receiving ends of this host, also those that an earlier process plugged.
    public func receiveWires() throws(DataPathError) -> [ReceiveWire] {
        try maps.receive.entries(emptyKey: .init(), emptyValue: .init()).compactMap { key, value in
            let isProtected = key.label & KP_RECEIVE_PROTECTED != 0
            guard let label = Label(key.label & ~KP_RECEIVE_PROTECTED) else { return nil }
            return ReceiveWire(
                locator: isProtected ? nil : IPAddress(unmapping: key.locator.value), label: label, port: value.port,
                source: value.source.value,
                sourceIPv4: IPv4Address.read(value.source_ipv4),
                counters: WireCounters(packets: value.packets, bytes: value.bytes), rules: binding(value.pair))
        }
    }

    /// Frames dropped on this host since its data path was made, by the name of the reason (``DropReason``), and
    /// under `punt-queue` the frames that this process was too slow for, under `flow-events` the events that were not told, under
    /// `unaccounted` the packets of wires that are no more for whose counts there was no room while no controller came.
    public func hostCounters() -> [String: UInt64] {
        var counters = [
            "punt-queue": puntOverflow, "flow-events": lostFlowEvents, "unaccounted": homeless.withLock { $0.lost },
        ]
        let processors = Int(libbpf_num_possible_cpus())
        for reason in DropReason.allCases {
            var key = reason.rawValue
            var counts = [UInt64](repeating: 0, count: max(1, processors))
            let result = unsafe bpf_map_lookup_elem(maps.drops.descriptor, &key, &counts)
            counters[reason.description] = result == 0 ? counts.reduce(0, &+) : 0
        }
        return counters
    }
}
