internal import CKernelPath
internal import Glibc
internal import LinuxKit

/// What stands at the two devices of a shaper.
struct ShaperPrograms: Sendable {
    /// Before the queues.
    let entry: Program
    /// At the other end.
    let exit: Program
}

/// The host's shaper: two devices, made when the first limit is asked for, and a class of queues for each limit of each
/// direction of a pair.
///
/// A later process finds the devices, and in a pinned map what each class is.
struct Shaper {
    private let control: TrafficControl
    private let classes: BPFMap<UInt32, kp_class>
    private var room: SegmentRoom

    /// The most classes: minors are 16 bits, and 0 and the highest mean something else.
    static let capacity = 65_000

    /// Makes the devices, or takes over those that are there.
    init(
        _ configuration: DataPathConfiguration, _ maps: DataPathMaps, _ netlink: Netlink, _ programs: ShaperPrograms
    ) throws {
        let (near, far) = (configuration.shaperDevice, "\(configuration.shaperDevice)-out")
        if try netlink.link(named: near) == nil {
            try netlink.createVeth(name: near, mtu: 65_535, peerName: far)
        }
        guard let entry = try netlink.link(named: near), let exit = try netlink.link(named: far), entry.kind == "veth"
        else {
            throw DataPathError(.device, number: ENODEV, "\(near) and \(far) are no pair of veths; choose another name")
        }
        try netlink.disableLinkLocal(of: exit.index)
        for (role, device, program) in [
            (Attachment.Role.shaper, exit.index, programs.exit), (.queue, entry.index, programs.entry),
        ] {
            let place = Attachment(
                role: role, device: device, directory: configuration.pinDirectory, namespace: configuration.namespace)
            try place.attach(program, withTCX: configuration.usesTCX)
            for old in Attachment.all(in: configuration.pinDirectory, namespace: configuration.namespace)
            where old.role == role && old != place {
                old.detach()
            }
        }
        control = try TrafficControl(device: entry.index, in: configuration.namespace)
        classes = maps.classes
        let known = try classes.entries(emptyKey: 0, emptyValue: kp_class())
        room = SegmentRoom(capacity: Self.capacity + 1, used: [0..<1] + known.map { Int($0.key)..<Int($0.key) + 1 })
        try control.makeRoot()
        // Devices that were removed meanwhile have lost their classes.
        for (minor, value) in known { try control.setClass(minor, FlowLimit(value)) }
        for link in [exit, entry] where !link.isUp { try netlink.setUp(link.index) }
        var host = maps.config.lookup(0, empty: kp_config()) ?? kp_config()
        host.shaper = entry.index
        try maps.config.update(0, host)
    }

    /// Classes for some limits, one after another; the first one's number.
    mutating func take(_ limits: [FlowLimit]) throws(DataPathError) -> UInt32 {
        guard let range = room.take(limits.count) else {
            throw DataPathError(
                .full, number: ENOSPC,
                "the shaper is full, at its limit of \(Self.capacity) classes; a pair has two for each of its limits")
        }
        do throws(DataPathError) {
            try write(limits, at: UInt32(range.lowerBound))
        } catch {
            give(UInt32(range.lowerBound), limits.count)
            throw error
        }
        return UInt32(range.lowerBound)
    }

    /// Changes classes in place, as many as there were.
    func write(_ limits: [FlowLimit], at first: UInt32) throws(DataPathError) {
        for (offset, limit) in limits.enumerated() {
            let minor = first + UInt32(offset)
            try control.setClass(minor, limit)
            let value = kp_class(
                rate: limit.bitsPerSecond, burst: limit.burst, count: UInt32(offset == 0 ? limits.count : 0))
            try classes.update(minor, value, limit: UInt32(Self.capacity))
        }
    }

    /// Removes classes with what waits in them.
    mutating func give(_ first: UInt32, _ count: Int) {
        guard first > 0, count > 0 else { return }
        for minor in first..<first + UInt32(count) {
            // What cannot be removed is used again as it is.
            try? control.removeClass(minor)
            _ = classes.remove(minor)
        }
        room.give(Int(first)..<Int(first) + count)
    }

    /// The limits that an earlier process set from a class on.
    static func limits(at first: UInt32, in classes: BPFMap<UInt32, kp_class>) -> [FlowLimit] {
        guard first > 0, let head = classes.lookup(first, empty: kp_class()) else { return [] }
        return (0..<min(head.count, 255)).compactMap { offset in
            classes.lookup(first + offset, empty: kp_class()).map { FlowLimit($0) }
        }
    }
}

extension FlowLimit {
    fileprivate init(_ value: kp_class) { self.init(bitsPerSecond: value.rate, burst: value.burst) }
}
