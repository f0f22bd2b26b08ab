import NetTypes
import PolicyLanguage

// Kubernetes as its documentation describes it, in the plainest words: what the imported documents are compared with.
// Nothing here knows how the importer works.

struct Pod: Hashable {
    let namespace: String
    let name: String
    var labels: [String: String]
    let address: UInt32

    var endpoint: Name { get throws { try Name(parsing: "\(namespace)-\(name)") } }
}

struct Selector {
    struct Requirement {
        let key: String
        let operation: String
        let values: [String]
    }

    var labels: [String: String] = [:]
    var expressions: [Requirement] = []

    func matches(_ has: [String: String]) -> Bool {
        for (key, value) in labels where has[key] != value { return false }
        for requirement in expressions {
            let value = has[requirement.key]
            switch requirement.operation {
            case "In": if !requirement.values.contains(value ?? "\0") { return false }
            case "NotIn": if let value, requirement.values.contains(value) { return false }
            case "Exists": if value == nil { return false }
            default: if value != nil { return false }
            }
        }
        return true
    }
}

/// An IPv4 block.
struct Block {
    let address: UInt32
    let length: Int

    func contains(_ other: UInt32) -> Bool { length == 0 || (other ^ address) >> (32 - length) == 0 }
    var text: String { "\(IPv4Address(address))/\(length)" }
}

struct Port {
    var name = "TCP"
    var first: Int?
    var last: Int?

    func matches(_ other: String, _ number: Int) -> Bool {
        guard name == other else { return false }
        guard let first else { return true }
        return (first...(last ?? first)).contains(number)
    }
}

enum Peer {
    case pods(namespaces: Selector?, pods: Selector?)
    case block(Block, except: [Block])
}

struct GressRule {
    /// Allow, Deny or Pass; of NetworkPolicies always Allow.
    var action = "Allow"
    var peers: [Peer] = []
    var ports: [Port] = []
}

struct NamespacedPolicy {
    let namespace: String
    let name: String
    var pods = Selector()
    /// nil leaves the default to Kubernetes.
    var types: [String]?
    var ingress: [GressRule]?
    var egress: [GressRule]?

    func has(_ type: String) -> Bool {
        if let types, !types.isEmpty { return types.contains(type) }
        return type == "Ingress" || !(egress ?? []).isEmpty
    }
}

struct ClusterPolicy {
    let name: String
    /// nil is the baseline.
    let priority: Int?
    var namespaces = Selector()
    var pods: Selector?
    var ingress: [GressRule] = []
    var egress: [GressRule] = []
}

/// One end of a connection.
enum End {
    case pod(Pod)
    case outside(UInt32)

    var address: UInt32 {
        switch self {
        case .pod(let pod): pod.address
        case .outside(let address): address
        }
    }
}

struct Cluster {
    var namespaces: [String: [String: String]] = [:]
    var pods: [Pod] = []
    var policies: [NamespacedPolicy] = []
    var clusterPolicies: [ClusterPolicy] = []

    // MARK: The semantics

    func allows(from source: End, to destination: End, _ protocolName: String, _ port: Int) -> Bool {
        var allowed = true
        if case .pod(let pod) = source {
            allowed = allowed && gate("Egress", pod, destination, protocolName, port)
        }
        if case .pod(let pod) = destination {
            allowed = allowed && gate("Ingress", pod, source, protocolName, port)
        }
        return allowed
    }

    private func gate(_ type: String, _ pod: Pod, _ other: End, _ protocolName: String, _ port: Int) -> Bool {
        let admin = clusterPolicies.filter { $0.priority != nil }
            .sorted { ($0.priority ?? 0, $0.name) < ($1.priority ?? 0, $1.name) }
        switch firstAction(admin, type, pod, other, protocolName, port) {
        case "Allow": return true
        case "Deny": return false
        default: break
        }
        let selecting = policies.filter {
            $0.has(type) && $0.namespace == pod.namespace && $0.pods.matches(pod.labels)
        }
        if !selecting.isEmpty {
            return selecting.contains { policy in
                ((type == "Ingress" ? policy.ingress : policy.egress) ?? []).contains { rule in
                    matches(rule, other, protocolName, port, home: policy.namespace)
                }
            }
        }
        return firstAction(clusterPolicies.filter { $0.priority == nil }, type, pod, other, protocolName, port)
            != "Deny"
    }

    private func firstAction(
        _ policies: [ClusterPolicy], _ type: String, _ pod: Pod, _ other: End, _ protocolName: String, _ port: Int
    ) -> String? {
        for policy in policies {
            guard policy.namespaces.matches(labels(of: pod.namespace)), policy.pods?.matches(pod.labels) ?? true else {
                continue
            }
            for rule in type == "Ingress" ? policy.ingress : policy.egress
            where matches(rule, other, protocolName, port, home: nil) {
                return rule.action
            }
        }
        return nil
    }

    private func matches(
        _ rule: GressRule, _ other: End, _ protocolName: String, _ port: Int, home: String?
    ) -> Bool {
        guard rule.ports.isEmpty || rule.ports.contains(where: { $0.matches(protocolName, port) }) else { return false }
        return rule.peers.isEmpty
            || rule.peers.contains { peer in
                switch peer {
                case .block(let block, let except):
                    return block.contains(other.address) && !except.contains { $0.contains(other.address) }
                case .pods(let namespaces, let pods):
                    guard case .pod(let pod) = other else { return false }
                    guard pods?.matches(pod.labels) ?? true else { return false }
                    if let namespaces { return namespaces.matches(labels(of: pod.namespace)) }
                    return pod.namespace == home
                }
            }
    }

