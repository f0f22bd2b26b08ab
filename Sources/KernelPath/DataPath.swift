internal import CKernelPath
internal import CLibbpf
internal import CLinux
internal import Glibc
public import LinuxKit
internal import NetTypes
internal import Synchronization

/// The kernel data path of one host: ports, wires, and the frames that the kernel leaves to the leaf.
///
/// Everything is pinned. When the process ends, plugged wires go on working; the next one takes over with the same
/// pin directory without losing a packet. All methods may be called from any thread; none waits for packets.
public final class DataPath: Sendable {
    let configuration: DataPathConfiguration
    let maps: DataPathMaps
    let portProgram: Program
    let engineProgram: Program
    let shaperPrograms: ShaperPrograms
    let wirePairProgram: Program
    let wireAccountProgram: Program
    let netlink: Netlink
    /// This host's own addresses, by family.
    let locators: (v4: IPv4Address?, v6: IPv6Address?)
    /// Orders changes of ports and wires, and protects the places of the leaves.
    let peers: Mutex<PeerTable>
    /// The highest number given to an address outside. Taken after `peers`.
    let outsideNumbers: Mutex<UInt32>
    /// The rules of pairs. Taken after `peers` where both are.
    let ruleTable: Mutex<RuleTable>
    /// When the packets that are followed are followed no more, by their places. Taken before `peers`.
    let traces = Mutex([UInt64](repeating: 0, count: Int(KP_TRACES)))
    /// What wires had counted for which the kernel had no room, until it is forgotten.
    let homeless = Mutex(HomelessCounts())
    private let reader: PuntReader
    private let eventReader: FlowEventReader

    /// Loads the programs, makes the maps or takes over those that are pinned, and attaches to the underlay.
    ///
    /// On an error what was pinned before stays as it was.
    public init(configuration: DataPathConfiguration) throws {
        if let missing = Capabilities.missing() { throw DataPathError(.forbidden, "the data path: \(missing)") }
        let directory = configuration.pinDirectory
        _ = unsafe cl_create_directory(directory, 0o700)
        guard BPFFileSystem.isMounted(at: directory) else {
            throw DataPathError(.device, "\(directory) is not on a BPF file system; mount one there")
        }

        let netlink = try Netlink(in: configuration.namespace)
        guard let underlay = try netlink.link(named: configuration.underlayDevice) else {
            throw DataPathError(.device, "there is no underlay device \(configuration.underlayDevice)")
        }
        let locators = try Self.locators(configuration, underlay, netlink)
        let vxlan = try Self.vxlanDevice(configuration, netlink)
        let object = try LoadedObject(configuration)
        let maps = object.maps

        var host = kp_config()
        host.layout = UInt32(KP_LAYOUT)
        host.underlay = underlay.index
        host.vxlan = vxlan.index
        host.locator_ipv4 = IPv4Address.stored(locators.v4)
        host.locator_ipv6 = kp_address(locators.v6 ?? IPv6Address(0))
        host.vxlan_port = configuration.vxlanPort.bigEndian
        // The engine outlives the leaf, and its wires go on meanwhile.
        let previous = maps.config.lookup(0, empty: kp_config())
        host.engine = previous?.engine ?? 0
        host.shaper = previous?.shaper ?? 0
        host.setFlows(configuration)
        maps.ruleCounts.describe(in: &host)
        try maps.config.update(0, host)

        // Receivers first: nothing is sent to a host that cannot receive yet.
        for (role, device, program) in [
            (Attachment.Role.vxlan, vxlan.index, object.vxlan), (.underlay, underlay.index, object.underlay),
        ] {
            let namespace = configuration.namespace
            let place = Attachment(role: role, device: device, directory: directory, namespace: namespace)
            try place.attach(program, withTCX: configuration.usesTCX)
            // The device of an earlier process may have been another one.
            for old in Attachment.all(in: directory, namespace: namespace) where old.role == role && old != place {
                old.detach()
            }
        }
        let wires = try maps.wires.entries(emptyKey: .init(), emptyValue: .init())
        let reader = try PuntReader(ring: maps.punts)
        let eventReader = try FlowEventReader(ring: maps.events)

        self.configuration = configuration
        self.maps = maps
        self.netlink = netlink
        self.locators = locators
        self.reader = reader
        self.eventReader = eventReader
        portProgram = object.port
        engineProgram = object.engine
        shaperPrograms = object.shaper
        wirePairProgram = object.wirePair
        wireAccountProgram = object.wireAccount
        ruleTable = Mutex(try RuleTable(maps, wires: wires.map(\.value.pair)))
        peers = Mutex(PeerTable(wires: wires, at: maps.peers))
        let numbers = try maps.outside.entries(emptyKey: kp_wire_key(), emptyValue: 0).map(\.value)
        outsideNumbers = Mutex(max(numbers.max() ?? 0, UInt32(KP_OUTSIDE)))
        try adoptPorts()
        if host.shaper != 0 {
            let shaper = try Shaper(configuration, maps, netlink, object.shaper)
            ruleTable.withLock { $0.shaper = shaper }
        }
    }

