import NetTypes
import PolicyLanguage

extension KubernetesReader {
    /// A NetworkPolicy of networking.k8s.io/v1.
    mutating func networkPolicy(
        _ spec: Value, namespace: String, name: String, at place: Value
    ) throws(ImportError) -> NetworkPolicy {
        let found = try fields.fields(
            spec, "the spec of a NetworkPolicy", known: ["podSelector", "policyTypes", "ingress", "egress"])
        let home = try pods(of: namespace, place)
        let selected = try found["podSelector"].map { (value) throws(ImportError) in try selector(value, .pod) }
        var types = Set<String>()
        for type in try fields.list(found["policyTypes"], "policy types") {
            let text = try fields.text(type, "a policy type")
            guard ["Ingress", "Egress"].contains(text) else {
                throw fields.error(
                    .badValue, type, "'\(text.prefix(80))' is no policy type", "write Ingress or Egress")
            }
            types.insert(text)
        }
        let ingress = try fields.list(found["ingress"], "ingress rules")
        let egress = try fields.list(found["egress"], "egress rules")
        if types.isEmpty { types = egress.isEmpty ? ["Ingress"] : ["Ingress", "Egress"] }
        for (type, rules) in [("Ingress", ingress), ("Egress", egress)] where !types.contains(type) {
            guard let rule = rules.first else { continue }
            note(
                .note, rule, "policyTypes has no \(type), so Kubernetes passes over these rules, and so does this",
                "add \(type) to policyTypes, or remove the rules")
        }
        let what = "NetworkPolicy \(namespace)/\(name), \(fields.source) line "
        let slug = "\(namespace)-\(name)"
        func origin(_ word: String, _ short: String, _ index: Int, _ rule: Value) -> Origin {
            Origin(text: what + "\(rule.place.line), \(word) rule \(index + 1)", slug: "\(slug)-\(short)-\(index + 1)")
        }
        var read: [String: [KubernetesRule]] = [:]
        for (type, word, short, side, rules) in [
            ("Ingress", "ingress", "in", "from", ingress), ("Egress", "egress", "out", "to", egress),
        ] where types.contains(type) {
            var list: [KubernetesRule] = []
            for (index, rule) in rules.enumerated() {
                list.append(
                    try self.rule(rule, side: side, home: home, origin: origin(word, short, index, rule)))
            }
            read[type] = list
        }
        return NetworkPolicy(
            slug: slug, selected: joined(Estimate(home), selected ?? Estimate(.all)), ingress: read["Ingress"],
            egress: read["Egress"])
    }

    private mutating func rule(
        _ value: Value, side: String, home: Selection, origin: Origin
    ) throws(ImportError) -> KubernetesRule {
        let found = try fields.fields(value, "a rule", known: [side, "ports"])
        let elements = try fields.list(found[side], "peers")
        let ports = try ports(found["ports"])
        if elements.isEmpty {
            return KubernetesRule(
                peers: KubernetesPeers(endpoints: Estimate(pods), outside: .all, slug: "pods"), ports: ports,
                origin: origin)
        }
        var estimates: [Estimate] = []
        var outside = AddressSet()
        var block: Value?
        for element in elements {
            let peer = try fields.fields(element, "a peer", known: ["podSelector", "namespaceSelector", "ipBlock"])
            if let value = peer["ipBlock"] {
                guard peer.count == 1 else {
                    throw fields.error(
                        .contradiction, element, "an ipBlock stands beside selectors", "make two peers of it")
                }
                outside = outside.union(try ipBlock(value))
                block = block ?? value
                continue
            }
            guard !peer.isEmpty else {
                throw fields.error(
                    .missingField, element, "the peer is empty", "write podSelector, namespaceSelector or ipBlock")
            }
            // Without a namespaceSelector the pods are those of the policy's own namespace.
            let namespaces =
                try peer["namespaceSelector"].map { (value) throws(ImportError) in try selector(value, .namespace) }
                ?? Estimate(home)
            let pods = try peer["podSelector"].map { (value) throws(ImportError) in try selector(value, .pod) }
            estimates.append(joined(namespaces, pods ?? Estimate(.all)))
        }
        // The blocks of a rule together: two may be all addresses where neither is.
        if let block { estimates.append(try self.pods(in: outside, allows: true, block)) }
        return KubernetesRule(
            peers: KubernetesPeers(endpoints: union(estimates), outside: outside, slug: "\(origin.slug)-\(side)"),
            ports: ports, origin: origin)
    }

    private func ipBlock(_ value: Value) throws(ImportError) -> AddressSet {
        let found = try fields.fields(value, "an ipBlock", known: ["cidr", "except"])
        let cidr = try fields.required(found, "cidr", "an ipBlock", value)
        var block = try prefix(cidr)
        let whole = block
        for element in try fields.list(found["except"], "exceptions") {
            let exception = try prefix(element)
            guard exception.subtracting(whole).isEmpty else {
                throw fields.error(
                    .badValue, element, "'\(FieldReader.summary(element).prefix(80))' is not inside the cidr",
                    "write a prefix that is inside")
            }
            block = block.subtracting(exception)
        }
        return block
    }
}
