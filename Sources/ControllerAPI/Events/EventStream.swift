import APITypes
import Accounts
import DirectoryCore
import Hummingbird
import NIOCore
import NetTypes

/// An answer that goes on: events as they happen (text/event-stream).
struct EventStream: Encodable, Sendable {
    static let mediaType = "text/event-stream"

    let hub: EventHub
    let id: UInt64
    let listener: EventListener
    /// Whether the one who listens still may.
    let isAllowed: @Sendable () async -> Bool

    func encode(to encoder: any Encoder) throws {}

    /// The answer: it ends when the listener does, or may no longer.
    func response() -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: Self.mediaType, .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            ],
            body: ResponseBody { writer in
                defer { hub.leave(id, listener) }
                // How long a browser waits before it comes again, in milliseconds.
                try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                var rounds = 0
                while let waiting = await listener.next() {
                    rounds += 1
                    let isDue = listener.takeDue() || rounds.isMultiple(of: ControllerLimits.beatsBetweenChecks)
                    if isDue {
                        // In a task of its own, whose memory is given back; see `APIResponder.respond`.
                        async let goesOn = isAllowed()
                        guard await goesOn else { break }
                    }
                    if !waiting.isEmpty { try await writer.write(contentsOf: waiting) }
                }
                try await writer.finish(nil)
            })
    }
}

extension Operations {
    var live: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/events", id: "followPlatformEvents",
                summary: "Follow what happens to hosts, guardrails and tenants as a whole",
                answer: EventStream.self, isAction: .followEvents
            ) { call in try follow(.platform, call) },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/events", id: "followTenantEvents",
                summary: "Follow what happens to a tenant's endpoints, groups, vnets, policy and wires",
                answer: EventStream.self, isAction: .followEvents
            ) { call in
                let tenant = try call.name("tenant")
                _ = try await directory.tenant(tenant)
                return try follow(.tenant(tenant), call)
            },
        ]
    }

    private func follow(_ scope: LiveEvent.Scope, _ call: Call) throws -> EventStream {
        guard let principal = call.caller.principal else { throw Problem.unauthenticated }
        guard
            let (id, listener) = events.listen(
                to: scope, limit: call.caller.limit, account: principal.account, after: call.caller.lastEventID)
        else {
            throw Problem(
                code: "busy", title: "Too many listeners", status: 503,
                detail: "as many follow events as can be", remedy: "Try again in 30 seconds.")
        }
        if let channel = call.caller.channel { listener.onCut { channel.close(promise: nil) } }
        let resource: Resource = if case .tenant(let tenant) = scope { .tenant(tenant) } else { .platform }
        let now = settings.now
        return EventStream(hub: events, id: id, listener: listener) { [directory] in
            // Other roles or groups: whoever follows comes again, and is asked for his rights anew.
            guard let present = try? await directory.standing(of: principal), present.identity == principal.identity
            else { return false }
            return may(present, .followEvents, on: resource, at: now()).isAllowed
        }
    }
}
