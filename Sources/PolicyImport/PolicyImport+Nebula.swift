public import NetTypes
public import PolicyLanguage

/// How endpoints stand for hosts of Nebula, and what an import of firewalls may take for known.
public struct NebulaOptions: Hashable, Sendable {
    /// The tenant whose document is made.
    public var tenant: Name
    /// The key of the labels with the groups of an endpoint's certificate.
    public var groupKey: String
    /// What is cut off the end of hosts' names, such as `.example.com`; the rest is the endpoint's name.
    public var hostSuffix: String
    /// What is known of the addresses of endpoints.
    public var addresses: AddressFacts

    /// Chooses.
    public init(
        tenant: Name, groupKey: String = "group", hostSuffix: String = "", addresses: AddressFacts = .none
    ) {
        self.tenant = tenant
        self.groupKey = groupKey
        self.hostSuffix = hostSuffix
        self.addresses = addresses
    }
}

/// The hosts that a firewall section is the configuration of.
public enum NebulaHosts: Hashable, Sendable {
    /// The endpoints of a label.
    case label(LabelRequirement)
    /// The hosts with this group in their certificate.
    case group(String)
    /// One host.
    case host(String)

    /// Reads `group:web`, `host:web1`, or a label such as `tier=web` or `tier in (web, app)`.
    public init(parsing text: some StringProtocol) throws(DocumentTextError) {
        if text.hasPrefix("group:"), PolicyLabel.isWord(String(text.dropFirst(6))) {
            self = .group(String(text.dropFirst(6)))
        } else if text.hasPrefix("host:"), text.utf8.count > 5 {
            self = .host(String(text.dropFirst(5)))
        } else if let requirement = try? LabelRequirement(parsing: text) {
            self = .label(requirement)
        } else {
            throw DocumentTextError("hosts such as group:web, host:web1, or a label such as tier=web")
        }
    }
}

/// A Nebula configuration with the hosts that it is of.
public struct NebulaSource: Hashable, Sendable {
    /// The text: a whole configuration, or its firewall section.
    public let source: ImportSource
    /// The hosts that have it.
    public let appliesTo: NebulaHosts

    /// Joins a text and its hosts.
    public init(_ source: ImportSource, appliesTo: NebulaHosts) {
        self.source = source
        self.appliesTo = appliesTo
    }
}

extension PolicyImport {
    /// Imports the firewall sections of Nebula configurations from YAML.
    ///
    /// A flow needs an outbound rule of the host that begins it and an inbound rule of the host that receives it. Of a
    /// host whose configuration is not among the texts nothing is known: it is asked nothing, and two such hosts have
    /// no wire.
    ///
    /// - Throws: ``ImportError`` with the first thing that is wrong or too large; then nothing is imported.
    public static func nebula(_ sources: [NebulaSource], options: NebulaOptions) throws(ImportError) -> PolicyImport {
        guard PolicyLabel.isWord(options.groupKey) else {
            throw ImportError(
                "options", .badValue, .unknown, options.groupKey, "'\(options.groupKey)' is no key of a label",
                remedy: "use 1 to 63 letters, digits, '.', '_', '-' and '/'")
        }
        try options.addresses.check()
        try ImportSource.checkSize(sources.map(\.source))
        var algebra = SelectionAlgebra(isSingleValued: false)
        var egress: [Clause] = []
        var ingress: [Clause] = []
        var covered: [Selection] = []
        var notes: [ImportNote] = []
        for source in sources {
            var reader = NebulaReader(options, source: source.source.name, algebra: algebra)
            let hosts = try reader.hosts(source.appliesTo)
            covered.append(hosts.selection)
            let values = try YAMLStream.read(source.source)
            guard values.count == 1 else {
                throw ImportError(
                    source.source.name, .syntax, Place(line: 1, column: 1), "",
                    "\(values.count) documents stand in the text", remedy: "write one configuration")
            }
            try reader.configuration(values[0], hosts)
            egress += reader.outbound
            ingress += reader.inbound
            notes += reader.notes
        }
        var assembly = DocumentAssembly(head: [
            "Imported from Nebula firewalls: \(sources.map(\.source.name).joined(separator: ", ")).",
            "An endpoint has the label '\(options.groupKey)' with each group of its certificate.",
        ])
        let all = algebra.either(covered)
        if all != .none {
            let group = assembly.define(
                .init(
                    name: "configured", selection: all,
                    comment: "The hosts whose configurations were imported."))
            algebra.define(group, as: all)
            let rest = Clause(
                near: .not(group), far: group, nearSlug: "others", farSlug: "configured",
                origins: [Origin(text: "The other end's configuration was not imported.", slug: "others")])
            egress.append(rest)
            ingress.append(rest)
            notes.append(
                ImportNote(
                    .opens, "", .unknown,
                    "hosts without an imported configuration are taken to let everything pass from and to those with one",
                    remedy: "import the configurations of all hosts"))
        }
        let stages = try LayerProduct.stages(
            egress: Layer(allowing: egress), ingress: Layer(allowing: ingress), algebra: algebra)
        let tiers = try assembly.add(stages)
        notes.append(
            ImportNote(
                .note, "", .unknown,
                "protocols other than TCP, UDP, SCTP and ICMP, and fragments without ports, pass only between endpoints "
                    + "that may begin everything to each other", remedy: "nothing, if no host needs them"))
        return try assembly.finish(tenant: options.tenant, tiers: tiers, report: notes)
    }
}
