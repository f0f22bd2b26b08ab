import APITypes
import Accounts
import DirectoryCore
import FoundationEssentials
import NetTypes

/// Accounts of traffic: what passed, hour by hour and day by day.
extension Operations {
    var usage: [Operation] {
        let span: [Operation.QueryParameter] = [
            .init(name: "step", isRequired: false, summary: "hour or day; hour when left out"),
            .init(
                name: "from", isRequired: false,
                summary: "the first hour or day, such as 2026-01-31T13:00:00Z; a day or a month ago when left out"),
            .init(name: "to", isRequired: false, summary: "the end, not included; now when left out"),
        ]
        let choice: [Operation.QueryParameter] =
            [.init(name: "by", isRequired: false, summary: "tenant, endpoint or wire; tenant when left out")] + span + [
                .init(
                    name: "endpoint", isRequired: false,
                    summary: "only this endpoint, or wires that have it, or an address outside, as an end"),
                .init(
                    name: "peer", isRequired: false, summary: "of those wires only the ones with this other end"),
            ]
        return [
            Operation(
                method: .get, path: "/v1/usage", id: "listTenantUsage",
                summary: "List what every tenant sent and received", query: span, answer: TenantUsageList.self
            ) { call in try await tenantUsage(call) },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/usage", id: "showUsage",
                summary: "Show what a tenant, its endpoints or its wires sent and received",
                query: choice + [
                    .init(name: "limit", isRequired: false, summary: "how many figures at most, 1 to 10000"),
                    .init(name: "cursor", isRequired: false, summary: "what the former page gives as next"),
                ], answer: Usage.self
            ) { call in
                let tenant = try call.name("tenant")
                var question = try self.question(call)
                question.limit = try Self.limit(call)
                question.after = try Self.place(call.query["cursor"])
                return try await page(of: tenant, question)
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/usage/export", id: "exportUsage",
                summary: "Export the figures of a tenant as CSV or JSON",
                query: choice + [.init(name: "format", isRequired: false, summary: "csv or json; csv when left out")],
                answer: RawBody.self, rawTypes: ["text/csv", "application/json"]
            ) { call in
                let tenant = try call.name("tenant")
                let isCSV = try Self.word(call, "format", ["csv", "json"]) == "csv"
                var question = try self.question(call)
                question.limit = ControllerLimits.exportedFigures
                let page = try await page(of: tenant, question)
                guard page.next == nil else {
                    throw Problem.invalid(
                        "There are more than \(ControllerLimits.exportedFigures) figures in this time", pointer: "from",
                        remedy: "Export a shorter time, or page through with showUsage.")
                }
                let name = "usage-\(tenant)-\(page.by)-\(page.step)-\(page.from.prefix(10))"
                return isCSV
                    ? RawBody(bytes: UsageCSV.write(page), mediaType: UsageCSV.mediaType, fileName: name + ".csv")
                    : page
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/wires/{source}/{destination}/traffic", id: "showWireTraffic",
                summary: "Show what passed on a wire over time", query: span, answer: WireTraffic.self
            ) { call in try await traffic(call) },
        ]
    }

    private func tenantUsage(_ call: Call) async throws -> TenantUsageList {
        let span = try self.span(call, otherwise: .day)
        let sums = try await directory.tenantUsage(step: span.step, from: span.from, to: span.to)
        return TenantUsageList(
            step: span.step.word, from: span.from.description, to: span.to.description,
            items: sums.map { sum in
                TenantUsageList.Item(
                    tenant: sum.name.text, deleted: !sum.isPresent, sentPackets: sum.traffic.sentPackets,
                    sentBytes: sum.traffic.sentBytes, receivedPackets: sum.traffic.receivedPackets,
                    receivedBytes: sum.traffic.receivedBytes)
            })
    }

    private func page(of tenant: Name, _ question: UsageQuestion) async throws -> Usage {
        var more = question
        more.limit += 1
        let found = try await directory.usage(of: tenant, more)
        let figures = found.prefix(question.limit)
        let last = found.count > question.limit ? figures.last : nil
        return Usage(
            tenant: tenant.text, by: question.kind.word, step: question.step.word, from: question.from.description,
            to: question.to.description, items: figures.map(UsageItem.init),
            next: last.map { "\($0.time.seconds).\($0.number)" })
    }

    private func traffic(_ call: Call) async throws -> WireTraffic {
        let tenant = try call.name("tenant")
        let span = try self.span(call)
        var question = UsageQuestion(kind: .wire, step: span.step, from: span.from, to: span.to, limit: 10_000)
        question.end = try Self.flowEnd(call.parameters["source"], "source")
        question.peer = try Self.flowEnd(call.parameters["destination"], "destination")
        question.isOneWay = true
        var items: [UsageItem] = []
        let figures: [UsageFigure]
        if let limit = call.caller.limit {
            // Whoever is limited to groups sees wires whose ends are both of them, and of others not that they are.
            let own = await members(of: limit, in: tenant)
            for (end, pointer) in [(question.end, "endpoint"), (question.peer, "peer")] {
                guard case .endpoint(let name)? = end, !own.contains(name) else { continue }
                throw DirectoryError.noFigures(of: name, in: tenant, pointer: pointer)
            }
            figures = try await directory.usage(of: tenant, question).filter { figure in
                [figure.end, figure.destination].allSatisfy { $0.map { own.contains($0.name) } ?? false }
            }
        } else {
            figures = try await directory.usage(of: tenant, question)
        }
        // An endpoint that was deleted and made again has been two.
        for item in figures.map(UsageItem.init) {
            if items.last?.time == item.time { items[items.count - 1].add(item) } else { items.append(item) }
        }
        return WireTraffic(
            source: call.parameters["source"] ?? "", destination: call.parameters["destination"] ?? "",
            step: span.step.word, from: span.from.description, to: span.to.description, items: items)
    }

    private func members(of groups: Set<Name>, in tenant: Name) async -> Set<Name> {
        var own: Set<Name> = []
        for group in groups {
            let page = Page(limit: 10_000)
            own.formUnion((try? await directory.members(of: TenantName(tenant, group), page: page)) ?? [])
        }
        return own
    }

    // MARK: What is asked for

    private func question(_ call: Call) throws(Problem) -> UsageQuestion {
        let kinds: [String: UsageKind] = ["tenant": .tenant, "endpoint": .endpoint, "wire": .wire]
        let kind = kinds[try Self.word(call, "by", ["tenant", "endpoint", "wire"])] ?? .tenant
        // The provider's people bill a tenant; who of it speaks with whom is not theirs to see.
        if kind == .wire, case .user(_, let home)? = call.caller.principal?.identity, home.tenant == nil {
            throw Problem(RightsDecision.Refusal.role)
        }
        let span = try self.span(call)
        var question = UsageQuestion(kind: kind, step: span.step, from: span.from, to: span.to)
        for name in ["endpoint", "peer"] where call.query[name] != nil {
            let end = try Self.flowEnd(call.query[name], name)
            if name == "endpoint" { question.end = end } else { question.peer = end }
        }
        if question.end != nil, kind == .tenant {
            throw .invalid(
                "A tenant's figures are not of one endpoint", pointer: "endpoint", remedy: "Give by=endpoint.")
        }
        if case .outside? = question.end, kind == .endpoint {
            throw .invalid("An address outside is no endpoint", pointer: "endpoint", remedy: "Give by=wire.")
        }
        if question.peer != nil, kind != .wire || question.end == nil {
            throw .invalid("Only a wire has a peer", pointer: "peer", remedy: "Give by=wire and an endpoint.")
        }
        return question
    }

    /// From when to when, in whole hours or days.
    private func span(
        _ call: Call, otherwise: UsageStep = .hour
    ) throws(Problem) -> (step: UsageStep, from: Timestamp, to: Timestamp) {
        let words = otherwise == .hour ? ["hour", "day"] : ["day", "hour"]
        let step: UsageStep = try Self.word(call, "step", words) == "hour" ? .hour : .day
        let given = (try Self.time(call.query["from"], "from"), try Self.time(call.query["to"], "to"))
        // The end is included when it is not the begin of an hour or day.
        let end = given.1 ?? settings.now()
        let to = step.begin(of: end + (step.seconds - 1))
        let from = step.begin(of: given.0 ?? to + -(step == .hour ? 24 : 30) * step.seconds)
        guard from < to else {
            throw .invalid("The time ends before it begins", pointer: "to", remedy: "Give an end after the begin.")
        }
        let most: Int64 = step == .hour ? 1_500 : 1_200
        guard to - from <= most * step.seconds else {
            throw .invalid(
                "The time has more than \(most) \(step.word)s", pointer: "from",
                remedy: step == .hour ? "Give a shorter time, or step=day." : "Give a shorter time.")
        }
        return (step, from, to)
    }

    /// One of some words; the first when it is left out.
    private static func word(_ call: Call, _ name: String, _ words: [String]) throws(Problem) -> String {
        guard let text = call.query[name] else { return words[0] }
        guard words.contains(text) else {
            throw .invalid(
                "'\(text.prefix(80))' is none of \(words.joined(separator: ", "))", pointer: name,
                remedy: "Give one of them.")
        }
        return text
    }

    /// A day, or a moment in UTC as RFC 3339 has it; nil when it is left out.
    static func time(_ text: String?, _ pointer: String) throws(Problem) -> Timestamp? {
        guard let text else { return nil }
        let whole = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        // What is read is written again: the strategy takes more than one form of a moment, and of some that are none.
        if whole.utf8.count == 20, let date = try? Date(whole, strategy: .iso8601) {
            let moment = Timestamp(Int64(date.timeIntervalSince1970))
            if moment.description == whole, moment.seconds >= 0 { return moment }
        }
        throw .invalid(
            "'\(text.prefix(80))' is neither a day nor a moment in UTC", pointer: pointer,
            remedy: "Give one such as 2026-01-31 or 2026-01-31T13:00:00Z.")
    }

    private static func limit(_ call: Call) throws(Problem) -> Int {
        guard let number = try call.queryNumber("limit") else { return 1_000 }
        guard (1...10_000).contains(number) else {
            throw .invalid("\(number) is too many, or none", pointer: "limit", remedy: "Give 1 to 10000.")
        }
        return Int(number)
    }

    private static func place(_ text: String?) throws(Problem) -> UsageQuestion.Place? {
        guard let text else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let seconds = Int64(parts[0]), let number = Int64(parts[1]),
            "\(seconds).\(number)" == text
        else {
            throw .invalid(
                "'\(text.prefix(80))' is not the next of a page", pointer: "cursor",
                remedy: "Give what the former page has as next.")
        }
        return UsageQuestion.Place(time: Timestamp(seconds), number: number)
    }
}

