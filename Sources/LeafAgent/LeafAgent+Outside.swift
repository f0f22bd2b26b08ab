import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import Trust

/// The addresses outside that this leaf has wires with, or was asked about a moment ago.
struct OutsideAddresses {
    /// An address outside as the endpoints of a vnet know it.
    struct Place: Hashable {
        var vnet: VNetID
        var address: IPAddress
    }

    /// The border that speaks for an address; one at a time.
    private(set) var borders: [Place: Identity] = [:]
    /// The kernel's numbers of addresses behind borders of this host.
    private(set) var numbers: [End: UInt32] = [:]
    private var ends: [UInt32: End] = [:]

    func border(of address: IPAddress, in vnet: VNetID) -> Identity? {
        borders[Place(vnet: vnet, address: address)]
    }

    /// Bounded, for an endpoint may send to as many addresses as it likes: one too many is asked for anew each time.
    mutating func note(_ border: Identity, of address: IPAddress, in vnet: VNetID) {
        let place = Place(vnet: vnet, address: address)
        guard borders[place] != nil || borders.count < LeafLimits.outsideAddresses else { return }
        borders[place] = border
    }

    func number(of end: End) -> UInt32? { numbers[end] }
    func end(at number: UInt32) -> End? { ends[number] }

    mutating func note(_ number: UInt32, of end: End) {
        numbers[end] = number
        ends[number] = end
    }

    mutating func forget(_ end: End) { if let number = numbers.removeValue(forKey: end) { ends[number] = nil } }

    /// Forgets what is behind a border that is no longer here; the kernel path has forgotten it with the port.
    mutating func forget(behind border: Identity) {
        for end in numbers.keys where end.identity == border { forget(end) }
    }

    /// Forgets addresses whose pairs have no wires any more.
    mutating func retain(where isNeeded: (Place, Identity) -> Bool) {
        borders = borders.filter { isNeeded($0.key, $0.value) }
    }
}

/// Addresses outside: who speaks for them, and what they are called in the kernel.
extension LeafAgent {
    // MARK: Places

    /// Who is behind a device, or a number that stands for an address outside.
    func end(at port: UInt32) -> End? {
        outside.end(at: port) ?? ports.identity(at: port).map { End(identity: $0) }
    }

    /// What stands for an end of this host wherever the kernel path names a port; nil where it is not here.
    func place(of end: End) -> UInt32? {
        guard let port = ports[end.identity] else { return nil }
        return end.outside == nil ? port.index : outside.number(of: end)
    }

    /// The same; an address outside that has none yet gets a number.
    func openPlace(of end: End) throws -> UInt32 {
        guard let port = ports[end.identity] else {
            throw LeafError("The port of \(end.identity) was closed meanwhile", remedy: "Nothing.")
        }
        guard let address = end.outside else { return port.index }
        if let number = outside.number(of: end) { return number }
        let number = try path.openOutside(address, behind: port.index)
        outside.note(number, of: end)
        return number
    }

    /// Who sent a frame that came from a device; nil: somebody who is not behind it.
    func sender(of frame: [UInt8], at port: LocalPort) -> End? {
        guard let source = FirstPacket.source(ofBeginning: frame) else { return nil }
        let endpoint = port.endpoint
        if source == endpoint.identity.address || source.mappedIPv4 == endpoint.ipv4 {
            return End(identity: endpoint.identity)
        }
        let address = IPAddress(unmapping: source)
        return endpoint.speaks(for: address) ? End(identity: endpoint.identity, outside: address) : nil
    }

    /// Whether an address is that of an endpoint of the platform, wherever it is.
    func isIdentity(_ address: IPv6Address, as seen: LocalPort) -> Bool {
        seen.endpoint.identity.platform.contains(address)
    }

    // MARK: Borders

    /// Whether a border speaks for an address outside, as the directory sees it; without a directory what is certified of
    /// the border decides alone. So no border can send for what is behind another one.
    func speaks(_ border: Identity, for address: IPAddress, asking local: Identity) async -> Bool {
        guard let vnet = ports[local]?.endpoint.vnet else { return false }
        if outside.border(of: address, in: vnet) == border { return true }
        switch await look(up: address.octets, for: local, vnet: vnet) {
        case .found(let end): return end == End(identity: border, outside: address)
        case .refused(.directoryUnavailable): return knownBorder(of: address, for: local) == border
        case .refused: return false
        }
    }

