public import NetTypes

/// Every name, path and address that the lab uses, derived from each other. Whatever the lab makes lies below
/// ``runDirectory``, in a namespace whose name begins with ``prefix``, or in `/etc/netns` under such a name.
public enum LabLayout {
    /// What the names of all namespaces of the lab begin with.
    public static let prefix = "pb-"
    /// Where `ip netns` keeps its names.
    static let namespaceDirectory = "/run/netns"
    /// Where `ip netns exec` finds files that it lays over those of `/etc`.
    static let overlayDirectory = "/etc/netns"

    /// The parent of everything; its lock is held while the lab is made or removed.
    static let runDirectory = "/run/patchbay"
    /// The lab's own files, readable by root only.
    public static let directory = runDirectory + "/lab"
    /// The BPF file system with the pins of all leaves.
    public static let pinDirectory = runDirectory + "/bpf"
    static let stateFile = directory + "/state.json"
    /// How the command line finds the lab's controller.
    public static let clientFile = directory + "/cli.json"
    /// What the programs of the lab say.
    public static let logDirectory = directory + "/logs"
    static let controllerDirectory = directory + "/controller"

    /// The namespace with the bridge that joins the hosts.
    static let underlayNamespace = prefix + "underlay"
    static let bridge = "br0"
    /// The underlay device of every host, as a physical network card would be.
    public static let underlayDevice = "underlay0"
    /// The device by which the plain namespace, where the controller runs, is on the underlay.
    static let controllerDevice = prefix + "control"
    static let underlayMTU = 1500

    /// The first REST port that is tried, on 127.0.0.1.
    static let controllerPort = 7443
    /// The port for leaves, on the underlay.
    static let leafListenPort = 7444

    static let underlayIPv4Length = 24
    static let underlayIPv6Length = 64
    /// The lab's hosts have the numbers 1 to this; 254 is the controller's.
    public static let mostHosts = 200
    /// As many endpoints as the test machine bears.
    public static let mostEndpoints = 1000

    /// `10.200.0.N`
    static func underlayIPv4(_ number: Int) -> IPv4Address { IPv4Address(10, 200, 0, UInt8(clamping: number)) }
    /// `fd00:200::N`
    static func underlayIPv6(_ number: Int) -> IPv6Address {
        IPv6Address(0xfd00_0200_0000_0000 << 64 | UInt128(clamping: number))
    }
    static let controllerNumber = 254

    /// The namespace of a host.
    public static func namespace(ofHost host: String) -> String { prefix + host }
    /// The namespace of an endpoint.
    public static func namespace(ofEndpoint name: TenantName) -> String { "\(prefix)\(name.tenant)-\(name.name)" }
    static func path(ofNamespace namespace: String) -> String { "\(namespaceDirectory)/\(namespace)" }
    static func stateDirectory(ofHost host: String) -> String { "\(directory)/\(host)" }
    static func pinDirectory(ofHost host: String) -> String { "\(pinDirectory)/\(host)" }
    static func overlay(ofNamespace namespace: String) -> String { "\(overlayDirectory)/\(namespace)" }
}
