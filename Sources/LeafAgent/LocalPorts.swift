import NetTypes

/// The ports of this leaf, found by identity, by device and by private address at the same cost however many there are.
struct LocalPorts {
    fileprivate struct Address: Hashable {
        var vnet: VNetID
        var ipv4: IPv4Address
    }

    private var ports: [Identity: LocalPort] = [:]
    private var byIndex: [UInt32: Identity] = [:]
    private var byAddress: [Address: Identity] = [:]

    /// The port of an endpoint; nil closes it.
    subscript(identity: Identity) -> LocalPort? {
        get { ports[identity] }
        set {
            if let former = ports[identity] {
                byIndex[former.index] = nil
                byAddress[former.address] = nil
            }
            ports[identity] = newValue
            if let newValue {
                byIndex[newValue.index] = identity
                byAddress[newValue.address] = identity
            }
        }
    }

    /// The endpoint behind the device with an index.
    func identity(at index: UInt32) -> Identity? { byIndex[index] }

    /// The endpoint that has a private address in a vnet.
    func identity(of ipv4: IPv4Address, in vnet: VNetID) -> Identity? { byAddress[Address(vnet: vnet, ipv4: ipv4)] }

    /// The endpoints that have a port.
    var keys: Dictionary<Identity, LocalPort>.Keys { ports.keys }

    /// The ports.
    var values: Dictionary<Identity, LocalPort>.Values { ports.values }
}

extension LocalPort {
    fileprivate var address: LocalPorts.Address {
        LocalPorts.Address(vnet: endpoint.vnet, ipv4: endpoint.ipv4)
    }
}
