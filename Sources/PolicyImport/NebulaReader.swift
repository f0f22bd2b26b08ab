import NetTypes
import PolicyLanguage

/// Reads the firewall section of a Nebula configuration.
struct NebulaReader {
    struct Hosts {
        let selection: Selection
        let slug: String
    }

    let options: NebulaOptions
    let fields: FieldReader
    let algebra: SelectionAlgebra
    private(set) var outbound: [Clause] = []
    private(set) var inbound: [Clause] = []
    private(set) var notes: [ImportNote] = []

    init(_ options: NebulaOptions, source: String, algebra: SelectionAlgebra) {
        self.options = options
        self.algebra = algebra
        fields = FieldReader(source: source)
    }

    private mutating func note(_ severity: ImportNote.Severity, _ value: Value, _ what: String, _ remedy: String) {
        notes.append(ImportNote(severity, fields.source, value.place, what, remedy: remedy))
    }

    /// The endpoints that a configuration is of.
    func hosts(_ hosts: NebulaHosts) throws(ImportError) -> Hosts {
        func refuse(_ text: String) -> ImportError {
            ImportError(
                fields.source, .badValue, .unknown, text, "'\(text.prefix(80))' names no hosts",
                remedy: "write group:web, host:web1, or a label such as tier=web")
        }
        switch hosts {
        case .label(let requirement):
            guard (try? LabelRequirement(parsing: requirement.description)) == requirement else {
                throw refuse(requirement.description)
            }
            return Hosts(selection: .label(requirement), slug: requirement.description)
        case .group(let group):
            guard let label = PolicyLabel(key: options.groupKey, value: group) else { throw refuse(group) }
            return Hosts(selection: .label(.equals(label)), slug: group)
        case .host(let host):
            guard let name = endpoint(host) else { throw refuse(host) }
            return Hosts(selection: .members([name]), slug: name.text)
        }
    }

    private func endpoint(_ host: String) -> Name? {
        let suffix = options.hostSuffix
        return try? Name(parsing: !suffix.isEmpty && host.hasSuffix(suffix) ? host.dropLast(suffix.count) : host[...])
    }

    // MARK: The section

    mutating func configuration(_ value: Value, _ hosts: Hosts) throws(ImportError) {
        let whole = try fields.fields(value, "a Nebula configuration")
        var section = value
        if let firewall = whole["firewall"] {
            section = firewall
        } else if whole["inbound"] == nil, whole["outbound"] == nil {
            throw fields.error(
                .missingField, value, "there is no firewall section", "add 'firewall:' with inbound and outbound rules")
        }
        let found = try fields.fields(
            section, "a firewall section",
            known: ["outbound", "inbound", "conntrack", "outbound_action", "inbound_action", "default_local_cidr_any"])
        for name in ["outbound_action", "inbound_action"] {
            guard let action = found[name], try fields.word(action, "an action") == "reject" else { continue }
            note(
                .note, action, "what no rule allows is dropped in silence, not rejected",
                "add a rule that says reject behind the others")
        }
        for (name, short) in [("outbound", "out"), ("inbound", "in")] {
            for (index, rule) in try fields.list(found[name], "rules").enumerated() {
                let origin = Origin(
                    text: "\(name) rule \(index + 1) of \(hosts.slug), \(fields.source) line \(rule.place.line)",
                    slug: "\(hosts.slug)-\(short)-\(index + 1)")
                guard let clause = try self.rule(rule, hosts, origin, isInbound: name == "inbound") else { continue }
                if name == "inbound" { inbound.append(clause) } else { outbound.append(clause) }
            }
        }
    }

    private mutating func rule(
        _ value: Value, _ hosts: Hosts, _ origin: Origin, isInbound: Bool
    ) throws(ImportError) -> Clause? {
        let found = try fields.fields(
            value, "a rule",
            known: [
                "port", "code", "proto", "host", "group", "groups", "cidr", "local_cidr", "ca_name", "ca_sha",
            ])
        guard Set(found.keys).subtracting(["port", "code", "proto"]).isEmpty == false else {
            throw fields.error(
                .missingField, value, "the rule does not say whom it is about",
                "add host, group, groups, cidr, local_cidr, ca_name or ca_sha")
        }
        for name in ["ca_name", "ca_sha"] {
            guard let field = found[name] else { continue }
            note(
                .closes, field, "who signed a host's certificate is not known here: the rule is left out",
                "give the hosts of that authority a label, and use it")
            return nil
        }
        if let local = found["local_cidr"] {
            let text = try fields.word(local, "a prefix")
            guard text == "any" || (try? AddressSet(parsing: text))?.isWholeFamilies == true else {
                note(
                    .closes, local, "networks behind a host are not told from the host: the rule is left out",
                    "write a rule for the endpoints or outside networks that are meant")
                return nil
            }
        }
        guard let ports = try ports(found, value) else { return nil }
        var clause = Clause(
            near: hosts.selection, far: .none, ports: ports, nearSlug: hosts.slug,
            farSlug: origin.slug + (isInbound ? "-from" : "-to"), origins: [origin])
        try peers(found, &clause)
        return clause.far == .none && clause.outside.isEmpty ? nil : clause
    }

