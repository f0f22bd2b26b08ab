import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// Three namespaces x, y, z with the label `ns`, three pods a, b, c in each with the label `pod`; where a case asks for
/// it, a fourth one, w. The addresses of the pods are 10.244.0.1 (x/a) to 10.244.2.3 (z/c) and 10.244.3.3 (w/c).
struct ConformanceTown {
    static let pods = ["a", "b", "c"]
    static let names = every(of: ["x", "y", "z"])
    static let four = every(of: ["x", "y", "z", "w"])

    private static func every(of namespaces: [String]) -> [String] {
        namespaces.flatMap { namespace in pods.map { "\(namespace)/\($0)" } }
    }

    static func endpoint(_ name: String) throws -> Name {
        try Name(parsing: name.replacing("/", with: "-"))
    }

    static func address(_ name: String) throws -> IPAddress {
        let index = four.firstIndex(of: name) ?? 0
        return try IPAddress(parsing: "10.244.\(index / 3).\(index % 3 + 1)")
    }

    /// A pod, or an outside address.
    static func party(_ name: String, extra: [String: [String]]) throws -> Party {
        guard four.contains(name) else { return .outside(try IPAddress(parsing: name)) }
        let parts = name.split(separator: "/").map(String.init)
        var labels = ["namespace=\(parts[0])", "ns/ns=\(parts[0])", "pod=\(parts[1])"]
        labels += extra[name] ?? []
        labels += extra[parts[0]] ?? []
        return .endpoint(try endpoint(name), labels: Set(try labels.map { try PolicyLabel(parsing: $0) }))
    }
}

/// One case: policies, and who reaches whom by them.
struct ConformanceCase: CustomTestStringConvertible {
    /// Ports, and lines that change a table in which everybody reaches everybody: `- y/* x/a` is that no pod of y
    /// reaches x/a, `+` that it does; the last line that speaks of a pair holds. A space stands between source and
    /// destination; `*` is all pods, `9/9.9.9.9` an outside address by itself.
    struct Table {
        let ports: [String]
        let lines: [String]

        init(_ ports: String, _ lines: String...) { self.init(ports, lines: lines) }

        init(_ ports: String, lines: [String]) {
            self.ports = ports.split(separator: " ").map(String.init)
            self.lines = lines
        }
    }

    let name: String
    let yaml: String
    let tables: [Table]
    /// Labels that some pods, or all pods of a namespace, have besides.
    var labels: [String: [String]] = [:]
    /// The ports that names of ports stand for, such as `tcp/80`.
    var namedPorts: [String: String] = [:]
    var outside: [String] = []
    /// The pods.
    var pods = ConformanceTown.names

    var testDescription: String { name }

    init(
        _ name: String, _ yaml: String, labels: [String: [String]] = [:], namedPorts: [String: String] = [:],
        outside: [String] = [], pods: [String] = ConformanceTown.names, _ tables: Table...
    ) {
        self.name = name
        self.yaml = yaml
        self.tables = tables
        self.labels = labels
        self.namedPorts = namedPorts
        self.outside = outside
        self.pods = pods
    }

    static func policy(_ name: String, in namespace: String, _ spec: String) -> String {
        """
        ---
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: \(name), namespace: \(namespace)}
        spec: {\(spec)}

        """
    }

    static func admin(_ name: String, _ priority: Int, _ spec: String) -> String {
        """
        ---
        apiVersion: policy.networking.k8s.io/v1alpha1
        kind: AdminNetworkPolicy
        metadata: {name: \(name)}
        spec: {priority: \(priority), \(spec)}

        """
    }

    static func baseline(_ spec: String) -> String {
        """
        ---
        apiVersion: policy.networking.k8s.io/v1alpha1
        kind: BaselineAdminNetworkPolicy
        metadata: {name: default}
        spec: {\(spec)}

        """
    }

    static func matches(_ pattern: Substring, _ name: String) -> Bool {
        if pattern == "*" { return ConformanceTown.four.contains(name) }
        if pattern.hasSuffix("/*") { return name.hasPrefix(pattern.dropLast()) }
        if pattern.hasPrefix("*/") { return name.hasSuffix(pattern.dropFirst()) }
        return pattern == name
    }

    /// What the table says about a pair; a line without `-` or `+` is refused.
    static func expects(_ lines: [String], _ from: String, _ to: String) throws -> Bool {
        var expected = true
        for line in lines {
            let words = line.split(separator: " ")
            try #require(words.count == 3 && (words[0] == "-" || words[0] == "+"), "no line of a table: \(line)")
            if matches(words[1], from), matches(words[2], to) { expected = words[0] == "+" }
        }
        return expected
    }

    func run() throws {
        var options = KubernetesOptions(tenant: try Name(parsing: "acme"))
        for (name, port) in namedPorts { options.namedPorts[name] = try PortMatch(parsing: port) }
        for name in pods {
            options.addresses.endpoints[try ConformanceTown.endpoint(name)] = [try ConformanceTown.address(name)]
        }
        let imported = try PolicyImport.kubernetes([ImportSource(name: "case.yaml", text: yaml)], options: options)
        #expect(imported.isExact, "\(imported.report)")
        let read = try PolicyYAML.read(imported.text).document
        #expect(read == imported.document)
        let compiled = CompiledPolicy(read)
        for table in tables {
            for port in table.ports {
                let match = try PortMatch(parsing: port)
                for from in pods + outside {
                    for to in pods + outside where from != to {
                        if outside.contains(from), outside.contains(to) { continue }
                        let flow = Flow(
                            from: try ConformanceTown.party(from, extra: labels),
                            to: try ConformanceTown.party(to, extra: labels),
                            .numbered(match.portProtocol, match.first), at: Timestamp(0))
                        let verdict = compiled.evaluate(flow)
                        let expected = try Self.expects(table.lines, from, to)
                        #expect(
                            verdict.isPlugged == expected && verdict.answers == expected,
                            "\(from) to \(to) \(port) is \(verdict), should be \(expected)")
                    }
                }
            }
        }
    }
}
