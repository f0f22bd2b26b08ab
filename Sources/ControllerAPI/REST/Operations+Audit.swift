import APITypes
import AuditLog
import DirectoryCore
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
                let lines = try await directory.audit(
                    of: Self.side(call), before: call.queryNumber("before"), filter: filter, limit: Int(limit))
                return Self.list(lines)
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

    /// The list of `AuditRecord`s as JSON. The members of an entry's line are canonical JSON already and are taken as they
    /// are: with the texts of policies they are a megabyte for fifty entries.
    private static func list(_ lines: [AuditLine]) -> JSONBody {
        var bytes = Array("{\"items\":[".utf8)
        for (place, line) in lines.enumerated() {
            bytes += (place == 0 ? "{" : ",{").utf8
            for name in [
                "action", "actor", "after", "before", "grant", "means", "note", "number", "resource", "source",
            ] {
                guard let value = line[name] else { continue }
                bytes += "\"\(name)\":".utf8
                bytes += value
                bytes.append(UInt8(ascii: ","))
            }
            let (outcome, reason): (String, String?) =
                switch line.outcome {
                case .done: ("done", nil)
                case .refused(let why): ("refused", why)
                case .failed(let why): ("failed", why)
                }
            if let reason { bytes += "\"reason\":".utf8 + AuditValue.text(reason).canonical + ",".utf8 }
            bytes += "\"outcome\":\"\(outcome)\",\"time\":\"\(line.time)\"}".utf8
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
