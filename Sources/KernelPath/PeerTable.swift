internal import CKernelPath
internal import NetTypes

/// Which leaf stands at which place of the map of leaves, and how many wires lead to it.
///
/// A place is given to another leaf only when no wire uses it any more; wires are removed from the kernel before.
struct PeerTable {
    private var places: [IPAddress: (index: UInt32, wires: Int)] = [:]
    private var locators: [UInt32: IPAddress] = [:]
    private var free: [UInt32] = []
    private var end: UInt32 = 0

    /// The most leaves that a host can have wires to.
    static let capacity: UInt32 = 65_536
    /// How many places rest.
    private static let resting = 256

    /// What stood in the kernel before this process began.
    init(wires: [(key: kp_wire_key, value: kp_wire)], at peers: BPFMap<UInt32, kp_peer>) {
        for (_, wire) in wires where wire.label != KP_WIRE_LOCAL {
            if let locator = locators[wire.peer] {
                places[locator]?.wires += 1
            } else if let peer = peers.lookup(wire.peer, empty: kp_peer()) {
                let locator = IPAddress(unmapping: peer.locator.value)
                locators[wire.peer] = locator
                places[locator] = (wire.peer, 1)
                end = max(end, wire.peer + 1)
            }
        }
        free = (0..<end).filter { locators[$0] == nil }
    }

    /// The leaf at a place.
    func locator(at index: UInt32) -> IPAddress? { locators[index] }

    /// The place of a leaf for one more wire, and whether it has to be written; nil when there is no room.
    mutating func retain(_ locator: IPAddress) -> (index: UInt32, isNew: Bool)? {
        if let place = places[locator] {
            places[locator]?.wires += 1
            return (place.index, false)
        }
        // A place rests before it is given to another leaf: a packet may have found its wire just before that was
        // removed. (A leaf that got such a packet would drop it, for the label is not of this sender and source.)
        let index: UInt32
        if end < Self.capacity, free.count < Self.resting {
            index = end
            end += 1
        } else {
            guard !free.isEmpty else { return nil }
            index = free.removeFirst()
        }
        places[locator] = (index, 1)
        locators[index] = locator
        return (index, true)
    }

    /// One wire less to the leaf at a place.
    mutating func release(_ index: UInt32) {
        guard let locator = locators[index], let place = places[locator] else { return }
        if place.wires > 1 {
            places[locator]?.wires -= 1
        } else {
            places[locator] = nil
            locators[index] = nil
            free.append(index)
        }
    }
}
