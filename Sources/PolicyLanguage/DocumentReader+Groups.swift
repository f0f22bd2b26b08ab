import NetTypes

extension DocumentReader {
    mutating func groups(_ value: Value?) -> [PolicyGroup] {
        var index = 0
        return named(value, .groups, PolicyLimits.groups) { reader, name, value in
            var references = 0
            defer { index += 1 }
            return reader.definition(value, index, &references, depth: 0).map { PolicyGroup(name: name, $0) }
        }
    }

    /// A definition: one of `members`, `label`, `any`, `all`, `not`; inside set operations also the name of a group.
    private mutating func definition(
        _ value: Value, _ index: Int, _ references: inout Int, depth: Int
    ) -> GroupDefinition? {
        guard depth <= PolicyLimits.groupDepth else {
            report(
                .limit, value, "more than \(PolicyLimits.groupDepth) set operations are nested here",
                "write it with fewer")
            return nil
        }
        if depth > 0, case .scalar = value.content {
            mark(DocumentPath(.groups, index, "group", references), value)
            references += 1
            return self.name(value, "a group").map(GroupDefinition.group)
        }
        let known = ["members", "label", "any", "all", "not"]
        guard let fields = self.fields(value, "a group", known) else { return nil }
        report(unknownIn: value, "a group", known)
        guard fields.count == 1, let (key, operand) = fields.first else {
            report(
                fields.isEmpty ? .missingField : .contradiction, value,
                "a group is one of members, label, any, all, not; here are \(fields.count)",
                "keep one, or join several with any or all")
            return nil
        }
        switch key {
        case "members": return members(operand)
        case "label":
            let remedy = "write key=value, or another of these forms"
            return self.parsed(operand, "a label such as tier=web", remedy) { (text) throws(DocumentTextError) in
                .label(try LabelRequirement(parsing: text))
            }
        case "not": return self.definition(operand, index, &references, depth: depth + 1).map(GroupDefinition.not)
        case "any", "all":
            guard let operands = self.list(operand, 1...PolicyLimits.operands, "groups") else { return nil }
            var definitions: [GroupDefinition] = []
            for operand in operands {
                if let definition = self.definition(operand, index, &references, depth: depth + 1) {
                    definitions.append(definition)
                }
            }
            return key == "any" ? .any(definitions) : .all(definitions)
        default: return nil
        }
    }

    private mutating func members(_ value: Value) -> GroupDefinition? {
        guard let elements = self.list(value, 0...PolicyLimits.members, "members") else { return nil }
        var names = Set<Name>(minimumCapacity: elements.count)
        for element in elements {
            guard let name = self.name(element, "an endpoint") else { continue }
            if !names.insert(name).inserted {
                report(.duplicateName, element, "the member '\(name)' stands here twice", "keep one of the two")
            }
        }
        return .members(names.sorted())
    }
}
