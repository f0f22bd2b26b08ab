internal import CKernelPath
internal import CLinux
internal import Glibc
internal import LinuxKit
internal import NetTypes
internal import Synchronization

extension DataPath {
    /// Opens a port: from now on its endpoint can send, on the wires that it has, and receive.
    ///
    /// The program is attached first and drops everything until the port is entered; then the device is brought up.
    /// An open port gets the new configuration and keeps its wires and counters.
    public func openPort(_ port: PortConfiguration) throws {
        guard let link = try netlink.link(index: port.device) else {
            throw DataPathError(.device, number: ENODEV, "there is no device \(port.device) for \(port.identity)")
        }
        try peers.withLock { _ in
            try place(of: port.device).attach(portProgram, withTCX: configuration.usesTCX)
            var entry = maps.ports.lookup(port.device, empty: kp_port()) ?? kp_port()
            entry.identity = kp_address(port.identity.address)
            entry.ipv4 = IPv4Address.stored(port.ipv4)
            let mac = MACAddress(of: port.identity).octets
            entry.mac = (mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
            entry.mtu = port.mtu
            let crosses = port.kind == .veth && link.peerIsElsewhere
            entry.kind = UInt16(crosses ? KP_PORT_VETH.rawValue : KP_PORT_PLAIN.rawValue)
            entry.is_border = port.isBorder ? 1 : 0
            entry.device = port.device
            entry.punt_interval = 1_000_000_000 / max(1, configuration.puntsPerSecond)
            entry.punt_burst = UInt64(entry.punt_interval) * UInt64(configuration.puntBurst)
            try maps.ports.update(port.device, entry, limit: 65_536)
            for outside in try outsidePorts(behind: port.device) { try enter(outside, behind: entry) }
        }
        if !link.isUp { try netlink.setUp(link.index) }
    }

    /// Closes a port and removes all its wires; one that is not open, or whose device is gone, is fine.
    ///
    /// The program stays at the device and drops everything for as long as there is the device.
    public func closePort(_ device: UInt32) throws {
        try peers.withLock { places in
            // Closed first: without its entry nothing passes either way.
            _ = maps.ports.remove(device, empty: kp_port())
            var closed: Set<UInt32> = [device]
            for outside in try outsidePorts(behind: device) {
                remove(outside)
                closed.insert(outside.number)
            }
            for (key, value) in try maps.wires.entries(emptyKey: .init(), emptyValue: .init())
            where closed.contains(key.port) || value.label == KP_WIRE_LOCAL && closed.contains(value.peer) {
                guard let removed = end(key, nil) else { continue }
                if removed.label != KP_WIRE_LOCAL { places.release(removed.peer) }
                exchange(pair: removed.pair, for: 0)
            }
            for (key, value) in try maps.receive.entries(emptyKey: .init(), emptyValue: .init())
            where closed.contains(value.port) {
                if let removed = end(key, nil) { exchange(pair: removed.pair, for: 0) }
            }
            for (key, _) in try maps.denied.entries(emptyKey: .init(), emptyValue: .init()) where key.port == device {
                _ = maps.denied.remove(key, empty: kp_denied())
            }
            for (key, _) in try maps.outsideDenied.entries(emptyKey: .init(), emptyValue: .init())
            where key.port == device {
                _ = maps.outsideDenied.remove(key, empty: kp_denied())
            }
            try sweepPins()
        }
    }

    /// The open ports, with what they dropped.
    public func ports() throws -> [Port] {
        try maps.ports.entries(emptyKey: 0, emptyValue: kp_port()).compactMap { device, entry in
            guard device < UInt32(KP_OUTSIDE), let identity = Identity(entry.identity.value) else { return nil }
            let counts = unsafe withUnsafeBytes(of: entry.drops) { unsafe Array($0.bindMemory(to: UInt64.self)) }
            var drops: [DropReason: UInt64] = [:]
            for reason in DropReason.allCases where Int(reason.rawValue) < counts.count {
                let count = counts[Int(reason.rawValue)]
                if count > 0 { drops[reason] = count }
            }
            return Port(
                device: device, identity: identity, ipv4: IPv4Address.read(entry.ipv4), mtu: entry.mtu, drops: drops)
        }
    }

    /// Gives the ports of an earlier process the program of this one, and closes those whose device is gone.
    func adoptPorts() throws {
        let entered = try maps.ports.entries(emptyKey: 0, emptyValue: kp_port()).map(\.key)
            .filter { $0 < UInt32(KP_OUTSIDE) }
        for device in Set(attachedPorts().map(\.device)).union(entered) {
            if try netlink.link(index: device) == nil {
                try closePort(device)
            } else {
                try place(of: device).attach(portProgram, withTCX: configuration.usesTCX)
            }
        }
    }

    /// Forgets the attachments to devices that are gone. The caller holds the lock.
    private func sweepPins() throws {
        for place in attachedPorts() where try netlink.link(index: place.device) == nil { place.detach() }
    }

    private func attachedPorts() -> Set<Attachment> {
        Attachment.all(in: configuration.pinDirectory, namespace: configuration.namespace).filter { $0.role == .port }
    }

    private func place(of device: UInt32) -> Attachment {
        Attachment(
            role: .port, device: device, directory: configuration.pinDirectory, namespace: configuration.namespace)
    }
}
