import NetTypes
import Policy

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
}

func name(_ text: String) throws -> Name { try Name(parsing: text) }
func endpoint(_ text: String) throws -> Selector { .endpoint(try name(text)) }
func group(_ text: String) throws -> Selector { .group(try name(text)) }

func subject(_ text: String, _ groups: String...) throws -> Subject {
    Subject(name: try name(text), groups: try groups.map(name))
}

/// Few names and groups, so that random entries meet.
struct Town {
    let subjects: [Subject]
    let groups: [Name]

    init(using random: inout SeededGenerator) throws {
        let groups = try ["web", "db", "batch", "ops"].map(name)
        self.groups = groups
        subjects = try (0..<6).map { index in
            let members = groups.filter { _ in random.next() % 2 == 0 }
            return Subject(name: try name("e\(index)"), groups: members)
        }
    }

    func selector(using random: inout SeededGenerator) -> Selector {
        random.next() % 2 == 0
            ? .endpoint(subjects[Int(random.next() % UInt64(subjects.count))].name)
            : .group(groups[Int(random.next() % UInt64(groups.count))])
    }

    func level(using random: inout SeededGenerator) -> Security { [.none, .auth, .conf][Int(random.next() % 3)] }

    func document(entries count: Int, using random: inout SeededGenerator) throws -> PolicyDocument {
        var ids = Set<UInt64>()
        while ids.count < count { ids.insert(random.next() % 64) }
        // A set's order differs from run to run; the numbers must not.
        let entries = ids.sorted().shuffled(using: &random).map { id in
            let action: PolicyEntry.Action = random.next() % 2 == 0 ? .plug : .unplug
            return PolicyEntry(
                id: id, action: action, from: selector(using: &random), to: selector(using: &random),
                oneWay: random.next() % 2 == 0, security: action == .plug ? level(using: &random) : .none)
        }
        return PolicyDocument.checked(try name("acme"), entries)
    }
}

extension PolicyDocument {
    static func checked(_ tenant: Name, _ entries: [PolicyEntry]) -> PolicyDocument {
        (try? PolicyDocument(tenant: tenant, revision: 1, entries: entries)) ?? PolicyDocument(tenant: tenant)
    }
}

/// The deliberately dumb policy: the three ranks one after the other, each read from top to bottom, unplug first, then
/// the levels from the one that protects most.
func dumbVerdict(_ document: PolicyDocument, _ source: Subject, _ destination: Subject) -> (Bool, UInt64?) {
    func isIn(_ subject: Subject, _ selector: Selector) -> Bool {
        switch selector {
        case .endpoint(let name): return name == subject.name
        case .group(let name):
            for group in subject.groups where group == name { return true }
            return false
        }
    }
    func isName(_ selector: Selector) -> Bool {
        switch selector {
        case .endpoint: return true
        case .group: return false
        }
    }
    for names in [2, 1, 0] {
        let turns = [(PolicyEntry.Action.unplug, "none"), (.plug, "conf"), (.plug, "auth"), (.plug, "none")]
        for (action, level) in turns {
            var lowest: UInt64?
            for entry in document.entries where entry.action == action && entry.security.rawValue == level {
                if (isName(entry.from) ? 1 : 0) + (isName(entry.to) ? 1 : 0) != names { continue }
                let forward = isIn(source, entry.from) && isIn(destination, entry.to)
                let backward = isIn(destination, entry.from) && isIn(source, entry.to)
                if forward || (backward && !entry.oneWay) { lowest = min(lowest ?? .max, entry.id) }
            }
            if let lowest { return (action == .plug, lowest) }
        }
    }
    return (false, nil)
}
