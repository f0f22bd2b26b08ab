import NetTypes
import PolicyLanguage

extension KubernetesReader {
    /// An AdminNetworkPolicy or BaselineAdminNetworkPolicy of policy.networking.k8s.io/v1alpha1.
    mutating func adminPolicy(
        _ spec: Value, name: String, isBaseline: Bool, at place: Value
    ) throws(ImportError) -> AdminPolicy {
        let kind = isBaseline ? "BaselineAdminNetworkPolicy" : "AdminNetworkPolicy"
        let found = try fields.fields(
            spec, "the spec of an \(kind)",
            known: isBaseline ? ["subject", "ingress", "egress"] : ["priority", "subject", "ingress", "egress"])
        let subjectValue = try fields.required(found, "subject", "an \(kind)", spec)
        let subject = try endpoints(subjectValue, "a subject", more: [])
        guard let subject else {
            throw fields.error(.missingField, subjectValue, "the subject is empty", "write namespaces or pods")
        }
        var priority = 0
        if !isBaseline {
            let value = try fields.required(found, "priority", "an \(kind)", spec)
            priority = try fields.number(value, 0...1_000, "a priority")
        }
        let slug = isBaseline ? "baseline" : "admin-\(name)"
        var read: [String: [AdminRule]] = [:]
        for (word, short, side) in [("ingress", "in", "from"), ("egress", "out", "to")] {
            var list: [AdminRule] = []
            for (index, rule) in try fields.list(found[word], "\(word) rules").enumerated() {
                let origin = Origin(
                    text: "\(kind) \(name), \(fields.source) line \(rule.place.line), \(word) rule \(index + 1)",
                    slug: "\(slug)-\(short)-\(index + 1)")
                list.append(try adminRule(rule, side: side, isBaseline: isBaseline, subject, origin))
            }
            read[word] = list
        }
        return AdminPolicy(
            name: name, slug: slug, subject: subject, priority: priority, ingress: read["ingress"] ?? [],
            egress: read["egress"] ?? [], source: fields.source, place: place.place)
    }

    private mutating func adminRule(
        _ value: Value, side: String, isBaseline: Bool, _ subject: Estimate, _ origin: Origin
    ) throws(ImportError) -> AdminRule {
        let found = try fields.fields(value, "a rule", known: ["name", "action", side, "ports"])
        let actionValue = try fields.required(found, "action", "a rule", value)
        guard let action = AdminAction(rawValue: try fields.text(actionValue, "an action")),
            action != .pass || !isBaseline
        else {
            throw fields.error(
                .badValue, actionValue, "'\(FieldReader.summary(actionValue).prefix(80))' is no action of such a rule",
                isBaseline ? "write Allow or Deny" : "write Allow, Deny or Pass")
        }
        let sideValue = try fields.required(found, side, "a rule", value)
        let elements = try fields.list(sideValue, "peers")
        guard !elements.isEmpty else {
            throw fields.error(.missingField, sideValue, "the rule has no peers", "name one at least")
        }
        var estimates: [Estimate] = []
        var outside = AddressSet()
        var block: Value?
        for element in elements {
            let more = side == "to" ? ["nodes", "networks", "domainNames"] : []
            if let estimate = try endpoints(element, "a peer", more: more) {
                estimates.append(estimate)
                continue
            }
            let peer = try fields.fields(element, "a peer")
            if let networks = peer["networks"] {
                for value in try fields.list(networks, "prefixes") { outside = outside.union(try prefix(value)) }
                block = block ?? networks
            } else {
                let word = peer["nodes"] != nil ? "nodes" : "domainNames"
                note(
                    action == .allow ? .closes : .opens, element,
                    "the peer '\(word)' is outside, and its addresses are not known: the rule is without it",
                    "write networks instead")
            }
        }
        if let block { estimates.append(try pods(in: outside, allows: action != .deny, block)) }
        let name = try found["name"].map { (value) throws(ImportError) in try fields.text(value, "a name") }
        let rule = KubernetesRule(
            peers: KubernetesPeers(endpoints: union(estimates), outside: outside, slug: "\(origin.slug)-\(side)"),
            ports: try adminPorts(found["ports"]),
            origin: name.map { Origin(text: "\(origin.text) (\($0.prefix(100)))", slug: origin.slug) } ?? origin)
        if action == .pass,
            !subject.isExact || !rule.peers.endpoints.isExact || rule.ports.certain != rule.ports.possible
        {
            note(
                .opens, value, "what this rule passes on cannot be told exactly: later rules decide the rest of it",
                "write it with labels, prefixes and numbers that can be carried over")
        }
        return AdminRule(action: action, rule: rule)
    }

    /// `namespaces` or `pods`; nil where one of the other peers stands there.
    private mutating func endpoints(
        _ value: Value, _ what: String, more: [String]
    ) throws(ImportError) -> Estimate? {
        let found = try fields.fields(value, what, known: ["namespaces", "pods"] + more)
        guard found.count == 1 else {
            throw fields.error(
                .contradiction, value, "\(what) is one of \((["namespaces", "pods"] + more).joined(separator: ", "))",
                "keep one")
        }
        if let namespaces = found["namespaces"] {
            return joined(try selector(namespaces, .namespace), Estimate(.all))
        }
        guard let pods = found["pods"] else { return nil }
        let parts = try fields.fields(pods, "pods", known: ["namespaceSelector", "podSelector"])
        let namespaces = try selector(
            try fields.required(parts, "namespaceSelector", "pods", pods), .namespace)
        let labels = try selector(try fields.required(parts, "podSelector", "pods", pods), .pod)
        return joined(namespaces, labels)
    }

    /// Ports of an administrator's rule; none are every packet.
    private mutating func adminPorts(_ value: Value?) throws(ImportError) -> PortEstimate {
        let elements = try fields.list(value, "ports")
        if elements.isEmpty { return .all }
        var estimate = PortEstimate.none
        for element in elements {
            let known = ["portNumber", "portRange", "namedPort"]
            let found = try fields.fields(element, "a port", known: known)
            guard found.count == 1 else {
                throw fields.error(
                    .contradiction, element, "a port is one of \(known.joined(separator: ", "))", "keep one")
            }
            if let named = found["namedPort"] {
                estimate = estimate.union(namedPort(try fields.text(named, "a port's name"), nil, named))
                continue
            }
            let isRange = found["portRange"] != nil
            guard let port = found["portRange"] ?? found["portNumber"] else { continue }
            let parts = try fields.fields(
                port, "a port", known: isRange ? ["protocol", "start", "end"] : ["protocol", "port"])
            let portProtocol = try portProtocol(parts["protocol"])
            let first = try portNumber(try fields.required(parts, isRange ? "start" : "port", "a port", port))
            let last = isRange ? try portNumber(try fields.required(parts, "end", "a port", port)) : first
            guard first <= last else {
                throw fields.error(.badValue, port, "the range \(first)-\(last) is empty", "swap its ends")
            }
            estimate = estimate.union(PortEstimate(number: PortSet([PortMatch(portProtocol, first...last)])))
        }
        return estimate
    }
}
