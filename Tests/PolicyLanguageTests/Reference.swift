import NetTypes
import Policy
import PolicyLanguage

/// The deliberately dumb policy: reads every rule for every question, keeps no index, and finds the deciding rule by
/// asking of each whether another one beats it.
struct DumbPolicy {
    let guardrails: Document?
    let document: Document
    let zones: FixedTimeZones

    struct Answer: Equatable {
        var verdict: RuleVerdict
        var rule: String
        var answers: Bool
    }

    private struct Candidate {
        let rule: Rule
        let isPlatform: Bool
        let index: Int
    }

    func answer(_ flow: Flow) -> Answer {
        guard let winner = winner(flow.source, flow.destination, flow.transport, flow.moment) else {
            return Answer(verdict: .unplug, rule: "", answers: false)
        }
        var answers = winner.rule.verdict == .plug && winner.rule.direction == .twoWay
        // A packet of which nothing is known but its ends shows what is said about the whole way back.
        if answers, let back = self.winner(flow.destination, flow.source, .other(255), flow.moment),
            back.rule.verdict == .unplug || back.rule.verdict == .reject, beats(back, winner)
        {
            answers = false
        }
        return Answer(
            verdict: winner.rule.verdict, rule: (winner.isPlatform ? "p/" : "") + winner.rule.name.text,
            answers: answers)
    }

    private func winner(_ source: Party, _ destination: Party, _ transport: Transport, _ moment: Timestamp)
        -> Candidate?
    {
        var all: [Candidate] = []
        for (index, rule) in (guardrails?.rules ?? []).enumerated() {
            all.append(Candidate(rule: rule, isPlatform: true, index: index))
        }
        for (index, rule) in document.rules.enumerated() {
            all.append(Candidate(rule: rule, isPlatform: false, index: index))
        }
        all = all.filter { speaks($0, source, destination, transport, moment) }
        func best() -> Candidate? { all.first { one in all.allSatisfy { !beats($0, one) } } }
        if let first = best(), first.rule.verdict == .pass { all = all.filter { !$0.isPlatform } }
        return best()
    }

    private func beats(_ a: Candidate, _ b: Candidate) -> Bool {
        if a.isPlatform != b.isPlatform { return a.isPlatform }
        if !a.isPlatform {
            let tiers = document.tiers.map(\.text)
            let (ta, tb) = (a.rule.tier?.text ?? tiers[0], b.rule.tier?.text ?? tiers[0])
            for tier in tiers where ta != tb {
                if tier == ta { return true }
                if tier == tb { return false }
            }
        }
        if a.rule.priority != b.rule.priority { return a.rule.priority < b.rule.priority }
        let (na, nb) = (naming(a.rule), naming(b.rule))
        for (x, y) in zip(na, nb) where x != y { return x > y }
        let order = ["unplug", "reject", "pass", "plug conf", "plug auth", "plug none"]
        func place(_ rule: Rule) -> Int {
            order.firstIndex { $0 == (rule.verdict == .plug ? "plug \(rule.security)" : rule.verdict.rawValue) } ?? 9
        }
        if place(a.rule) != place(b.rule) { return place(a.rule) < place(b.rule) }
        if a.rule.direction != b.rule.direction { return a.rule.direction == .oneWay }
        switch (a.rule.rate?.bitsPerSecond, b.rule.rate?.bitsPerSecond) {
        case (_?, nil): return true
        case (nil, _?): return false
        case (let x?, let y?) where x != y: return x < y
        default: return a.index < b.index
        }
    }

    /// How many endpoints, then how much by kinds of sides, then whether ports are named.
    private func naming(_ rule: Rule) -> [Int] {
        let kinds = [rule.from, rule.to].map { peer in
            switch peer {
            case .endpoint: 3
            case .group, .network: 2
            case .any: 1
            case .everything: 0
            }
        }
        return [kinds.filter { $0 == 3 }.count, kinds[0] + kinds[1], rule.ports.count > 0 ? 1 : 0]
    }

    private func speaks(
        _ candidate: Candidate, _ source: Party, _ destination: Party, _ transport: Transport, _ moment: Timestamp
    ) -> Bool {
        let rule = candidate.rule
        if rule.isDryRun || !isInForce(rule, moment) { return false }
        let home = candidate.isPlatform ? guardrails ?? document : document
        let forward = stands(source, rule.from, home) && stands(destination, rule.to, home)
        if rule.isLevelGuardrail { return forward && source.level > destination.level }
        let backward = stands(source, rule.to, home) && stands(destination, rule.from, home)
        if rule.ports.isEmpty { return forward || backward && rule.direction == .twoWay }
        guard forward, case .numbered(let portProtocol, let number) = transport else { return false }
        for port in rule.ports where port.portProtocol == portProtocol {
            if (port.first...port.last).contains(number) { return true }
        }
        return false
    }

    private func isInForce(_ rule: Rule, _ moment: Timestamp) -> Bool {
        if let start = rule.notBefore, moment.seconds < start.seconds { return false }
        if let end = rule.notAfter, moment.seconds >= end.seconds { return false }
        if rule.windows.isEmpty { return true }
        for window in rule.windows {
            guard let offset = zones.offset(of: window.zone, at: moment) else { continue }
            let minute = (Int(moment.seconds) + offset) / 60
            let today = minute / 1_440
            for day in [today - 1, today] where window.days.contains(where: { $0.rawValue == (day + 3) % 7 }) {
                let length = window.to > window.from ? window.to - window.from : window.to + 1_440 - window.from
                let opening = day * 1_440 + window.from
                if (opening..<opening + length).contains(minute) { return true }
            }
        }
        return false
    }

    private func stands(_ party: Party, _ peer: Peer, _ home: Document) -> Bool {
        switch (peer, party.kind) {
        case (.everything, _): return true
        case (.any, .endpoint): return true
        case (.endpoint(let wanted), .endpoint(let name)): return wanted == name
        case (.group(let group), .endpoint(let name)):
            for other in home.groups where other.name == group {
                return isIn(name, party.labels, other.definition, home)
            }
            return false
        case (.network(let network), .outside(let address)):
            for other in home.networks where other.name == network { return other.contains(address) }
            return false
        default: return false
        }
    }

    private func isIn(_ name: Name, _ labels: Set<PolicyLabel>, _ definition: GroupDefinition, _ home: Document) -> Bool
    {
        switch definition {
        case .members(let members): return members.contains(name)
        case .label(.equals(let label)): return labels.contains(label)
        case .label(.isIn(let key, let values)): return labels.contains { $0.key == key && values.contains($0.value) }
        case .label(.isNotIn(let key, let values)):
            return !labels.contains { $0.key == key && values.contains($0.value) }
        case .label(.exists(let key)): return labels.contains { $0.key == key }
        case .group(let group): return stands(.endpoint(name, labels: labels), .group(group), home)
        case .any(let operands): return operands.contains { isIn(name, labels, $0, home) }
        case .all(let operands): return operands.allSatisfy { isIn(name, labels, $0, home) }
        case .not(let operand): return !isIn(name, labels, operand, home)
        }
    }
}