    func labels(of namespace: String) -> [String: String] {
        var labels = namespaces[namespace] ?? [:]
        labels["kubernetes.io/metadata.name"] = namespace
        return labels
    }

    // MARK: As Patchbay sees it

    func party(_ pod: Pod) throws -> Party {
        var labels = Set<PolicyLabel>()
        func add(_ key: String, _ value: String) {
            if let label = PolicyLabel(key: key, value: value) { labels.insert(label) }
        }
        for (key, value) in pod.labels { add(key, value) }
        for (key, value) in namespaces[pod.namespace] ?? [:] { add("ns/" + key, value) }
        add("namespace", pod.namespace)
        return .endpoint(try pod.endpoint, labels: labels)
    }

    func party(_ end: End) throws -> Party {
        switch end {
        case .pod(let pod): try party(pod)
        case .outside(let address): .outside(.v4(IPv4Address(address)))
        }
    }
}

// MARK: YAML

extension Selector {
    var yaml: String {
        var parts: [String] = []
        if !labels.isEmpty {
            parts.append(
                "matchLabels: {"
                    + labels.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"" }.joined(separator: ", ")
                    + "}")
        }
        if !expressions.isEmpty {
            let list = expressions.map { requirement in
                "{key: \(requirement.key), operator: \(requirement.operation)"
                    + (requirement.values.isEmpty
                        ? "}" : ", values: [\(requirement.values.map { "\"\($0)\"" }.joined(separator: ", "))]}")
            }
            parts.append("matchExpressions: [\(list.joined(separator: ", "))]")
        }
        return "{\(parts.joined(separator: ", "))}"
    }
}

extension Port {
    var yaml: String {
        var parts = name == "TCP" && last == nil ? [] : ["protocol: \(name)"]
        if let first { parts.append("port: \(first)") }
        if let last { parts.append("endPort: \(last)") }
        return "{\(parts.joined(separator: ", "))}"
    }

    var adminYAML: String {
        guard let first else { return "{portRange: {protocol: \(name), start: 1, end: 65535}}" }
        if let last { return "{portRange: {protocol: \(name), start: \(first), end: \(last)}}" }
        return "{portNumber: {protocol: \(name), port: \(first)}}"
    }
}

extension Peer {
    var yaml: String {
        switch self {
        case .block(let block, let except):
            return "{ipBlock: {cidr: \(block.text), except: [\(except.map(\.text).joined(separator: ", "))]}}"
        case .pods(let namespaces, let pods):
            var parts: [String] = []
            if let namespaces { parts.append("namespaceSelector: \(namespaces.yaml)") }
            if let pods { parts.append("podSelector: \(pods.yaml)") }
            return "{\(parts.joined(separator: ", "))}"
        }
    }

    var adminYAML: String {
        switch self {
        case .block(let block, _): return "{networks: [\(block.text)]}"
        case .pods(let namespaces, let pods):
            let space = (namespaces ?? Selector()).yaml
            guard let pods else { return "{namespaces: \(space)}" }
            return "{pods: {namespaceSelector: \(space), podSelector: \(pods.yaml)}}"
        }
    }
}

extension Cluster {
    /// The policies as one stream.
    var yaml: String {
        var text = ""
        for policy in policies {
            text += "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n"
            text += "  name: \(policy.name)\n  namespace: \(policy.namespace)\nspec:\n"
            text += "  podSelector: \(policy.pods.yaml)\n"
            if let types = policy.types { text += "  policyTypes: [\(types.joined(separator: ", "))]\n" }
            for (word, side, rules) in [("ingress", "from", policy.ingress), ("egress", "to", policy.egress)] {
                guard let rules else { continue }
                text += "  \(word):\(rules.isEmpty ? " []" : "")\n"
                for rule in rules {
                    text += "  - ports: [\(rule.ports.map(\.yaml).joined(separator: ", "))]\n"
                    if !rule.peers.isEmpty {
                        text += "    \(side):\n" + rule.peers.map { "    - \($0.yaml)\n" }.joined()
                    }
                }
            }
        }
        for policy in clusterPolicies {
            let kind = policy.priority == nil ? "BaselineAdminNetworkPolicy" : "AdminNetworkPolicy"
            text +=
                "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: \(kind)\nmetadata: {name: \(policy.name)}\n"
            text += "spec:\n"
            if let priority = policy.priority { text += "  priority: \(priority)\n" }
            if let pods = policy.pods {
                text +=
                    "  subject: {pods: {namespaceSelector: \(policy.namespaces.yaml), podSelector: \(pods.yaml)}}\n"
            } else {
                text += "  subject:\n    namespaces: \(policy.namespaces.yaml)\n"
            }
            for (word, side, rules) in [("ingress", "from", policy.ingress), ("egress", "to", policy.egress)]
            where !rules.isEmpty {
                text += "  \(word):\n"
                for rule in rules {
                    text += "  - action: \(rule.action)\n"
                    text += "    \(side): [\(rule.peers.map(\.adminYAML).joined(separator: ", "))]\n"
                    if !rule.ports.isEmpty {
                        text += "    ports: [\(rule.ports.map(\.adminYAML).joined(separator: ", "))]\n"
                    }
                }
            }
        }
        return text
    }
}
