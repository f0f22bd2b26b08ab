import NetTypes
import PolicyLanguage

extension PolicyImport {
    /// Imports security groups from JSON: what `openstack security group list`, `show` and `rule list` write with
    /// `-f json`, in one text or several, and what the Neutron API answers.
    ///
    /// An endpoint has a label for each of its groups. It receives what a rule of one of them allows, and begins what a
    /// rule of one of them allows; a flow between two endpoints needs both.
    ///
    /// - Throws: ``ImportError`` with the first thing that is wrong or too large; then nothing is imported.
    public static func openStack(
        _ sources: [ImportSource], options: OpenStackOptions
    ) throws(ImportError) -> PolicyImport {
        guard PolicyLabel.isWord(options.key) else {
            throw ImportError(
                "options", .badValue, .unknown, options.key, "'\(options.key)' is no key of a label",
                remedy: "use 1 to 63 letters, digits, '.', '_', '-' and '/'")
        }
        try options.addresses.check()
        try ImportSource.checkSize(sources)
        var groups: [SecurityGroup] = []
        var rules: [SecurityGroupRule] = []
        var notes: [ImportNote] = []
        var seen = Set<String>()
        for source in sources {
            var reader = SecurityGroupReader(source: source.name, seen: seen)
            try reader.read(try JSONText.read(source))
            seen = reader.seenRules
            groups += reader.groups
            rules += reader.rules
            notes += reader.notes
        }
        let labels = SecurityGroupLabels(groups, options)
        notes += labels.notes
        var layers = SecurityGroupLayers(labels: labels, options: options)
        for rule in rules { try layers.add(rule) }
        let (egress, ingress) = try layers.finish()
        notes += layers.notes
        let algebra = SelectionAlgebra(isSingleValued: false)
        var assembly = DocumentAssembly(head: [
            "Imported from OpenStack security groups: \(sources.map(\.name).joined(separator: ", ")).",
            "An endpoint has the label '\(options.key)' with each of its groups.",
        ])
        let stages = try LayerProduct.stages(egress: egress, ingress: ingress, algebra: algebra)
        let tiers = try assembly.add(stages)
        if rules.contains(where: { $0.portText == "any" }) {
            notes.append(
                ImportNote(
                    .closes, "", .unknown,
                    "a rule of every protocol is carried over for TCP, UDP, SCTP and ICMP; other protocols pass only "
                        + "between endpoints that may begin everything to each other",
                    remedy: "plug the endpoints that need others without ports"))
        }
        return try assembly.finish(tenant: options.tenant, tiers: tiers, report: notes)
    }
}

/// The labels that stand for security groups.
private struct SecurityGroupLabels {
    private(set) var notes: [ImportNote] = []
    private var values: [String: String] = [:]
    private let key: String

    init(_ groups: [SecurityGroup], _ options: OpenStackOptions) {
        key = options.key
        // A group that is listed and shown is one group.
        var byID: [String: SecurityGroup] = [:]
        for group in groups { byID[group.id] = group }
        let names = Dictionary(grouping: byID.values, by: \.name)
        for group in byID.values.sorted(by: { $0.id < $1.id }) {
            var value = options.usesIDs ? group.id : group.name
            if !options.usesIDs {
                let isShared = (names[group.name]?.count ?? 0) > 1
                if isShared || !PolicyLabel.isWord(group.name) {
                    value = group.id
                    notes.append(
                        ImportNote(
                            .note, group.source, group.place,
                            isShared
                                ? "several groups are called '\(group.name.prefix(80))'; the label is '\(key)=\(group.id)'"
                                : "'\(group.name.prefix(80))' is no value of a label; the label is '\(key)=\(group.id)'",
                            remedy: "give endpoints that label, or rename the group"))
                }
            }
            values[group.id] = value
            if names[group.name]?.count == 1 { values[group.name] = value }
        }
    }

    /// The label of a group, and whether the group is one that was read.
    func label(_ group: String) -> (label: PolicyLabel, isKnown: Bool)? {
        let value = values[group]
        return PolicyLabel(key: key, value: value ?? group).map { ($0, value != nil) }
    }
}

/// Makes layers of rules. Rules that differ in the family only are one.
private struct SecurityGroupLayers {
    private struct Key: Hashable {
        let isIngress: Bool
        let group: String
        let remote: SecurityGroupRule.Remote
        let ports: String
    }

    let labels: SecurityGroupLabels
    let options: OpenStackOptions
    private(set) var notes: [ImportNote] = []
    private var order: [Key] = []
    private var rules: [Key: [SecurityGroupRule]] = [:]
    private var counts: [String: Int] = [:]

