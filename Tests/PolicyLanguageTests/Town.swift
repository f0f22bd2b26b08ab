import NetTypes
import Policy
import PolicyLanguage

/// A small generator of random numbers with a seed, SplitMix64, for tests that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

func name(_ text: String) throws -> Name { try Name(parsing: text) }

/// Few names, labels and ports, so that random rules meet.
struct Town {
    let parties: [Party]
    private let labels: [PolicyLabel]
    let zones = FixedTimeZones(["Asia/Taipei": 28_800, "America/New_York": -18_000])

    init() throws {
        let labels = try ["tier=web", "tier=db", "env=test", "env=live", "app=cart"].map {
            try PolicyLabel(parsing: $0)
        }
        let facts: [(String, [Int], UInt8)] = [
            ("e0", [0, 3], 0), ("e1", [1], 1), ("e2", [0, 1, 2], 1), ("e3", [], 2), ("e4", [4, 2], 0),
        ]
        var parties: [Party] = []
        for (text, indexes, level) in facts {
            parties.append(.endpoint(try name(text), labels: Set(indexes.map { labels[$0] }), level: level))
        }
        for text in ["192.0.2.7", "198.51.100.9", "2001:db8:7::1"] {
            parties.append(.outside(try IPAddress(parsing: text)))
        }
        self.parties = parties
        self.labels = labels
    }

    func requirement(_ random: inout SeededGenerator) -> LabelRequirement {
        let label = random.pick(labels)
        switch random.below(4) {
        case 0: return .exists(key: label.key)
        case 1:
            return .isIn(
                key: label.key, values: random.chance(50) ? ["web", label.value].sorted().unique : [label.value])
        case 2: return .isNotIn(key: label.key, values: [label.value])
        default: return .equals(label)
        }
    }

    func definition(_ random: inout SeededGenerator, earlier: [Name], depth: Int = 0) throws -> GroupDefinition {
        switch random.below(depth > 1 ? 3 : 6) {
        case 0:
            let names = try (0..<5).filter { _ in random.chance(40) }.map { try name("e\($0)") }
            return .members(names)
        case 1: return earlier.isEmpty || depth == 0 ? .label(requirement(&random)) : .group(random.pick(earlier))
        case 2: return .label(requirement(&random))
        case 3: return .not(try definition(&random, earlier: earlier, depth: depth + 1))
        case 4:
            return .any(
                try (0..<random.below(2) + 1).map { _ in try definition(&random, earlier: earlier, depth: depth + 1) })
        default:
            return .all(
                try (0..<random.below(2) + 1).map { _ in try definition(&random, earlier: earlier, depth: depth + 1) })
        }
    }

    func ports(_ random: inout SeededGenerator) -> [PortMatch] {
        var ports: [PortMatch] = []
        for _ in 0..<random.below(3) {
            let portProtocol = random.pick(PortProtocol.allCases)
            let first = UInt16(random.below(4))
            let match =
                random.chance(20)
                ? PortMatch(portProtocol)
                : PortMatch(portProtocol, first...first + (portProtocol.isICMP ? 0 : UInt16(random.below(2))))
            if !ports.contains(match) { ports.append(match) }
        }
        return ports
    }

    func transport(_ random: inout SeededGenerator) -> Transport {
        switch random.below(10) {
        case 0: .fragment(random.pick([6, 17]))
        case 1: .other(random.pick([47, 50]))
        default: .numbered(random.pick(PortProtocol.allCases), random.chance(10) ? .max : UInt16(random.below(6)))
        }
    }

    func moment(_ random: inout SeededGenerator) -> Timestamp {
        Timestamp(1_790_000_000 + Int64(random.below(14)) * 43_201)
    }

    private func timing(_ rule: inout Rule, _ random: inout SeededGenerator) {
        guard random.chance(25) else { return }
        if random.chance(50) {
            let days = Set(Weekday.allCases.filter { _ in random.chance(60) } + [.monday])
            let (from, to) = (random.below(1_440), random.below(1_440) + 1)
            let zone = random.pick(["UTC", "Asia/Taipei", "America/New_York", "Mars/Olympus"])
            if let window = TimeWindow(days: days, from: from, to: to, zone: zone) { rule.windows = [window] }
        }
        if random.chance(50) { rule.notBefore = moment(&random) }
        if random.chance(50) { rule.notAfter = moment(&random) + 200_000 + Int64(random.below(300_000)) }
        if let start = rule.notBefore, let end = rule.notAfter, start >= end { rule.notAfter = nil }
    }

    func peer(_ random: inout SeededGenerator, _ groups: [PolicyGroup], isPlatform: Bool) throws -> Peer {
        switch random.below(6) {
        case 0: return .any
        case 1: return .everything
        case 2: return .network(try name(random.pick(["office", "world"])))
        case 3 where !isPlatform: return .endpoint(try name("e\(random.below(5))"))
        default: return groups.isEmpty ? .any : .group(random.pick(groups).name)
        }
    }

    /// A document that is taken, or nil where the dice gave one that is not.
    func document(_ random: inout SeededGenerator, isPlatform: Bool = false) throws -> Document? {
        var groups: [PolicyGroup] = []
        for index in 0..<random.below(4) {
            let definition = try definition(&random, earlier: groups.map(\.name))
            groups.append(PolicyGroup(name: try name("g\(random.below(9))x\(index)"), definition))
        }
        if isPlatform {
            groups = groups.filter { !"\($0.definition)".contains("members") && $0.definition.references.isEmpty }
        }
        let networks = [
            OutsideNetwork(
                name: try name("office"), ipv4: [try IPv4Prefix(parsing: "192.0.2.0/24")],
                ipv6: [try IPv6Prefix(parsing: "2001:db8:7::/48")]),
            OutsideNetwork(
                name: try name("world"), ipv4: [try IPv4Prefix(parsing: "0.0.0.0/0")],
                ipv6: [try IPv6Prefix(parsing: "::/0")]),
        ]
        let tiers = try isPlatform ? Document.defaultTiers : ["first", "second"].map(name)
        var rules: [Rule] = []
        for index in 0..<random.below(isPlatform ? 4 : 7) {
            var rule = Rule(
                name: try name("r\(index)"), priority: random.pick([100, 500]),
                from: try peer(&random, groups, isPlatform: isPlatform),
                to: try peer(&random, groups, isPlatform: isPlatform),
                verdict: random.pick(
                    isPlatform ? [.unplug, .reject, .pass] : [.plug, .plug, .plug, .unplug, .reject]),
                direction: random.chance(30) ? .oneWay : .twoWay, isLogged: random.chance(10),
                isDryRun: random.chance(10))
            if isPlatform, random.chance(30) {
                (rule.isLevelGuardrail, rule.verdict, rule.direction) = (true, .unplug, .oneWay)
            } else if rule.verdict != .pass {
                rule.ports = ports(&random).sorted()
            }
            if rule.verdict == .plug {
                rule.security = random.pick(Security.allCases)
                if random.chance(20) { rule.rate = RateLimit(bitsPerSecond: 1_000_000, burstBytes: 4_096) }
            }
            if !isPlatform { rule.tier = random.chance(80) ? random.pick(tiers) : nil }
            timing(&rule, &random)
            if case .network = rule.from, case .network = rule.to { rule.to = .any }
            rules.append(rule)
        }
        return try? Document(
            scope: isPlatform ? .platform : .tenant(try name("acme")), tiers: tiers, groups: groups, networks: networks,
            rules: rules)
    }
}

extension Array where Element: Equatable {
    var unique: [Element] { reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
}
