internal import CKernelPath
internal import Glibc
public import NetTypes
internal import Synchronization

extension DataPath {
    /// Makes an address outside, which sends through a border's port, a port of its own: wires are plugged to and from it
    /// by the number that it gets. One that is there keeps its number and its wires.
    ///
    /// - Parameter device: the index of the border's device; its port is open, and a border's.
    public func openOutside(_ address: IPAddress, behind device: UInt32) throws(DataPathError) -> UInt32 {
        try peers.withLock { _ throws(DataPathError) in
            let key = kp_wire_key(device, address.mapped)
            if let number = maps.outside.lookup(key, empty: 0) { return number }
            guard let border = maps.ports.lookup(device, empty: kp_port()), border.is_border != 0 else {
                throw DataPathError(
                    .noPort, number: ENODEV,
                    "the port of device \(device) is not that of a border, so nothing is behind it")
            }
            let number = freeOutsideNumber()
            let outside = OutsidePort(number: number, address: address, device: device)
            try enter(outside, behind: border)
            do throws(DataPathError) {
                try maps.outside.update(key, number, limit: 65_536)
            } catch {
                _ = maps.ports.remove(number, empty: kp_port())
                throw error
            }
            return number
        }
    }

    /// Forgets an address outside that has no wires any more.
    public func closeOutside(_ number: UInt32) {
        peers.withLock { _ in
            guard number >= UInt32(KP_OUTSIDE), let entry = maps.ports.lookup(number, empty: kp_port()) else { return }
            remove(OutsidePort(number: number, address: entry.outsideAddress, device: entry.device))
        }
    }

    /// The addresses outside that are ports, also those that an earlier process made.
    public func outsidePorts() throws(DataPathError) -> [OutsidePort] {
        try maps.outside.entries(emptyKey: kp_wire_key(), emptyValue: 0).map { key, number in
            OutsidePort(
                number: number, address: IPAddress(unmapping: key.destination.value), device: key.port)
        }
    }

    // MARK: Borders elsewhere

    /// Keeps which border speaks for an address outside that a port has a wire with, for the next process.
    public func note(border: Identity, of address: IPAddress, at port: UInt32) throws(DataPathError) {
        try maps.borders.update(kp_wire_key(port, address.mapped), kp_address(border.address), limit: 262_144)
    }

    /// The border that was noted for an address outside; nil: none.
    public func border(of address: IPAddress, at port: UInt32) -> Identity? {
        maps.borders.lookup(kp_wire_key(port, address.mapped), empty: kp_address()).flatMap { Identity($0.value) }
    }

    /// Forgets the notes of which it is said that nobody needs them.
    public func forgetBorders(where isUnneeded: (_ port: UInt32, _ address: IPAddress) -> Bool) {
        guard let notes = try? maps.borders.entries(emptyKey: kp_wire_key(), emptyValue: kp_address()) else { return }
        for (key, _) in notes where isUnneeded(key.port, IPAddress(unmapping: key.destination.value)) {
            _ = maps.borders.remove(key, empty: kp_address())
        }
    }

    // MARK: The maps

    func outsidePorts(behind device: UInt32) throws(DataPathError) -> [OutsidePort] {
        try outsidePorts().filter { $0.device == device }
    }

    /// Enters an address outside with what the border's port has. The caller holds the lock.
    func enter(_ outside: OutsidePort, behind border: kp_port) throws(DataPathError) {
        var entry = maps.ports.lookup(outside.number, empty: kp_port()) ?? kp_port()
        entry.identity = kp_address(outside.address.mapped)
        entry.ipv4 = IPv4Address.stored(outside.address.mapped.mappedIPv4)
        (entry.mac, entry.mtu, entry.kind, entry.device) = (border.mac, border.mtu, border.kind, border.device)
        (entry.punt_interval, entry.punt_burst) = (border.punt_interval, border.punt_burst)
        try maps.ports.update(outside.number, entry, limit: 65_536)
    }

    /// Takes an address outside out of the maps. The caller holds the lock.
    func remove(_ outside: OutsidePort) {
        _ = maps.outside.remove(kp_wire_key(outside.device, outside.address.mapped), empty: 0)
        _ = maps.ports.remove(outside.number, empty: kp_port())
    }

    /// The next number that nothing has. Numbers come again after 2^31 others, so that what was under way to a former one
    /// is long gone.
    private func freeOutsideNumber() -> UInt32 {
        outsideNumbers.withLock { next in
            repeat {
                next = next == .max ? UInt32(KP_OUTSIDE) : next + 1
            } while maps.ports.lookup(
                next, empty: kp_port()) != nil
            return next
        }
    }
}

extension kp_port {
    fileprivate var outsideAddress: IPAddress { IPAddress(unmapping: identity.value) }
}
