import APITypes
import AuditLog
import DirectoryCore
import FoundationEssentials
import NetTypes

/// The audit of a tenant, and the platform's.
extension Operations {
    var audits: [Operation] {
        audits(at: "/v1/tenants/{tenant}/audit", "") + audits(at: "/v1/audit", "Platform")
    }

    private func audits(at path: String, _ side: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path, id: "list\(side)Audit",
                summary: "List the entries of an audit, the newest first",
                query: [
                    .init(name: "before", isRequired: false, summary: "the number before which to go on"),
                    .init(name: "limit", isRequired: false, summary: "how many at most, 1 to 1000; 100 when left out"),
                    .init(name: "action", isRequired: false, summary: "only this operation, such as createGroup"),
                    .init(name: "actor", isRequired: false, summary: "only this account, by its number"),
                    .init(name: "outcome", isRequired: false, summary: "only done, refused or failed"),
                    .init(name: "since", isRequired: false, summary: "only from this time on, in seconds since 1970"),
                    .init(name: "until", isRequired: false, summary: "only before this time, in seconds since 1970"),
                ], answer: ItemList<AuditRecord>.self, isAction: .listAudit
            ) { call in
                var filter = AuditFilter()
                filter.action = call.query["action"]
                filter.actor = call.query["actor"]
                filter.outcome = call.query["outcome"]
                filter.since = try Self.time(call, "since")
                filter.until = try Self.time(call, "until")
                let limit = try call.limit(100)
                let entries = try await directory.audit(
                    of: Self.side(call), before: call.queryNumber("before"), filter: filter, limit: Int(limit))
                return try Self.list(entries)
            },
            Operation(
                method: .get, path: path + "/export", id: "export\(side)Audit",
                summary: "Take an audit out, line by line, to be verified elsewhere; from after a number on",
                query: [
                    .init(name: "after", isRequired: false, summary: "the number after which to go on", form: .number)
                ],
                answer: AuditPart.self, isAction: .exportAudit
            ) { call in
                let part = try await directory.exportAudit(of: Self.side(call), after: call.queryNumber("after") ?? 0)
                return AuditPart(lines: String(decoding: part.text, as: UTF8.self), next: part.next)
            },
        ]
    }

    /// The list as JSON. What things were and are is canonical JSON already and is taken as it is: with the texts of
    /// policies it is nearly all of the answer.
    private static func list(_ entries: [AuditEntry]) throws -> JSONBody {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = Array("{\"items\":[".utf8)
        for (place, entry) in entries.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "{"))
            for (name, state) in [("after", entry.event.after), ("before", entry.event.before)] {
                guard let state else { continue }
                bytes += "\"\(name)\":".utf8
                bytes += state.value.canonical
                bytes.append(UInt8(ascii: ","))
            }
            // Without its '{': an action is always there, so a comma before it is right.
            bytes += try encoder.encode(AuditRecord(entry)).dropFirst()
        }
        return JSONBody(bytes: bytes + "]}".utf8)
    }

    private static func side(_ call: Call) throws(Problem) -> Name? {
        call.parameters["tenant"] == nil ? nil : try call.name("tenant")
    }

    private static func time(_ call: Call, _ key: String) throws(Problem) -> Timestamp? {
        try call.queryNumber(key).map { Timestamp(Int64(clamping: $0)) }
    }
}

extension AuditRecord {
    /// Without what things were before and after.
    fileprivate init(_ entry: AuditEntry) {
        let event = entry.event
        var (kind, id, name): (String, String?, String?) =
            switch event.actor {
            case .user(let id, let name): ("user", id, name)
            case .installation: ("installation", nil, nil)
            case .system: ("system", nil, nil)
            case .unknown(let name): ("unknown", nil, name)
            }
        let actor = Actor(kind: kind, id: id, name: name)
        (kind, id, name) =
            switch event.means {
            case .session(let id): ("session", id, nil)
            case .token(let id): ("token", id, nil)
            case .certificate(let id): ("certificate", id, nil)
            case .command: ("command", nil, nil)
            case .platformToken: ("platform-token", nil, nil)
            case .none: ("none", nil, nil)
            }
        var reason: String?
        switch event.outcome {
        case .done: break
        case .refused(let why), .failed(let why): reason = why
        }
        self.init(
            number: entry.number, time: event.time.description, actor: actor, means: Means(kind: kind, id: id),
            source: event.source, action: event.action, resource: event.resource, grant: event.grant,
            before: nil, after: nil,
            note: event.note, outcome: event.outcomeKey, reason: reason)
    }
}
