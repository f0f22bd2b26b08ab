import NetTypes
import PolicyLanguage

/// Reads the parts that all Kubernetes policies have: selectors of labels, peers, blocks, ports.
struct KubernetesReader {
    enum Subject {
        case pod, namespace
    }

    let options: KubernetesOptions
    let fields: FieldReader
    let algebra = SelectionAlgebra(isSingleValued: true)
    var notes: [ImportNote] = []

    init(_ options: KubernetesOptions, source: String) {
        self.options = options
        fields = FieldReader(source: source)
    }

    mutating func note(_ severity: ImportNote.Severity, _ value: Value, _ what: String, _ remedy: String) {
        notes.append(ImportNote(severity, fields.source, value.place, what, remedy: remedy))
    }

    var pods: Selection { .label(.exists(key: options.namespaceKey)) }

    /// The pods of a namespace.
    func pods(of namespace: String, _ value: Value) throws(ImportError) -> Selection {
        guard let label = PolicyLabel(key: options.namespaceKey, value: namespace) else {
            throw fields.error(
                .badValue, value, "'\(namespace.prefix(80))' is no name of a namespace",
                "write the name that the namespace has in Kubernetes")
        }
        return .label(.equals(label))
    }

    // MARK: Selectors

    /// A selector of labels, without the namespace that it is about.
    mutating func selector(_ value: Value, _ subject: Subject) throws(ImportError) -> Estimate {
        let found = try fields.fields(value, "a selector of labels", known: ["matchLabels", "matchExpressions"])
        var certain: [Selection] = []
        var possible: [Selection] = []
        func take(_ requirement: Selection?) {
            certain.append(requirement ?? .none)
            if let requirement { possible.append(requirement) }
        }
        if let labels = found["matchLabels"] {
            guard case .map(let pairs) = labels.content else {
                throw fields.error(.badValue, labels, "matchLabels is not a map", "write KEY: VALUE below it")
            }
            _ = try fields.fields(labels, "matchLabels")
            for pair in pairs {
                let text = try fields.text(pair.value, "the value of a label")
                take(try requirement(pair.key, "In", [text], subject, pair.value))
            }
        }
        for expression in try fields.list(found["matchExpressions"], "requirements") {
            let parts = try fields.fields(expression, "a requirement", known: ["key", "operator", "values"])
            let key = try fields.text(try fields.required(parts, "key", "a requirement", expression), "a key")
            let operation = try fields.text(
                try fields.required(parts, "operator", "a requirement", expression), "an operator")
            var values: [String] = []
            for value in try fields.list(parts["values"], "values") {
                values.append(try fields.text(value, "the value of a label"))
            }
            take(try requirement(key, operation, values, subject, expression))
        }
        return Estimate(algebra.both(certain), algebra.both(possible))
    }

    /// One requirement; nil where Patchbay has no such label.
    private mutating func requirement(
        _ name: String, _ operation: String, _ values: [String], _ subject: Subject, _ value: Value
    ) throws(ImportError) -> Selection? {
        guard ["In", "NotIn", "Exists", "DoesNotExist"].contains(operation) else {
            throw fields.error(
                .badValue, value, "'\(operation.prefix(80))' is no operator", "write In, NotIn, Exists or DoesNotExist")
        }
        guard operation.hasSuffix("In") != values.isEmpty else {
            throw fields.error(
                .badValue, value, "the operator \(operation) goes with \(values.isEmpty ? "values" : "no values")",
                values.isEmpty ? "add values" : "remove the values")
        }
        var key = name
        if subject == .namespace {
            key = name == KubernetesOptions.nameLabel ? options.namespaceKey : options.namespaceLabelPrefix + name
        } else if name == options.namespaceKey || name.hasPrefix(options.namespaceLabelPrefix) {
            throw fields.error(
                .contradiction, value, "the pod label '\(name)' has the key that stands for namespaces",
                "choose another key or prefix for namespaces in the options of the import")
        }
        let sorted = Set(values).sorted()
        guard PolicyLabel.isWord(key), sorted.allSatisfy(PolicyLabel.isWord) else {
            note(
                .closes, value,
                "the label '\(key.prefix(120))' with \(values.isEmpty ? "its key" : "its values") is none that an "
                    + "endpoint can have (1 to 63 letters, digits, '.', '_', '-', '/'): nobody is allowed by it, and "
                    + "everybody who may have it is isolated or denied", "use another label")
            return nil
        }
        switch operation {
        case "In":
            if sorted.count == 1, let label = PolicyLabel(key: key, value: sorted[0]) { return .label(.equals(label)) }
            return .label(.isIn(key: key, values: sorted))
        case "NotIn": return .label(.isNotIn(key: key, values: sorted))
        case "Exists": return .label(.exists(key: key))
        default: return .not(.label(.exists(key: key)))
        }
    }

