import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import PrometheusMetrics
import StoreSQLite
import Testing

@testable import ControllerAPI

/// What a controller counts, and who may read it.
@Suite struct ControllerMetricsTests {
    @Test func requestsAreCounted() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            for _ in 0..<3 { _ = try await api.send(.get, "/v1/tenants/acme") }
            _ = try await api.send(.get, "/v1/tenants/nobody")
            _ = try await api.send(.get, "/v1/tenants/acme", headers: [:])
            _ = try await api.send(.get, "/v1/../secret-name-of-somebody")
            let answer = try await api.send(.get, "/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let text = String(decoding: answer.body, as: UTF8.self)
            for line in [
                #"patchbay_controller_api_requests_total{operation="showTenant",status="200"} 3"#,
                #"patchbay_controller_api_requests_total{operation="showTenant",status="404"} 1"#,
                #"patchbay_controller_api_requests_total{operation="showTenant",status="401"} 1"#,
                #"patchbay_controller_api_requests_total{operation="none",status="404"} 1"#,
                #"patchbay_controller_api_request_duration_seconds_count{operation="showTenant"} 5"#,
            ] { #expect(text.contains(line + "\n"), "\(line)\n\(text)") }
            // Neither names of tenants nor what somebody asked for.
            for word in ["acme", "web1", "nobody", "secret"] { #expect(!text.contains(word), "\(word)") }
        }
    }

    @Test func onlyWhoMayReadsThem() async throws {
        try await TestController().test { api in
            for headers in [[:], [.authorization: "Bearer wrong"]] as [HTTPFields] {
                let refused = try await api.send(.get, "/metrics", headers: headers)
                #expect(refused.status == 401)
            }
            let posted = try await api.send(.post, "/metrics", json: "{}")
            #expect(posted.status == 405)
        }
    }

    @Test func theDirectoryIsRead() async throws {
        let controller = try TestController()
        let metrics = ControllerMetrics()
        let store = MeasuredStore(try SQLiteStore(), metrics)
        let directory = Directory(
            platform: controller.platform, store: store, now: TestController.clock, random: TestController.random)
        metrics.collect(directory, controller.leaves, nil)
        for tenant in ["acme", "globex"] { _ = try await directory.createTenant(Name(parsing: tenant)) }
        _ = try await directory.createHost(Name(parsing: "h1"), controllerURL: "https://127.0.0.1:7443")
        await #expect(throws: DirectoryError.self) { _ = try await directory.tenant(Name(parsing: "nobody")) }
        let text = ExpositionFormat.text.text(await metrics.registry.families())
        for line in [
            "patchbay_controller_tenants 2", "patchbay_controller_store_up 1", "patchbay_controller_endpoints 0",
            #"patchbay_controller_hosts{state="waiting"} 1"#, #"patchbay_controller_hosts{state="enrolled"} 0"#,
            "patchbay_controller_leaves_connected 0",
            #"patchbay_controller_directory_transaction_duration_seconds_count{kind="write"} 3"#,
        ] { #expect(text.contains(line + "\n"), "\(line)\n\(text)") }
        #expect(text.contains(#"patchbay_controller_certificate_expiry_timestamp_seconds{kind="tenant"} "#))
        #expect(text.contains(#"patchbay_controller_certificate_expiry_timestamp_seconds{kind="root"} "#))
        // What is asked for in vain is no failure of the store.
        #expect(!text.contains("transaction_failures_total{"))
    }

    @Test func aStoreThatIsGoneShows() async throws {
        let controller = try TestController()
        let metrics = ControllerMetrics()
        let store = try SQLiteStore(path: controller.platform.storePath)
        let directory = Directory(
            platform: controller.platform, store: MeasuredStore(store, metrics), now: TestController.clock,
            random: TestController.random)
        metrics.collect(directory, controller.leaves, nil)
        try store.close()
        let text = ExpositionFormat.text.text(await metrics.registry.families())
        #expect(text.contains("patchbay_controller_store_up 0\n"))
        #expect(text.contains(#"patchbay_controller_directory_transaction_failures_total{kind="read"} 1"#))
    }
}
