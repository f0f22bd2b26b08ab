import APITypes
import Accounts
import DirectoryCore
import FoundationEssentials
import NetTypes

/// A part of a list: from behind a cursor on, so many at most. A part never has more than 1,000 items, so that no list is
/// made in memory as a whole.
///
/// A cursor is the key of the last item of a part, wrapped so that nobody makes one: what is added or deleted between two
/// parts moves nothing from one part to another.
struct Paging: Sendable {
    /// The key behind which the part begins; nil for the beginning.
    let after: String?
    /// How many there are at most.
    let limit: Int
    /// What every item's key has in it, in lower case.
    let search: String?

    /// What every list takes.
    static let parameters: [Operation.QueryParameter] = [
        .init(name: "limit", isRequired: false, summary: "how many at most, 1 to 1000; 1000 when left out"),
        .init(
            name: "cursor", isRequired: false, summary: "the 'next' of the part before",
            form: TextForm("^[A-Za-z0-9_-]{2,200}$")),
        .init(
            name: "search", isRequired: false, summary: "only those whose name has these letters in it",
            form: TextForm("^[ -~]+$", longest: 64)),
    ]

    /// What a list takes whose items have no names.
    static let positions = Array(parameters.prefix(2))

    init(_ call: Call) throws(Problem) {
        limit = call.query["limit"] == nil ? ControllerLimits.pageSize : try call.limit(ControllerLimits.pageSize)
        after = try call.query["cursor"].map { (text) throws(Problem) in try Self.key(text) }
        search = call.query["search"].map { $0.lowercased() }
        guard search.map({ Self.isPlain($0, longest: 64) }) ?? true else {
            throw .invalid(
                "this can be in no name", pointer: "search", remedy: "Give 1 to 64 visible characters of ASCII.")
        }
    }

    /// Whether a text has only visible characters of ASCII, and spaces.
    static func isPlain(_ text: String, longest: Int) -> Bool {
        (1...longest).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
    }

    /// Whether an item is searched for.
    func wants(_ key: String) -> Bool { search.map { key.lowercased().contains($0) } ?? true }

    /// The part of a list that is in order of keys, and the cursor of the next one.
    func part<Item>(of items: [Item], by key: (Item) -> String) -> (items: [Item], next: String?) {
        let wanted = items.filter { item in
            let key = key(item)
            return (after.map { key > $0 } ?? true) && wants(key)
        }
        guard wanted.count > limit else { return (wanted, nil) }
        let part = Array(wanted.prefix(limit))
        return (part, part.last.map { Self.cursor(key($0)) })
    }

    /// The same, as an answer.
    func list<Item>(of items: [Item], by key: (Item) -> String) -> ItemList<Item> {
        let part = part(of: items, by: key)
        return ItemList(items: part.items, next: part.next)
    }

