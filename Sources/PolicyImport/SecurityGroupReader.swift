import NetTypes
import PolicyLanguage

/// Reads security groups as `openstack … -f json` and the Neutron API write them. The command's fields are those of the
/// API with other names, and some joined into one.
struct SecurityGroupReader {
    let fields: FieldReader
    private(set) var groups: [SecurityGroup] = []
    private(set) var rules: [SecurityGroupRule] = []
    private(set) var notes: [ImportNote] = []
    private var seen: Set<String>

    init(source: String, seen: Set<String>) {
        fields = FieldReader(source: source)
        self.seen = seen
    }

    /// The ids of the rules so far: the same rule may stand in several outputs.
    var seenRules: Set<String> { seen }

    private mutating func note(_ severity: ImportNote.Severity, _ value: Value, _ what: String, _ remedy: String) {
        notes.append(ImportNote(severity, fields.source, value.place, what, remedy: remedy))
    }

    // MARK: Objects

    mutating func read(_ value: Value) throws(ImportError) {
        if case .list(let elements) = value.content {
            for element in elements { try object(element, group: nil) }
        } else {
            try object(value, group: nil)
        }
    }

    private mutating func object(_ value: Value, group: String?) throws(ImportError) {
        let found = try normal(value)
        if found["direction"] != nil || found["ethertype"] != nil {
            return try rule(value, found, group)
        }
        if let list = found["security_groups"] {
            for element in try fields.list(list, "security groups") { try object(element, group: nil) }
        } else if let one = found["security_group"], case .map = one.content {
            try object(one, group: nil)
        } else if let name = found["name"] {
            let text = try fields.word(name, "a name")
            let id = try found["id"].map { (value) throws(ImportError) in try fields.word(value, "an id") } ?? text
            groups.append(SecurityGroup(id: id, name: text, source: fields.source, place: value.place))
            if let stateful = found["stateful"], try fields.word(stateful, "true or false").lowercased() == "false" {
                note(
                    .opens, stateful, "the group '\(text.prefix(80))' keeps no state; here answers pass without a rule",
                    "make the rules one-way where answers must not pass")
            }
            let list = found["security_group_rules"] ?? found["rules"]
            if let list, case .scalar = list.content {
                throw fields.error(
                    .badValue, list, "the rules stand here as text", "use -f json, and a client that writes lists")
            }
            for element in try fields.list(list, "rules") { try object(element, group: id) }
        } else if let list = found["security_group_rules"] {
            for element in try fields.list(list, "rules") { try object(element, group: nil) }
        } else if found["ip_protocol"] != nil || found["port_range"] != nil {
            throw fields.error(
                .missingField, value, "the rule does not say its direction", "list the rules with --long")
        } else {
            throw fields.error(
                .badValue, value, "this is neither a security group nor a rule",
                "write the output of 'openstack security group list, show' or 'rule list' with -f json, or of the API")
        }
    }

    /// The fields with the names that the API gives them.
    private func normal(_ value: Value) throws(ImportError) -> [String: Value] {
        var found: [String: Value] = [:]
        for (key, value) in try fields.fields(value, "a security group or a rule") {
            var name = key.lowercased().replacing(" ", with: "_")
            switch name {
            case "ether_type": name = "ethertype"
            case "ip_range": name = "remote_ip_prefix"
            case "remote_security_group": name = "remote_group_id"
            case "remote_address_group": name = "remote_address_group_id"
            default: break
            }
            found[name] = value
        }
        return found
    }

    // MARK: Rules

    private static let known: Set = [
        "id", "direction", "ethertype", "protocol", "ip_protocol", "port_range", "port_range_min", "port_range_max",
        "remote_ip_prefix", "remote_group_id", "remote_address_group_id", "security_group_id", "security_group", "name",
        "description", "tenant_id", "project_id", "created_at", "updated_at", "revision_number", "tags", "location",
        "normalized_cidr", "belongs_to_default_sg", "standard_attr_id",
    ]

    private mutating func rule(
        _ value: Value, _ found: [String: Value], _ context: String?
    ) throws(ImportError) {
        func text(_ name: String) throws(ImportError) -> String? {
            guard let value = found[name] else { return nil }
            let text = try fields.word(value, "a text")
            return text.isEmpty || text == "None" ? nil : text
        }
        if let id = try text("id"), !seen.insert(id).inserted { return }
        for key in found.keys.sorted() where !Self.known.contains(key) {
            note(
                .opens, found[key] ?? value, "the field '\(key.prefix(80))' of a rule is not known, and passed over",
                "see whether it narrows the rule")
        }
        var group = context
        for name in ["security_group", "security_group_id"] { if let text = try text(name) { group = text } }
        guard let group else {
            throw fields.error(
                .missingField, value, "the rule does not say of which group it is",
                "list the rules of all groups, or show the group")
        }
        guard let direction = try text("direction"), ["ingress", "egress"].contains(direction) else {
            throw fields.error(
                .badValue, found["direction"] ?? value, "the direction is neither ingress nor egress",
                "write one of them; list rules with --long")
        }
        let familyText = try text("ethertype") ?? "IPv4"
        guard let family = OpenStackOptions.Family.allCases.first(where: { $0.rawValue == familyText }) else {
            throw fields.error(
                .badValue, found["ethertype"] ?? value, "'\(familyText.prefix(80))' is no ethertype of a rule",
                "write IPv4 or IPv6")
        }
        if let addressGroup = found["remote_address_group_id"], try text("remote_address_group_id") != nil {
            note(
                .closes, addressGroup, "the addresses of an address group are not known: the rule is left out",
                "write the rule with prefixes")
            return
        }
        guard let ports = try ports(value, found, family) else { return }
        var remote = SecurityGroupRule.Remote.anywhere
        if let id = try text("remote_group_id") {
            remote = .group(id)
        } else if let prefix = try text("remote_ip_prefix"), let value = found["remote_ip_prefix"] {
            do throws(TextError) {
                let set = try AddressSet(parsing: prefix)
                guard family == .ipv4 ? set.v6.isEmpty : set.v4.isEmpty else {
                    throw TextError(prefix, "a prefix of \(family.rawValue)")
                }
                remote = set.isWholeFamilies ? .anywhere : .prefix(set, text: prefix)
            } catch {
                throw fields.error(.badValue, value, error.description, "write the network's address and length")
            }
        }
        rules.append(
            SecurityGroupRule(
                group: group, isIngress: direction == "ingress", family: family, ports: ports.set,
                portText: ports.text, remote: remote, source: fields.source, value: value))
    }