    init(labels: SecurityGroupLabels, options: OpenStackOptions) {
        self.labels = labels
        self.options = options
    }

    mutating func add(_ rule: SecurityGroupRule) throws(ImportError) {
        let portText = rule.portText.replacing("icmpv6", with: "icmp")
        let key = Key(isIngress: rule.isIngress, group: rule.group, remote: rule.remote, ports: portText)
        if rules[key] == nil { order.append(key) }
        rules[key, default: []].append(rule)
    }

    mutating func finish() throws(ImportError) -> (egress: Layer, ingress: Layer) {
        var egress: [Clause] = []
        var ingress: [Clause] = []
        for key in order {
            guard let clause = try clause(key, rules[key] ?? []) else { continue }
            if key.isIngress { ingress.append(clause) } else { egress.append(clause) }
        }
        return (Layer(allowing: egress), Layer(allowing: ingress))
    }

    private mutating func clause(_ key: Key, _ rules: [SecurityGroupRule]) throws(ImportError) -> Clause? {
        guard let first = rules.first else { return nil }
        let fields = FieldReader(source: first.source)
        func label(_ group: String) throws(ImportError) -> PolicyLabel {
            guard let (label, isKnown) = labels.label(group) else {
                throw fields.error(
                    .badValue, first.value, "'\(group.prefix(80))' is no value of a label", "write the group's id")
            }
            if !isKnown {
                notes.append(
                    ImportNote(
                        .closes, first.source, first.value.place,
                        "the group '\(group.prefix(80))' is not among what was read; endpoints are in it that have the "
                            + "label '\(label)'", remedy: "import it too"))
            }
            return label
        }
        let near = try label(key.group)
        let families = Set(rules.map(\.family)).intersection(options.families)
        let word = key.isIngress ? "ingress" : "egress"
        let number = counts["\(near.value) \(word)", default: 0] + 1
        counts["\(near.value) \(word)"] = number
        let slug = "\(near.value)-\(key.isIngress ? "in" : "out")-\(number)"
        var clause = Clause(
            near: .label(.equals(near)), far: .none, ports: rules.reduce(PortSet([])) { $0.union($1.ports) },
            nearSlug: near.value, farSlug: slug + (key.isIngress ? "-from" : "-to"),
            origins: rules.map {
                Origin(
                    text: "security group \(near.value), \($0.source) line \($0.value.place.line), \(word) "
                        + $0.family.rawValue, slug: slug)
            })
        switch key.remote {
        case .anywhere:
            clause.far = .all
            for rule in rules {
                clause.outside = clause.outside.union(
                    rule.family == .ipv4 ? AddressSet.all.onlyIPv4 : AddressSet.all.onlyIPv6)
            }
        case .group(let id):
            let far = try label(id)
            clause.far = .label(.equals(far))
            clause.farSlug = far.value
        case .prefix(let set, _):
            clause.outside = set
            do throws(TextError) {
                let coverage = try AddressCoverage(set, options.addresses, all: .all)
                clause.far = coverage.certain
                if let (what, remedy) = coverage.note {
                    notes.append(
                        ImportNote(
                            coverage.isPartial ? .closes : .note, first.source, first.value.place, what, remedy: remedy)
                    )
                }
            } catch {
                throw ImportError(
                    "options", .badValue, .unknown, error.text, error.description, remedy: "write a prefix")
            }
        }
        if clause.far != .none, families.isEmpty {
            clause.far = .none
        } else if clause.far != .none, families.count < options.families.count,
            // ICMP is of one family by itself.
            !clause.ports.matches.allSatisfy(\.portProtocol.isICMP)
        {
            notes.append(
                ImportNote(
                    .opens, first.source, first.value.place,
                    "the rule is for \(first.family.rawValue) only; between endpoints rules speak of both families",
                    remedy: "state in the options of the import that endpoints have one family, or add a rule for the "
                        + "other"))
        }
        // Both families' rules of every protocol are every protocol; one family's are, where there is no other.
        if key.ports == "any", families == options.families { clause.ports = .all }
        return clause
    }
}

extension AddressSet {
    var onlyIPv4: Self { intersection(Self.all.subtracting(Self.family6)) }
    var onlyIPv6: Self { intersection(Self.family6) }

    private static let family6 = IPv6Prefix(IPv6Address(0), length: 0).map { AddressSet($0) } ?? AddressSet()
}
