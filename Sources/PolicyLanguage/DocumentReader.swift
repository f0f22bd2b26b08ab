import NetTypes
import Policy

/// Reads a document out of values, which come from YAML or from canonical JSON. Everything that is wrong is found in
/// one pass, up to ``PolicyLimits/findings``.
public struct DocumentReader {
    var findings: [Finding] = []
    var places = DocumentPlaces()

    /// Reads a document.
    ///
    /// - Throws: ``DocumentRefusal`` with everything that is wrong, in the order of the text.
    public static func read(_ value: Value) throws(DocumentRefusal) -> SourcedDocument {
        var reader = DocumentReader()
        let document = reader.document(value)
        if reader.findings.isEmpty, let document {
            var validator = DocumentValidator(document: document, places: reader.places)
            validator.run()
            reader.findings = validator.findings
            if reader.findings.isEmpty { return SourcedDocument(document, places: reader.places) }
        }
        throw DocumentRefusal(reader.findings.sorted { ($0.place, $0.problem) < ($1.place, $1.problem) })
    }

    // MARK: The document

    private mutating func document(_ value: Value) -> Document? {
        let known = ["version", "tenant", "platform", "dry-run", "tiers", "groups", "networks", "rules", "tests"]
        guard let fields = self.fields(value, "the document", known) else { return nil }
        // The version first: of a later one we cannot say what its fields should be.
        guard let version = self.required(fields, "version", "the document", value) else { return nil }
        guard self.number(version, 1...PolicyLimits.version) != nil else { return nil }
        report(unknownIn: value, "the document", known)
        var scope: Document.Scope?
        // The place of the document is where it says whose it is.
        if let owner = fields["tenant"] ?? fields["platform"] { mark(DocumentPath(.document), owner) }
        switch (fields["tenant"], fields["platform"]) {
        case (let tenant?, nil): scope = self.name(tenant, "a tenant").map(Document.Scope.tenant)
        case (nil, let platform?):
            if self.boolean(platform) == true {
                scope = .platform
            } else {
                report(
                    .badValue, platform, "platform is true or is not there", "write 'platform: true' or 'tenant: NAME'")
            }
        case (_?, let platform?):
            report(.contradiction, platform, "a document is a tenant's or the platform's", "remove one of the two")
        case (nil, nil):
            report(.missingField, value, "the document does not say whose it is", "add 'tenant: NAME'")
        }
        var tiers = Document.defaultTiers
        if let value = fields["tiers"], let elements = self.list(value, 1...PolicyLimits.tiers, "tiers") {
            tiers = names(elements, "a tier", DocumentPath(.tiers))
            if scope == .platform {
                report(.contradiction, value, "the platform has one tier, before all others", "remove the tiers")
            }
        }
        let groups = self.groups(fields["groups"])
        let networks = self.networks(fields["networks"])
        let rules = self.rules(fields["rules"])
        let tests = self.tests(fields["tests"])
        let isDryRun = fields["dry-run"].flatMap { self.boolean($0) } ?? false
        guard findings.isEmpty, let scope else { return nil }
        return Document(unchecked: scope, tiers, groups, networks, rules, tests, isDryRun: isDryRun)
    }

    /// Names of a list; the path of element N is N of the section.
    private mutating func names(_ elements: [Value], _ what: String, _ path: DocumentPath) -> [Name] {
        elements.enumerated().compactMap { index, element in
            mark(DocumentPath(path.section, index), element)
            return self.name(element, what)
        }
    }

    private mutating func networks(_ value: Value?) -> [OutsideNetwork] {
        named(value, .networks, PolicyLimits.networks) { reader, name, value in
            guard let elements = reader.list(value, 1...PolicyLimits.prefixes, "prefixes") else { return nil }
            var ipv4: [IPv4Prefix] = []
            var ipv6: [IPv6Prefix] = []
            for element in elements {
                guard let text = reader.text(element, "a prefix such as 192.0.2.0/24") else { continue }
                do throws(TextError) {
                    if text.contains(":") {
                        ipv6.append(try IPv6Prefix(parsing: text))
                    } else {
                        ipv4.append(try IPv4Prefix(parsing: text))
                    }
                } catch {
                    reader.report(.badValue, element, error.description, "write the network's address and length")
                }
            }
            if Set(ipv4).count + Set(ipv6).count < elements.count, reader.findings.isEmpty {
                reader.report(.duplicateName, value, "a prefix stands here twice", "remove one of the two")
            }
            return OutsideNetwork(name: name, ipv4: ipv4, ipv6: ipv6)
        }
    }

    /// The elements of a map from names, in the order of the names, which is the model's.
    mutating func named<Element>(
        _ value: Value?, _ section: DocumentPath.Section, _ most: Int,
        _ read: (inout Self, Name, Value) -> Element?
    ) -> [Element] {
        guard let value else { return [] }
        mark(DocumentPath(section), value)
        guard case .map(let fields) = value.content else {
            report(.badValue, value, "\(value.summary) is not a map from names", "write 'NAME:' and what it is below")
            return []
        }
        guard fields.count <= most else {
            report(.limit, value, "\(fields.count) are more than the \(most) that a document may have", "use fewer")
            return []
        }
        var seen = Set<Name>()
        var pairs: [(name: Name, field: Value.Field)] = []
        for field in fields {
            let key = Value(.scalar(field.key, isQuoted: true), at: field.place)
            guard let name = self.name(key, "a name") else { continue }
            guard seen.insert(name).inserted else {
                report(.duplicateField, key, "'\(name)' stands here twice", "keep one of the two")
                continue
            }
            pairs.append((name, field))
        }
        pairs.sort { $0.name < $1.name }
        return pairs.enumerated().compactMap { index, pair in
            places.set(DocumentPath(section, index), pair.field.place, pair.field.key)
            return read(&self, pair.name, pair.field.value)
        }
    }
}