    /// The border that speaks for an address outside among the endpoints that are known here: that of the longest prefix,
    /// and of those the lowest identity.
    func knownBorder(of address: IPAddress, for local: Identity) -> Identity? {
        guard let vnet = ports[local]?.endpoint.vnet, address.isRoutable else { return nil }
        if let border = outside.border(of: address, in: vnet) { return border }
        var best: (identity: Identity, length: Int)?
        func consider(_ identity: Identity, _ networks: [IPPrefix]) {
            guard let length = networks.filter({ $0.contains(address) }).map(\.length).max() else { return }
            if let best, (best.length, identity) > (length, best.identity) { return }
            best = (identity, length)
        }
        for port in ports.values where port.endpoint.vnet == vnet && port.facts != nil {
            consider(port.endpoint.identity, port.endpoint.networks)
        }
        for identity in known.identities {
            guard let known = known[identity], known.ipv4[vnet] != nil, let verified = known.verified else { continue }
            consider(identity, verified.networks)
        }
        return best?.identity
    }

    /// Notes who speaks for an address outside. Wires by way of another border go: they would send to the wrong place.
    func note(border: Identity, of address: IPAddress, in vnet: VNetID) {
        let former = outside.border(of: address, in: vnet)
        guard former != border else { return }
        outside.note(border, of: address, in: vnet)
        guard let former else { return }
        for pair in wires.pairs(of: former) where pair.outsideSource == address || pair.outsideDestination == address {
            let local = ports[pair.source] ?? ports[pair.destination]
            if local?.endpoint.vnet == vnet { cut(pair, because: .notBehind(address, border: former)) }
        }
    }

    /// Forgets addresses outside that have no wires any more.
    func forgetOutside() {
        guard !outside.borders.isEmpty || !outside.numbers.isEmpty else { return }
        var needed: Set<OutsideAddresses.Place> = []
        var used: Set<End> = []
        for pair in wires.pairs where pair.isOutside {
            used.formUnion([pair.sourceEnd, pair.destinationEnd])
            guard let local = ports[pair.source] ?? ports[pair.destination],
                let address = pair.outsideSource ?? pair.outsideDestination
            else { continue }
            needed.insert(OutsideAddresses.Place(vnet: local.endpoint.vnet, address: address))
        }
        for (end, number) in outside.numbers where !used.contains(end) {
            path.closeOutside(number)
            outside.forget(end)
        }
        outside.retain { place, _ in needed.contains(place) }
        path.forgetBorders { port, address in
            guard let vnet = ports.identity(at: port).flatMap({ ports[$0]?.endpoint.vnet }) else { return true }
            return !needed.contains(OutsideAddresses.Place(vnet: vnet, address: address))
        }
    }

    // MARK: After a restart

    /// Takes over the numbers that the kernel has for addresses outside.
    func adoptOutside() throws {
        for open in try path.outsidePorts() {
            guard let border = ports.identity(at: open.device), let port = ports[border] else {
                path.closeOutside(open.number)
                continue
            }
            outside.note(open.number, of: End(identity: border, outside: open.address))
            outside.note(border, of: open.address, in: port.endpoint.vnet)
        }
    }

    /// Who is behind an address that a wire of an earlier process leads to or comes from; nil where that is not known.
    func adoptedEnd(_ address: IPv6Address, at port: UInt32) -> End? {
        guard let local = end(at: port), let seen = ports[local.identity] else { return nil }
        if address.mappedIPv4 == nil, isIdentity(address, as: seen) {
            return Identity(address).map { End(identity: $0) }
        }
        let outsideAddress = IPAddress(unmapping: address)
        guard let border = path.border(of: outsideAddress, at: port) else { return nil }
        outside.note(border, of: outsideAddress, in: seen.endpoint.vnet)
        return End(identity: border, outside: outsideAddress)
    }
}