    /// `host`, `group` or `groups`, `cidr`: one of them has to hold, all groups together being one. None is anybody.
    private mutating func peers(_ found: [String: Value], _ clause: inout Clause) throws(ImportError) {
        var far: [Selection] = []
        var groups: [String] = []
        var isAnyone = found["host"] == nil && found["group"] == nil && found["groups"] == nil && found["cidr"] == nil
        if let group = found["group"] {
            guard found["groups"] == nil else {
                throw fields.error(.contradiction, group, "group and groups stand in one rule", "keep groups")
            }
            groups = try texts(group)
            guard groups.count == 1 else {
                throw fields.error(.badValue, group, "group is \(groups.count) groups", "write groups")
            }
        } else if let value = found["groups"] {
            groups = try texts(value)
        }
        if groups.contains("any") {
            isAnyone = true
        } else if let value = found["group"] ?? found["groups"], !groups.isEmpty {
            let labels = groups.map { PolicyLabel(key: options.groupKey, value: $0) }
            if labels.contains(nil) {
                note(
                    .closes, value, "a name of a group is no value of a label: nobody is allowed by it",
                    "rename the group, with letters, digits, '.', '_', '-' and '/'")
            } else {
                far.append(algebra.both(labels.compactMap { $0.map { .label(.equals($0)) } }))
            }
        }
        if let value = found["host"] {
            let host = try fields.word(value, "a host's name")
            if host == "any" {
                isAnyone = true
            } else if let name = endpoint(host) {
                far.append(.members([name]))
            } else {
                note(
                    .closes, value, "'\(host.prefix(80))' is no name of an endpoint: the host is left out",
                    "state the suffix of hosts' names in the options of the import, or use a group")
            }
        }
        if let value = found["cidr"] {
            let text = try fields.word(value, "a prefix")
            if text == "any" {
                isAnyone = true
            } else {
                try cidr(text, value, &clause, &far)
            }
        }
        if isAnyone {
            clause.far = .all
            clause.outside = .all
        } else {
            clause.far = algebra.either(far)
        }
    }

    private mutating func cidr(
        _ text: String, _ value: Value, _ clause: inout Clause, _ far: inout [Selection]
    ) throws(ImportError) {
        do throws(TextError) {
            clause.outside = try AddressSet(parsing: text)
            let coverage = try AddressCoverage(clause.outside, options.addresses, all: .all)
            far.append(coverage.certain)
            if let (what, remedy) = coverage.note {
                let isWide = !coverage.isPartial && options.addresses.endpoints.isEmpty
                note(isWide ? .opens : coverage.isPartial ? .closes : .note, value, what, remedy)
            }
        } catch {
            throw fields.error(.badValue, value, error.description, "write the network's address and length, or any")
        }
    }

    /// One text, or a list of them.
    private func texts(_ value: Value) throws(ImportError) -> [String] {
        guard case .list(let elements) = value.content else { return [try fields.word(value, "a name")] }
        var texts: [String] = []
        for element in elements { texts.append(try fields.word(element, "a name")) }
        return texts
    }

    // MARK: Ports

    private mutating func ports(_ found: [String: Value], _ value: Value) throws(ImportError) -> PortSet? {
        let proto = try found["proto"].map { (value) throws(ImportError) in try fields.word(value, "a protocol") }
        let protocols: [PortProtocol]
        switch proto {
        case "any": protocols = [.tcp, .udp, .sctp]
        case "tcp": protocols = [.tcp]
        case "udp": protocols = [.udp]
        case "icmp", "icmpv6": return PortSet([PortMatch(.icmp), PortMatch(.icmpv6)])
        default:
            throw fields.error(
                .badValue, found["proto"] ?? value, "the rule has no protocol that Nebula knows",
                "write proto: any, tcp, udp or icmp")
        }
        guard found["port"] == nil || found["code"] == nil else {
            throw fields.error(.contradiction, value, "port and code stand in one rule", "keep one")
        }
        guard let field = found["port"] ?? found["code"] else {
            throw fields.error(.missingField, value, "the rule has no port", "add port, such as port: any")
        }
        let text = try fields.word(field, "a port")
        switch text {
        case "any", "0": return proto == "any" ? .all : PortSet(protocols.map { PortMatch($0) })
        case "fragment":
            note(
                .closes, field, "fragments without ports have no rules of their own: the rule is left out",
                "plug the endpoints without ports, if fragments are needed")
            return nil
        default: break
        }
        let ends = text.split(separator: "-" as Character, omittingEmptySubsequences: false).map { part in
            UInt16(String(part.filter { $0 != " " }))
        }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
            first > 0 || ends.count == 2
        else {
            throw fields.error(
                .badValue, field, "'\(text.prefix(80))' is no port", "write a number, a range such as 200-901, or any")
        }
        // A range from 0 is every port to Nebula.
        if first == 0 { return proto == "any" ? .all : PortSet(protocols.map { PortMatch($0) }) }
        return PortSet(protocols.map { PortMatch($0, first...last) })
    }
}