    /// The pods of the namespaces and labels of two estimates.
    func joined(_ namespaces: Estimate, _ pods: Estimate) -> Estimate {
        Estimate(
            algebra.both([self.pods, namespaces.certain, pods.certain]),
            algebra.both([self.pods, namespaces.possible, pods.possible]))
    }

    func union(_ estimates: [Estimate]) -> Estimate {
        Estimate(algebra.either(estimates.map(\.certain)), algebra.either(estimates.map(\.possible)))
    }

    // MARK: Blocks

    func prefix(_ value: Value) throws(ImportError) -> AddressSet {
        let text = try fields.text(value, "a prefix such as 192.0.2.0/24")
        do throws(TextError) {
            return try AddressSet(parsing: text)
        } catch {
            throw fields.error(.badValue, value, error.description, "write the network's address and length")
        }
    }

    /// The pods whose addresses are in a block.
    mutating func pods(in block: AddressSet, allows: Bool, _ value: Value) throws(ImportError) -> Estimate {
        let coverage: AddressCoverage
        do throws(TextError) {
            coverage = try AddressCoverage(block, options.addresses, all: pods)
        } catch {
            throw ImportError("options", .badValue, .unknown, error.text, error.description, remedy: "write a prefix")
        }
        if let (what, remedy) = coverage.note {
            // Endpoints of one family are more than that family, if they are allowed.
            let isWide = !coverage.isPartial && options.addresses.endpoints.isEmpty
            note(isWide && allows ? .opens : coverage.isPartial || isWide ? .closes : .note, value, what, remedy)
        }
        return Estimate(coverage.certain, coverage.possible)
    }

    // MARK: Ports

    func portProtocol(_ value: Value?) throws(ImportError) -> PortProtocol {
        guard let value else { return .tcp }
        switch try fields.text(value, "a protocol") {
        case "TCP": return .tcp
        case "UDP": return .udp
        case "SCTP": return .sctp
        default:
            throw fields.error(
                .badValue, value, "'\(FieldReader.summary(value).prefix(80))' is no protocol of network policies",
                "write TCP, UDP or SCTP")
        }
    }

    func portNumber(_ value: Value) throws(ImportError) -> UInt16 {
        UInt16(try fields.number(value, 1...65_535, "a port"))
    }

    /// A port by name, which pods give to ports of their own; `portProtocol` is nil where the policy says none.
    mutating func namedPort(_ name: String, _ portProtocol: PortProtocol?, _ value: Value) -> PortEstimate {
        if let port = options.namedPorts[name] {
            // A name that pods have for another protocol is the name of none of their ports.
            let set = PortSet(portProtocol == nil || portProtocol == port.portProtocol ? [port] : [])
            return PortEstimate(certain: set, possible: set, numbers: PortSet([]))
        }
        let protocols = portProtocol.map { [$0] } ?? [.tcp, .udp, .sctp]
        note(
            .closes, value,
            "the port '\(name.prefix(80))' has a number only in each pod: nothing is allowed by it, and every port is denied",
            "write the number, or state it in the options of the import")
        return PortEstimate(
            certain: PortSet([]), possible: PortSet(protocols.map { PortMatch($0) }), numbers: PortSet([]))
    }

    /// Ports of a NetworkPolicy: a list of `protocol`, `port`, `endPort`; an empty list is every packet.
    mutating func ports(_ value: Value?) throws(ImportError) -> PortEstimate {
        let elements = try fields.list(value, "ports")
        if elements.isEmpty { return .all }
        var estimate = PortEstimate.none
        for element in elements {
            let found = try fields.fields(element, "a port", known: ["protocol", "port", "endPort"])
            let portProtocol = try portProtocol(found["protocol"])
            let next: PortEstimate
            if let port = found["port"] {
                if case .scalar(let name, let isQuoted) = port.content, isQuoted || Int(name) == nil {
                    guard name.contains(where: { $0.isLetter }), found["endPort"] == nil else {
                        throw fields.error(
                            .badValue, port, "'\(name.prefix(80))' is no port",
                            "write a number without quotes, or a name without endPort")
                    }
                    next = namedPort(name, portProtocol, port)
                } else {
                    let first = try portNumber(port)
                    let last = try found["endPort"].map { (end) throws(ImportError) in try portNumber(end) } ?? first
                    guard first <= last else {
                        throw fields.error(.badValue, element, "the range \(first)-\(last) is empty", "swap its ends")
                    }
                    next = PortEstimate(number: PortSet([PortMatch(portProtocol, first...last)]))
                }
            } else {
                guard found["endPort"] == nil else {
                    throw fields.error(.contradiction, element, "an endPort without a port", "add the first port")
                }
                next = PortEstimate(number: PortSet([PortMatch(portProtocol)]))
            }
            estimate = estimate.union(next)
        }
        return estimate
    }
}