extension UsageStep {
    var word: String { self == .hour ? "hour" : "day" }
}

extension UsageKind {
    var word: String {
        switch self {
        case .tenant: "tenant"
        case .endpoint: "endpoint"
        case .wire: "wire"
        }
    }
}

extension UsageItem {
    init(_ figure: UsageFigure) {
        let isWire = figure.destination != nil
        func name(_ end: UsageFigure.End?) -> String? { end.map { $0.outside?.description ?? $0.name.text } }
        func border(_ end: UsageFigure.End?) -> String? { end.flatMap { $0.outside == nil ? nil : $0.name.text } }
        self.init(
            time: figure.time.description, endpoint: isWire ? nil : figure.end?.name.text,
            identity: isWire ? nil : figure.end?.identity.description, source: isWire ? name(figure.end) : nil,
            destination: name(figure.destination), sourceBorder: isWire ? border(figure.end) : nil,
            destinationBorder: border(figure.destination), sentPackets: figure.traffic.sentPackets,
            sentBytes: figure.traffic.sentBytes, receivedPackets: figure.traffic.receivedPackets,
            receivedBytes: figure.traffic.receivedBytes)
    }

    fileprivate mutating func add(_ other: UsageItem) {
        sentPackets &+= other.sentPackets
        sentBytes &+= other.sentBytes
        receivedPackets &+= other.receivedPackets
        receivedBytes &+= other.receivedBytes
    }
}
