import NetTypes
import PolicyLanguage

/// Makes a document of stages: names its groups, networks and rules, and gives the rules their tiers and priorities.
///
/// Stages become levels. Rules of one level have one tier and one priority; as they have one verdict too, what the
/// language prefers among them does not matter. Neighbouring stages of one verdict share a level.
struct DocumentAssembly {
    /// A group that other selections name.
    struct NamedGroup {
        let name: String
        let selection: Selection
        let comment: String
        /// Whether sides of rules that are the same endpoints are called so too.
        var isShared = false
    }

    private static let levelsOfTier = PolicyLimits.priority + 1

    private var names = NameMaker()
    private var groups: [PolicyGroup] = []
    private var groupNames: [Selection: Name] = [:]
    private var networks: [OutsideNetwork] = []
    private var networkNames: [AddressSet: Name] = [:]
    private var ruleNames = NameMaker()
    private var rules: [Rule] = []
    private var comments = DocumentComments()

    init(head: [String]) { comments.head = head }

    /// Makes a group by which selections are to be called; gives the selection that names it.
    mutating func define(_ group: NamedGroup) -> Selection {
        guard let definition = group.selection.definition else { return .all }
        let name = names.name(group.name)
        groups.append(PolicyGroup(name: name, definition))
        if !group.comment.isEmpty { comments.groups[name] = [group.comment] }
        if group.isShared { groupNames[group.selection] = name }
        return .group(name)
    }

    /// Adds the rules of lists of stages, of which no two speak of the same flow.
    mutating func add(_ lists: [[DraftStage]]) throws(ImportError) -> [Name] {
        let lists = lists.map(Self.joined)
        let levels = lists.map(\.count).max() ?? 0
        let tierCount = (levels + Self.levelsOfTier - 1) / Self.levelsOfTier
        guard tierCount <= PolicyLimits.tiers else {
            throw ImportError(
                "", .limit, .unknown, "",
                "allowing and denying rules alternate more than \(PolicyLimits.tiers * Self.levelsOfTier) times",
                remedy: "import fewer policies at a time, or order them so that rules of one action stand together")
        }
        var tiers = Document.defaultTiers
        if tierCount > 1 {
            var tierNames = NameMaker()
            tiers = (1...tierCount).map { tierNames.name("imported-\($0)") }
        }
        for list in lists {
            // A level's number leaves room for rules that people add between two.
            let step = levels == 1 ? 0 : levels <= 100 ? 10 : 1
            for (level, stage) in list.enumerated() {
                let priority =
                    step == 0 ? PolicyLimits.defaultPriority : (level + (step == 10 ? 1 : 0)) % Self.levelsOfTier * step
                for draft in stage.rules {
                    try add(
                        draft, plugs: stage.plugs, priority: priority,
                        tier: tierCount > 1 ? tiers[level / Self.levelsOfTier] : nil)
                }
            }
        }
        return tiers
    }

    /// Neighbouring stages of one verdict as one.
    private static func joined(_ stages: [DraftStage]) -> [DraftStage] {
        var joined: [DraftStage] = []
        for stage in stages {
            if let last = joined.last, last.plugs == stage.plugs {
                joined[joined.count - 1].rules += stage.rules
            } else {
                joined.append(stage)
            }
        }
        // What nothing plugs is unplugged.
        while let last = joined.last, !last.plugs { joined.removeLast() }
        return joined
    }

    private mutating func add(_ draft: DraftRule, plugs: Bool, priority: Int, tier: Name?) throws(ImportError) {
        let from = try peer(draft.from, draft.fromSlug)
        let to = try peer(draft.to, draft.toSlug)
        for ports in draft.ports.map(\.lists) ?? [[]] {
            guard rules.count < PolicyLimits.rules else { throw LayerProduct.tooMany }
            let slug = draft.origins.map(\.slug).joined(separator: "-")
            let name = ruleNames.name(draft.ports == nil ? slug + "-both-ways" : slug)
            comments.rules[name] = Self.lines(draft.origins)
            rules.append(
                Rule(
                    name: name, tier: tier, priority: priority, from: from, to: to, verdict: plugs ? .plug : .unplug,
                    ports: ports))
        }
    }

    /// A comment of at most so many lines.
    private static func lines(_ origins: [Origin], most: Int = 6) -> [String] {
        let lines = origins.map(\.text)
        return lines.count > most ? lines.prefix(most - 1) + ["and \(lines.count - most + 1) more"] : lines
    }

    // MARK: Sides

    private mutating func peer(_ side: DraftRule.Side, _ slug: String) throws(ImportError) -> Peer {
        switch side {
        case .endpoints(let selection):
            guard let definition = selection.definition else { return .any }
            if case .group(let name) = selection { return .group(name) }
            if case .members(let members) = selection, members.count == 1 { return .endpoint(members[0]) }
            if let name = groupNames[selection] { return .group(name) }
            let name = names.name(slug)
            groupNames[selection] = name
            groups.append(PolicyGroup(name: name, definition))
            return .group(name)
        case .outside(let addresses):
            if let name = networkNames[addresses] { return .network(name) }
            let (ipv4, ipv6) = (addresses.ipv4Prefixes, addresses.ipv6Prefixes)
            guard ipv4.count + ipv6.count <= PolicyLimits.prefixes else {
                throw ImportError(
                    "", .limit, .unknown, slug,
                    "'\(slug)' is \(ipv4.count + ipv6.count) prefixes, more than the \(PolicyLimits.prefixes) of a "
                        + "network", remedy: "write the blocks with fewer exceptions, or in several rules")
            }
            let name = addresses == .all ? names.name("outside") : names.name(slug)
            networkNames[addresses] = name
            networks.append(OutsideNetwork(name: name, ipv4: ipv4, ipv6: ipv6))
            return .network(name)
        }
    }

    // MARK: The document

    /// The document, checked, and its text.
    mutating func finish(
        tenant: Name, tiers: [Name], report: [ImportNote]
    ) throws(ImportError) -> PolicyImport {
        let document: Document
        do throws(DocumentRefusal) {
            document = try Document(
                scope: .tenant(tenant), tiers: tiers, groups: groups, networks: networks, rules: rules)
        } catch {
            throw ImportError(
                "",
                error.findings.first
                    ?? Finding(.limit, at: .unknown, text: "", "the document is refused", remedy: "import less"))
        }
        let text = DocumentText.write(document, comments: comments)
        guard text.utf8.count <= PolicyLimits.documentBytes else {
            throw ImportError(
                "", .limit, .unknown, "",
                "the document would have \(text.utf8.count) bytes, more than \(PolicyLimits.documentBytes)",
                remedy: "import fewer policies at a time")
        }
        return PolicyImport(document: document, text: text, report: report)
    }
}
