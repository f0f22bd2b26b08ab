import NetTypes

extension DocumentReader {
    mutating func tests(_ value: Value?) -> [DocumentTest] {
        guard let value else { return [] }
        mark(DocumentPath(.tests), value)
        guard let elements = self.list(value, 0...PolicyLimits.tests, "tests") else { return [] }
        return elements.enumerated().compactMap { test($1, $0) }
    }

    private mutating func test(_ value: Value, _ index: Int) -> DocumentTest? {
        let known = ["expect", "from", "to", "port", "at", "reason"]
        guard let fields = self.fields(value, "a test", known) else { return nil }
        report(unknownIn: value, "a test", known)
        places.set(DocumentPath(.tests, index), value.place, "a test")
        for (field, value) in fields { mark(DocumentPath(.tests, index, field), value) }
        let expectation = self.required(fields, "expect", "a test", value)
            .flatMap { self.word($0, "what a test expects", DocumentTest.Expectation.self) }
        let from = self.required(fields, "from", "a test", value).flatMap { self.end($0) }
        let to = self.required(fields, "to", "a test", value).flatMap { self.end($0) }
        let port = fields["port"].flatMap { self.port($0) }
        let isRange = port.map { $0.portProtocol.isICMP ? $0.last - $0.first > 0xff : $0.first != $0.last } ?? false
        if isRange, let field = fields["port"] {
            report(.badValue, field, "\(quoted(field)) is more than one port", "write the one to try")
        }
        let moment = fields["at"].flatMap { self.moment($0) }
        let reason = self.required(fields, "reason", "a test", value).flatMap { self.text($0, "a reason") }
        guard findings.isEmpty, let expectation, let from, let to, let reason else { return nil }
        return DocumentTest(expect: expectation, from: from, to: to, port: port, moment: moment, reason: reason)
    }

    /// An endpoint's name, an outside address, or an endpoint that is described.
    private mutating func end(_ value: Value) -> DocumentTest.End? {
        if case .map = value.content { return self.described(value).map(DocumentTest.End.described) }
        guard let text = self.text(value, "an endpoint's name or an address") else { return nil }
        if let name = try? Name(parsing: text) { return .endpoint(name) }
        if let address = try? IPAddress(parsing: text) { return .outside(address) }
        report(
            .badValue, value, "'\(printable(text))' is neither an endpoint's name nor an address",
            "write such as web1 or 192.0.2.7")
        return nil
    }

    private mutating func described(_ value: Value) -> Party? {
        let known = ["name", "labels", "level"]
        guard let fields = self.fields(value, "an endpoint", known) else { return nil }
        report(unknownIn: value, "an endpoint", known)
        let name = self.required(fields, "name", "an endpoint", value).flatMap { self.name($0, "an endpoint") }
        var labels = Set<PolicyLabel>()
        for element in fields["labels"].flatMap({ self.list($0, 0...PolicyLimits.operands, "labels") }) ?? [] {
            let label = self.parsed(element, "a label such as tier=web", "write key=value") {
                (text) throws(DocumentTextError) in
                guard let label = try? PolicyLabel(parsing: text) else {
                    throw DocumentTextError("a label such as tier=web")
                }
                return label
            }
            guard let label else { continue }
            if !labels.insert(label).inserted {
                report(.duplicateName, element, "'\(label)' stands here twice", "keep one of the two")
            }
        }
        let level = fields["level"].map { self.number($0, 0...PolicyLimits.level) } ?? 0
        guard let name, let level else { return nil }
        return .endpoint(name, labels: labels, level: UInt8(level))
    }
}
