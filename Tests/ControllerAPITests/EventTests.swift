import APITypes
import DirectoryCore
import Foundation
import Logging
import NIOCore
import NetTypes
import Testing

@testable import ControllerAPI

/// Events as they happen: to whom they go, in which order, and what comes after a gap.
@Suite struct EventTests {
    private static func hub() throws -> (TestController, EventHub) {
        let controller = try TestController()
        return (
            controller, EventHub(directory: controller.directory, leaves: controller.leaves, logger: controller.logger)
        )
    }

    private static func name(_ text: String) throws -> Name { try Name(parsing: text) }

    /// What waits for a listener, each as `event data`.
    private static func waiting(_ listener: EventListener) async -> [String] {
        await (listener.next() ?? []).map { describe($0) }
    }

    private static func describe(_ bytes: ByteBuffer) -> String {
        String(buffer: bytes).split(separator: "\n").filter { !$0.hasPrefix("id:") }
            .map { $0.drop { $0 != " " }.dropFirst() }.joined(separator: " ")
    }

    private static func id(_ bytes: ByteBuffer) -> String? {
        String(buffer: bytes).split(separator: "\n").first { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
    }

    @Test func everybodyGetsHisOwnInOrder() async throws {
        let (_, hub) = try Self.hub()
        let (acme, globex) = (try Self.name("acme"), try Self.name("globex"))
        let (web, db) = (try Self.name("web"), try Self.name("db"))
        func listen(_ scope: LiveEvent.Scope, _ limit: Set<Name>? = nil) throws -> EventListener {
            try #require(hub.listen(to: scope, limit: limit, after: nil)).1
        }
        let listeners = [
            try listen(.tenant(acme)), try listen(.tenant(acme), [web]), try listen(.tenant(globex)),
            try listen(.platform),
        ]
        for listener in listeners { #expect(await Self.waiting(listener) == ["ready {}"]) }
        hub.tell(.tenant(acme), "endpoint.changed", groups: [web, db], ["endpoint": "a"])
        hub.tell(.tenant(acme), "endpoint.changed", groups: [db], ["endpoint": "b"])
        hub.tell(.tenant(acme), "policy.changed", [:])
        hub.tell(.platform, "host.changed", ["host": "h1"])
        hub.tell(.everyone, "guardrails.changed", [:])
        let a = #"endpoint.changed {"endpoint":"a"}"#
        let all = "guardrails.changed {}"
        #expect(
            await Self.waiting(listeners[0])
                == [a, #"endpoint.changed {"endpoint":"b"}"#, "policy.changed {}", all])
        #expect(await Self.waiting(listeners[1]) == [a, all], "who is limited to groups sees what is of them")
        #expect(await Self.waiting(listeners[2]) == [all])
        #expect(await Self.waiting(listeners[3]) == [#"host.changed {"host":"h1"}"#, all])
    }

    @Test func whoComesAgainGetsWhatHeMissedOrIsToldToReadAll() async throws {
        let (_, hub) = try Self.hub()
        let acme = LiveEvent.Scope.tenant(try Self.name("acme"))
        let first = try #require(hub.listen(to: acme, limit: nil, after: nil))
        let place = try #require(await first.1.next()?.first.flatMap(Self.id))
        hub.leave(first.0, first.1)
        #expect(await first.1.next() == nil && hub.listenerCount == 0)
        for number in 1...3 { hub.tell(acme, "policy.changed", ["revision": "\(number)"]) }
        let again = try #require(hub.listen(to: acme, limit: nil, after: place)).1
        let missed = try #require(await again.next())
        #expect(missed.map { Self.describe($0) } == (1...3).map { #"policy.changed {"revision":"\#($0)"}"# })
        // From the middle on, and from the end.
        let middle = try #require(hub.listen(to: acme, limit: nil, after: Self.id(missed[1]))).1
        #expect(await Self.waiting(middle) == [#"policy.changed {"revision":"3"}"#])
        let end = try #require(hub.listen(to: acme, limit: nil, after: Self.id(missed[2]))).1
        #expect(await Self.waiting(end) == ["ready {}"])
        // Of a former run, of the future, or no place at all.
        let run = try #require(place.split(separator: "-").first)
        for unknown in ["former-1", "\(run)-4", "\(run)-18446744073709551615", "x", "", "\(run)--1", "\(run)-1\u{0}"] {
            let listener = try #require(hub.listen(to: acme, limit: nil, after: unknown)).1
            #expect(await Self.waiting(listener) == [#"reset {"reason":"unknown-place"}"#], "\(unknown)")
        }
        // More than can wait.
        for _ in 0..<ControllerLimits.waitingForListener { hub.tell(acme, "policy.changed", [:]) }
        let late = try #require(hub.listen(to: acme, limit: nil, after: place)).1
        #expect(await Self.waiting(late) == [#"reset {"reason":"too-many"}"#])
        // The buffer is bounded: what fell out of it is not known any more.
        for _ in 0...ControllerLimits.keptEvents { hub.tell(.platform, "host.changed", [:]) }
        let old = try #require(hub.listen(to: acme, limit: nil, after: place)).1
        #expect(await Self.waiting(old) == [#"reset {"reason":"unknown-place"}"#])
    }

    @Test func whoIsTooSlowIsCutOffAndHoldsUpNobody() async throws {
        let (_, hub) = try Self.hub()
        let acme = LiveEvent.Scope.tenant(try Self.name("acme"))
        let slow = try #require(hub.listen(to: acme, limit: nil, after: nil)).1
        let cut = AsyncStream<Void>.makeStream()
        slow.onCut { cut.continuation.finish() }
        for _ in 0...ControllerLimits.waitingForListener { hub.tell(acme, "policy.changed", [:]) }
        for await _ in cut.stream {}
        #expect(await slow.next() == nil && hub.listenerCount == 0)
    }

    @Test func thereAreNoMoreListenersThanCanBe() throws {
        let (_, hub) = try Self.hub()
        var kept: [EventListener] = []
        for _ in 0..<ControllerLimits.listeners {
            kept.append(try #require(hub.listen(to: .platform, limit: nil, after: nil)).1)
        }
        #expect(hub.listen(to: .platform, limit: nil, after: nil) == nil)
        #expect(kept.count == ControllerLimits.listeners)
    }

    @Test func noTextEndsAnEvent() {
        let bytes = LiveEvent.encode(id: "1", type: "x", ["text": "a\n\nevent: forged\ndata: {}\r\n\u{2028}"])
        #expect(String(buffer: bytes).components(separatedBy: "\n").count == 5)
    }

    /// Over TLS, from a real process, as a browser would read it.
    @Test(.timeLimit(.minutes(1))) func aStreamTellsWhatHappens() async throws {
        try await RealController.with { controller in
            try await controller.post("/v1/tenants", #"{"name":"acme"}"#)
            async let tenant = controller.curl("/v1/tenants/acme/events", "--max-time", "3")
            async let platform = controller.curl("/v1/events", "--max-time", "3")
            try await Task.sleep(for: .seconds(1))
            try await controller.post("/v1/tenants/acme/vnets", #"{"name":"lan","ipv4_prefix":"10.0.0.0/24"}"#)
            try await controller.post("/v1/tenants/acme/groups", #"{"name":"web"}"#)
            try await controller.post("/v1/hosts", #"{"name":"h1"}"#)
            try await controller.post(
                "/v1/tenants/acme/endpoints",
                #"{"name":"web1","vnet":"lan","host":"h1","kind":"namespace","groups":["web"]}"#)
            try await controller.post("/v1/tenants/acme/plug", #"{"from":"web1","to":"group:web"}"#)
            try await controller.post("/v1/tenants/acme/suspend", #"{"reason":"x"}"#)
            let told = try await (tenant.output, platform.output)
            func types(_ text: String) -> [String] {
                text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
            }
            #expect(
                types(told.0)
                    == [
                        "ready", "vnet.created", "group.created", "endpoint.created", "policy.changed",
                        "tenant.changed",
                    ])
            #expect(types(told.1) == ["ready", "host.changed", "tenant.changed"])
            #expect(!told.1.contains("web1") && !told.1.contains("lan"), "the provider sees nothing inside a tenant")
            // From the group on.
            let lines = told.0.split(separator: "\n")
            let index = try #require(lines.firstIndex(of: "event: group.created"))
            let place = lines[index - 1].dropFirst(4)
            let again = try await controller.curl(
                "/v1/tenants/acme/events", "--max-time", "1", "-H", "Last-Event-ID: \(place)")
            #expect(types(again.output) == ["endpoint.created", "policy.changed", "tenant.changed"])
            let stranger = try await controller.curl("/v1/tenants/acme/events", "-f", token: "x")
            #expect(stranger.status == 22, "\(stranger.output)")
            let absent = try await controller.curl("/v1/tenants/nobody/events")
            #expect(absent.output.contains("not-found"), "\(absent.output)")
        }
    }
}
