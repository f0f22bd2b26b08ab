import AsyncHTTPClient
import Foundation
import NIOCore

/// Something that happened, as the controller tells those who follow.
public struct FollowedEvent: Codable, Sendable, Equatable {
    /// The place in the stream, to go on behind it; nil where it has none.
    public var id: String?
    /// What happened, such as `endpoint.changed`.
    public var event: String
    public var data: [String: String]
}

/// Takes a stream of server-sent events apart (HTML standard, section 9.2), as far as the controller uses it.
struct EventReader {
    private var line: [UInt8] = []
    private var event = FollowedEvent(id: nil, event: "", data: [:])

    /// The longest line, in bytes; a longer one is none of the controller's.
    private static let longest = 1 << 20

    /// Takes bytes, and gives the events that are whole with them; nil for what is no stream of events.
    mutating func take(_ bytes: some Sequence<UInt8>) -> [FollowedEvent]? {
        var events: [FollowedEvent] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                guard line.count <= Self.longest else { return nil }
                continue
            }
            if line.isEmpty {
                if !event.event.isEmpty { events.append(event) }
                event = FollowedEvent(id: nil, event: "", data: [:])
            } else {
                let text = String(decoding: line, as: UTF8.self)
                if let value = Self.value(of: "id", in: text) { event.id = value }
                if let value = Self.value(of: "event", in: text) { event.event = value }
                if let value = Self.value(of: "data", in: text) {
                    guard let data = try? JSONDecoder().decode([String: String].self, from: Data(value.utf8)) else {
                        return nil
                    }
                    event.data = data
                }
            }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private static func value(of field: String, in line: String) -> String? {
        line.hasPrefix(field + ": ") ? String(line.dropFirst(field.count + 2)) : nil
    }
}

extension APIClient {
    /// Follows what happens in a tenant, or on the platform where it is nil, until the controller ends the stream.
    ///
    /// - Parameters:
    ///   - last: the id of the last event that is known, to be told what came after it.
    ///   - body: is given each event; false ends it.
    public func follow(
        _ tenant: String?, after last: String?, _ body: (FollowedEvent) async throws -> Bool
    ) async throws {
        let path = Path(segments: (tenant.map { ["v1", "tenants", $0] } ?? ["v1"]) + ["events"])
        var request = HTTPClientRequest(url: controller + path.text)
        request.headers.add(name: "accept", value: "text/event-stream, application/problem+json")
        if let last { request.headers.add(name: "last-event-id", value: last) }
        try await addCredentials(to: &request)
        do {
            let response = try await client.execute(request, timeout: .hours(24 * 365))
            guard response.status == .ok else {
                let answer = try await response.body.collect(upTo: 1 << 20)
                throw APIClientError.problem(problem(answer, status: Int(response.status.code)))
            }
            var reader = EventReader()
            for try await part in response.body {
                guard let events = reader.take(part.readableBytesView) else {
                    throw APIClientError.badAnswer(request: "GET \(path)", reason: "it is no stream of events")
                }
                for event in events {
                    guard try await body(event) else { return }
                }
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw failure(error, "GET \(path)")
        }
    }
}
