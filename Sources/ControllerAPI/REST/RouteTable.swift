import HTTPTypes

/// The operations by their paths, in a tree with a level for each segment: a request costs a step for each segment of its
/// path, however many operations there are.
struct RouteTable: Sendable {
    /// What a path leads to.
    struct Match: Sendable {
        fileprivate let entries: [Entry]
        /// The path's segments that stand for a parameter, in order.
        fileprivate let values: [String]

        /// The operations of the path, one for each method, in the table's order.
        var operations: [Operation] { entries.map(\.operation) }

        /// The operation of a method with the values of its parameters by name.
        func route(_ method: HTTPRequest.Method) -> (operation: Operation, parameters: [String: String])? {
            guard let entry = entries.first(where: { $0.operation.method == method }) else { return nil }
            return (entry.operation, Dictionary(zip(entry.names, values)) { first, _ in first })
        }
    }

    /// An operation with the names of its path's parameters, in order.
    fileprivate struct Entry: Sendable {
        let operation: Operation
        let names: [String]
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var entries: [Entry] = []
    }

    private var nodes = [Node()]

    init(_ operations: [Operation]) {
        for operation in operations {
            var node = 0
            for segment in operation.segments {
                let isParameter = segment.hasPrefix("{")
                if let next = isParameter ? nodes[node].parameter : nodes[node].literals[String(segment)] {
                    node = next
                    continue
                }
                nodes.append(Node())
                if isParameter {
                    nodes[node].parameter = nodes.count - 1
                } else {
                    nodes[node].literals[String(segment)] = nodes.count - 1
                }
                node = nodes.count - 1
            }
            let names = operation.segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            nodes[node].entries.append(Entry(operation: operation, names: names))
        }
    }

    /// What a path leads to; nil where there is nothing. A segment that is written out goes before one that is a
    /// parameter.
    func match(_ segments: [String]) -> Match? { match(segments[...], node: 0, values: []) }

    private func match(_ segments: ArraySlice<String>, node: Int, values: [String]) -> Match? {
        guard let segment = segments.first else {
            let entries = nodes[node].entries
            return entries.isEmpty ? nil : Match(entries: entries, values: values)
        }
        let rest = segments.dropFirst()
        if let next = nodes[node].literals[segment], let match = match(rest, node: next, values: values) {
            return match
        }
        guard let next = nodes[node].parameter else { return nil }
        return match(rest, node: next, values: values + [segment])
    }
}
