import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import NIOCore

/// An answer that is made while it is sent.
protocol StreamedAnswer {
    func response() -> Response
}

extension EventStream: StreamedAnswer {}

/// The document of a tenant (``TenantExport``), of which the long lists are made piece by piece as whoever asked takes them:
/// the text of a large tenant is several times what was read of it.
struct TenantExportStream: Encodable, Sendable, StreamedAnswer {
    let archive: TenantArchive
    let platform: Platform

    /// How many bytes are sent at a time, about.
    private static let piece = 64 << 10

    func encode(to encoder: any Encoder) throws {
        try TenantExport(archive, platform).encode(to: encoder)
    }

    func response() -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store", .xContentTypeOptions: "nosniff"],
            body: ResponseBody { writer in
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                let frame = try encoder.encode(TenantExport(archive, platform, hasLongLists: false))
                // Where the lists stand empty. No text has such octets in it, for its quotation marks are escaped.
                guard let endpoints = frame.firstRange(of: Data(#""endpoints":[]"#.utf8)),
                    let revisions = frame.firstRange(of: Data(#""revisions":[]"#.utf8)),
                    endpoints.upperBound <= revisions.lowerBound
                else { throw EncodingError.invalidValue(frame, .init(codingPath: [], debugDescription: "no lists")) }
                var buffer = ByteBuffer(bytes: frame[..<(endpoints.upperBound - 1)])
                for (place, item) in archive.endpoints.enumerated() {
                    if place > 0 { buffer.writeString(",") }
                    buffer.writeBytes(try encoder.encode(TenantExport.Item(item)))
                    guard buffer.readableBytes >= Self.piece else { continue }
                    try await writer.write(buffer)
                    buffer.clear()
                }
                buffer.writeBytes(frame[(endpoints.upperBound - 1)..<(revisions.upperBound - 1)])
                for (place, revision) in archive.revisions.enumerated() {
                    if place > 0 { buffer.writeString(",") }
                    buffer.writeBytes(try encoder.encode(TenantExport.Revision(revision)))
                    guard buffer.readableBytes >= Self.piece else { continue }
                    try await writer.write(buffer)
                    buffer.clear()
                }
                buffer.writeBytes(frame[(revisions.upperBound - 1)...])
                try await writer.write(buffer)
                try await writer.finish(nil)
            })
    }
}