    private mutating func ports(
        _ value: Value, _ found: [String: Value], _ family: OpenStackOptions.Family
    ) throws(ImportError) -> (set: PortSet, text: String)? {
        let field = found["protocol"] ?? found["ip_protocol"]
        let name = try field.map { (value) throws(ImportError) in try fields.word(value, "a protocol") } ?? ""
        let (low, high) = try range(value, found)
        let icmp: PortProtocol = family == .ipv4 ? .icmp : .icmpv6
        let portProtocol: PortProtocol
        switch name.lowercased() {
        case "", "any", "none", "-1":
            guard low == nil, high == nil else {
                throw fields.error(.contradiction, value, "ports stand here without a protocol", "add the protocol")
            }
            return (PortSet([.tcp, .udp, .sctp, icmp].map { PortMatch($0) }), "any")
        case "tcp", "6": portProtocol = .tcp
        case "udp", "17": portProtocol = .udp
        case "sctp", "132": portProtocol = .sctp
        case "icmp", "1": portProtocol = icmp
        case "icmpv6", "ipv6-icmp", "58": portProtocol = .icmpv6
        default:
            note(
                .closes, field ?? value,
                "rules speak of tcp, udp, sctp and icmp, not of '\(name.prefix(80))': the rule is left out",
                "plug the endpoints without ports, if the protocol is needed")
            return nil
        }
        if portProtocol.isICMP {
            guard let type = low else {
                guard high == nil else {
                    throw fields.error(.contradiction, value, "an ICMP code without a type", "add the type")
                }
                return (PortSet([PortMatch(portProtocol)]), "\(portProtocol)")
            }
            guard type <= 255, high ?? 0 <= 255 else {
                throw fields.error(.badValue, value, "an ICMP type or code is above 255", "write 0 to 255")
            }
            let codes = high.map { $0...$0 } ?? 0...255
            let match = PortMatch(portProtocol, type << 8 | codes.lowerBound...type << 8 | codes.upperBound)
            return (PortSet([match]), match.description)
        }
        guard let low else {
            guard high == nil else {
                throw fields.error(.contradiction, value, "a last port without a first one", "add port_range_min")
            }
            return (PortSet([PortMatch(portProtocol)]), "\(portProtocol)")
        }
        let last = high ?? low
        guard low <= last else {
            throw fields.error(.badValue, value, "the range \(low)-\(last) is empty", "swap its ends")
        }
        let match = PortMatch(portProtocol, low...last)
        return (PortSet([match]), match.description)
    }

    /// The two numbers of a rule's ports, or its ICMP type and code.
    private func range(_ value: Value, _ found: [String: Value]) throws(ImportError) -> (UInt16?, UInt16?) {
        func number(_ text: some StringProtocol, _ value: Value) throws(ImportError) -> UInt16? {
            if text.isEmpty || text == "None" || text == "-1" { return nil }
            guard let number = UInt16(text), String(number) == text else {
                throw fields.error(
                    .badValue, value, "'\(text.prefix(80))' is no port", "write a number from 0 to 65535")
            }
            return number
        }
        if let joined = found["port_range"] {
            let text = try fields.word(joined, "a range of ports")
            let parts = text.split(separator: ":" as Character, omittingEmptySubsequences: false)
            func after(_ prefix: String, _ index: Int) -> Substring {
                guard index < parts.count else { return "" }
                return parts[index].hasPrefix(prefix) ? parts[index].dropFirst(prefix.count) : parts[index]
            }
            guard parts.count <= 2 else {
                throw fields.error(.badValue, joined, "'\(text.prefix(80))' is no range of ports", "write 80:81")
            }
            return (try number(after("type=", 0), joined), try number(after("code=", 1), joined))
        }
        var numbers: [UInt16?] = []
        for name in ["port_range_min", "port_range_max"] {
            guard let value = found[name] else {
                numbers.append(nil)
                continue
            }
            numbers.append(try number(try fields.word(value, "a port"), value))
        }
        return (numbers[0], numbers[1])
    }
}