    /// A number as a key that is in order like the number.
    static func key(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    /// The same for a list that begins with the greatest.
    static func fallingKey(_ number: UInt64) -> String { key(UInt64.max - number) }

    /// A moment and a number as a key: for lists that begin with the oldest.
    static func key(_ time: Timestamp, _ id: AccountID) -> String { key(UInt64(clamping: time.seconds)) + "\(id)" }

    /// The same for lists that begin with the newest.
    static func fallingKey(_ time: Timestamp, _ id: AccountID) -> String {
        fallingKey(UInt64(clamping: time.seconds)) + "\(id)"
    }

    static func cursor(_ key: String) -> String {
        Data("1\(key)".utf8).base64EncodedString().filter { $0 != "=" }.map {
            $0 == "+" ? "-" : $0 == "/" ? "_" : String($0)
        }.joined()
    }

    private static func key(_ cursor: String) throws(Problem) -> String {
        let standard = String(cursor.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padded = standard + String(repeating: "=", count: (4 - standard.count % 4) % 4)
        guard cursor.count <= 200, let data = Data(base64Encoded: padded), data.first == UInt8(ascii: "1"),
            let key = String(validating: data.dropFirst(), as: UTF8.self), Self.cursor(key) == cursor
        else {
            throw .invalid(
                "this is no cursor", pointer: "cursor", remedy: "Give the 'next' of the part before, as it is.")
        }
        return key
    }
}

// MARK: Endpoints, which are read from the store part by part

extension EndpointQuery {
    static let parameters: [Operation.QueryParameter] = [
        .init(name: "group", isRequired: false, summary: "only the members of this group", form: .name),
        .init(
            name: "ungrouped", isRequired: false, summary: "true for only those that are in no group",
            values: ["true", "false"]),
        .init(name: "host", isRequired: false, summary: "only those that this host is to run", form: .name),
        .init(name: "vnet", isRequired: false, summary: "only those of this vnet", form: .name),
        .init(
            name: "state", isRequired: false, summary: "only those that have come so far",
            values: EndpointState.allCases.map(\.rawValue)),
        .init(
            name: "label", isRequired: false, summary: "only those with this label KEY=VALUE",
            form: TextForm("^[ -~]+$", longest: 140)),
    ]

    init(_ call: Call, _ paging: Paging) throws(Problem) {
        let state = try call.query["state"].map { (text) throws(Problem) in
            guard let state = EndpointState(rawValue: text) else {
                throw .invalid(
                    "'\(text.prefix(80))' is no state", pointer: "state",
                    remedy: "Give one of \(EndpointState.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            return state.rawValue
        }
        let label = call.query["label"]
        guard label.map({ Paging.isPlain($0, longest: 140) }) ?? true else {
            throw .invalid("this is no label", pointer: "label", remedy: "Give one label KEY=VALUE.")
        }
        func name(_ parameter: String) throws(Problem) -> Name? {
            call.query[parameter] == nil ? nil : try call.queryName(parameter)
        }
        self.init(
            group: try name("group"), isWithoutGroup: try call.queryFlag("ungrouped"), host: try name("host"),
            vnet: try name("vnet"), state: state, label: label,
            search: paging.search, anyGroup: call.caller.limit)
    }
}

extension Operations {
    /// A part of a tenant's endpoints.
    func list(_ call: Call) async throws -> ItemList<APITypes.Endpoint> {
        let tenant = try call.name("tenant")
        let paging = try Paging(call)
        let query = try EndpointQuery(call, paging)
        let after = try paging.after.map(Self.cursorName)
        // One more than asked for shows that there is another part.
        let found = try await directory.endpoints(
            of: tenant, matching: query, page: Page(after: after, limit: paging.limit + 1))
        let items = found.prefix(paging.limit).map { APITypes.Endpoint($0.endpoint, $0.published) }
        return ItemList(items: items, next: found.count > items.count ? items.last.map { Paging.cursor($0.name) } : nil)
    }

    /// How many endpoints a tenant has, by what they belong to.
    func summary(_ tenant: Name, _ call: Call) async throws -> EndpointSummary {
        let text = call.query["by"] ?? EndpointPart.group.rawValue
        guard let part = EndpointPart(rawValue: text) else {
            throw Problem.invalid(
                "'\(text.prefix(80))' is nothing to count endpoints by", pointer: "by",
                remedy: "Give one of \(EndpointPart.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        let tallies = try await directory.tally(of: tenant, by: part, limit: call.caller.limit)
        return EndpointSummary(
            tenant: tenant.text, by: part.rawValue, endpoints: tallies.reduce(0) { $0 + $1.count },
            items: tallies.map {
                EndpointSummary.Item(
                    name: $0.name?.text, endpoints: $0.count, members: $0.members, waiting: $0.waiting,
                    running: $0.running,
                    moving: $0.moving, failed: $0.failed)
            })
    }

    private static func cursorName(_ key: String) throws(Problem) -> Name {
        try Call.value(at: "cursor") { () throws(TextError) in try Name(parsing: key) }
    }
}
