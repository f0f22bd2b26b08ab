public import NetTypes
public import PolicyLanguage

/// How endpoints stand for pods, and what an import of Kubernetes policies may take for known.
///
/// A pod is an endpoint. Its labels are labels of the endpoint, the name of its namespace is the value of one more, and
/// the labels of its namespace are labels too, their keys with a prefix.
public struct KubernetesOptions: Hashable, Sendable {
    /// The tenant whose document is made.
    public var tenant: Name
    /// The key of the label with the name of a pod's namespace. An endpoint without it is no pod to these policies.
    public var namespaceKey: String
    /// What stands before the keys of a namespace's labels.
    public var namespaceLabelPrefix: String
    /// The protocols and numbers of named ports, such as `udp/53`, where every pod that has the name means the same.
    public var namedPorts: [String: PortMatch]
    /// What is known of the addresses of pods.
    public var addresses: AddressFacts

    /// Chooses.
    public init(
        tenant: Name, namespaceKey: String = "namespace", namespaceLabelPrefix: String = "ns/",
        namedPorts: [String: PortMatch] = [:], addresses: AddressFacts = .none
    ) {
        self.tenant = tenant
        self.namespaceKey = namespaceKey
        self.namespaceLabelPrefix = namespaceLabelPrefix
        self.namedPorts = namedPorts
        self.addresses = addresses
    }

    /// The label of a namespace that has its name (set by Kubernetes on every namespace).
    static let nameLabel = "kubernetes.io/metadata.name"

    func check() throws(ImportError) {
        func refuse(_ what: String, _ text: String) -> ImportError {
            ImportError(
                "options", .badValue, .unknown, text, "'\(text)' is no \(what)",
                remedy: "use 1 to 63 letters, digits, '.', '_', '-' and '/', with a letter or digit first and last")
        }
        guard PolicyLabel.isWord(namespaceKey) else { throw refuse("key of a label", namespaceKey) }
        guard !namespaceLabelPrefix.isEmpty, PolicyLabel.isWord(namespaceLabelPrefix + "x") else {
            throw refuse("prefix of keys of labels", namespaceLabelPrefix)
        }
        guard !namespaceKey.hasPrefix(namespaceLabelPrefix) else {
            throw ImportError(
                "options", .contradiction, .unknown, namespaceKey,
                "the key '\(namespaceKey)' begins with the prefix of labels of namespaces", remedy: "choose another")
        }
        for (name, port) in namedPorts.sorted(by: { $0.key < $1.key }) {
            guard [.tcp, .udp, .sctp].contains(port.portProtocol), port.first == port.last, port.first > 0 else {
                throw ImportError(
                    "options", .badValue, .unknown, "\(port)",
                    "'\(port)' is not what the named port '\(name.prefix(80))' can be",
                    remedy: "write one number of TCP, UDP or SCTP, such as udp/53")
            }
        }
        try addresses.check()
    }
}

extension AddressFacts {
    func check() throws(ImportError) {
        for network in networks {
            do throws(TextError) {
                _ = try AddressSet(parsing: network)
            } catch {
                throw ImportError("options", .badValue, .unknown, network, error.description, remedy: "write a prefix")
            }
        }
    }
}
