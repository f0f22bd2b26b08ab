import APITypes

/// Writes figures as comma-separated values (RFC 4180), for billing and for spreadsheets.
enum UsageCSV {
    /// The registered type, with a header line (RFC 4180, section 3).
    static let mediaType = "text/csv; charset=utf-8; header=present"

    static func write(_ usage: Usage) -> [UInt8] {
        var text = line(columns(usage.by).map(\.name))
        for item in usage.items { text += line(columns(usage.by).map { $0.value(usage, item) }) }
        return Array(text.utf8)
    }

    private struct Column {
        let name: String
        let value: (Usage, UsageItem) -> String
    }

    private static func columns(_ kind: String) -> [Column] {
        var columns = [
            Column(name: "time") { $1.time }, Column(name: "step") { usage, _ in usage.step },
            Column(name: "tenant") { usage, _ in usage.tenant },
        ]
        switch kind {
        case "endpoint":
            columns += [Column(name: "endpoint") { $1.endpoint ?? "" }, Column(name: "identity") { $1.identity ?? "" }]
        case "wire":
            columns += [
                Column(name: "source") { $1.source ?? "" }, Column(name: "source_border") { $1.sourceBorder ?? "" },
                Column(name: "destination") { $1.destination ?? "" },
                Column(name: "destination_border") { $1.destinationBorder ?? "" },
            ]
        default: break
        }
        return columns + [
            Column(name: "sent_packets") { "\($1.sentPackets)" }, Column(name: "sent_bytes") { "\($1.sentBytes)" },
            Column(name: "received_packets") { "\($1.receivedPackets)" },
            Column(name: "received_bytes") { "\($1.receivedBytes)" },
        ]
    }

    private static func line(_ cells: [String]) -> String { cells.map(cell).joined(separator: ",") + "\r\n" }

    /// A cell, quoted where RFC 4180 asks for it. A text that a spreadsheet would take for a formula begins with an
    /// apostrophe.
    static func cell(_ text: String) -> String {
        let isFormula = text.unicodeScalars.first.map { "=+-@\t\r".unicodeScalars.contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
