import NetTypes
import Policy

extension DocumentReader {
    private static let ruleFields = [
        "name", "tier", "priority", "from", "to", "verdict", "ports", "direction", "security", "rate", "burst", "when",
        "not-before", "not-after", "log", "dry-run", "via", "levels",
    ]

    mutating func rules(_ value: Value?) -> [Rule] {
        guard let value else { return [] }
        mark(DocumentPath(.rules), value)
        guard let elements = self.list(value, 0...PolicyLimits.rules, "rules") else { return [] }
        return elements.enumerated().compactMap { rule($1, $0) }
    }

    private mutating func rule(_ value: Value, _ index: Int) -> Rule? {
        guard let fields = self.fields(value, "a rule", Self.ruleFields) else { return nil }
        report(unknownIn: value, "a rule", Self.ruleFields)
        let name = self.required(fields, "name", "a rule", value).flatMap { self.name($0, "a rule") }
        places.set(DocumentPath(.rules, index), value.place, name?.text ?? "a rule")
        for (field, value) in fields { mark(DocumentPath(.rules, index, field), value) }
        if let via = fields["via"] {
            report(.notSupported, via, "'via' is reserved for gateways and not yet supported", "remove it")
        }
        if let levels = fields["levels"] { return levelRule(name, fields, levels, value) }
        let from = self.required(fields, "from", "a rule", value).flatMap { self.peer($0) }
        let to = self.required(fields, "to", "a rule", value).flatMap { self.peer($0) }
        let verdict = self.required(fields, "verdict", "a rule", value).flatMap {
            self.word($0, "a verdict", RuleVerdict.self)
        }
        let ports = fields["ports"].map { self.ports($0) } ?? []
        let direction = fields["direction"].flatMap { self.word($0, "a direction", Rule.Direction.self) }
        let security = fields["security"].flatMap { self.word($0, "a level of security", Security.self) }
        let rate = self.rate(fields)
        let windows = fields["when"].map { self.windows($0) } ?? []
        let common = self.common(fields)
        guard findings.isEmpty, let name, let from, let to, let verdict else { return nil }
        return Rule(
            name: name, tier: common.tier, priority: common.priority, from: from, to: to, verdict: verdict,
            ports: ports, direction: direction ?? .twoWay, security: security ?? .none, rate: rate, windows: windows,
            notBefore: common.notBefore, notAfter: common.notAfter, isLogged: common.isLogged,
            isDryRun: common.isDryRun)
    }

    /// The guardrail of levels, which says by itself what it forbids, and may be bound to a part of the endpoints.
    private mutating func levelRule(_ name: Name?, _ fields: [String: Value], _ levels: Value, _ value: Value) -> Rule?
    {
        if self.text(levels, "'upward'").map({ $0 != "upward" }) ?? false {
            report(.badValue, levels, "\(quoted(levels)) is no rule of levels", "write upward")
        }
        for field in ["verdict", "ports", "direction", "security", "rate", "burst"] {
            guard let value = fields[field] else { continue }
            report(
                .contradiction, value, "a rule of levels has no '\(field)': it unplugs what flows downwards",
                "remove it")
        }
        let from = fields["from"].map { self.peer($0) } ?? .everything
        let to = fields["to"].map { self.peer($0) } ?? .everything
        let windows = fields["when"].map { self.windows($0) } ?? []
        let common = self.common(fields)
        guard findings.isEmpty, let name, let from, let to else { return nil }
        return Rule(
            name: name, tier: common.tier, priority: common.priority, from: from, to: to, verdict: .unplug,
            direction: .oneWay, windows: windows, notBefore: common.notBefore, notAfter: common.notAfter,
            isLogged: common.isLogged, isDryRun: common.isDryRun, isLevelGuardrail: true)
    }

    private struct Common {
        var tier: Name?
        var priority = PolicyLimits.defaultPriority
        var notBefore: Timestamp?
        var notAfter: Timestamp?
        var isLogged = false
        var isDryRun = false
    }

    private mutating func common(_ fields: [String: Value]) -> Common {
        Common(
            tier: fields["tier"].flatMap { self.name($0, "a tier") },
            priority: fields["priority"].flatMap { self.number($0, 0...PolicyLimits.priority) }
                ?? PolicyLimits.defaultPriority,
            notBefore: fields["not-before"].flatMap { self.moment($0) },
            notAfter: fields["not-after"].flatMap { self.moment($0) },
            isLogged: fields["log"].flatMap { self.boolean($0) } ?? false,
            isDryRun: fields["dry-run"].flatMap { self.boolean($0) } ?? false)
    }