    /// The frames that the kernel leaves to the leaf. One reader at a time.
    public var punts: AsyncStream<Punt> { reader.stream }

    /// What is told of flows whose action is logged (``FlowAction/isLogged``). One reader at a time. What could not be
    /// told is counted: ``lostFlowEvents``.
    public var flowEvents: AsyncStream<FlowEvent> { eventReader.stream }

    /// Flow events that were not told since the data path was made: beyond a processor's budget, without room in the
    /// ring, or, in this process, too many for the reader.
    public var lostFlowEvents: UInt64 { eventReader.overflow &+ maps.lostEvents }

    /// The most wires of each direction that the maps hold.
    public var maxWires: UInt32 { maps.maxWires }

    /// The size of the largest inner packet that passes an underlay of an MTU, for locators of both families here.
    public static func innerMTU(underlay mtu: UInt32, overIPv6: Bool) -> UInt32 {
        mtu - UInt32(overIPv6 ? KP_OVERHEAD_IPV6 : KP_OVERHEAD_IPV4)
    }

    /// Stops reading punts and flow events. Wires and ports stay as they are in the kernel.
    public func close() {
        reader.stop()
        eventReader.stop()
    }

    /// Frames that were read from the ring but that the leaf was too slow for.
    var puntOverflow: UInt64 { reader.overflow }

    /// Removes everything that is pinned in a directory, and the directory when it is empty then: all ports are closed and all wires cut.
    ///
    /// The namespace is that of the devices; nil: the calling thread's own. The VXLAN device stays. A directory that
    /// does not exist is fine.
    public static func removePins(
        _ directory: String, namespace: NetworkNamespace? = nil
    ) throws(SystemCallError) {
        for attachment in Attachment.all(in: directory, namespace: namespace) { attachment.detach() }
        for name in Attachment.names(in: directory) where name.hasPrefix("map_") {
            let result = unsafe cl_unlink("\(directory)/\(name)")
            if result < 0, result != -ENOENT {
                throw SystemCallError(call: "unlink", code: -result, context: "pin \(directory)/\(name)")
            }
        }
        _ = unsafe cl_remove_directory(directory)
    }

    // MARK: The ESP engine

    /// Leads protected wires to the ESP engine's TAP device, and what comes from it to their ports. Nil: there is no
    /// engine, and protected wires carry nothing.
    public func useEngine(device: UInt32?) throws(DataPathError) {
        try peers.withLock { _ throws(DataPathError) in
            let (directory, namespace) = (configuration.pinDirectory, configuration.namespace)
            let place = device.map { Attachment(role: .engine, device: $0, directory: directory, namespace: namespace) }
            try place?.attach(engineProgram, withTCX: configuration.usesTCX)
            var host = maps.config.lookup(0, empty: kp_config()) ?? kp_config()
            host.engine = device ?? 0
            try maps.config.update(0, host)
            for old in Attachment.all(in: directory, namespace: namespace) where old.role == .engine && old != place {
                old.detach()
            }
        }
    }

    // MARK: Beginning

    private static func locators(
        _ configuration: DataPathConfiguration, _ underlay: Link, _ netlink: Netlink
    ) throws -> (v4: IPv4Address?, v6: IPv6Address?) {
        var found: (v4: IPv4Address?, v6: IPv6Address?) = (nil, nil)
        let given = configuration.locators
        let all = given.isEmpty ? try netlink.addresses(of: underlay.index).map(\.address) : given
        for address in all {
            switch address {
            case .v4(let address): found.v4 = found.v4 ?? address
            case .v6(let address) where !address.isLinkLocal: found.v6 = found.v6 ?? address
            case .v6: break
            }
        }
        guard found.v4 != nil || found.v6 != nil else {
            throw DataPathError(
                .device, "the underlay device \(underlay.name) has no address; give it one, or a locator")
        }
        return found
    }

    private static func vxlanDevice(_ configuration: DataPathConfiguration, _ netlink: Netlink) throws -> Link {
        let name = configuration.vxlanDevice
        if try netlink.link(named: name) == nil {
            do throws(SystemCallError) {
                try netlink.createVXLAN(name: name, port: configuration.vxlanPort, mtu: 65_000)
            } catch {
                guard error.isDuplicate else { throw error }
                throw DataPathError(
                    .device, number: error.code,
                    "\(error); another VXLAN device has UDP port \(configuration.vxlanPort), remove it or choose a port"
                )
            }
        }
        guard let link = try netlink.link(named: name), link.kind == "vxlan" else {
            throw DataPathError(.device, "the device \(name) is no VXLAN device; choose another name")
        }
        try netlink.setUp(link.index)
        return link
    }
}