    private mutating func peer(_ value: Value) -> Peer? {
        self.parsed(value, "one side", "name an endpoint, group:NAME, network:NAME, any or everything") {
            (text) throws(DocumentTextError) in try Peer(parsing: text)
        }
    }

    mutating func moment(_ value: Value) -> Timestamp? {
        self.parsed(value, "a moment", "write it in UTC, with a Z") { (text) throws(DocumentTextError) in
            try Timestamp(parsingMoment: text)
        }
    }

    mutating func port(_ value: Value) -> PortMatch? {
        self.parsed(value, "a port such as tcp/443", "write protocol/number, protocol/first-last or protocol/any") {
            (text) throws(DocumentTextError) in try PortMatch(parsing: text)
        }
    }

    private mutating func ports(_ value: Value) -> [PortMatch] {
        guard let elements = self.list(value, 1...PolicyLimits.ports, "ports") else { return [] }
        var ports: [PortMatch] = []
        for element in elements {
            guard let port = self.port(element) else { continue }
            if ports.contains(port) {
                report(.duplicateName, element, "\(port) stands here twice", "keep one of the two")
            }
            ports.append(port)
        }
        return ports
    }

    private mutating func rate(_ fields: [String: Value]) -> RateLimit? {
        guard let rateField = fields["rate"] else {
            if let burst = fields["burst"] { report(.contradiction, burst, "a burst without a rate", "add a rate") }
            return nil
        }
        let rate = self.parsed(rateField, "a rate such as 100 Mbit/s", "write bits per second with their unit") {
            (text) throws(DocumentTextError) in try RateLimit.bitsPerSecond(parsing: text)
        }
        var burst: UInt64?
        if let field = fields["burst"] {
            burst = self.parsed(field, "a burst such as 256 KiB", "write bytes with their unit") {
                (text) throws(DocumentTextError) in try RateLimit.burstBytes(parsing: text)
            }
        }
        return rate.flatMap { RateLimit(bitsPerSecond: $0, burstBytes: burst) }
    }

    private mutating func windows(_ value: Value) -> [TimeWindow] {
        // One window may stand without a list.
        if case .map = value.content { return self.window(value).map { [$0] } ?? [] }
        guard let elements = self.list(value, 1...PolicyLimits.windows, "time windows") else { return [] }
        return elements.compactMap { self.window($0) }
    }

    private mutating func window(_ value: Value) -> TimeWindow? {
        let known = ["days", "from", "to", "zone"]
        guard let fields = self.fields(value, "a time window", known) else { return nil }
        report(unknownIn: value, "a time window", known)
        var days = Set(Weekday.allCases)
        if let field = fields["days"] {
            days = []
            for element in self.list(field, 1...7, "days") ?? [] {
                let day = self.parsed(element, "a day", "write mon, tue, wed, thu, fri, sat or sun") {
                    (text) throws(DocumentTextError) in
                    guard let day = Weekday(text) else { throw DocumentTextError("a day of the week") }
                    return day
                }
                guard let day else { continue }
                if !days.insert(day).inserted {
                    report(.duplicateName, element, "\(day) stands here twice", "keep one of the two")
                }
            }
        }
        let from = minute(fields, "from", value)
        let to = minute(fields, "to", value)
        guard let zoneField = self.required(fields, "zone", "a time window", value),
            let zone = self.text(zoneField, "a time zone"),
            let from, let to
        else { return nil }
        guard TimeWindow.isZoneName(zone) else {
            report(
                .badValue, zoneField, "\(quoted(zoneField)) is not a time zone",
                "write an IANA name such as Asia/Taipei or UTC")
            return nil
        }
        guard !days.isEmpty else { return nil }
        guard let window = TimeWindow(days: days, from: from, to: to, zone: zone) else {
            report(
                .contradiction, fields["to"] ?? value,
                "the window from \(TimeWindow.text(minute: from)) to \(TimeWindow.text(minute: to)) is not one",
                "open before 24:00, close after 00:00, at another time than it opens")
            return nil
        }
        return window
    }

    private mutating func minute(_ fields: [String: Value], _ name: String, _ value: Value) -> Int? {
        guard let field = self.required(fields, name, "a time window", value) else { return nil }
        return self.parsed(field, "a time of day such as \"08:30\"", "write hours and minutes with two digits each") {
            (text) throws(DocumentTextError) in
            guard let minute = TimeWindow.minute(parsing: text) else {
                throw DocumentTextError("a time of day from 00:00 to 24:00")
            }
            return minute
        }
    }
}
